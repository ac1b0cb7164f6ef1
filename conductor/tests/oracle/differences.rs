//! The rules behind the file of differences: which places of which cases each explains.

use oracle::{Difference, Rule};
use serde_json::{Value, json};

use crate::outcome::{
    all_failed, changed, every_cluster, failing, is_rotated, made_credential, method, outcomes,
    tells_of_failure,
};

/// Names of all rules.
pub fn ids() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

/// Each entry of the file.
pub const RULES: &[Rule] = &[
    Rule {
        id: "answered-before-the-work",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            // What the driver itself refuses in an upgrade leaves Python's rows alone.
            let refused =
                case["driver"]["outcome"]["raise"] == "not-supported" && method(case) == "cluster_upgrade";
            // A rotation needs no release, and a row that somebody deletes tells nobody anything.
            let is_not_asked = case["driver"]["kind"] == "fake" && method(case) == "credential_rotate";
            let is_gone = case["fault_injection"]
                .as_str()
                .is_some_and(|fault| fault.contains("deletes the cluster row"));
            failing(case)
                && ours["reply"]["failure"].is_null()
                && (tells_of_failure(ours) || is_not_asked && made_credential(ours) || is_gone)
                && (place.starts_with("reply") || refused && all_failed(ours))
        },
    },
    Rule {
        id: "when-it-was-changed",
        explains: |Difference { place, line, .. }| {
            place.ends_with(".updated_at") && (line.contains(": \"20") || line.contains(": null instead of"))
        },
    },
    Rule {
        id: "as-in-the-row",
        explains: |Difference { place, line, .. }| {
            place.starts_with("reply.result")
                && (place.ends_with(".health_status_reason") || place.ends_with(".labels"))
                && line.contains(": {} instead of null")
        },
    },
    Rule {
        id: "no-template-in-replies",
        explains: |Difference { place, line, .. }| {
            *place == "reply.result.magnum_object.data.cluster_template"
                && line.contains(": \"(absent)\" instead of")
        },
    },
    Rule {
        id: "ca-rotation-refused-first",
        explains: |Difference { case, ours, .. }| {
            method(case) == "rotate_ca_certificate"
                && ours["db"] == json!({})
                && ours["reply"]["failure"]["class"] == "NotSupported"
        },
    },
    Rule {
        id: "refused-requests-are-answered",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            method(case) == "sign_certificate"
                && theirs["reply"]["failure"]["no_reply_sent"] == true
                && !ours["reply"]["failure"].is_null()
        },
    },
    Rule {
        id: "groups-go-with-their-cluster",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            method(case) == "cluster_delete"
                && place.starts_with("db.nodegroup")
                && line.contains("DELETE_IN_PROGRESS")
        },
    },
    Rule {
        id: "a-changing-group-says-so",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            place.starts_with("db.nodegroup")
                && (line.contains("\"UPDATE_IN_PROGRESS\"") || line.contains("\"DELETE_IN_PROGRESS\""))
                && line.contains("instead of \"(absent)\"")
                && method(case) != "cluster_delete"
        },
    },
    Rule {
        id: "what-the-real-driver-writes",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            let outcome = &case["driver"]["outcome"];
            let sets_status = ["cluster_set", "nodegroup_set"]
                .iter()
                .any(|set| outcome[*set]["status"].is_string());
            case["driver"]["kind"] == "fake"
                && (place.ends_with(".stack_id")
                    || place.ends_with(".cluster_template_id")
                    || sets_status && place.ends_with(".status")
                    || *place == "db.cluster"
                        && method(case) == "credential_rotate"
                        && every_cluster(ours, is_rotated))
        },
    },
    Rule {
        id: "failures-are-told",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            method(case).starts_with("nodegroup_")
                && *place == "notifications"
                && theirs["notifications"] == json!([])
                && ours["notifications"]
                    .as_array()
                    .is_some_and(|all| all.iter().all(|one| one["priority"] == "ERROR"))
        },
    },
    Rule {
        id: "the-cause-not-the-command",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            let ours = line.split(" instead of ").next().unwrap_or_default();
            !case["helm_outcome"]["raise"].is_null()
                && place.ends_with(".status_reason")
                && ours.contains(": \"")
                && !ours.contains("Command: ")
        },
    },
    Rule {
        id: "nothing-changes-in-what-goes",
        explains: |Difference { case, ours, .. }| {
            method(case).starts_with("nodegroup_")
                && case["rows"]["cluster"][0]["status"]
                    .as_str()
                    .is_some_and(|status| status == "DELETE_IN_PROGRESS" || status == "DELETE_COMPLETE")
                && ours["db"] == json!({})
                && ours["reply"]["failure"]["class"] == "NotSupported"
        },
    },
    Rule {
        id: "reasons-of-before-are-cleared",
        explains: |Difference { place, line, .. }| {
            let alone = line.contains(":{\"status_reason\":null}}} instead of \"(absent)\"");
            place.ends_with(".status_reason") && line.contains(": null instead of \"(absent)\"")
                || *place == "db.cluster" && alone
        },
    },
    Rule {
        id: "update-failed-is-no-trap",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            case["rows"]["cluster"][0]["status"] == "UPDATE_FAILED"
                && ["cluster_update", "cluster_upgrade"].contains(&method(case))
                && theirs["reply"]["failure"]["class"] == "NotSupported"
                && ours["reply"]["failure"].is_null()
                && every_cluster(ours, |row| {
                    row["status"] == "UPDATE_IN_PROGRESS" || failing(case) && row["status_reason"].is_string()
                })
        },
    },
    Rule {
        id: "refused-before-anything-is-written",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            method(case).starts_with("nodegroup_")
                && !ours["reply"]["failure"].is_null()
                && ours["reply"]["failure"]["class"] == theirs["reply"]["failure"]["class"]
                && ours["db"] == json!({})
                && (*place == "db.cluster" || *place == "db.nodegroup")
        },
    },
    Rule {
        id: "a-failed-deletion-says-so",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            method(case) == "cluster_delete"
                && place.starts_with("notifications[1]")
                && (place.ends_with(".status") && line.contains(": \"DELETE_FAILED\"")
                    || place.ends_with(".status_reason") && line.contains(": \""))
        },
    },
    Rule {
        id: "credentials-where-it-helps",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            let text = theirs["reply"]["failure"]["message"].as_str().unwrap_or_default();
            let refused = ours["reply"]["failure"]["class"] == "NotSupported" && ours["db"] == json!({});
            let allowed = case["rows"]["cluster"][0]["status"]
                .as_str()
                .is_some_and(|status| status.starts_with("CREATE_"));
            method(case) == "credential_rotate"
                && text.starts_with("magnum.conductor.handlers.credential_conductor")
                && (refused || allowed && ours["reply"]["failure"].is_null() && made_credential(ours))
        },
    },
    Rule {
        id: "failed-groups-say-so",
        explains: |Difference { place, ours, .. }| {
            let part = ["status", "status_reason"].iter().any(|end| place.ends_with(end));
            let whole = *place == "db.nodegroup"
                || place.starts_with("db.nodegroup.changed.") && place.matches('.').count() == 3;
            place.starts_with("db.nodegroup") && (part || whole) && all_failed(ours)
        },
    },
    Rule {
        id: "a-failed-cluster-says-why",
        explains: |Difference {
                       case,
                       place,
                       line,
                       ours,
                       ..
                   }| {
            let was_failed = case["rows"]["cluster"][0]["status"] == "UPDATE_FAILED";
            let reason = place.starts_with("db.cluster.changed") && place.ends_with(".status_reason");
            line.ends_with("instead of \"(absent)\"")
                && (reason || *place == "db.cluster" && was_failed)
                && every_cluster(ours, |row| {
                    row["status_reason"].is_string()
                        && (row["status"] == "UPDATE_FAILED" || was_failed && row["status"].is_null())
                })
        },
    },
    Rule {
        id: "the-groups-own-status",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            let refused = |of: &Value| {
                let text = of["reply"]["failure"]["message"].as_str().unwrap_or_default();
                text.contains("when nodegroup status is")
                    && of["db"].as_object().is_none_or(|db| db.is_empty())
            };
            method(case).starts_with("nodegroup_")
                && place.starts_with("reply.failure")
                && refused(ours)
                && refused(theirs)
        },
    },
    Rule {
        id: "errors-in-words",
        explains: |Difference {
                       place, ours, theirs, ..
                   }| {
            let text = theirs["reply"]["failure"]["message"].as_str().unwrap_or_default();
            let flavor = ours["reply"]["failure"]["class"] == "FlavorNotFound"
                && text.contains("does not have enough RAM");
            let raw = theirs["reply"]["failure"]["module"] != "magnum.common.exception";
            (place.starts_with("reply.failure.") || place.ends_with(".status_reason"))
                && !theirs["reply"]["failure"].is_null()
                && ours["reply"]["failure"]["module"] == "magnum.common.exception"
                && (flavor || raw || text.contains("Client Error for url"))
        },
    },
    Rule {
        id: "a-refused-creation-leaves-nothing",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            method(case) == "cluster_create"
                && !ours["reply"]["failure"].is_null()
                && (*place == "db.x509keypair" || place.ends_with("cert_ref"))
                && every_cluster(ours, |row| row["status"] == "CREATE_FAILED")
        },
    },
    Rule {
        id: "a-refused-creation-ends",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            method(case) == "cluster_create"
                && !ours["reply"]["failure"].is_null()
                && !theirs["reply"]["failure"].is_null()
                && every_cluster(theirs, |row| row["status"] == "CREATE_IN_PROGRESS")
                && every_cluster(ours, |row| {
                    row["status"] == "CREATE_FAILED" && row["status_reason"].is_string()
                })
                && (place.starts_with("db.cluster.created[0].status")
                    || place.starts_with("db.nodegroup")
                    || *place == "notifications" && outcomes(ours) == ["pending", "failure"])
        },
    },
    Rule {
        id: "announced-before-it-fails",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            method(case) == "cluster_create"
                && *place == "notifications"
                && outcomes(theirs) == ["failure"]
                && outcomes(ours) == ["pending", "failure"]
        },
    },
    Rule {
        id: "autoscaling-without-a-limit",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            let text = theirs["reply"]["failure"]["message"].as_str().unwrap_or_default();
            case["driver"]["kind"] == "real"
                && text.starts_with("Min node count must be greater than or equal to 1")
                && ours["reply"]["failure"].is_null()
                && every_cluster(ours, |row| row["status"] == "CREATE_IN_PROGRESS")
        },
    },
    Rule {
        id: "nothing-to-wait-for",
        explains: |Difference { case, ours, .. }| {
            method(case) == "cluster_delete"
                && case["rows"]["cluster"][0]["stack_id"].is_null()
                && outcomes(ours) == ["pending", "success"]
                && ours["db"]["cluster"]["deleted"].is_array()
        },
    },
    Rule {
        id: "a-deletion-needs-no-template",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            method(case) == "cluster_delete"
                && theirs["reply"]["failure"]["class"] == "ClusterTemplateNotFound"
                && every_cluster(ours, |row| row["status"] == "DELETE_IN_PROGRESS")
                && ours["reply"]["failure"].is_null()
        },
    },
    Rule {
        id: "a-refused-upgrade-changes-nothing",
        explains: |Difference {
                       case,
                       place,
                       ours,
                       theirs,
                       ..
                   }| {
            method(case) == "cluster_upgrade"
                && !ours["reply"]["failure"].is_null()
                && !theirs["reply"]["failure"].is_null()
                && ours["db"]["nodegroup"].is_null()
                && changed(ours, "cluster").all(|row| row["status"].is_null())
                && (place.starts_with("db.") || place.ends_with(".status"))
        },
    },
    Rule {
        id: "a-failed-upgrade-goes-back",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            method(case) == "cluster_upgrade"
                && place.ends_with(".cluster_template_id")
                && every_cluster(ours, |row| row["status"] == "UPDATE_FAILED")
        },
    },
    Rule {
        id: "what-the-real-driver-refuses",
        explains: |Difference { case, ours, .. }| {
            let failure = &ours["reply"]["failure"];
            let nothing_begun = changed(ours, "cluster").all(|row| {
                row["status"]
                    .as_str()
                    .is_none_or(|status| status.ends_with("_FAILED"))
                    && row["status_reason"].is_string()
            });
            case["driver"]["kind"] == "fake"
                && nothing_begun
                && (failure["message"] == "No flavor is set for node group default-master."
                    || failure["class"] == "MasterNGSizeInvalid")
        },
    },
    Rule {
        id: "groups-name-their-release",
        explains: |Difference {
                       place, line, ours, ..
                   }| {
            place.ends_with(".stack_id")
                && line.ends_with("instead of null")
                && ours["db"]["nodegroup"]["created"]
                    .as_array()
                    .is_some_and(|groups| groups.iter().all(|group| group["stack_id"].is_string()))
        },
    },
    Rule {
        id: "a-cluster-in-the-making-stays-so",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            method(case).starts_with("nodegroup_")
                && *place == "db.cluster"
                && case["rows"]["cluster"][0]["status"] == "CREATE_IN_PROGRESS"
                && ours["db"]["cluster"].is_null()
        },
    },
    Rule {
        id: "a-deletion-changes-nothing-else",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            method(case) == "nodegroup_delete"
                && place.starts_with("db.nodegroup.changed")
                && place.ends_with("_node_count")
                && all_failed(ours)
        },
    },
    Rule {
        id: "a-name-is-a-text",
        explains: |Difference {
                       case, place, line, ..
                   }| {
            method(case) == "cluster_create"
                && place.ends_with(".name")
                && line.contains(": \"\" instead of ")
        },
    },
    Rule {
        id: "a-refused-rotation-changes-nothing",
        explains: |Difference {
                       case, ours, theirs, ..
                   }| {
            method(case) == "credential_rotate"
                && !theirs["reply"]["failure"].is_null()
                && !ours["reply"]["failure"].is_null()
                && ours["db"] == json!({})
        },
    },
];
