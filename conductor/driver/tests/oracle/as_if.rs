//! What Python cannot carry out: we do exactly what we do in a case beside it which both carry out alike.

use serde_json::{Value, json};

use crate::expect::Expected;
use crate::replay::{self, Outcome};
use crate::view::View;

/// Keys of a node group in the release that the autoscaler reads.
const SCALING: [&str; 3] = ["autoscale", "machineCountMin", "machineCountMax"];

/// Labels that are whole numbers.
const NUMBERS: [&str; 5] = [
    "boot_volume_size",
    "etcd_blockdevice_size",
    "etcd_volume_size",
    "min_node_count",
    "max_node_count",
];

/// Where labels and their defaults stand.
const LABELS: [&str; 4] = [
    "/cluster/labels",
    "/cluster_template/labels",
    "/new_cluster_template/labels",
    "/conf/capi_helm_cluster_labels",
];

/// Expects what we do where the case is as `mend` makes it.
pub fn as_if(view: &View<'_>, expected: &mut Expected, mend: impl FnOnce(&mut Value)) {
    let mut case = view.case.clone();
    mend(&mut case);
    let outcome = replay::replay(&case, view.common).expect("the same operation");
    expected.error = outcome.error;
    expected.module = "magnum.common.exception".into();
    expected.helm = outcome.helm;
    expected.k8s = outcome.k8s;
    expected.result = outcome.result;
}

/// The template that counts.
pub fn template(case: &mut Value) -> &mut Value {
    let name = if case["new_cluster_template"].is_null() {
        "cluster_template"
    } else {
        "new_cluster_template"
    };
    &mut case[name]
}

/// The rows of node groups.
pub fn groups(case: &mut Value) -> &mut Vec<Value> {
    case["nodegroups"].as_array_mut().expect("rows")
}

/// Node groups in a release.
fn released(expected: &mut Expected) -> impl Iterator<Item = &mut Value> {
    let release = expected.helm.as_mut();
    let groups = release.and_then(|helm| helm.pointer_mut("/values/nodeGroups")?.as_array_mut());
    groups.into_iter().flatten()
}

/// Expects what we do without the autoscaler, but for its bounds, which have to make sense: at least one node, and
/// fewer at least than at most.
pub fn as_if_not_scaled(view: &View<'_>, expected: &mut Expected, outcome: &Outcome) {
    as_if(view, expected, |case| {
        if !case["cluster"]["labels"].is_object() {
            case["cluster"]["labels"] = json!({});
        }
        case["cluster"]["labels"]["auto_scaling_enabled"] = "false".into();
    });
    let ours = outcome.helm.as_ref().map(|helm| &helm["values"]["nodeGroups"]);
    let ours = ours.and_then(Value::as_array).into_iter().flatten();
    for (group, ours) in released(expected).zip(ours) {
        let mut plain = ours.clone();
        let scaling = SCALING.map(|key| plain.as_object_mut().expect("a group").shift_remove(key));
        let sensible = match scaling {
            [None, None, None] => true,
            [Some(on), Some(min), Some(max)] => {
                on == "true" && min.as_i64() >= Some(1) && min.as_i64() < max.as_i64()
            }
            _ => false,
        };
        if sensible && plain == *group {
            *group = ours.clone();
        }
    }
}

/// Expects what we do where each group of `unset` has the lower bound that we take: its size, at least 1.
pub fn as_if_bounded(view: &View<'_>, expected: &mut Expected, unset: impl Fn(&Value) -> bool) {
    as_if(view, expected, |case| {
        let mut begins_with_none = false;
        for group in groups(case).iter_mut().filter(|group| unset(group)) {
            let size = group["node_count"].as_i64().unwrap_or(0).max(1);
            group["min_node_count"] = size.into();
            // The autoscaler cannot begin with none; the row still says so, see below.
            begins_with_none |= group["node_count"] == 0;
            group["node_count"] = size.into();
            if group["max_node_count"] == 0 {
                group["max_node_count"] = size.into();
            }
        }
        for place in LABELS.iter().filter(|_| begins_with_none) {
            if let Some(most) = case.pointer_mut(&format!("{place}/max_node_count"))
                && (*most == 0 || *most == "0")
            {
                *most = if most.is_string() { "1".into() } else { 1.into() };
            }
        }
    });
    let counts: Vec<Value> = view
        .workers()
        .iter()
        .filter(|group| group["status"] != "DELETE_IN_PROGRESS")
        .map(|group| group["node_count"].clone())
        .collect();
    for (group, count) in released(expected).zip(counts) {
        group["machineCount"] = count;
    }
}

/// Expects what we do where there is a default worker group, which is then not in the release.
pub fn as_if_with_default_worker(view: &View<'_>, expected: &mut Expected) {
    as_if(view, expected, |case| {
        let mut group = groups(case).first().expect("a group").clone();
        for (key, value) in [
            ("uuid", json!("00000000-0000-4000-8000-00000000dead")),
            ("name", json!("nobodys")),
            ("role", json!("worker")),
            ("is_default", json!(true)),
            ("status", json!("UPDATE_COMPLETE")),
            ("flavor_id", case["cluster"]["master_flavor_id"].clone()),
            ("min_node_count", json!(1)),
            ("node_count", json!(1)),
            ("max_node_count", Value::Null),
        ] {
            group[key] = value;
        }
        groups(case).push(group);
        // The labels are about the default group only.
        for place in LABELS {
            if let Some(labels) = case.pointer_mut(place).and_then(Value::as_object_mut) {
                labels.retain(|name, _| name != "min_node_count" && name != "max_node_count");
            }
        }
    });
    let release = expected.helm.as_mut();
    if let Some(groups) = release.and_then(|helm| helm.pointer_mut("/values/nodeGroups")?.as_array_mut()) {
        groups.retain(|group| group["name"] != "nobodys");
    }
}

/// Whether a label is a whole number that 64 bits do not hold.
pub fn is_beyond(label: &str, text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    NUMBERS.contains(&label)
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
}

/// Expects what we do without labels that are beyond 64 bits.
pub fn as_if_not_beyond(view: &View<'_>, expected: &mut Expected) {
    as_if(view, expected, |case| {
        for place in LABELS {
            if let Some(labels) = case.pointer_mut(place).and_then(Value::as_object_mut) {
                labels.retain(|label, text| !is_beyond(label, text.as_str().unwrap_or_default()));
            }
        }
    });
}
