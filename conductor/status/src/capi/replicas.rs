//! What a controller of several Machines (control plane or MachineDeployment) wants and has.

use serde_json::Value;

use super::{Meta, json};

/// Counts of Machines.
///
/// The new contract has `upToDateReplicas` and `availableReplicas`, at `status` or, in an object that was read in the
/// old version, at `status.v1beta2`; the old one has `updatedReplicas`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replicas {
    /// `spec.replicas`.
    pub wanted: Option<i64>,
    /// Machines that exist, old ones included.
    pub current: Option<i64>,
    /// Machines made from the current spec.
    pub up_to_date: Option<i64>,
    /// Machines that are ready.
    pub ready: Option<i64>,
    /// Machines that have been ready for long enough.
    pub available: Option<i64>,
}

impl Replicas {
    pub(crate) fn read(object: &Value) -> Self {
        let status = |names: &[&[&str]]| {
            names.iter().find_map(|path| {
                let full: Vec<&str> = std::iter::once("status").chain(path.iter().copied()).collect();
                json::integer(object, &full)
            })
        };
        Self {
            wanted: json::integer(object, &["spec", "replicas"]),
            current: status(&[&["replicas"]]),
            up_to_date: status(&[
                &["upToDateReplicas"],
                &["v1beta2", "upToDateReplicas"],
                &["updatedReplicas"],
                &["deprecated", "v1beta1", "updatedReplicas"],
            ]),
            ready: status(&[&["v1beta2", "readyReplicas"], &["readyReplicas"]]),
            available: status(&[&["v1beta2", "availableReplicas"], &["availableReplicas"]]),
        }
    }

    /// How many Machines are wanted; Cluster API's default is one.
    pub fn desired(&self) -> i64 {
        self.wanted.unwrap_or(1)
    }

    /// Whether as many Machines exist as are wanted and all are made from the current spec. Absent counts are zero:
    /// that is how the old contract writes zero.
    pub fn rolled_out(&self) -> bool {
        let desired = self.desired();
        self.current.unwrap_or(0) == desired && self.up_to_date.unwrap_or(0) == desired
    }

    /// Whether all wanted Machines are ready and, where that is counted, available.
    pub fn all_ready(&self) -> bool {
        let desired = self.desired();
        self.ready.unwrap_or(0) == desired && self.available.is_none_or(|available| available >= desired)
    }
}

/// What a set of Machines has in common: who wants how many of which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Wanted and actual counts.
    pub replicas: Replicas,
    /// Version asked for, with the `v`.
    pub version: Option<String>,
    /// Name of the machine template of the infrastructure provider.
    pub template: Option<String>,
    /// Whether the controller has seen the current spec.
    pub observed: bool,
    /// Whether the cluster autoscaler may change `spec.replicas`.
    pub autoscaled: bool,
}

impl Fleet {
    pub(crate) fn read(object: &Value, meta: &Meta, version: &[&str], template: &[&[&str]]) -> Self {
        Self {
            replicas: Replicas::read(object),
            version: json::string(object, version),
            template: template.iter().find_map(|path| json::string(object, path)),
            observed: super::observed(object, meta),
            autoscaled: json::text(
                object,
                &[
                    "metadata",
                    "annotations",
                    "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size",
                ],
            )
            .is_some(),
        }
    }
}
