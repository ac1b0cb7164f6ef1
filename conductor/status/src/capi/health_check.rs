//! `MachineHealthCheck` of `cluster.x-k8s.io`.

use serde_json::Value;

use super::{Meta, json};

/// What we read of a MachineHealthCheck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Identity.
    pub meta: Meta,
    /// Machines that it looks after.
    pub expected: Option<i64>,
    /// Those of them that are healthy.
    pub healthy: Option<i64>,
}

impl HealthCheck {
    pub(crate) fn read(object: &Value) -> Self {
        Self {
            meta: Meta::read(object),
            expected: json::integer(object, &["status", "expectedMachines"]),
            healthy: json::integer(object, &["status", "currentHealthy"]),
        }
    }
}
