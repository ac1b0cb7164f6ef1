//! How deletions end: what Python's periodic task removes once the Cluster is gone (part of the kind `status`), beside
//! what the operation removes.

use std::sync::Arc;

use oracle::{Difference, Rule, Suite, Verdict};
use serde_json::{Value, json};

use crate::outcome::outcomes;
use crate::{rig, rows, with_room};

/// What is compared.
const PARTS: [&str; 5] = ["db", "notifications", "k8s", "openstack_mutations", "trying"];

#[test]
fn deletions_end_as_in_python() {
    with_room(deletions());
}

async fn deletions() {
    let Some(server) = rows::server("deletions") else {
        return;
    };
    let common = Arc::new(oracle::common());
    let mut suite = Suite::new("deletions", RULES.iter().map(|rule| rule.id).collect());
    // Beside the lanes of the other suite.
    let mut rig = rig::Rig::new(&server, crate::LANES, common).await;
    for recorded in oracle::records("status") {
        let name = recorded["name"].as_str().unwrap_or_default().to_owned();
        if is_ending(&recorded) && suite.wants(&name) {
            let ours = shaped(rig.replay(&request(&recorded)).await);
            suite.count(&name, judge(&recorded, &ours));
        }
    }
    rig.end().await;
    suite.end();
}

/// Whether a deletion is under way, and nothing of the cluster is left in the management cluster.
fn is_ending(case: &Value) -> bool {
    let mut objects = case["k8s_objects"].as_array().into_iter().flatten();
    case["cluster"]["status"] == "DELETE_IN_PROGRESS" && !objects.any(|object| object["kind"] == "Cluster")
}

/// The request that leads to such an end.
fn request(case: &Value) -> Value {
    let cluster = &case["cluster"];
    let namespace = format!("magnum-{}", cluster["project_id"].as_str().unwrap_or_default());
    let mut objects = case["k8s_objects"].as_array().cloned().unwrap_or_default();
    objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    json!({
        "name": case["name"], "conf": case["conf"], "openstack": case["openstack"],
        "openstack_faults": case["openstack_faults"], "k8s_objects": objects,
        "k8s_faults": case["k8s_faults"], "helm_outcome": {}, "fault_injection": null,
        "driver": {"kind": "real"},
        "rows": {"cluster_template": [case["cluster_template"]], "cluster": [cluster],
            "nodegroup": case["nodegroups"], "x509keypair": case["x509keypairs"]},
        "context": {"is_admin": true, "all_tenants": true, "project_id": cluster["project_id"],
            "user_id": cluster["user_id"]},
        "message": {"method": "cluster_delete", "args": {"uuid": cluster["uuid"]}},
        // The Cluster is not there any more.
        "gone": true,
    })
}

/// Without what belongs to the request: its announcement, and when it changed the row.
fn shaped(mut ours: Value) -> Value {
    if let Some(told) = ours["notifications"].as_array_mut() {
        told.retain(|one| one["payload"]["outcome"] != "pending");
        // It changed the row.
        for one in told {
            one["payload"]["target"]["attachments"][0]["content"]["updated_at"] = Value::Null;
        }
    }
    if ours["trying"].is_string() {
        ours["trying"] = json!(true);
        for calls in ["k8s", "openstack_mutations"] {
            ours[calls].as_array_mut().unwrap().dedup();
        }
        // It is as the request left it: on its way.
        ours["db"] = json!({});
    }
    ours
}

fn judge(case: &Value, ours: &Value) -> Verdict {
    let mut theirs = case["expect"].clone();
    theirs["trying"] = if theirs["error"].is_null() {
        Value::Null
    } else {
        json!(true)
    };
    for part in ["k8s", "openstack_mutations", "notifications"] {
        if theirs[part].is_null() {
            theirs[part] = json!([]);
        }
    }
    for call in theirs["k8s"].as_array_mut().into_iter().flatten() {
        call.as_object_mut().unwrap().shift_remove("content_type");
    }
    let mut found = Vec::new();
    let mut names = oracle::Placeholders::default();
    for part in PARTS {
        names.differences(part, &ours[part], &theirs[part], &mut found);
    }
    oracle::verdict(RULES, case, ours, &theirs, &found)
}

/// Whether everything of the cluster in the database is gone, and that was told.
fn is_done(case: &Value, ours: &Value) -> bool {
    let gone = |table: &str| ours["db"][table]["deleted"].as_array().map_or(0, Vec::len);
    gone("cluster") == 1
        && gone("nodegroup") == case["nodegroups"].as_array().map_or(0, Vec::len)
        && outcomes(ours) == ["success"]
}

/// Each entry of the file.
const RULES: &[Rule] = &[
    Rule {
        id: "all-certificates-go",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            let references = [
                "ca_cert_ref",
                "magnum_cert_ref",
                "etcd_ca_cert_ref",
                "front_proxy_ca_cert_ref",
            ];
            let gone = |of: &Value| -> Vec<Value> {
                of["db"]["x509keypair"]["deleted"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            };
            let (ours, theirs) = (gone(ours), gone(theirs));
            let of_cluster = |one: &Value| {
                references
                    .iter()
                    .any(|reference| case["cluster"][*reference] == *one)
            };
            place.starts_with("db.x509keypair")
                && ours.iter().all(of_cluster)
                && theirs.iter().all(|one| ours.contains(one))
        },
    },
    Rule {
        id: "what-fails-is-not-the-end",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            theirs["trying"] == true && ours["trying"].is_null() && is_done(case, ours)
        },
    },
    Rule {
        id: "all-credentials-go",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            let credentials = case["openstack"]["application_credentials"].as_array();
            let owner = case["cluster"]["user_id"].as_str().unwrap_or_default();
            let uuid = case["cluster"]["uuid"].as_str().unwrap_or_default();
            let named: Vec<Value> = credentials
                .into_iter()
                .flatten()
                .filter(|one| one["user_id"] == owner)
                .filter(|one| one["name"].as_str().is_some_and(|name| name.contains(uuid)))
                .map(|one| {
                    let id = one["id"].as_str().unwrap_or_default();
                    format!("/v3/users/{owner}/application_credentials/{id}").into()
                })
                .collect();
            let calls = ours["openstack_mutations"].as_array().into_iter().flatten();
            let asked: Vec<Value> = calls.map(|call| call["path"].clone()).collect();
            place.starts_with("openstack_mutations") && asked == named
        },
    },
    Rule {
        id: "a-credential-that-is-not-there",
        explains: |Difference {
                       place, line, ours, ..
                   }| {
            let reason = "notifications[0].payload.target.attachments[0].content.status_reason";
            *place == reason
                && line.contains(": null instead of \"Failed to delete application credential")
                && ours["trying"].is_null()
        },
    },
];
