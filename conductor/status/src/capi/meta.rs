//! What every object has: identity, generation, owner, and the labels that tell which cluster it belongs to.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::json;

/// Label that Cluster API puts on everything of a cluster.
pub const CLUSTER_NAME_LABEL: &str = "cluster.x-k8s.io/cluster-name";
/// Label that the openstack-cluster chart puts on its objects: the release name, cut at 63 characters.
pub const CHART_CLUSTER_LABEL: &str = "capi.stackhpc.com/cluster";
/// Label of the addon provider: the cluster that an addon is for.
pub const ADDON_CLUSTER_LABEL: &str = "addons.stackhpc.com/cluster";
/// Label of the chart on MachineDeployments and their Machines: the node group.
pub const NODE_GROUP_LABEL: &str = "capi.stackhpc.com/node-group";
/// Label of Cluster API on the Machines of a MachineDeployment.
pub const DEPLOYMENT_LABEL: &str = "cluster.x-k8s.io/deployment-name";
/// Label of Cluster API on control plane Machines (its value is empty).
pub const CONTROL_PLANE_LABEL: &str = "cluster.x-k8s.io/control-plane";

/// The parts of `metadata` that status derivation needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Uid given by the API server.
    pub uid: String,
    /// Counts changes of the spec.
    pub generation: i64,
    /// Opaque version of the whole object.
    pub resource_version: String,
    /// When it was created.
    pub created: Option<DateTime<Utc>>,
    /// When its deletion was asked for.
    pub deleting_since: Option<DateTime<Utc>>,
    /// Name of the Cluster that it belongs to, as labels (or the spec) tell.
    pub cluster: Option<String>,
    /// Node group by the chart's label.
    pub node_group: Option<String>,
    /// Kind and name of the owner (the controlling one if there is one).
    pub owner: Option<(String, String)>,
}

impl Meta {
    /// Reads `metadata`; the cluster's name comes from Cluster API's label, else the chart's, else the addon
    /// provider's, else `spec.clusterName`.
    pub(crate) fn read(object: &Value) -> Self {
        let meta = object.get("metadata").unwrap_or(&Value::Null);
        let label = |name: &str| json::string(meta, &["labels", name]);
        Self {
            namespace: json::string(meta, &["namespace"]).unwrap_or_default(),
            name: json::string(meta, &["name"]).unwrap_or_default(),
            uid: json::string(meta, &["uid"]).unwrap_or_default(),
            generation: json::integer(meta, &["generation"]).unwrap_or_default(),
            resource_version: json::string(meta, &["resourceVersion"]).unwrap_or_default(),
            created: json::time(meta, &["creationTimestamp"]),
            deleting_since: json::time(meta, &["deletionTimestamp"]),
            cluster: label(CLUSTER_NAME_LABEL)
                .or_else(|| label(CHART_CLUSTER_LABEL))
                .or_else(|| label(ADDON_CLUSTER_LABEL))
                .or_else(|| json::string(object, &["spec", "clusterName"])),
            node_group: label(NODE_GROUP_LABEL),
            owner: owner(meta),
        }
    }

    /// Whether its deletion was asked for.
    pub fn is_deleting(&self) -> bool {
        self.deleting_since.is_some()
    }

    /// The same but for the resource version, which changes without anything else that we read.
    pub(crate) fn same_but_version(&self, other: &Self) -> bool {
        let mut aligned = self.clone();
        aligned.resource_version.clone_from(&other.resource_version);
        aligned == *other
    }
}

fn owner(meta: &Value) -> Option<(String, String)> {
    let owners = json::array(meta, &["ownerReferences"]);
    let chosen = owners
        .iter()
        .find(|owner| json::boolean(owner, &["controller"]) == Some(true))
        .or_else(|| owners.first())?;
    Some((json::string(chosen, &["kind"])?, json::string(chosen, &["name"])?))
}
