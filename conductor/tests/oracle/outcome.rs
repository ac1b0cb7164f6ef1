//! What rules look at in a case, and in what came of it.

use serde_json::Value;

/// Whether the driver or helm fails in a case.
pub fn failing(case: &Value) -> bool {
    let fault = case["fault_injection"].as_str().unwrap_or_default();
    !case["driver"]["outcome"]["raise"].is_null()
        || !case["helm_outcome"]["raise"].is_null()
        || fault.starts_with("driver.")
}

/// Whether clusters were made or changed, and each holds what `test` says.
pub fn every_cluster(of: &Value, test: impl Fn(&Value) -> bool) -> bool {
    let mut rows = changed(of, "cluster").peekable();
    rows.peek().is_some() && rows.all(test)
}

/// The rows of a table that were made or changed, as far as they were.
pub fn changed<'a>(of: &'a Value, table: &str) -> impl Iterator<Item = &'a Value> {
    let rows = &of["db"][table];
    let created = rows["created"].as_array().into_iter().flatten();
    created.chain(
        rows["changed"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, row)| row),
    )
}

/// Whether a row says no more than that a rotation is done.
pub fn is_rotated(row: &Value) -> bool {
    let says = |(name, value): (&String, &Value)| match name.as_str() {
        "status" => value == "UPDATE_COMPLETE",
        "status_reason" => value.is_null(),
        _ => false,
    };
    row.as_object().is_some_and(|row| row.iter().all(says))
}

/// Whether every node group that was touched has failed, or had before, and tells why.
pub fn all_failed(ours: &Value) -> bool {
    let failed = |group: &Value| {
        let status = group["status"].as_str();
        status.is_some_and(|status| status.ends_with("_FAILED"))
    };
    changed(ours, "nodegroup").any(failed)
        && changed(ours, "nodegroup")
            .all(|group| (failed(group) || group["status"].is_null()) && group["status_reason"].is_string())
}

/// Whether rows say that something failed and why, and somebody was told; or that a step is tried again.
pub fn tells_of_failure(of: &Value) -> bool {
    let says = |row: &Value| {
        let failed = row["status"]
            .as_str()
            .is_none_or(|status| status.ends_with("_FAILED"));
        failed && row["status_reason"].is_string()
    };
    let rows = changed(of, "cluster").any(says) || changed(of, "nodegroup").any(says);
    of["trying"].is_string() || rows && outcomes(of).contains(&"failure")
}

/// Whether Keystone was asked for a new credential, once.
pub fn made_credential(of: &Value) -> bool {
    let calls = of["openstack_mutations"].as_array().into_iter().flatten();
    calls.filter(|call| call["method"] == "POST").count() == 1
}

/// Outcomes that were announced.
pub fn outcomes(of: &Value) -> Vec<&str> {
    let all = of["notifications"].as_array().into_iter().flatten();
    all.filter_map(|one| one["payload"]["outcome"].as_str()).collect()
}

pub fn method(case: &Value) -> &str {
    case["message"]["method"].as_str().unwrap_or_default()
}
