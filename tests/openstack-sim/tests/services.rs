//! The services as a client with a token sees them.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::collections::HashMap;

use openstack_sim::auth::{Caller, Tokens};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

struct Sim {
    base: String,
    http: Client,
}

impl Sim {
    async fn start() -> Self {
        let caller = |user: &str, project: &str, admin| Caller {
            user: user.into(),
            project: project.into(),
            admin,
        };
        let known = HashMap::from([
            ("t-one".to_owned(), caller("u1", "p1", false)),
            ("t-two".to_owned(), caller("u2", "p2", false)),
            ("t-admin".to_owned(), caller("u0", "p0", true)),
        ]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = openstack_sim::router(openstack_sim::Cloud::new(Tokens::Known(known)));
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            base,
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn send(&self, method: Method, token: Option<&str>, path: &str, body: Option<Value>) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("X-Auth-Token", token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self.send(Method::GET, Some(token), path, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn status(&self, token: Option<&str>, path: &str) -> u16 {
        self.send(Method::GET, token, path, None).await.status().as_u16()
    }
}

#[tokio::test]
async fn only_version_documents_are_for_everybody() {
    let sim = Sim::start().await;
    for (path, status) in [
        ("/image", 300),
        ("/compute/", 200),
        ("/compute/v2.1", 200),
        ("/network", 200),
        ("/volume", 300),
    ] {
        assert_eq!(sim.status(None, path).await, status, "{path}");
    }
    for path in [
        "/image/v2/images",
        "/compute/v2.1/flavors",
        "/network/v2.0/networks",
        "/volume/v3/p1/types",
    ] {
        assert_eq!(sim.status(None, path).await, 401, "{path}");
        assert_eq!(sim.status(Some("t-unknown"), path).await, 401, "{path}");
        assert_eq!(sim.status(Some("t-one"), path).await, 200, "{path}");
    }
    let document: Value = sim
        .send(Method::GET, None, "/compute", None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        document["versions"][0]["links"][0]["href"],
        format!("{}/compute/v2.1/", sim.base)
    );
}

#[tokio::test]
async fn images_are_found_by_id_and_by_name() {
    let sim = Sim::start().await;
    let found = sim
        .get("t-one", "/image/v2/images?name=ubuntu-2204-kube-v1.30.4")
        .await;
    let image = &found["images"][0];
    assert_eq!(image["kube_version"], "v1.30.4");
    assert_eq!(found["images"].as_array().unwrap().len(), 1);
    let same = sim
        .get(
            "t-one",
            &format!("/image/v2/images/{}", image["id"].as_str().unwrap()),
        )
        .await;
    assert_eq!(&same, image);
    assert_eq!(sim.status(Some("t-one"), "/image/v2/images/nothing").await, 404);
    let plain = sim.get("t-one", "/image/v2/images?name=ubuntu-2204").await;
    assert!(plain["images"][0].get("kube_version").is_none());
}

#[tokio::test]
async fn what_is_private_or_hidden_is_not_shown_to_others() {
    let sim = Sim::start().await;
    let private = json!({"id": "mine", "name": "mine", "visibility": "private", "owner": "p1"});
    assert_eq!(
        sim.send(Method::POST, None, "/admin/content/images", Some(private))
            .await
            .status(),
        204
    );
    assert_eq!(sim.status(Some("t-one"), "/image/v2/images/mine").await, 200);
    assert_eq!(sim.status(Some("t-two"), "/image/v2/images/mine").await, 404);
    assert_eq!(sim.status(Some("t-admin"), "/image/v2/images/mine").await, 200);

    sim.send(Method::PUT, None, "/admin/content/images/mine/hidden/p1", None)
        .await;
    assert_eq!(sim.status(Some("t-one"), "/image/v2/images/mine").await, 404);
    sim.send(Method::DELETE, None, "/admin/content/images/mine/hidden/p1", None)
        .await;
    assert_eq!(sim.status(Some("t-one"), "/image/v2/images/mine").await, 200);

    assert_eq!(
        sim.send(Method::DELETE, None, "/admin/content/images/mine", None)
            .await
            .status(),
        204
    );
    assert_eq!(sim.status(Some("t-one"), "/image/v2/images/mine").await, 404);
}

#[tokio::test]
async fn key_pairs_belong_to_users() {
    let sim = Sim::start().await;
    let body = json!({"keypair": {"name": "k", "public_key": "ssh-ed25519 AAAA"}});
    let path = "/compute/v2.1/os-keypairs";
    assert_eq!(
        sim.send(Method::POST, Some("t-one"), path, Some(body))
            .await
            .status(),
        201
    );
    assert_eq!(
        sim.get("t-one", &format!("{path}/k")).await["keypair"]["user_id"],
        "u1"
    );
    assert_eq!(sim.status(Some("t-two"), &format!("{path}/k")).await, 404);
    assert_eq!(
        sim.send(Method::DELETE, Some("t-two"), &format!("{path}/k"), None)
            .await
            .status(),
        404
    );
    assert_eq!(
        sim.send(Method::DELETE, Some("t-one"), &format!("{path}/k"), None)
            .await
            .status(),
        204
    );
}

#[tokio::test]
async fn microversions_newer_than_nova_are_refused() {
    let sim = Sim::start().await;
    let ask = async |version: &str| {
        let request = sim
            .http
            .get(format!("{}/compute/v2.1/flavors", sim.base))
            .header("X-Auth-Token", "t-one");
        request
            .header("OpenStack-API-Version", format!("compute {version}"))
            .send()
            .await
            .unwrap()
    };
    let answer = ask("2.61").await;
    assert_eq!(answer.headers()["openstack-api-version"], "compute 2.61");
    assert_eq!(ask("2.9999").await.status(), 406);
}

#[tokio::test]
async fn networks_are_filtered_and_volume_types_belong_to_the_projects_address() {
    let sim = Sim::start().await;
    let external = sim
        .get("t-one", "/network/v2.0/networks?router%3Aexternal=True")
        .await;
    assert_eq!(external["networks"].as_array().unwrap().len(), 1);
    assert_eq!(external["networks"][0]["name"], "public");
    let subnets = sim
        .get("t-one", "/network/v2.0/subnets?name=private-subnet")
        .await;
    assert_eq!(subnets["subnets"][0]["cidr"], "10.0.0.0/24");
    assert_eq!(
        sim.get("t-one", "/volume/v3/p1/types/default").await["volume_type"]["name"],
        "__DEFAULT__"
    );
    assert_eq!(sim.status(Some("t-one"), "/volume/v3/p2/types").await, 400);
}

#[tokio::test]
async fn faults_apply_where_they_match_and_as_often_as_they_say() {
    let sim = Sim::start().await;
    let fault = json!({"service": "image", "project": "p1", "status": 503, "times": 2});
    assert_eq!(
        sim.send(Method::POST, None, "/admin/faults", Some(fault))
            .await
            .status(),
        204
    );
    let path = "/image/v2/images";
    assert_eq!(sim.status(Some("t-two"), path).await, 200);
    assert_eq!(sim.status(Some("t-one"), "/compute/v2.1/flavors").await, 200);
    assert_eq!(sim.status(Some("t-one"), path).await, 503);
    assert_eq!(sim.status(Some("t-one"), path).await, 503);
    assert_eq!(sim.status(Some("t-one"), path).await, 200);

    sim.send(
        Method::POST,
        None,
        "/admin/faults",
        Some(json!({"path": "flavors", "delay_ms": 300})),
    )
    .await;
    let before = std::time::Instant::now();
    assert_eq!(sim.status(Some("t-one"), "/compute/v2.1/flavors").await, 200);
    assert!(before.elapsed() >= std::time::Duration::from_millis(300));
    sim.send(Method::DELETE, None, "/admin/faults", None).await;

    let asked: Vec<Value> = sim
        .send(Method::GET, None, "/admin/requests", None)
        .await
        .json()
        .await
        .unwrap();
    let failed = asked
        .iter()
        .filter(|a| a["status"] == 503 && a["project"] == "p1")
        .count();
    assert_eq!(failed, 2);
}

#[tokio::test]
async fn a_stack_lives_in_its_project_and_counts_its_machines() {
    let sim = Sim::start().await;
    let stacks = "/orchestration/v1/p1/stacks";
    let template = json!({
        "parameters": {"number_of_masters": {"default": 1}, "number_of_minions": {"type": "number"}},
        "outputs": {"api_address": {}, "kube_minions": {}},
    });
    let body =
        |parameters: Value| json!({"stack_name": "one", "template": template, "parameters": parameters});
    let wrong = sim
        .send(Method::POST, Some("t-one"), stacks, Some(body(json!({"x": 1}))))
        .await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST, "not declared");
    let created = sim
        .send(
            Method::POST,
            Some("t-one"),
            stacks,
            Some(body(json!({"number_of_minions": 2}))),
        )
        .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let created: Value = created.json().await.unwrap();
    let id = created["stack"]["id"].as_str().unwrap();
    let again = sim
        .send(Method::POST, Some("t-one"), stacks, Some(body(json!({}))))
        .await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(sim.status(Some("t-two"), &format!("{stacks}/{id}")).await, 404);

    let path = format!("{stacks}/{id}");
    let stack = sim.get("t-one", &path).await;
    assert_eq!(stack["stack"]["stack_status"], "CREATE_IN_PROGRESS");
    assert_eq!(
        stack["stack"]["parameters"]["number_of_masters"], "1",
        "the default, as text"
    );
    assert_eq!(
        stack["stack"]["outputs"][1]["output_value"],
        json!(["172.24.5.10", "172.24.5.11"])
    );
    let brief = sim.get("t-one", &format!("{path}?resolve_outputs=False")).await;
    assert!(brief["stack"].get("outputs").is_none());

    let full = format!("{stacks}/one/{id}");
    let change = json!({"parameters": {"number_of_minions": 1}, "existing": true});
    let changed = sim.send(Method::PATCH, Some("t-one"), &full, Some(change)).await;
    assert_eq!(changed.status(), StatusCode::ACCEPTED);
    let stack = sim.get("t-one", &path).await;
    assert_eq!(stack["stack"]["stack_status"], "UPDATE_IN_PROGRESS");
    assert_eq!(stack["stack"]["parameters"]["number_of_minions"], "1");
    assert_eq!(stack["stack"]["parameters"]["number_of_masters"], "1");

    let deleted = sim.send(Method::DELETE, Some("t-one"), &full, None).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let stack = sim.get("t-one", &path).await;
    assert_eq!(
        stack["stack"]["stack_status"], "DELETE_COMPLETE",
        "Heat keeps what is deleted for a while"
    );
    assert_eq!(sim.get("t-one", stacks).await["stacks"], json!([]));
}
