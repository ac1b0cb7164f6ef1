//! What a failed revision left behind in custom resources.
//!
//! Helm patches a custom resource from the old manifest to the new one without a look at the live object, so
//! what a failed revision changed stays changed for ever. After a failed revision we look: a field that the
//! chart sets and that differs is put right if the failed revision put that value there, or if nobody but
//! Helm has written it since. What others wrote (an autoscaler's `replicas`) is left alone.
//! A failed revision may be followed by one that Helm calls deployed and that mended nothing, because its
//! patches were empty. Such a failure is looked at as well, as long as its record is there; but since then
//! somebody may have chosen the failed revision's value on purpose, so only what nobody but Helm wrote is
//! put right.

use serde_json::{Map, Value};

use super::same;
use crate::api::FIELD_MANAGER;

/// The merge patch that puts `live` right; None if nothing is wrong. `failed` are the same object in the
/// manifests of the failed revisions. `since_deployed` says whether none was deployed after those.
pub(crate) fn heal(new: &Value, live: &Value, failed: &[&Value], since_deployed: bool) -> Option<Value> {
    let owners = Owners::of(live, since_deployed);
    let mut patch = Map::new();
    for section in new.as_object()?.keys() {
        if matches!(section.as_str(), "apiVersion" | "kind" | "status") {
            continue;
        }
        let failed: Vec<&Value> = failed.iter().filter_map(|failed| failed.get(section)).collect();
        let (wanted, found) = (&new[section.as_str()], live.get(section).unwrap_or(&Value::Null));
        let mut path = vec![section.as_str()];
        if let Some(change) = differences(wanted, found, &failed, &owners, &mut path) {
            patch.insert(section.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn differences<'p>(
    new: &'p Value,
    live: &Value,
    failed: &[&'p Value],
    owners: &Owners<'_>,
    path: &mut Vec<&'p str>,
) -> Option<Value> {
    let (Value::Object(wanted), Value::Object(found)) = (new, live) else {
        if covers(new, live) {
            return None;
        }
        let by_failed = failed.iter().any(|failed| covers(failed, live));
        let ours = by_failed && owners.trusted || owners.only_helm(path);
        return ours.then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in wanted {
        let failed_here: Vec<&Value> = failed.iter().filter_map(|failed| failed.get(key)).collect();
        path.push(key);
        let change = match found.get(key) {
            Some(found) => differences(value, found, &failed_here, owners, path),
            // A failed revision without the field has removed it.
            None => (failed_here.len() < failed.len()).then(|| value.clone()),
        };
        path.pop();
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    for (key, value) in failed.iter().filter_map(|failed| failed.as_object()).flatten() {
        if !wanted.contains_key(key) && found.get(key).is_some_and(|found| covers(value, found)) {
            path.push(key);
            if owners.trusted || owners.only_helm(path) {
                patch.insert(key.clone(), Value::Null);
            }
            path.pop();
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Whether `live` has everything that `wanted` has; what the API server filled in besides does not count.
fn covers(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            wanted.iter().all(|(key, value)| match live.get(key) {
                Some(live) => covers(value, live),
                None => value.is_null(),
            })
        }
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len() && wanted.iter().zip(live).all(|(wanted, live)| covers(wanted, live))
        }
        // API servers rewrite durations: 1h comes back as 1h0m0s.
        (Value::String(wanted), Value::String(live)) if wanted != live => {
            matches!((duration(wanted), duration(live)), (Some(a), Some(b)) if a == b)
        }
        (wanted, live) => same(wanted, live),
    }
}

/// Seconds of a duration made of hours, minutes and seconds.
fn duration(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let factor = match rest[end..].chars().next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[end + 1..];
    }
    (!text.is_empty()).then_some(total)
}

/// Who wrote which field, by `metadata.managedFields`.
struct Owners<'a> {
    /// Whether each is Helm's, and its fields.
    entries: Vec<(bool, &'a Value)>,
    /// What has a failed revision's value has it from that revision.
    trusted: bool,
}

impl<'a> Owners<'a> {
    fn of(live: &'a Value, trusted: bool) -> Self {
        let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
        Self {
            entries: entries
                .map(|entry| (entry["manager"] == FIELD_MANAGER, &entry["fieldsV1"]))
                .collect(),
            trusted,
        }
    }

    /// Whether Helm wrote the field last, and nobody else did.
    fn only_helm(&self, path: &[&str]) -> bool {
        let mut helm = false;
        for (is_helm, fields) in &self.entries {
            let has = path
                .iter()
                .try_fold(*fields, |fields, key| fields.get(format!("f:{key}")))
                .is_some();
            match (has, is_helm) {
                (true, true) => helm = true,
                (true, false) => return false,
                (false, _) => {}
            }
        }
        helm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(version: &str, replicas: i64) -> Value {
        json!({"spec": {"replicas": replicas, "template": {"spec": {"version": version}}}})
    }

    #[test]
    fn a_half_done_upgrade_is_taken_back() {
        let (new, failed) = (deployment("v1.30.4", 2), deployment("v1.33.0", 2));
        let patch = heal(&new, &deployment("v1.33.0", 2), &[&failed], true);
        assert_eq!(
            patch,
            Some(json!({"spec": {"template": {"spec": {"version": "v1.30.4"}}}}))
        );
        assert_eq!(heal(&new, &deployment("v1.30.4", 2), &[&failed], true), None);
    }

    #[test]
    fn what_others_wrote_is_left_alone() {
        let (new, failed) = (deployment("v1", 2), deployment("v1", 2));
        let mut live = deployment("v1", 7);
        live["metadata"] = json!({"managedFields": [
            {"manager": "helm", "fieldsV1": {"f:spec": {"f:template": {}}}},
            {"manager": "cluster-autoscaler", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]});
        assert_eq!(heal(&new, &live, &[&failed], true), None);
        // The same difference, but Helm wrote it: a revision whose record is gone.
        live["metadata"]["managedFields"] =
            json!([{"manager": "helm", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
        assert_eq!(
            heal(&new, &live, &[&failed], true),
            Some(json!({"spec": {"replicas": 2}}))
        );
    }

    #[test]
    fn fields_that_came_or_went_with_the_failed_revision() {
        let new = json!({"spec": {"a": 1}});
        let failed = json!({"spec": {"b": 2}});
        let live = json!({"spec": {"b": 2, "defaulted": true}});
        assert_eq!(
            heal(&new, &live, &[&failed], true),
            Some(json!({"spec": {"a": 1, "b": null}}))
        );
    }

    #[test]
    fn durations_written_differently_are_no_difference() {
        let (new, mut live) = (
            json!({"spec": {"a": "1h", "b": "20m"}}),
            json!({"spec": {"a": "1h0m0s", "b": "19m"}}),
        );
        live["metadata"] =
            json!({"managedFields": [{"manager": "helm", "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}}]});
        assert_eq!(heal(&new, &live, &[], true), Some(json!({"spec": {"b": "20m"}})));
    }

    #[test]
    fn defaults_filled_in_by_the_api_server_are_no_difference() {
        let new = json!({"spec": {"list": [{"name": "a"}], "n": null}});
        let live = json!({"spec": {"list": [{"name": "a", "protocol": "TCP"}], "n2": 1}});
        assert_eq!(heal(&new, &live, &[&new], true), None);
    }

    #[test]
    fn a_failure_before_what_is_deployed_counts_where_only_helm_wrote() {
        let (new, failed) = (deployment("v1.30.4", 2), deployment("v1.33.0", 5));
        let mut live = failed.clone();
        live["spec"]["extra"] = json!(1);
        let mut failed = failed;
        failed["spec"]["extra"] = json!(1);
        live["metadata"] = json!({"managedFields": [
            {"manager": "helm", "fieldsV1": {"f:spec": {
                "f:extra": {}, "f:template": {"f:spec": {"f:version": {}}}}}},
            {"manager": "cluster-autoscaler", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]});
        let version = json!({"template": {"spec": {"version": "v1.30.4"}}, "extra": null});
        assert_eq!(
            heal(&new, &live, &[&failed], false),
            Some(json!({"spec": version}))
        );
        live["metadata"]["managedFields"][0]["manager"] = json!("kubectl-edit");
        assert_eq!(heal(&new, &live, &[&failed], false), None);
    }
}
