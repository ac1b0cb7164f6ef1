//! Against cases recorded from magnum-capi-helm 1.4.0 on magnum 23.0: health texts and notifications.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod data;

use chrono::Utc;
use conductor_status::capi::{Kind, Object};
use conductor_status::derive::{ClusterState, NodeGroupState, health};
use conductor_status::index::Index;
use conductor_status::notify::{self, Initiator, Priority, cluster_event};
use magnum_objects::{Cluster, ClusterStatus, NodeGroup};
use serde_json::{Value, json};

/// Cases in which we say something else, and why.
const DIFFERENT: &[(&str, &str)] = &[
    // Python looks for a release name without doubled dashes; the chart does not.
    ("stack-double-dash", "found"),
    ("stack-double-dash-collapsed", "not found"),
    // Values that Kubernetes does not accept for `ready` and `failureMessage`.
    ("infra-06", "the text false is not true"),
    ("infra-08", "the number 1 is not true"),
    ("infra-11", "no message"),
    // An OpenStackCluster that says Ready only by its condition, as those of v1beta2 do.
    ("infra-12", "ready"),
    // Explicit nulls are TypeErrors in Python.
    ("cluster-conditions-null", "read as no conditions"),
    ("kcp-conditions-null", "read as no conditions"),
    ("md-conditions-null", "read as no conditions"),
    // Invisible characters in a condition's type: Kubernetes does not accept them.
    ("cluster-conds-10", "invisible characters"),
    ("kcp-conds-10", "invisible characters"),
    ("md-conds-10", "invisible characters"),
    // A type that is a number: not accepted either.
    ("cluster-conds-12", "a number"),
    ("kcp-conds-12", "a number"),
    ("md-conds-12", "a number"),
];

fn cluster(release: Option<String>) -> ClusterState {
    ClusterState {
        uuid: "c1000000-0000-4000-8000-000000000001".to_owned(),
        release,
        status: Some(ClusterStatus::CreateComplete),
        status_reason: None,
        api_address: None,
        coe_version: None,
        container_version: None,
        health_status: None,
        health_status_reason: None,
        create_timeout: None,
        created_at: None,
    }
}

fn group(row: &Value) -> NodeGroupState {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    NodeGroupState {
        uuid: text("uuid"),
        name: text("name"),
        is_master: row["role"] == "master",
        is_default: row["is_default"].as_bool().unwrap(),
        node_count: row["node_count"].as_i64().unwrap(),
        node_addresses: Vec::new(),
        status: None,
        status_reason: None,
    }
}

#[test]
fn health_is_worded_as_python_words_it() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in data::lines("health.jsonl.gz") {
        let name = case["name"].as_str().unwrap();
        let index = Index::new();
        let mut namespace = String::new();
        for object in case["objects"].as_array().unwrap() {
            let api_version = object["apiVersion"].as_str().unwrap();
            let kind = Kind::of(api_version, object["kind"].as_str().unwrap()).unwrap();
            namespace = object["metadata"]["namespace"].as_str().unwrap().to_owned();
            index.apply(kind, Object::read(kind, api_version, object));
        }
        let release = case["release"].as_str();
        let groups: Vec<NodeGroupState> = case["nodegroups"].as_array().unwrap().iter().map(group).collect();
        let view = index.view(&namespace, release.unwrap_or_default());
        let health = health(&cluster(release.map(str::to_owned)), &groups, &view);
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            assert!(health.is_some(), "{name}");
            continue;
        }
        let ours = health.map_or(
            Value::Null,
            |health| json!({"status": health.status.as_str(), "reason": health.reason}),
        );
        if ours != case["expect"] {
            wrong.push(format!("{name}: {ours}, not {}", case["expect"]));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "only {compared} cases");
}

/// The payload without what is new each time.
fn comparable(payload: &Value) -> Value {
    let mut payload = payload.clone();
    for path in ["/id", "/eventTime", "/observer/id", "/initiator/id"] {
        assert!(
            payload.pointer(path).is_some_and(Value::is_string),
            "{path} of {payload}"
        );
        *payload.pointer_mut(path).unwrap() = Value::Null;
    }
    payload
}

#[test]
fn notifications_are_those_of_the_periodic_task() {
    let mut compared = 0;
    for case in data::lines("notifications.jsonl.gz") {
        let name = &case["name"];
        let row: Cluster = serde_json::from_value(case["cluster"].clone()).unwrap();
        let groups: Vec<NodeGroup> = serde_json::from_value(case["nodegroups"].clone()).unwrap();
        let expected = &case["notification"];
        let (action, outcome) = notify::end_of(row.status.unwrap()).unwrap();
        let ours = cluster_event(
            action,
            outcome,
            &Initiator::default(),
            Some((&row, &groups)),
            Utc::now(),
        );
        assert_eq!(ours.event_type, expected["event_type"], "{name}");
        let priority = if ours.priority == Priority::Error {
            "ERROR"
        } else {
            "INFO"
        };
        assert_eq!(priority, expected["priority"], "{name}");
        assert_eq!(
            comparable(&ours.payload),
            comparable(&expected["payload"]),
            "{name}"
        );
        compared += 1;
    }
    assert!(compared > 100, "only {compared} cases");
}

#[test]
fn an_event_names_who_asked_and_when() {
    let initiator = Initiator {
        user_id: Some("1f7db190".to_owned()),
        project_id: Some("02bdacb9".to_owned()),
        domain_id: None,
    };
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-21T00:38:20.901938Z")
        .unwrap()
        .with_timezone(&Utc);
    let event = cluster_event(
        notify::Action::Create,
        notify::Outcome::Pending,
        &initiator,
        None,
        now,
    );
    assert_eq!(event.priority, Priority::Info);
    assert_eq!(event.payload["outcome"], "pending");
    assert_eq!(event.payload["eventTime"], "2026-11-21T00:38:20.901938+0000");
    assert_eq!(event.payload["initiator"]["user_id"], "1f7db190");
    assert_eq!(event.payload["initiator"]["project_id"], "02bdacb9");
    assert!(event.payload["initiator"].get("domain_id").is_none());
    assert_eq!(event.payload["target"]["typeURI"], "service/magnum/cluster");
}
