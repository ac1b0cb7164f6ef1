//! Health texts and notifications.

use chrono::Utc;
use conductor_status::capi::{Kind, Object};
use conductor_status::derive::{ClusterState, Desired, NodeGroupState, Progress, Rules, derive, health};
use conductor_status::index::Index;
use conductor_status::notify::{self, Initiator, Priority, cluster_event};
use magnum_objects::{Cluster, ClusterStatus, HealthStatus, NodeGroup};
use oracle::{Suite, Verdict};
use serde_json::{Value, json};

use crate::world;

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

/// Differences on purpose: to which cases each applies, and whether what we say is what it should be.
type Rule = (&'static str, fn(&Value, &Value) -> bool);

const DIFFERENCES: [Rule; 6] = [
    // What we say where everything has the name without them.
    ("release-name-with-two-dashes", |case, ours| {
        let plain = serde_json::from_str(&case.to_string().replace("--", "-")).unwrap();
        bears_its_name(case) && *ours == health_of(&plain)
    }),
    ("names-that-no-chart-gives", |case, ours| {
        let name = case["cluster"]["stack_id"].as_str();
        name.is_some_and(|name| name.contains("--"))
            && !bears_its_name(case)
            && ours["reason"]["cluster"] == "Cluster resource not found."
    }),
    // What we say where it is not there.
    ("what-kubernetes-does-not-accept", |case, ours| {
        let mut plain = case.clone();
        is_odd(&mut plain) && *ours == health_of(&plain)
    }),
    ("ready-by-the-new-contract", |case, ours| {
        let says = |object: &Value| {
            object["kind"] == "OpenStackCluster" && object["status"]["initialization"]["provisioned"] == true
        };
        case["k8s_objects"].as_array().unwrap().iter().any(says)
            && ours["reason"]["infrastructure"] == "Ready"
    }),
    ("a-server-that-fails", |case, _| {
        case["k8s_faults"]
            .as_array()
            .is_some_and(|faults| !faults.is_empty())
            && stays(case)
    }),
    ("no-release-yet", |case, ours| {
        case["cluster"]["stack_id"].is_null() && ours.is_null()
    }),
];

/// Whether the release's name has doubled dashes, and the Cluster is called so.
fn bears_its_name(case: &Value) -> bool {
    let name = case["cluster"]["stack_id"].as_str().unwrap_or_default();
    let mut objects = case["k8s_objects"].as_array().unwrap().iter();
    name.contains("--")
        && objects.any(|object| object["kind"] == "Cluster" && object["metadata"]["name"] == name)
}

/// Takes away what the API server would not have stored: nulls for lists, types that are no texts, flags and texts of
/// another type. Whether there was any.
fn is_odd(case: &mut Value) -> bool {
    let before = case["k8s_objects"].clone();
    for object in case["k8s_objects"].as_array_mut().unwrap() {
        let Some(status) = object["status"].as_object_mut() else {
            continue;
        };
        status.retain(|name, value| match name.as_str() {
            "conditions" => !value.is_null(),
            "ready" => value.is_boolean(),
            "failureReason" | "failureMessage" => value.is_string(),
            _ => true,
        });
        if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
            for one in conditions.iter_mut().filter_map(Value::as_object_mut) {
                one.retain(|name, value| name != "type" || value.is_string());
            }
        }
    }
    before != case["k8s_objects"]
}

/// Whether health stays what it was while the watches have not seen what a case cannot list.
fn stays(case: &Value) -> bool {
    let row = &case["cluster"];
    let mut cluster = cluster(row["stack_id"].as_str().map(str::to_owned));
    cluster.health_status = Some(HealthStatus::Healthy);
    let desired = Desired {
        cluster,
        nodegroups: case["nodegroups"].as_array().unwrap().iter().map(group).collect(),
    };
    let namespace = format!("magnum-{}", row["project_id"].as_str().unwrap());
    let view = world::index(case).view(&namespace, row["stack_id"].as_str().unwrap_or_default());
    let derived = derive(
        &desired,
        &view,
        &Progress::default(),
        &Rules::default(),
        Utc::now(),
    );
    !derived.changes(&desired)
}

#[test]
fn health_is_worded_as_python_words_it() {
    let mut suite = Suite::new("health", DIFFERENCES.iter().map(|(id, _)| *id).collect());
    for case in oracle::records("health") {
        let name = case["name"].as_str().unwrap();
        if !suite.wants(name) {
            continue;
        }
        let ours = health_of(&case);
        let expect = &case["expect"];
        let theirs = match &expect["health_status"] {
            Value::Null => Value::Null,
            status => json!({"status": status, "reason": expect["health_status_reason"]}),
        };
        let mut rules = DIFFERENCES.iter().filter(|(_, fits)| fits(&case, &ours));
        let verdict = match rules.next() {
            _ if ours == theirs && expect["poll_error"].is_null() => Verdict::Equal,
            Some((rule, _)) => Verdict::Differs(vec![rule]),
            None => Verdict::Wrong(format!("{ours}, not {theirs} {}", expect["poll_error"])),
        };
        suite.count(name, verdict);
    }
    suite.end();
}

fn health_of(case: &Value) -> Value {
    let index = Index::new();
    for object in case["k8s_objects"].as_array().unwrap() {
        let api_version = object["apiVersion"].as_str().unwrap();
        // Cluster API labels everything of a cluster, which Python does not look at.
        let mut object = object.clone();
        object["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"] = case["cluster"]["stack_id"].clone();
        if let Some(kind) = Kind::of(api_version, object["kind"].as_str().unwrap()) {
            index.apply(kind, Object::read(kind, api_version, &object));
        }
    }
    let row = &case["cluster"];
    let release = row["stack_id"].as_str();
    let namespace = format!("magnum-{}", row["project_id"].as_str().unwrap());
    let groups: Vec<NodeGroupState> = case["nodegroups"].as_array().unwrap().iter().map(group).collect();
    let view = index.view(&namespace, release.unwrap_or_default());
    health(&cluster(release.map(str::to_owned)), &groups, &view, false).map_or(
        Value::Null,
        |health| json!({"status": health.status.as_str(), "reason": health.reason}),
    )
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
    for case in crate::data::lines("notifications.jsonl.gz") {
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
