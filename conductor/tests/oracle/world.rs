//! What is around the conductor in a case, played by one HTTP server: OpenStack's services, each under its name, and the
//! management cluster under `k8s`. Every request that changes something is noted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use parking_lot::Mutex;
use regex::Regex;
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// State of the world in the case at work.
#[derive(Default)]
pub struct Scene {
    base: String,
    project: String,
    openstack: Value,
    openstack_faults: Value,
    k8s: BTreeMap<String, Value>,
    k8s_faults: Value,
    fixed: Value,
    /// Look-ups are answered when as many have come.
    pub together: Option<Arc<Barrier>>,
    /// Requests to OpenStack that change something.
    pub openstack_mutations: Vec<Value>,
    /// Requests to the management cluster that change something.
    pub k8s_mutations: Vec<Value>,
}

/// The server and its scene.
#[derive(Clone)]
pub struct World {
    pub scene: Arc<Mutex<Scene>>,
    pub base: String,
}

impl World {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let scene = Arc::new(Mutex::new(Scene::default()));
        let app = Router::new().fallback(answer).with_state(scene.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { scene, base }
    }

    /// Sets the world up as a case has it.
    pub fn set(&self, case: &Value, common: &BTreeMap<String, Value>, clusters: &[Value]) {
        let mut openstack = common["default_openstack"].clone();
        for (kind, items) in case["openstack"].as_object().into_iter().flatten() {
            openstack[kind] = items.clone();
        }
        let mut scene = Scene {
            base: self.base.clone(),
            project: "f1d2a3b4c5d647e8a9b0c1d2e3f4a5b6".to_owned(),
            openstack,
            openstack_faults: case["openstack_faults"].clone(),
            k8s_faults: case["k8s_faults"].clone(),
            fixed: common["fixed"].clone(),
            ..Scene::default()
        };
        for object in case["k8s_objects"]
            .as_array()
            .into_iter()
            .flatten()
            .chain(clusters)
        {
            scene.put(object);
        }
        *self.scene.lock() = scene;
    }
}

const PLURALS: [(&str, &str); 3] = [
    ("Secret", "secrets"),
    ("Namespace", "namespaces"),
    ("Cluster", "clusters"),
];

async fn answer(State(scene): State<Arc<Mutex<Scene>>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    let (service, rest) = path.split_once('/').unwrap_or((&path, ""));
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let together = scene.lock().together.clone().filter(|_| is_look_up(&path));
    if let Some(together) = together {
        if tokio::time::timeout(PATIENCE, together.wait()).await.is_err() {
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        scene.lock().together = None;
    }
    let mut scene = scene.lock();
    let (status, reply) = if service == "k8s" {
        scene.kubernetes(&method, &format!("/{rest}"), &query, body)
    } else {
        scene.openstack(service, &method, &format!("/{rest}"), &query, body)
    };
    let status = StatusCode::from_u16(status).unwrap();
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    (status, [("x-subject-token", "svc-token")], Json(reply)).into_response()
}

/// How long a look-up waits for the others.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether a request is one that the values of a cluster need, rather than one for a version or a token.
fn is_look_up(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    path.starts_with("glance/v2/images/") || ["detail", "networks", "subnets", "types"].contains(&last)
}

fn fault(faults: &Value, service: &str, method: &Method, path: &str) -> Option<u16> {
    let hits = |fault: &&Value| {
        fault["service"].as_str().is_none_or(|of| of == service)
            && fault["method"].as_str().is_none_or(|of| of == method.as_str())
            && Regex::new(fault["path"].as_str().unwrap_or(""))
                .unwrap()
                .is_match(path)
    };
    let found = faults.as_array()?.iter().find(hits)?;
    Some(
        found["status"]
            .as_u64()
            .map_or(503, |status| u16::try_from(status).unwrap()),
    )
}

impl Scene {
    fn items(&self, kind: &str) -> Vec<Value> {
        self.openstack[kind].as_array().cloned().unwrap_or_default()
    }

    fn openstack(
        &mut self,
        service: &str,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
        body: Value,
    ) -> (u16, Value) {
        if method != Method::GET && !path.ends_with("/auth/tokens") {
            let mut call = json!({"service": service, "method": method.as_str(), "path": path});
            if !body.is_null() {
                call["body"] = body.clone();
            }
            self.openstack_mutations.push(call);
        }
        if let Some(status) = fault(&self.openstack_faults, service, method, path) {
            return (status, json!({"error": {"message": "fault", "code": status}}));
        }
        let found = match service {
            "keystone" => self.keystone(method, path, body),
            "glance" => self.glance(path, query),
            "nova" => self.nova(path, query),
            "neutron" => self.neutron(path, query),
            "cinder" => self.cinder(path),
            _ => None,
        };
        found.unwrap_or_else(|| (404, json!({"error": {"message": "not found", "code": 404}})))
    }

    fn keystone(&mut self, method: &Method, path: &str, body: Value) -> Option<(u16, Value)> {
        let url = format!("{}/keystone/v3/", self.base);
        let version = json!({"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": url}], "media-types": []});
        match path {
            "/v3" | "/v3/" => return Some((200, json!({"version": version}))),
            "/" => return Some((300, json!({"versions": {"values": [version]}}))),
            "/v3/auth/tokens" => return Some((201, self.token("svcproject", "svcuser"))),
            "/v3/regions" => {
                let region = |id: Value| json!({"id": id, "description": "", "parent_region_id": null});
                let regions: Vec<Value> = self.items("regions").into_iter().map(region).collect();
                return Some((200, json!({"regions": regions, "links": {"next": null}})));
            }
            _ => {}
        }
        let rest = path.strip_prefix("/v3/users/")?;
        let (user, rest) = rest.split_once("/application_credentials")?;
        let id = rest.trim_start_matches('/');
        let credentials = self.openstack["application_credentials"].as_array_mut()?;
        if method == Method::POST {
            let asked = &body["application_credential"];
            let new = json!({"id": self.fixed["appcred_id"], "name": asked["name"], "secret": self.fixed["appcred_secret"],
                "description": asked["description"], "user_id": user, "unrestricted": false,
                "project_id": self.project, "roles": [], "expires_at": null});
            credentials.push(new.clone());
            return Some((201, json!({"application_credential": new})));
        }
        if id.is_empty() {
            let mine: Vec<&Value> = credentials
                .iter()
                .filter(|found| found["user_id"] == user)
                .collect();
            return Some((
                200,
                json!({"application_credentials": mine, "links": {"next": null}}),
            ));
        }
        let position = credentials
            .iter()
            .position(|found| found["user_id"] == user && found["id"] == id)?;
        if method == Method::DELETE {
            credentials.remove(position);
            return Some((204, Value::Null));
        }
        Some((200, json!({"application_credential": credentials[position]})))
    }

    /// A token's description, with this world's addresses in the catalog.
    pub fn token(&self, project: &str, user: &str) -> Value {
        let service = |kind: &str, name: &str, path: &str| {
            let url = format!("{}/{name}{path}", self.base);
            let endpoint = |interface: &str| {
                json!({"id": format!("ep-{name}-{interface}"), "interface": interface, "region": "RegionOne",
                    "region_id": "RegionOne", "url": url})
            };
            let endpoints = ["public", "internal", "admin"].map(endpoint);
            json!({"type": kind, "name": name, "id": format!("svc-{name}"), "endpoints": endpoints})
        };
        let domain = json!({"id": "default", "name": "Default"});
        json!({"token": {
            "methods": ["password", "token"],
            "user": {"id": user, "name": "demo", "domain": domain, "password_expires_at": null},
            "project": {"id": project, "name": "demo", "domain": domain},
            "roles": [{"id": "r1", "name": "member"}],
            "audit_ids": ["audit1"], "is_domain": false,
            "issued_at": "2024-01-02T03:04:05.000000Z", "expires_at": "2099-01-02T03:04:05.000000Z",
            "catalog": [
                service("identity", "keystone", "/v3"), service("image", "glance", ""),
                service("compute", "nova", "/v2.1"), service("network", "neutron", ""),
                service("block-storage", "cinder", "/v3"),
            ],
        }})
    }

    fn glance(&self, path: &str, query: &BTreeMap<String, String>) -> Option<(u16, Value)> {
        let link = json!([{"rel": "self", "href": format!("{}/glance/v2/", self.base)}]);
        let version = json!({"id": "v2.15", "status": "CURRENT", "links": link});
        match path {
            "/" | "" => Some((300, json!({"versions": [version]}))),
            "/v2/images" => {
                let hidden = query
                    .get("os_hidden")
                    .is_some_and(|wanted| wanted.eq_ignore_ascii_case("true"));
                let mut images = self.items("images");
                images.retain(|image| {
                    query
                        .get("name")
                        .is_none_or(|name| image["name"] == name.as_str())
                        && (image["os_hidden"] == true) == hidden
                });
                Some((
                    200,
                    json!({"images": images, "first": "/v2/images", "schema": "/v2/schemas/images"}),
                ))
            }
            _ => {
                let id = path.strip_prefix("/v2/images/")?;
                self.items("images")
                    .into_iter()
                    .find(|image| image["id"] == id)
                    .map(|image| (200, image))
            }
        }
    }

    fn nova(&self, path: &str, query: &BTreeMap<String, String>) -> Option<(u16, Value)> {
        let link = json!([{"rel": "self", "href": format!("{}/nova/v2.1/", self.base)}]);
        let version = json!({"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1",
            "updated": "2013-07-23T11:33:21Z", "links": link});
        match path {
            "/v2.1" | "/v2.1/" => Some((200, json!({"version": version}))),
            "/" | "" => Some((200, json!({"versions": [version]}))),
            "/v2.1/flavors/detail" => {
                let least = query
                    .get("minRam")
                    .and_then(|ram| ram.parse::<i64>().ok())
                    .unwrap_or(0);
                let mut flavors = self.items("flavors");
                flavors.retain(|flavor| flavor["ram"].as_i64().is_some_and(|ram| ram >= least));
                if query.contains_key("marker") {
                    flavors.clear();
                }
                for flavor in &mut flavors {
                    for (key, value) in [("disk", json!(20)), ("swap", json!("")), ("links", json!([]))] {
                        flavor[key] = value;
                    }
                    flavor["os-flavor-access:is_public"] = json!(true);
                    flavor["OS-FLV-EXT-DATA:ephemeral"] = json!(0);
                    flavor["rxtx_factor"] = json!(1.0);
                }
                Some((200, json!({"flavors": flavors})))
            }
            _ => None,
        }
    }

    fn neutron(&self, path: &str, query: &BTreeMap<String, String>) -> Option<(u16, Value)> {
        let link = json!([{"rel": "self", "href": format!("{}/neutron/v2.0/", self.base)}]);
        let wanted = |item: &Value| {
            ["name", "id"]
                .iter()
                .all(|key| query.get(*key).is_none_or(|value| item[key] == value.as_str()))
        };
        match path {
            "/" | "" => Some((
                200,
                json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": link}]}),
            )),
            "/v2.0/networks" => {
                let external = query
                    .get("router:external")
                    .map(|wanted| wanted.eq_ignore_ascii_case("true"));
                let mut networks = self.items("networks");
                networks.retain(|network| {
                    wanted(network) && external.is_none_or(|external| network["external"] == external)
                });
                for network in &mut networks {
                    network["router:external"] = network["external"].clone();
                    network["status"] = json!("ACTIVE");
                    network["admin_state_up"] = json!(true);
                    network["shared"] = json!(false);
                    network["project_id"] = json!(self.project);
                    network["subnets"] = json!([]);
                }
                Some((200, json!({"networks": networks})))
            }
            "/v2.0/subnets" => {
                let mut subnets = self.items("subnets");
                subnets.retain(wanted);
                Some((200, json!({"subnets": subnets})))
            }
            _ => None,
        }
    }

    fn cinder(&self, path: &str) -> Option<(u16, Value)> {
        if path.ends_with("/types") {
            return Some((200, json!({"volume_types": self.items("volume_types")})));
        }
        let link = json!([{"rel": "self", "href": format!("{}/cinder/v3/", self.base)}]);
        let version = json!({"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0",
            "updated": "2023-08-31T00:00:00Z", "links": link});
        matches!(path, "/v3" | "/v3/" | "/" | "").then(|| (200, json!({"versions": [version]})))
    }

    /// Puts an object into the management cluster.
    pub fn put(&mut self, object: &Value) {
        let version = object["apiVersion"].as_str().unwrap();
        let kind = object["kind"].as_str().unwrap();
        let prefix = if version.contains('/') { "/apis" } else { "/api" };
        let plural = PLURALS.iter().find(|(of, _)| *of == kind).map_or_else(
            || format!("{}s", kind.to_lowercase()),
            |(_, plural)| (*plural).to_owned(),
        );
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .map(|name| format!("/namespaces/{name}"))
            .unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap();
        self.k8s.insert(
            format!("{prefix}/{version}{namespace}/{plural}/{name}"),
            object.clone(),
        );
    }

    fn kubernetes(
        &mut self,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
        body: Value,
    ) -> (u16, Value) {
        let status = |code: u16, reason: &str| {
            (
                code,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason,
                "reason": reason, "code": code}),
            )
        };
        if method != Method::GET {
            let mut call = json!({"method": method.as_str(), "path": path});
            if !query.is_empty() {
                call["query"] = json!(query);
            }
            if !body.is_null() && method != Method::DELETE {
                call["body"] = body.clone();
            }
            self.k8s_mutations.push(call);
        }
        if let Some(code) = fault(&self.k8s_faults, "k8s", method, path) {
            // A server that is away is asked again by the client itself, for long.
            let code = if code == 503 { 500 } else { code };
            return status(code, "fault");
        }
        if method == Method::PATCH {
            let mut stored = body;
            // The API server turns texts into bytes.
            if let Some(texts) = stored["stringData"].take().as_object() {
                use base64::Engine as _;
                let encode = |value: &Value| base64::prelude::BASE64_STANDARD.encode(value.as_str().unwrap());
                stored["data"] = texts
                    .iter()
                    .map(|(key, value)| (key.clone(), encode(value).into()))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
            }
            self.k8s.insert(path.to_owned(), stored.clone());
            return (200, stored);
        }
        let selector = query.get("labelSelector").map(String::as_str).unwrap_or_default();
        let selected = |object: &Value| {
            selector
                .split(',')
                .filter_map(|part| part.split_once('='))
                .all(|(key, value)| object["metadata"]["labels"][key] == value)
        };
        let below = |name: &String| name.rsplit_once('/').is_some_and(|(folder, _)| folder == path);
        let names: Vec<String> = self
            .k8s
            .iter()
            .filter(|(name, object)| below(name) && selected(object))
            .map(|(name, _)| name.clone())
            .collect();
        match self.k8s.get(path) {
            Some(object) if method == Method::GET => return (200, object.clone()),
            Some(_) if method == Method::DELETE => {
                self.k8s.remove(path);
                return (
                    200,
                    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
                );
            }
            _ => {}
        }
        // Below a version: `namespaces`, `namespaces/<name>/<kind>` are lists, with a name more they are objects.
        let below_version = path
            .split('/')
            .skip(if path.starts_with("/apis") { 4 } else { 3 })
            .count();
        let is_list = below_version % 2 == 1;
        match *method {
            Method::DELETE if is_list => {
                for name in &names {
                    self.k8s.remove(name);
                }
                (
                    200,
                    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
                )
            }
            Method::GET if is_list => {
                let items: Vec<&Value> = names.iter().map(|name| &self.k8s[name]).collect();
                (
                    200,
                    json!({"kind": "List", "apiVersion": "v1", "metadata": {"continue": "", "resourceVersion": "1"}, "items": items}),
                )
            }
            _ => status(404, "NotFound"),
        }
    }
}
