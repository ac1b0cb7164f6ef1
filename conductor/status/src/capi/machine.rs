//! `Machine` of `cluster.x-k8s.io`: one server that is to become a node.

use serde_json::Value;

use super::meta::{CONTROL_PLANE_LABEL, DEPLOYMENT_LABEL};
use super::{Conditions, Meta, json};

/// What we read of a Machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Identity.
    pub meta: Meta,
    /// Conditions in both styles.
    pub conditions: Conditions,
    /// Whether it is one of the control plane.
    pub is_control_plane: bool,
    /// Its MachineDeployment, for a worker.
    pub deployment: Option<String>,
    /// `status.phase`; `Failed` is not used any more.
    pub phase: Option<String>,
    /// Version asked for, with the `v`.
    pub version: Option<String>,
    /// Name of its infrastructure machine.
    pub infrastructure: Option<String>,
    /// Name of its node, once that has registered.
    pub node: Option<String>,
    /// Container runtime of the node, as `containerd://1.7.20`.
    pub container_runtime: Option<String>,
    /// Type and address, as `InternalIP`.
    pub addresses: Vec<(String, String)>,
    /// Failure text of the old contract: nothing retries after it.
    pub failure: Option<String>,
}

impl Machine {
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let meta = Meta::read(object);
        let labels = json::at(object, &["metadata", "labels"]);
        let address = |value: &Value| {
            Some((
                json::string(value, &["type"])?,
                json::string(value, &["address"])?,
            ))
        };
        Self {
            conditions: Conditions::read(object, modern),
            is_control_plane: labels.is_some_and(|labels| labels.get(CONTROL_PLANE_LABEL).is_some()),
            deployment: labels.and_then(|labels| json::string(labels, &[DEPLOYMENT_LABEL])),
            phase: json::string(object, &["status", "phase"]),
            version: json::string(object, &["spec", "version"]),
            infrastructure: json::string(object, &["spec", "infrastructureRef", "name"]),
            node: json::string(object, &["status", "nodeRef", "name"]),
            container_runtime: json::string(object, &["status", "nodeInfo", "containerRuntimeVersion"]),
            addresses: json::array(object, &["status", "addresses"])
                .iter()
                .filter_map(address)
                .collect(),
            failure: super::failure(object),
            meta,
        }
    }

    /// Whether its node is there and Ready: by condition `NodeHealthy`, which both contracts have.
    pub fn node_is_ready(&self) -> bool {
        self.node.is_some() && self.conditions.is_true("NodeHealthy")
    }

    /// The address at which the node is best reached: external if it has one, else internal.
    pub fn address(&self) -> Option<&str> {
        ["ExternalIP", "InternalIP"].into_iter().find_map(|wanted| {
            self.addresses
                .iter()
                .find(|(kind, _)| kind == wanted)
                .map(|(_, address)| address.as_str())
        })
    }
}
