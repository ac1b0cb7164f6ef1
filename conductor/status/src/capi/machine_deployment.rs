//! `MachineDeployment` of `cluster.x-k8s.io`: one node group.

use serde_json::Value;

use super::{Conditions, Fleet, Meta, json};

/// What we read of a MachineDeployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDeployment {
    /// Identity.
    pub meta: Meta,
    /// Conditions in both styles.
    pub conditions: Conditions,
    /// Machines wanted and there.
    pub fleet: Fleet,
    /// `status.phase`. `Running` means that as many Machine objects exist as are wanted, no more.
    pub phase: Option<String>,
}

impl MachineDeployment {
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let meta = Meta::read(object);
        let fleet = Fleet::read(
            object,
            &meta,
            &["spec", "template", "spec", "version"],
            &[&["spec", "template", "spec", "infrastructureRef", "name"]],
        );
        Self {
            conditions: Conditions::read(object, modern),
            fleet,
            phase: json::string(object, &["status", "phase"]),
            meta,
        }
    }
}
