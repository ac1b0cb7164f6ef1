//! The rules behind the file of differences in statuses.

use conductor_status::derive;
use oracle::{Difference, Rule};
use serde_json::{Value, json};

use crate::status;

/// What differs in the heartbeat.
pub const HEARTBEAT: &str = "a-report-that-was-deleted";

/// Names of all rules.
pub fn ids() -> Vec<&'static str> {
    let rules = RULES.iter().map(|rule| rule.id);
    rules.chain([HEARTBEAT]).collect()
}

fn status(case: &Value) -> &str {
    case["cluster"]["status"].as_str().unwrap_or("None")
}

/// Whether we look after clusters in the case's status.
fn is_looked_after(case: &Value) -> bool {
    derive::is_looked_after(status(case).parse().ok())
}

/// Whether nothing is written.
fn untouched(ours: &Value) -> bool {
    let none = |part: &Value| part.as_object().is_none_or(|part| part.is_empty());
    let empty = |part: &Value| part.as_array().is_none_or(Vec::is_empty);
    none(&ours["cluster"]) && none(&ours["groups"]) && empty(&ours["gone"]) && empty(&ours["told"])
}

/// Whether an object holds what the API server would not have stored.
fn is_odd(case: &Value) -> bool {
    let mut plain = case.clone();
    mend(&mut plain);
    plain != *case
}

/// Takes away what the API server would not have stored: nulls for maps and lists, conditions without type or status,
/// endpoints without host or port, no spec, no version.
fn mend(case: &mut Value) {
    let objects = case["k8s_objects"].as_array_mut().into_iter().flatten();
    for object in objects.filter(|object| object["kind"] != "Secret") {
        let object = object.as_object_mut().unwrap();
        object.retain(|name, value| name != "status" || !value.is_null());
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.retain(|name, value| name != "conditions" || !value.is_null());
            if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
                conditions.retain(|one| one["type"].is_string() && one["status"].is_string());
            }
        }
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if kind != "Cluster" && kind != "KubeadmControlPlane" {
            continue;
        }
        let running = object
            .get("status")
            .map_or(Value::Null, |status| status["version"].clone());
        let spec = object.entry("spec").or_insert_with(|| json!({}));
        if !spec.is_object() {
            *spec = json!({});
        }
        // As if it asked for what it runs.
        if kind == "KubeadmControlPlane" && !spec["version"].is_string() {
            spec["version"] = running;
        }
        let endpoint = &spec["controlPlaneEndpoint"];
        if endpoint.is_object() && !(endpoint["host"].is_string() && endpoint["port"].is_i64()) {
            spec.as_object_mut().unwrap().shift_remove("controlPlaneEndpoint");
        }
    }
}

/// What we make of a case that is changed so.
fn outcome_without(case: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut case = case.clone();
    change(&mut case);
    status::outcome(&case)
}

/// Each entry of the file.
pub const RULES: &[Rule] = &[
    Rule {
        id: "a-reason-at-any-time",
        explains: |Difference {
                       place, line, ours, ..
                   }| {
            let only_reason = |row: &Value| {
                row.as_object()
                    .is_some_and(|row| row.len() == 1 && row.contains_key("status_reason"))
            };
            let group = place.strip_prefix(".groups.");
            let none_before = ["\"(absent)\"", "null"]
                .iter()
                .any(|end| line.ends_with(&format!("instead of {end}")));
            place.ends_with(".status_reason") && line.contains(": \"") && none_before
                || group.is_some_and(|uuid| {
                    only_reason(&ours["groups"][uuid]) && line.ends_with("instead of \"(absent)\"")
                })
        },
    },
    Rule {
        id: "told-when-it-changes",
        explains: |Difference {
                       place, ours, theirs, ..
                   }| {
            *place == ".told"
                && ours["told"] == Value::Array(Vec::new())
                && ours["cluster"]["status"].is_null()
                && theirs["cluster"]["status"].is_null()
                && theirs["deleted"] == Value::Array(Vec::new())
        },
    },
    Rule {
        id: "statuses-of-other-drivers",
        explains: |Difference { case, ours, .. }| {
            !is_looked_after(case) && status(case) != "DELETE_COMPLETE" && untouched(ours)
        },
    },
    Rule {
        id: "a-deletion-is-an-operation",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            let parts = [".deleted", ".gone", ".told", ".error", ".cluster.coe_version"];
            status(case).starts_with("DELETE_")
                && (parts.contains(place) || place.starts_with(".groups"))
                && ours["cluster"]["status"].is_null()
                && ours["groups"] == Value::Object(serde_json::Map::new())
                && ours["gone"] == Value::Array(Vec::new())
        },
    },
    Rule {
        id: "a-server-that-fails",
        explains: |Difference {
                       case, theirs, ours, ..
                   }| {
            let faults = case["k8s_faults"].as_array().into_iter().flatten();
            let (broken, odd): (Vec<_>, Vec<_>) = faults.partition(|fault| fault["status"] != 200);
            // A list without pages is complete.
            let complete = || **ours == outcome_without(case, |case| case["k8s_faults"] = json!([]));
            !broken.is_empty() && untouched(ours)
                || broken.is_empty() && !odd.is_empty() && theirs["error"].is_string() && complete()
        },
    },
    Rule {
        id: "another-drivers-cluster",
        explains: |Difference {
                       place, ours, theirs, ..
                   }| {
            *place == ".error"
                && untouched(ours)
                && theirs["error"]
                    .as_str()
                    .is_some_and(|error| error.ends_with("NotSupported"))
        },
    },
    Rule {
        id: "what-kubernetes-does-not-accept",
        explains: |Difference { case, ours, .. }| is_odd(case) && **ours == outcome_without(case, mend),
    },
    Rule {
        id: "an-address-that-works",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            *place == ".cluster.api_address"
                && (line.ends_with("instead of \"https://:0\"")
                    || line.contains(": \"https://[")
                    || status(case).ends_with("_FAILED") && line.contains(": \"https://"))
        },
    },
    Rule {
        id: "complete-when-the-nodes-are-there",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            let cluster = place.starts_with(".cluster.status") || *place == ".told";
            // The cluster waits for its groups, and a group for its nodes, whatever the phase is called.
            let ends = |status: &str| status.ends_with("_COMPLETE") || status.ends_with("_FAILED");
            let waits = ours["cluster"]["status"].is_null() && ours["cluster"]["status_reason"].is_string();
            nodes_are_missing(case)
                && (cluster && waits && theirs["cluster"]["status"].as_str().is_some_and(ends)
                    || place.starts_with(".groups.") && group_waits(place, ours, theirs))
        },
    },
    Rule {
        id: "the-version-that-ran",
        explains: |Difference { place, line, .. }| {
            *place == ".cluster.coe_version" && line.ends_with("\"(absent)\" instead of null")
        },
    },
    Rule {
        id: "addons-of-every-kind",
        explains: |Difference {
                       place, ours, theirs, ..
                   }| {
            let reason = ours["cluster"]["status_reason"].as_str().unwrap_or_default();
            (*place == ".cluster.status" || place.starts_with(".told"))
                && reason.starts_with("Addon failed: ")
                && theirs["cluster"]["status"] != ours["cluster"]["status"]
        },
    },
    Rule {
        id: "a-release-name-with-two-dashes",
        explains: |Difference { case, ours, .. }| {
            let text = case.to_string();
            let name = case["cluster"]["stack_id"].as_str();
            let plain = || serde_json::from_str(&text.replace("--", "-")).unwrap();
            name.is_some_and(|name| name.contains("--"))
                && !untouched(ours)
                && **ours == status::outcome(&plain())
        },
    },
    Rule {
        id: "a-group-that-is-nobodys",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            let ours_alone = |group: &Value| match group["status"].as_str() {
                None => true,
                Some(status) => status.starts_with("ROLLBACK") || status.starts_with("RESUME"),
            };
            (*place == ".cluster.status" || *place == ".told" || *place == ".error")
                && case["nodegroups"]
                    .as_array()
                    .is_some_and(|groups| groups.iter().any(ours_alone))
                && ours["cluster"]["status"]
                    .as_str()
                    .is_some_and(|status| status.ends_with("_COMPLETE"))
        },
    },
    Rule {
        id: "what-is-there-without-its-cluster",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            let objects = case["k8s_objects"].as_array().into_iter().flatten();
            let mut clusters = objects.filter(|object| object["kind"] == "Cluster");
            clusters.next().is_none()
                && ours["cluster"]["status"].is_null()
                && (*place == ".gone" || *place == ".cluster.coe_version" || place.starts_with(".groups."))
        },
    },
    Rule {
        id: "a-failure-of-an-operation-stays",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            let uuid = place.strip_prefix(".groups.").unwrap_or_default();
            let mut groups = case["nodegroups"].as_array().into_iter().flatten();
            let ends =
                |status: &Value, end: &str| status.as_str().is_some_and(|status| status.ends_with(end));
            groups.any(|group| {
                group["uuid"] == uuid && ends(&group["status"], "_FAILED") && group["status_reason"].is_null()
            }) && status(case).ends_with("_COMPLETE")
                && ours["groups"][uuid].is_null()
                && ends(&theirs["groups"][uuid]["status"], "_COMPLETE")
        },
    },
];

/// Whether the objects do not show all nodes that the rows ask for: a node group without its MachineDeployment, or one
/// that is not Running or counts fewer, a control plane that counts otherwise, or a Machine without a node.
fn nodes_are_missing(case: &Value) -> bool {
    let objects = case["k8s_objects"].as_array().unwrap();
    let of_kind = |kind: &str| {
        objects
            .iter()
            .filter(move |object| object["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let (control_planes, deployments) = (of_kind("KubeadmControlPlane"), of_kind("MachineDeployment"));
    let waiting = of_kind("Machine");
    let mut groups = case["nodegroups"].as_array().into_iter().flatten();
    let without_node = waiting
        .iter()
        .any(|machine| machine["status"]["nodeRef"].is_null());
    without_node
        || groups.any(|group| {
            let counts = |status: &Value, names: &[&str]| {
                names.iter().all(|name| status[*name] == group["node_count"])
            };
            if group["role"] == "master" {
                let all = ["replicas", "updatedReplicas", "readyReplicas"];
                return !control_planes
                    .iter()
                    .any(|object| counts(&object["status"], &all));
            }
            let name = group["name"].as_str().unwrap_or_default();
            let found = deployments.iter().find(|object| {
                object["metadata"]["name"]
                    .as_str()
                    .is_some_and(|found| found.ends_with(name))
            });
            found.is_none_or(|object| {
                let status = &object["status"];
                let mut told = ["replicas", "readyReplicas"]
                    .iter()
                    .filter(|name| !status[**name].is_null());
                status["phase"] != "Running" || told.any(|name| !counts(status, &[name]))
            })
        })
}

/// Whether a group of ours still waits, or has failed before, where Python goes by a phase.
fn group_waits(place: &str, ours: &Value, theirs: &Value) -> bool {
    let uuid = place.split('.').nth(2).unwrap_or_default();
    let (ours, theirs) = (&ours["groups"][uuid], &theirs["groups"][uuid]);
    theirs["status"].is_string() && ours["status"].is_null()
}
