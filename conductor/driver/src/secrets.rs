//! Bodies of the namespace and secrets that a cluster needs beside its release, as magnum-capi-helm applies them.

use conductor_config::Settings;
use magnum_objects::Cluster;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::names;

/// Field manager of server-side apply, the same as the Python driver's so that both own the same fields.
pub const FIELD_MANAGER: &str = "magnum";

/// Label by which all secrets of a cluster are found when it is deleted.
pub const CLUSTER_UUID_LABEL: &str = "magnum.openstack.org/cluster-uuid";

/// Longest value of a Kubernetes label.
const LABEL_MAX: usize = 63;

/// An object to be applied on the server's side; its content is kept out of `Debug`.
#[derive(Clone)]
pub struct SecretObject {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    body: Value,
}

impl SecretObject {
    /// The body of the apply request.
    pub fn expose_body(&self) -> &Value {
        &self.body
    }
}

impl std::fmt::Debug for SecretObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretObject")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What nodes and controllers log in to OpenStack with.
#[derive(Debug, Clone)]
pub struct CloudAccess {
    /// Id of the application credential.
    pub credential_id: String,
    /// Its secret.
    pub credential_secret: SecretString,
    /// Address of Keystone: its public endpoint in the catalog.
    pub auth_url: String,
    /// Region, checked against Keystone's.
    pub region: String,
    /// CA certificates to trust, PEM.
    pub ca_bundle: String,
}

/// A certificate and its key, PEM.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// Certificate.
    pub certificate: String,
    /// Private key, not encrypted.
    pub key: SecretString,
}

/// The certificate authorities of a cluster.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The cluster's CA.
    pub ca: KeyPair,
    /// etcd's CA.
    pub etcd: KeyPair,
    /// The front proxy's CA.
    pub front_proxy: KeyPair,
    /// Magnum's own certificate, whose key signs service account tokens.
    pub service_account: KeyPair,
}

/// Namespace of a project's clusters, as an apply body.
pub fn namespace(settings: &Settings, project_id: &str) -> Value {
    let name = names::namespace(&settings.capi_helm.namespace_prefix, project_id);
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// The secret with `clouds.yaml`; `None` if the cluster has no release name yet.
pub fn cloud_credentials(
    settings: &Settings,
    cluster: &Cluster,
    access: &CloudAccess,
) -> Option<SecretObject> {
    let data = json!({
        "cacert": access.ca_bundle,
        "clouds.yaml": clouds_yaml(settings, access).expose_secret(),
    });
    object(settings, cluster, "cloud-credentials", None, data)
}

/// The secrets with the cluster's certificate authorities, under the names at which Cluster API looks for them.
///
/// `None` if the cluster has no release name yet.
pub fn certificates(settings: &Settings, cluster: &Cluster, all: &Certificates) -> Option<Vec<SecretObject>> {
    [
        ("ca", &all.ca),
        ("etcd", &all.etcd),
        ("proxy", &all.front_proxy),
        ("sa", &all.service_account),
    ]
    .into_iter()
    .map(|(name, pair)| {
        let data = json!({"tls.crt": pair.certificate, "tls.key": pair.key.expose_secret()});
        object(settings, cluster, name, Some("cluster.x-k8s.io/secret"), data)
    })
    .collect()
}

fn object(
    settings: &Settings,
    cluster: &Cluster,
    suffix: &str,
    kind: Option<&str>,
    data: Value,
) -> Option<SecretObject> {
    let name = names::resource(cluster.stack_id.as_deref(), suffix)?;
    let namespace = names::namespace(&settings.capi_helm.namespace_prefix, &cluster.project_id);
    let mut body = Map::new();
    body.insert("apiVersion".into(), "v1".into());
    body.insert("kind".into(), "Secret".into());
    body.insert(
        "metadata".into(),
        json!({"name": name, "namespace": namespace, "labels": labels(cluster)}),
    );
    if let Some(kind) = kind {
        body.insert("type".into(), kind.into());
    }
    body.insert("stringData".into(), data);
    Some(SecretObject {
        namespace,
        name,
        body: Value::Object(body),
    })
}

/// Labels of everything that belongs to a cluster.
pub fn labels(cluster: &Cluster) -> Value {
    let cut = |text: &str| text.chars().take(LABEL_MAX).collect::<String>();
    json!({
        "magnum.openstack.org/project-id": cut(&cluster.project_id),
        "magnum.openstack.org/user-id": cut(cluster.user_id.as_deref().unwrap_or_default()),
        CLUSTER_UUID_LABEL: cut(&cluster.uuid),
        "cluster.x-k8s.io/cluster-name": cluster.stack_id,
    })
}

/// `clouds.yaml` with one cloud, `openstack`.
pub fn clouds_yaml(settings: &Settings, access: &CloudAccess) -> SecretString {
    let lines = [
        "clouds:".to_owned(),
        "  openstack:".to_owned(),
        "    auth:".to_owned(),
        format!(
            "      application_credential_id: {}",
            scalar(&access.credential_id)
        ),
        format!(
            "      application_credential_secret: {}",
            scalar(access.credential_secret.expose_secret())
        ),
        format!("      auth_url: {}", scalar(&access.auth_url)),
        "    auth_type: v3applicationcredential".to_owned(),
        "    identity_api_version: 3".to_owned(),
        format!(
            "    interface: {}",
            scalar(&settings.capi_helm.app_cred_interface_type)
        ),
        format!("    region_name: {}", scalar(&access.region)),
        format!("    verify: {}\n", settings.drivers.verify_ca),
    ];
    lines.join("\n").into()
}

/// Text as a YAML scalar that every reader takes for text, plain where that is safe.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.chars().all(is_printable) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        let quoted = text.chars().map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if is_printable(c) => c.to_string(),
            c => format!("\\U{:08x}", u32::from(c)),
        });
        format!("\"{}\"", quoted.collect::<String>())
    }
}

/// Whether a character may stand in YAML as it is, on one line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether plain `text` is a string in YAML 1.1 and 1.2: it looks like no number, date, boolean or null.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let allowed = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./:+".contains(c));
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    let number_like = text.starts_with(|c: char| c.is_ascii_digit())
        && (text
            .chars()
            .all(|c| c.is_ascii_digit() || "_-.:+xoeE".contains(c))
            || text.starts_with("0x")
            || text.starts_with("0b")
            || text.starts_with("0o"));
    let date_like = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-');
    let word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    allowed && starts && !text.ends_with(':') && !number_like && !date_like && !word
}

/// What a cluster logs in to OpenStack with.
#[derive(Debug, Clone)]
pub struct ApplicationCredential {
    /// Its id.
    pub id: String,
    /// Its secret; empty if there is none.
    pub secret: SecretString,
}

/// The application credential in a secret's `clouds.yaml`; `None` if there is none to be found.
pub fn application_credential(clouds_yaml: &str) -> Option<ApplicationCredential> {
    #[derive(Deserialize)]
    struct File {
        clouds: Clouds,
    }
    #[derive(Deserialize)]
    struct Clouds {
        openstack: Cloud,
    }
    #[derive(Deserialize)]
    struct Cloud {
        auth: Auth,
    }
    #[derive(Deserialize)]
    struct Auth {
        application_credential_id: Option<String>,
        application_credential_secret: Option<String>,
    }
    let file: File = serde_yaml::from_str(clouds_yaml).ok()?;
    let auth = file.clouds.openstack.auth;
    Some(ApplicationCredential {
        id: auth.application_credential_id.filter(|id| !id.is_empty())?,
        secret: auth.application_credential_secret.unwrap_or_default().into(),
    })
}
