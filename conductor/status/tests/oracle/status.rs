//! Statuses: what the periodic task makes of rows and objects, beside what derivation does.

use chrono::Utc;
use conductor_driver::choice::{self, Owner, Traits};
use conductor_status::derive::{
    ClusterState, Derived, Desired, NodeGroupState, Progress, Rules, derive, is_looked_after,
};
use conductor_status::{heartbeat, notify};
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, NodeGroup, rows};
use oracle::{Suite, Verdict};
use serde_json::{Map, Value, json};
use test_database::{SCHEMA_23, TestDb};

use crate::{differences, world};

/// `[capi_helm] k8s_control_plane_resource_conditions`, where a case does not say.
const CONTROL_PLANE: [&str; 4] = [
    "MachinesReady",
    "Ready",
    "EtcdClusterHealthy",
    "ControlPlaneComponentsHealthy",
];

#[tokio::test]
async fn statuses_are_those_of_the_periodic_task() {
    let mut suite = Suite::new("status", differences::ids());
    for case in oracle::records("status") {
        let name = case["name"].as_str().unwrap().to_owned();
        if !suite.wants(&name) {
            continue;
        }
        let verdict = match case["operation"].as_str().unwrap() {
            "select" => selection(&case),
            "update_magnum_service" => match heartbeat(&case).await {
                Some(verdict) => verdict,
                None => {
                    suite.skip();
                    continue;
                }
            },
            _ => judge(&case),
        };
        suite.count(&name, verdict);
    }
    suite.end();
}

/// Which clusters are looked at. Python's tasks select what may change; our watches tell of whatever does change, of
/// all that live.
fn selection(case: &Value) -> Verdict {
    let selected = case["expect"]["selected"].as_array().unwrap();
    let missed: Vec<&str> = selected
        .iter()
        .filter_map(|row| row["status"].as_str())
        .filter(|status| !is_looked_after(status.parse().ok()))
        .collect();
    let none_of_ours = |status: &&str| ["DELETE_FAILED", "ROLLBACK_IN_PROGRESS"].contains(status);
    if missed.iter().all(none_of_ours) {
        Verdict::Differs(vec!["statuses-of-other-drivers"])
    } else {
        Verdict::Wrong(format!("{missed:?} are not looked at"))
    }
}

/// This conductor's row in `magnum_service`, tick by tick; `None` without a database.
async fn heartbeat(case: &Value) -> Option<Verdict> {
    let test = TestDb::new("heartbeat_case", SCHEMA_23).await?;
    let mut conn = test.db.acquire().await.unwrap();
    for row in case["rows_before"].as_array().into_iter().flatten() {
        let row = row.as_object().unwrap();
        rows::insert_values(&mut conn, test.db.schema(), "MagnumService", row)
            .await
            .unwrap();
    }
    drop(conn);
    let (mut found, mut made_anew) = (Vec::new(), false);
    for tick in case["expect"]["ticks"].as_array().unwrap() {
        heartbeat::beat(&test.db, case["host"].as_str().unwrap())
            .await
            .unwrap();
        let mut ours = test.rows("MagnumService").await;
        for row in &mut ours {
            row.retain(|name, _| !["created_at", "updated_at"].contains(&name.as_str()));
        }
        if tick["error"]["class"] == "MagnumServiceNotFound" && ours.len() == 1 {
            made_anew = true;
            continue;
        }
        oracle::Placeholders::default().differences("rows", &json!(ours), &tick["rows"], &mut found);
        if case["rows_deleted_after_tick"] == tick["tick"] {
            test.execute("DELETE FROM magnum_service").await;
        }
    }
    test.drop_database().await;
    Some(if made_anew && found.is_empty() {
        Verdict::Differs(vec![differences::HEARTBEAT])
    } else if found.is_empty() {
        Verdict::Equal
    } else {
        Verdict::Wrong(found.join("\n    "))
    })
}

fn judge(case: &Value) -> Verdict {
    let ours = outcome(case);
    let theirs = expected(case);
    let mut found = Vec::new();
    oracle::Placeholders::default().differences("", &ours, &theirs, &mut found);
    oracle::verdict(differences::RULES, case, &ours, &theirs, &found)
}

/// What Python writes, in the shape of [`outcome`].
fn expected(case: &Value) -> Value {
    let expect = &case["expect"];
    let told = expect["notifications"].as_array().into_iter().flatten();
    let told: Vec<Value> = told
        .map(|one| json!([one["event_type"], one["payload"]["outcome"]]))
        .collect();
    let changed = |table: &str| match &expect["db"][table]["changed"] {
        Value::Object(rows) => Value::Object(rows.clone()),
        _ => json!({}),
    };
    let gone = |table: &str| match &expect["db"][table]["deleted"] {
        Value::Array(uuids) => uuids.clone(),
        _ => Vec::new(),
    };
    let cluster = changed("cluster")
        .as_object()
        .and_then(|rows| rows.values().next().cloned())
        .unwrap_or_else(|| json!({}));
    json!({"cluster": cluster, "groups": changed("nodegroup"), "gone": gone("nodegroup"),
        "deleted": gone("cluster"), "told": told, "error": expect["error"]["class"]})
}

/// What derivation makes of the case's rows.
pub fn outcome(case: &Value) -> Value {
    let row: Cluster = serde_json::from_value(case["cluster"].clone()).unwrap();
    let groups: Vec<NodeGroup> = serde_json::from_value(case["nodegroups"].clone()).unwrap();
    let desired = desired(&row, &groups);
    let index = world::index(case);
    let namespace = format!("magnum-{}", row.project_id);
    let view = index.view(&namespace, row.stack_id.as_deref().unwrap_or_default());
    let conditions = match case["conf"]["capi_helm"]["k8s_control_plane_resource_conditions"].as_array() {
        Some(own) => own.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => CONTROL_PLANE.map(str::to_owned).to_vec(),
    };
    let rules = Rules {
        control_plane_conditions: conditions,
        without_health: true,
        ..Rules::default()
    };
    if !is_ours(case) {
        return changes(&desired, &Derived::unchanged(&desired));
    }
    let derived = derive(&desired, &view, &Progress::default(), &rules, Utc::now());
    changes(&desired, &derived)
}

/// Whether the case's template is this driver's; others' clusters are not looked at.
fn is_ours(case: &Value) -> bool {
    let template: ClusterTemplate = serde_json::from_value(case["cluster_template"].clone()).unwrap();
    let disabled = case["conf"]["drivers"]["disabled_drivers"]
        .as_array()
        .into_iter()
        .flatten();
    let disabled: Vec<String> = disabled.filter_map(Value::as_str).map(str::to_owned).collect();
    matches!(choice::owner(&disabled, &Traits::from(&template)), Owner::Ours)
}

fn desired(row: &Cluster, groups: &[NodeGroup]) -> Desired {
    let group = |group: &NodeGroup| NodeGroupState {
        uuid: group.uuid.clone(),
        name: group.name.clone(),
        is_master: group.role == "master",
        is_default: group.is_default,
        node_count: group.node_count,
        node_addresses: group.node_addresses.clone().unwrap_or_default(),
        status: group.status,
        status_reason: group.status_reason.clone(),
    };
    Desired {
        cluster: ClusterState {
            uuid: row.uuid.clone(),
            release: row.stack_id.clone(),
            status: row.status,
            status_reason: row.status_reason.clone(),
            api_address: row.api_address.clone(),
            coe_version: row.coe_version.clone(),
            container_version: row.container_version.clone(),
            health_status: row.health_status,
            health_status_reason: row.health_status_reason.clone(),
            create_timeout: row.create_timeout,
            created_at: None,
        },
        nodegroups: groups.iter().map(group).collect(),
    }
}

fn changes(desired: &Desired, derived: &Derived) -> Value {
    let mut cluster = Map::new();
    let status = |status: Option<ClusterStatus>| status.map(ClusterStatus::as_str);
    let (before, after) = (&desired.cluster, &derived.cluster);
    if before.status != after.status {
        cluster.insert("status".into(), status(after.status).into());
    }
    for (name, before, after) in [
        ("status_reason", &before.status_reason, &after.status_reason),
        ("api_address", &before.api_address, &after.api_address),
        ("coe_version", &before.coe_version, &after.coe_version),
        (
            "container_version",
            &before.container_version,
            &after.container_version,
        ),
    ] {
        if before != after {
            cluster.insert(name.into(), after.clone().into());
        }
    }
    let mut groups = Map::new();
    for (before, after) in desired.nodegroups.iter().zip(&derived.nodegroups) {
        let mut row = Map::new();
        if before.status != after.status {
            row.insert("status".into(), status(after.status).into());
        }
        if before.status_reason != after.status_reason {
            row.insert("status_reason".into(), after.status_reason.clone().into());
        }
        if before.node_count != after.node_count {
            row.insert("node_count".into(), after.node_count.into());
        }
        if !row.is_empty() && !derived.gone.contains(&after.uuid) {
            groups.insert(after.uuid.clone(), row.into());
        }
    }
    let told: Vec<Value> = (before.status != after.status)
        .then(|| after.status.and_then(notify::end_of))
        .flatten()
        .map(|(action, outcome)| {
            let event =
                notify::cluster_event(action, outcome, &notify::Initiator::default(), None, Utc::now());
            json!([event.event_type, event.payload["outcome"]])
        })
        .into_iter()
        .collect();
    json!({"cluster": cluster, "groups": groups, "gone": derived.gone, "deleted": [], "told": told, "error": null})
}
