//! How the management cluster is reached: what is read from a kubeconfig, and the paths of requests.

use std::path::Path;

use conductor_status::capi::Kind;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Resource;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use magnum_conductor::management;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::functions::Answer;

/// Files that the kubeconfigs of the recording name.
const FILES: [&str; 3] = ["ca.pem", "c.pem", "k.pem"];

/// What a kubeconfig says, in the shape of the recording.
pub fn connection(kubeconfig: &Value) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = runtime
        .block_on(management::connection(&file))
        .map_err(|error| error.to_string())?;
    let user = &config.auth_info;
    let token = user.token.as_ref().map(|token| token.expose_secret().to_owned());
    let part = |path: Option<&str>, data: Option<&str>| match (path, data) {
        (Some(path), _) => Some(json!({"path": relative(path, folder.path())})),
        (None, data) => data.map(|data| json!({"data": decoded(data)})),
    };
    let certificate = part(
        user.client_certificate.as_deref(),
        user.client_certificate_data.as_deref(),
    );
    let key = user.client_key_data.as_ref().map(|data| data.expose_secret());
    let key = part(user.client_key.as_deref(), key);
    Ok(json!({
        "server": config.cluster_url.to_string().trim_end_matches('/'),
        // Which file it is stands in the kubeconfig; whether it counts is what matters.
        "verify": !config.accept_invalid_certs,
        "own_ca": config.root_cert.is_some(),
        "cert": certificate.zip(key).map(|(certificate, key)| json!([certificate, key])),
        "authorization": token.filter(|token| !token.is_empty()).map(|token| format!("Bearer {token}")),
    }))
}

/// A recorded answer in the same shape.
pub fn recorded(out: &Value) -> Value {
    let mut out = out.clone();
    let own = out["verify"].is_object();
    out["own_ca"] = own.into();
    if own {
        out["verify"] = true.into();
    }
    out
}

fn relative(path: &str, folder: &Path) -> String {
    let path = Path::new(path);
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn decoded(data: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(data).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Path of an object, or of all objects of a kind, as it is asked for; refused if it is none.
pub fn path(class: &str, name: Option<&str>, namespace: Option<&str>) -> Answer {
    let folder = match class {
        "Namespace" => Namespace::url_path(&(), namespace),
        "Secret" => Secret::url_path(&(), namespace),
        class => DynamicObject::url_path(&resource(class), namespace),
    };
    let Some(name) = name else {
        return Ok(folder.into());
    };
    let request = kube::core::Request::new(folder).get(name, &kube::api::GetParams::default());
    match request {
        Ok(request) => Ok(request.uri().to_string().into()),
        Err(error) => Err(error.to_string()),
    }
}

fn resource(class: &str) -> ApiResource {
    let kind = match class {
        "OpenstackCluster" => Kind::InfraCluster,
        "K8sControlPlane" => Kind::ControlPlane,
        class => *Kind::ALL.iter().find(|kind| kind.api().kind == class).unwrap(),
    };
    let api = kind.api();
    // The oldest version that we read is the one that Python asks for; which one we take is what the server has.
    let version = api.versions.last().unwrap();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(api.group, version, api.kind), api.plural)
}
