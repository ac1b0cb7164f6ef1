//! The calls against a cloud played in the same process, which records what it is asked.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use openstack_clients::{
    CallerToken, CloudSettings, Clouds, Credentials, Named, NewApplicationCredential, OpenStackError,
    Password, Retries, Scope, Service, ServiceOptions, Tls,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Seen {
    line: String,
    token: String,
    request_id: String,
    body: Value,
}

/// Answers by `METHOD path?query`, in order; the last one stays.
struct Stub {
    base: String,
    answers: HashMap<String, Vec<(u16, Value)>>,
    seen: Vec<Seen>,
    tokens: usize,
}

type Shared = Arc<Mutex<Stub>>;

async fn answer(State(stub): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let line = format!("{} {path}", parts.method);
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut stub = stub.lock().unwrap();
    let mut response = Response::builder().header("x-openstack-request-id", "req-1");
    stub.seen.push(Seen {
        line: line.clone(),
        token: header("x-auth-token"),
        request_id: header("x-openstack-request-id"),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    });
    let token = token_body(&stub.base);
    if line == "POST /identity/v3/auth/tokens" && !stub.answers.contains_key(&line) {
        stub.tokens += 1;
        response = response.header("x-subject-token", format!("token-{}", stub.tokens));
        return response.status(201).body(Body::from(token.to_string())).unwrap();
    }
    if line == "GET /identity/v3/auth/tokens" && !stub.answers.contains_key(&line) {
        return response.body(Body::from(token.to_string())).unwrap();
    }
    let (status, body) = match stub.answers.get_mut(&line) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => (
            404,
            json!({"error": {"message": format!("stub knows no {line}")}}),
        ),
    };
    response
        .status(status)
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn token_body(base: &str) -> Value {
    let endpoint = |interface: &str, region: &str, path: &str| json!({"interface": interface, "region": region, "region_id": region, "url": format!("{base}{path}")});
    let service = |kind: &str, path: &str| {
        json!({"type": kind, "endpoints": [
            endpoint("public", "Elsewhere", "/elsewhere"), endpoint("public", "RegionOne", path), endpoint("internal", "RegionOne", &format!("/internal{path}")),
        ]})
    };
    json!({"token": {
        "user": {"id": "u1", "name": "demo"}, "project": {"id": "p1", "name": "demo"},
        "roles": [{"id": "r1", "name": "member"}], "expires_at": "2099-01-02T03:04:05.000000Z",
        "catalog": [service("identity", "/identity"), service("image", "/image"), service("compute", "/compute/v2.1"),
                    service("network", "/network/"), service("volumev3", "/volume/v3/p1")],
    }})
}

async fn cloud(answers: &[(&str, u16, Value)]) -> (Clouds, Shared) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut table: HashMap<String, Vec<(u16, Value)>> = HashMap::new();
    for (line, status, body) in answers {
        table
            .entry((*line).to_owned())
            .or_default()
            .push((*status, body.clone()));
    }
    let stub = Arc::new(Mutex::new(Stub {
        base: base.clone(),
        answers: table,
        seen: Vec::new(),
        tokens: 0,
    }));
    let app = Router::new().fallback(answer).with_state(Arc::clone(&stub));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let one = || ServiceOptions {
        region: Some("RegionOne".into()),
        ..ServiceOptions::default()
    };
    let services = [
        Service::Image,
        Service::Compute,
        Service::Network,
        Service::BlockStorage,
    ];
    let settings = CloudSettings {
        auth_url: format!("{base}/identity"),
        tls: Tls::default(),
        timeout: Duration::from_secs(5),
        retries: Retries {
            attempts: 3,
            backoff: Duration::from_millis(5),
        },
        service_user: Some(Credentials::Password(Password {
            user: Named::Name {
                name: "magnum".into(),
                domain: Some(Box::new(Named::Id("default".into()))),
            },
            password: "s3cret".to_owned().into(),
            scope: Scope::Project(Named::Name {
                name: "service".into(),
                domain: Some(Box::new(Named::Id("default".into()))),
            }),
        })),
        services: services.into_iter().map(|service| (service, one())).collect(),
    };
    (Clouds::new(settings).unwrap(), stub)
}

fn lines(stub: &Shared) -> Vec<String> {
    stub.lock()
        .unwrap()
        .seen
        .iter()
        .map(|seen| seen.line.clone())
        .collect()
}

fn caller(info: &Value) -> CallerToken {
    CallerToken::new("caller-token".to_owned().into(), info, Some("req-caller".into()))
}

#[tokio::test]
async fn the_service_user_logs_in_once_and_pages_are_followed() {
    let page = |name: &str, next: Option<&str>| {
        let links = next.map(|href| json!([{"rel": "next", "href": href}]));
        json!({"flavors": [{"id": name, "name": name, "ram": 1, "vcpus": 1}], "flavors_links": links})
    };
    let first = "GET /compute/v2.1/flavors/detail?is_public=None";
    let second = "GET /compute/v2.1/flavors/detail?marker=a&is_public=None";
    let (clouds, stub) = cloud(&[
        (
            first,
            200,
            page(
                "a",
                Some("https://unreachable.test/flavors/detail?marker=a&is_public=None"),
            ),
        ),
        (second, 200, page("b", None)),
        (
            "GET /volume/v3/p1/types",
            200,
            json!({"volume_types": [{"name": "ssd"}, {"name": "hdd"}]}),
        ),
    ])
    .await;
    let cloud = clouds.service().unwrap();
    let (flavors, types) = tokio::join!(cloud.flavors(), cloud.volume_types());
    assert_eq!(
        flavors
            .unwrap()
            .iter()
            .map(|flavor| flavor.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(types.unwrap(), ["ssd", "hdd"]);
    let seen = stub.lock().unwrap().seen.clone();
    let logins: Vec<_> = seen
        .iter()
        .filter(|seen| seen.line == "POST /identity/v3/auth/tokens")
        .collect();
    assert_eq!(logins.len(), 1, "calls side by side share one login");
    assert_eq!(
        logins[0].body,
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "magnum", "domain": {"id": "default"}, "password": "s3cret"}}},
            "scope": {"project": {"name": "service", "domain": {"id": "default"}}},
        }})
    );
    assert!(
        seen.iter()
            .filter(|seen| seen.line.contains("flavors"))
            .all(|seen| seen.token == "token-1")
    );
}

#[tokio::test]
async fn a_callers_token_is_used_as_it_is() {
    let networks = json!({"networks": [{"id": "n1", "name": "public"}]});
    let (clouds, stub) = cloud(&[(
        "GET /network/v2.0/networks?name=public&router%3Aexternal=True",
        200,
        networks,
    )])
    .await;
    let base = stub.lock().unwrap().base.clone();
    let cloud = clouds.caller(caller(&token_body(&base))).unwrap();
    assert_eq!(cloud.networks_named("public", true).await.unwrap()[0].id, "n1");
    let seen = stub.lock().unwrap().seen.clone();
    assert_eq!(
        seen.len(),
        1,
        "the request's own knowledge of the token is enough"
    );
    assert_eq!(
        (seen[0].token.as_str(), seen[0].request_id.as_str()),
        ("caller-token", "req-caller")
    );
    assert_eq!(cloud.token_info().await.unwrap().user_id(), "u1");
}

#[tokio::test]
async fn a_callers_token_of_which_nothing_is_known_is_looked_up_not_exchanged() {
    let (clouds, stub) = cloud(&[("GET /network/v2.0/subnets?name=s", 200, json!({"subnets": []}))]).await;
    let no_catalog = json!({"token": {"user": {"id": "u1"}}});
    for info in [Value::Null, no_catalog] {
        stub.lock().unwrap().seen.clear();
        let cloud = clouds.caller(caller(&info)).unwrap();
        assert!(cloud.subnets_named("s").await.unwrap().is_empty());
        assert_eq!(
            lines(&stub),
            ["GET /identity/v3/auth/tokens", "GET /network/v2.0/subnets?name=s"]
        );
    }
}

#[tokio::test]
async fn a_revoked_token_is_renewed_but_a_callers_cannot_be() {
    let types = "GET /volume/v3/p1/types";
    let refused = json!({"error": {"message": "The request you have made requires authentication."}});
    let (clouds, stub) = cloud(&[
        (types, 401, refused.clone()),
        (types, 200, json!({"volume_types": []})),
    ])
    .await;
    assert!(clouds.service().unwrap().volume_types().await.unwrap().is_empty());
    let tokens: Vec<_> = stub
        .lock()
        .unwrap()
        .seen
        .iter()
        .map(|seen| seen.token.clone())
        .collect();
    assert_eq!(tokens, ["", "token-1", "", "token-2"]);

    let (clouds, stub) = cloud(&[(types, 401, refused)]).await;
    let base = stub.lock().unwrap().base.clone();
    let error = clouds
        .caller(caller(&token_body(&base)))
        .unwrap()
        .volume_types()
        .await
        .unwrap_err();
    assert!(error.is_unauthorized() && !error.is_transient());
    assert_eq!(lines(&stub).len(), 1);
}

#[tokio::test]
async fn trouble_passes_but_nothing_is_made_twice() {
    let types = "GET /volume/v3/p1/types";
    let (clouds, _) = cloud(&[
        (types, 503, json!({})),
        (types, 503, json!({})),
        (types, 200, json!({"volume_types": []})),
    ])
    .await;
    clouds.service().unwrap().volume_types().await.unwrap();

    let post = "POST /identity/v3/users/u1/application_credentials";
    let (clouds, stub) = cloud(&[(post, 503, json!({"error": {"message": "later"}}))]).await;
    let new = NewApplicationCredential {
        user_id: "u1".into(),
        name: "n".into(),
        description: "d".into(),
    };
    let error = clouds
        .service()
        .unwrap()
        .create_application_credential(&new)
        .await
        .unwrap_err();
    assert!(error.is_transient());
    assert_eq!(lines(&stub).iter().filter(|line| *line == post).count(), 1);
}

#[tokio::test]
async fn errors_say_who_refused_what_and_why_without_secrets() {
    let (clouds, _) = cloud(&[
        (
            "GET /volume/v3/p1/types",
            403,
            json!({"forbidden": {"code": 403, "message": "Policy doesn't allow it."}}),
        ),
        (
            "POST /identity/v3/auth/tokens",
            401,
            json!({"error": {"code": 401, "message": "Wrong password."}}),
        ),
    ])
    .await;
    let error = clouds.service().unwrap().volume_types().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Keystone refused POST /identity/v3/auth/tokens with 401: Wrong password. (req-1)"
    );
    let text = format!("{clouds:?} {error:?} {:?}", clouds.service().unwrap());
    assert!(!text.contains("s3cret"), "{text}");

    let (clouds, stub) = cloud(&[(
        "GET /volume/v3/p1/types",
        403,
        json!({"forbidden": {"message": "No."}}),
    )])
    .await;
    let base = stub.lock().unwrap().base.clone();
    let cloud = clouds.caller(caller(&token_body(&base))).unwrap();
    let error = cloud.volume_types().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cinder refused GET /volume/v3/p1/types with 403: No. (req-1)"
    );
    assert!(!format!("{error:?} {cloud:?}").contains("caller-token"));
}

#[tokio::test]
async fn an_unreachable_service_is_named() {
    let (clouds, stub) = cloud(&[]).await;
    let mut info = token_body("http://127.0.0.1:9");
    info["token"]["catalog"][0]["endpoints"] = json!([]);
    drop(stub);
    let error = clouds.caller(caller(&info)).unwrap().flavors().await.unwrap_err();
    assert!(
        matches!(
            error,
            OpenStackError::Unreachable {
                service: Service::Compute,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn images_are_found_by_id_then_by_name_then_among_the_hidden() {
    let image = |id: &str, name: &str| json!({"id": id, "name": name, "kube_version": "v1.30.4", "os_distro": "ubuntu"});
    let (clouds, _) = cloud(&[
        ("GET /image/v2/images/i1", 200, image("i1", "x")),
        (
            "GET /image/v2/images?name=i1",
            200,
            json!({"images": [image("i2", "i1")]}),
        ),
        (
            "GET /image/v2/images?name=a%2Fb",
            200,
            json!({"images": [image("i3", "a/b"), image("i4", "a/b")]}),
        ),
        ("GET /image/v2/images?name=gone", 200, json!({"images": []})),
        (
            "GET /image/v2/images?name=gone&os_hidden=true",
            200,
            json!({"images": [
            {"id": "i5", "name": "gone", "properties": {"kube_version": "1.29.0"}}]}),
        ),
    ])
    .await;
    let cloud = clouds.service().unwrap();
    let ids = async |wanted: &str| -> Vec<String> {
        cloud
            .find_images(wanted)
            .await
            .unwrap()
            .into_iter()
            .map(|image| image.id)
            .collect()
    };
    assert_eq!(ids("i1").await, ["i1"]);
    assert_eq!(ids("a/b").await, ["i3", "i4"]);
    assert_eq!(ids("gone").await, ["i5"]);
    let hidden = cloud.find_images("gone").await.unwrap();
    assert_eq!(hidden[0].property("kube_version"), Some("1.29.0"));
    assert_eq!(hidden[0].property("os_distro"), None);
}

#[tokio::test]
async fn application_credentials_are_made_read_and_deleted_under_their_owner() {
    let path = "/identity/v3/users/u1/application_credentials";
    let made = json!({"application_credential": {
        "id": "ac1", "name": "magnum-c1-0a", "secret": "hush", "project_id": "p1", "roles": [{"name": "member"}]}});
    let (clouds, stub) = cloud(&[
        (&format!("POST {path}"), 201, made),
        (
            &format!("GET {path}/ac1"),
            200,
            json!({"application_credential": {"id": "ac1", "name": "magnum-c1-0a"}}),
        ),
        (&format!("DELETE {path}/ac1"), 204, Value::Null),
    ])
    .await;
    let cloud = clouds.service().unwrap();
    let new = NewApplicationCredential {
        user_id: "u1".into(),
        name: "magnum-c1-0a".into(),
        description: "Magnum cluster (c)".into(),
    };
    let made = cloud.create_application_credential(&new).await.unwrap();
    assert_eq!(made.secret.as_ref().unwrap().expose_secret(), "hush");
    assert!(!format!("{made:?}").contains("hush"));
    assert_eq!(made.roles().collect::<Vec<_>>(), ["member"]);
    let body = stub.lock().unwrap().seen.last().unwrap().body.clone();
    assert_eq!(
        body,
        json!({"application_credential": {"name": "magnum-c1-0a", "description": "Magnum cluster (c)"}})
    );
    assert_eq!(
        cloud
            .application_credential("u1", "ac1")
            .await
            .unwrap()
            .unwrap()
            .name,
        "magnum-c1-0a"
    );
    assert!(cloud.application_credential("u2", "ac1").await.unwrap().is_none());
    assert!(cloud.delete_application_credential("u1", "ac1").await.unwrap());
    assert!(!cloud.delete_application_credential("u1", "ac2").await.unwrap());
}

#[tokio::test]
async fn endpoints_are_chosen_by_interface_and_region() {
    let (clouds, stub) = cloud(&[]).await;
    let cloud = clouds.service().unwrap();
    let base = stub.lock().unwrap().base.clone();
    let endpoint = async |interface, region| cloud.endpoint(Service::Identity, interface, region).await;
    assert_eq!(
        endpoint("public", Some("RegionOne")).await.unwrap(),
        format!("{base}/identity")
    );
    assert_eq!(
        endpoint("internalURL", None).await.unwrap(),
        format!("{base}/internal/identity")
    );
    let missing = endpoint("admin", Some("RegionOne")).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the service catalog has no admin endpoint of type identity in region RegionOne"
    );
}

#[tokio::test]
async fn regions_and_the_applications_own_login() {
    let (clouds, stub) = cloud(&[(
        "GET /identity/v3/regions",
        200,
        json!({"regions": [{"id": "RegionOne"}, {"id": "Elsewhere"}], "links": {"next": null}}),
    )])
    .await;
    let credentials = Credentials::ApplicationCredential {
        id: "ac1".into(),
        secret: "hush".to_owned().into(),
    };
    let cloud = clouds.with_credentials(credentials).unwrap();
    assert_eq!(cloud.regions().await.unwrap(), ["RegionOne", "Elsewhere"]);
    assert_eq!(
        stub.lock().unwrap().seen[0].body,
        json!({"auth": {"identity": {"methods": ["application_credential"],
            "application_credential": {"id": "ac1", "secret": "hush"}}}})
    );
}
