//! Patches, as Helm 3.17 makes them: strategic for built-in kinds, JSON merge for all others.

mod heal;
mod merge;
mod strategic;

use serde_json::Value;

pub(crate) use heal::heal;
pub(crate) use merge::{apply, between, combine};
pub(crate) use strategic::three_way;

/// Groups whose kinds client-go knows; their objects are patched strategically.
const BUILT_IN: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Whether objects of a group are patched strategically. v1beta1 CRDs are not (`createPatch`).
pub(crate) fn is_built_in(group: &str, version: &str) -> bool {
    BUILT_IN.contains(&group) && !(group == "apiextensions.k8s.io" && version == "v1beta1")
}

/// Equality in which 1 and 1.0 are the same and keys have no order.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
