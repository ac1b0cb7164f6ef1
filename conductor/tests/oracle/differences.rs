//! The rules behind the file of differences: which places of which cases each explains.

use serde_json::{Value, json};

/// What a rule judges: a case, the place of a difference and its text, our outcome and the recorded one.
struct Difference<'a> {
    case: &'a Value,
    place: &'a str,
    line: &'a str,
    ours: &'a Value,
    theirs: &'a Value,
}

/// A difference on purpose.
struct Rule {
    id: &'static str,
    explains: fn(&Difference<'_>) -> bool,
}

/// The rules that explain the differences that were found, and the differences that none explains.
pub fn explain(
    case: &Value,
    ours: &Value,
    theirs: &Value,
    found: &[String],
) -> (Vec<&'static str>, Vec<String>) {
    let (mut rules, mut rest) = (Vec::new(), Vec::new());
    for line in found {
        let place = line.split(": ").next().unwrap_or_default();
        let difference = Difference {
            case,
            place,
            line,
            ours,
            theirs,
        };
        match RULES.iter().find(|rule| (rule.explains)(&difference)) {
            Some(rule) => rules.push(rule.id),
            None => rest.push(line.clone()),
        }
    }
    rules.dedup();
    (rules, rest)
}

/// Names of all rules.
pub fn ids() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

/// Whether the driver or helm fails in a case.
fn failing(case: &Value) -> bool {
    !case["driver"]["outcome"]["raise"].is_null() || !case["helm_outcome"]["raise"].is_null()
}

fn method(case: &Value) -> &str {
    case["message"]["method"].as_str().unwrap_or_default()
}

const RULES: &[Rule] = &[
    Rule {
        id: "answered-before-the-work",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            failing(case) && (place.starts_with("reply") && ours["reply"]["failure"].is_null())
        },
    },
    Rule {
        id: "when-it-was-changed",
        explains: |Difference { place, .. }| place.ends_with(".updated_at"),
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
        explains: |Difference { place, .. }| *place == "reply.result.magnum_object.data.cluster_template",
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
        explains: |Difference { case, place, .. }| {
            case["driver"]["kind"] == "fake"
                && (place.ends_with(".stack_id") || place.ends_with(".cluster_template_id"))
        },
    },
    Rule {
        id: "default-of-the-column",
        explains: |Difference { place, line, .. }| {
            place.ends_with(".min_node_count") && line.contains(": 0 instead of null")
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
        explains: |Difference { case, place, .. }| {
            !case["helm_outcome"]["raise"].is_null() && place.ends_with(".status_reason")
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
            place.ends_with(".status_reason") && line.contains(": null instead of \"(absent)\"")
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
        },
    },
    Rule {
        id: "a-name-that-is-taken",
        explains: |Difference {
                       case, place, ours, ..
                   }| {
            method(case) == "nodegroup_create"
                && ours["reply"]["failure"]["class"] == "NodeGroupAlreadyExists"
                && ours["db"] == json!({})
                && *place == "db.cluster"
        },
    },
    Rule {
        id: "a-failed-deletion-says-so",
        explains: |Difference { case, place, .. }| {
            method(case) == "cluster_delete"
                && place.starts_with("notifications[1]")
                && (place.ends_with(".status") || place.ends_with(".status_reason"))
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
                && (refused || allowed && ours["reply"]["failure"].is_null())
        },
    },
];
