//! Typed, tolerant views of Cluster API's objects, made from untyped JSON of either API version.
//!
//! Only what status derivation reads is kept. An absent or malformed field reads as "not there"; no object is refused.

mod addon;
mod cluster;
mod condition;
mod control_plane;
mod health_check;
mod infrastructure;
pub(crate) mod json;
mod machine;
mod machine_deployment;
mod meta;
mod replicas;

use std::sync::Arc;

use serde_json::Value;

pub use addon::{Addon, AddonState};
pub use cluster::Cluster;
pub use condition::{Condition, ConditionStatus, Conditions, Polarity, polarity};
pub use control_plane::ControlPlane;
pub use health_check::HealthCheck;
pub use infrastructure::Infrastructure;
pub use machine::Machine;
pub use machine_deployment::MachineDeployment;
pub use meta::{
    ADDON_CLUSTER_LABEL, CHART_CLUSTER_LABEL, CLUSTER_NAME_LABEL, CONTROL_PLANE_LABEL, DEPLOYMENT_LABEL,
    Meta, NODE_GROUP_LABEL,
};
pub use replicas::{Fleet, Replicas};

/// The kinds that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The cluster itself.
    Cluster,
    /// Its control plane.
    ControlPlane,
    /// A node group.
    MachineDeployment,
    /// A server that is to become a node.
    Machine,
    /// A rule by which broken Machines are replaced.
    HealthCheck,
    /// Network, router, load balancer of a cluster in OpenStack.
    InfraCluster,
    /// A Machine's server in OpenStack.
    InfraMachine,
    /// The server behind an OpenStackMachine; provider releases from 0.12 put create errors there.
    InfraServer,
    /// An addon installed by a Helm chart.
    HelmRelease,
    /// An addon of plain manifests.
    Manifests,
    /// An addon of Cluster API's own Helm provider.
    HelmChartProxy,
}

/// Where a kind is found in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Api {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name in paths.
    pub plural: &'static str,
    /// Versions that we can read, the best first.
    pub versions: &'static [&'static str],
    /// Whether a management cluster may do without it.
    pub optional: bool,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Cluster,
        Self::ControlPlane,
        Self::MachineDeployment,
        Self::Machine,
        Self::HealthCheck,
        Self::InfraCluster,
        Self::InfraMachine,
        Self::InfraServer,
        Self::HelmRelease,
        Self::Manifests,
        Self::HelmChartProxy,
    ];

    /// Where the kind is found.
    pub fn api(self) -> Api {
        const CORE: &str = "cluster.x-k8s.io";
        const INFRA: &str = "infrastructure.cluster.x-k8s.io";
        const ADDONS: &str = "addons.stackhpc.com";
        const BOTH: &[&str] = &["v1beta2", "v1beta1"];
        const ALPHA: &[&str] = &["v1alpha1"];
        let api = |group, kind, plural, versions, optional| Api {
            group,
            kind,
            plural,
            versions,
            optional,
        };
        match self {
            Self::Cluster => api(CORE, "Cluster", "clusters", BOTH, false),
            Self::ControlPlane => api(
                "controlplane.cluster.x-k8s.io",
                "KubeadmControlPlane",
                "kubeadmcontrolplanes",
                BOTH,
                false,
            ),
            Self::MachineDeployment => api(CORE, "MachineDeployment", "machinedeployments", BOTH, false),
            Self::Machine => api(CORE, "Machine", "machines", BOTH, false),
            Self::HealthCheck => api(CORE, "MachineHealthCheck", "machinehealthchecks", BOTH, true),
            Self::InfraCluster => api(INFRA, "OpenStackCluster", "openstackclusters", BOTH, false),
            Self::InfraMachine => api(INFRA, "OpenStackMachine", "openstackmachines", BOTH, false),
            Self::InfraServer => api(
                INFRA,
                "OpenStackServer",
                "openstackservers",
                &["v1beta2", "v1beta1", "v1alpha1"],
                true,
            ),
            Self::HelmRelease => api(ADDONS, "HelmRelease", "helmreleases", ALPHA, true),
            Self::Manifests => api(ADDONS, "Manifests", "manifests", ALPHA, true),
            Self::HelmChartProxy => api(
                "addons.cluster.x-k8s.io",
                "HelmChartProxy",
                "helmchartproxies",
                ALPHA,
                true,
            ),
        }
    }

    /// The kind with this group (of `group/version`) and kind name.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::ALL
            .into_iter()
            .find(|known| known.api().group == group && known.api().kind == kind)
    }
}

/// One object of a watched kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A Cluster.
    Cluster(Arc<Cluster>),
    /// A KubeadmControlPlane.
    ControlPlane(Arc<ControlPlane>),
    /// A MachineDeployment.
    MachineDeployment(Arc<MachineDeployment>),
    /// A Machine.
    Machine(Arc<Machine>),
    /// A MachineHealthCheck.
    HealthCheck(Arc<HealthCheck>),
    /// An OpenStackCluster, OpenStackMachine or OpenStackServer.
    Infrastructure(Arc<Infrastructure>),
    /// A HelmRelease, Manifests or HelmChartProxy.
    Addon(Arc<Addon>),
}

impl Object {
    /// Reads an object as the API server sent it in `api_version`.
    pub fn read(kind: Kind, api_version: &str, object: &Value) -> Self {
        let modern = is_modern(api_version);
        match kind {
            Kind::Cluster => Self::Cluster(Arc::new(Cluster::read(object, modern))),
            Kind::ControlPlane => Self::ControlPlane(Arc::new(ControlPlane::read(object, modern))),
            Kind::MachineDeployment => {
                Self::MachineDeployment(Arc::new(MachineDeployment::read(object, modern)))
            }
            Kind::Machine => Self::Machine(Arc::new(Machine::read(object, modern))),
            Kind::HealthCheck => Self::HealthCheck(Arc::new(HealthCheck::read(object))),
            Kind::InfraCluster | Kind::InfraMachine | Kind::InfraServer => {
                Self::Infrastructure(Arc::new(Infrastructure::read(object, modern)))
            }
            Kind::HelmRelease | Kind::Manifests | Kind::HelmChartProxy => {
                Self::Addon(Arc::new(Addon::read(object, modern, kind.api().kind)))
            }
        }
    }

    /// Identity of the object.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Cluster(object) => &object.meta,
            Self::ControlPlane(object) => &object.meta,
            Self::MachineDeployment(object) => &object.meta,
            Self::Machine(object) => &object.meta,
            Self::HealthCheck(object) => &object.meta,
            Self::Infrastructure(object) => &object.meta,
            Self::Addon(object) => &object.meta,
        }
    }

    fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Self::Cluster(object) => &mut Arc::make_mut(object).meta,
            Self::ControlPlane(object) => &mut Arc::make_mut(object).meta,
            Self::MachineDeployment(object) => &mut Arc::make_mut(object).meta,
            Self::Machine(object) => &mut Arc::make_mut(object).meta,
            Self::HealthCheck(object) => &mut Arc::make_mut(object).meta,
            Self::Infrastructure(object) => &mut Arc::make_mut(object).meta,
            Self::Addon(object) => &mut Arc::make_mut(object).meta,
        }
    }

    /// Whether nothing that we read differs but the resource version.
    pub(crate) fn same_but_version(&self, other: &Self) -> bool {
        if !self.meta().same_but_version(other.meta()) {
            return false;
        }
        let mut aligned = self.clone();
        aligned
            .meta_mut()
            .resource_version
            .clone_from(&other.meta().resource_version);
        aligned == *other
    }
}

/// Whether conditions of an API version are in the new style: from v1beta2 on.
fn is_modern(api_version: &str) -> bool {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    !(version.starts_with("v1alpha") || version == "v1beta1")
}

/// Whether the controller has seen the current spec. A controller that never writes `observedGeneration` has not.
fn observed(object: &Value, meta: &Meta) -> bool {
    json::integer(object, &["status", "observedGeneration"]).unwrap_or(0) >= meta.generation
}

/// Failure text of the old contract, wherever it stands.
fn failure(object: &Value) -> Option<String> {
    let read = |path: &[&str]| json::string(object, path);
    read(&["status", "failureMessage"])
        .or_else(|| read(&["status", "deprecated", "v1beta1", "failureMessage"]))
        .or_else(|| read(&["status", "failureReason"]))
        .or_else(|| read(&["status", "deprecated", "v1beta1", "failureReason"]))
}
