//! `KubeadmControlPlane` of `controlplane.cluster.x-k8s.io`.

use serde_json::Value;

use super::{Conditions, Fleet, Meta, json};

/// What we read of a KubeadmControlPlane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlane {
    /// Identity.
    pub meta: Meta,
    /// Conditions in both styles.
    pub conditions: Conditions,
    /// Machines wanted and there.
    pub fleet: Fleet,
    /// `status.version`: the lowest version among the control plane's Machines.
    pub running_version: Option<String>,
    /// Failure text of the old contract.
    pub failure: Option<String>,
}

impl ControlPlane {
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let meta = Meta::read(object);
        let fleet = Fleet::read(
            object,
            &meta,
            &["spec", "version"],
            &[
                &["spec", "machineTemplate", "spec", "infrastructureRef", "name"],
                &["spec", "machineTemplate", "infrastructureRef", "name"],
            ],
        );
        Self {
            conditions: Conditions::read(object, modern),
            fleet,
            running_version: json::string(object, &["status", "version"]),
            failure: super::failure(object),
            meta,
        }
    }
}
