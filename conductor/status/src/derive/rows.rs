//! The rows, as far as status derivation reads and writes them.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use magnum_objects::{ClusterStatus, HealthStatus};

/// A cluster's row.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterState {
    /// UUID of the cluster.
    pub uuid: String,
    /// Name of its release (`stack_id`); none before its creation has begun.
    pub release: Option<String>,
    /// Where it stands.
    pub status: Option<ClusterStatus>,
    /// Why, for people.
    pub status_reason: Option<String>,
    /// URL of the workload API server.
    pub api_address: Option<String>,
    /// Kubernetes version that runs.
    pub coe_version: Option<String>,
    /// Version of the container runtime.
    pub container_version: Option<String>,
    /// Health as far as Cluster API knows it.
    pub health_status: Option<HealthStatus>,
    /// Health in detail: `cluster`, `infrastructure`, `controlplane`, `nodegroup`.
    pub health_status_reason: Option<IndexMap<String, String>>,
    /// Minutes that creation may take.
    pub create_timeout: Option<i64>,
    /// When the row was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// A node group's row.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeGroupState {
    /// UUID of the group.
    pub uuid: String,
    /// Name that the user gave.
    pub name: String,
    /// Whether it is the control plane.
    pub is_master: bool,
    /// Whether it was made with the cluster and goes only with it.
    pub is_default: bool,
    /// Nodes wanted.
    pub node_count: i64,
    /// Addresses of its nodes.
    pub node_addresses: Vec<String>,
    /// Where it stands.
    pub status: Option<ClusterStatus>,
    /// Why, for people.
    pub status_reason: Option<String>,
}

/// What the rows ask for, and what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The cluster.
    pub cluster: ClusterState,
    /// Its node groups, in the order of their creation.
    pub nodegroups: Vec<NodeGroupState>,
}

/// What the rows should say: equal to [`Desired`] where nothing is to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The cluster.
    pub cluster: ClusterState,
    /// Its node groups, in the same order; those that are gone as well.
    pub nodegroups: Vec<NodeGroupState>,
    /// UUIDs of node groups whose deletion is done: their rows are to go.
    pub gone: Vec<String>,
    /// When something will have taken too long; look again then.
    pub next_deadline: Option<DateTime<Utc>>,
}

impl Derived {
    /// Nothing to change.
    pub fn unchanged(desired: &Desired) -> Self {
        Self {
            cluster: desired.cluster.clone(),
            nodegroups: desired.nodegroups.clone(),
            gone: Vec::new(),
            next_deadline: None,
        }
    }

    /// Whether rows differ from what they say now.
    pub fn changes(&self, desired: &Desired) -> bool {
        self.cluster != desired.cluster || self.nodegroups != desired.nodegroups || !self.gone.is_empty()
    }

    /// Whether the cluster or a node group is in progress.
    pub fn is_in_progress(&self) -> bool {
        let in_progress = |status: Option<ClusterStatus>| status.is_some_and(ClusterStatus::is_in_progress);
        in_progress(self.cluster.status)
            || self
                .nodegroups
                .iter()
                .any(|group| in_progress(group.status) && !self.gone.contains(&group.uuid))
    }
}
