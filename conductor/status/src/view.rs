//! All objects of one cluster, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::capi::{
    Addon, Cluster, ControlPlane, HealthCheck, Infrastructure, Kind, Machine, MachineDeployment, Object,
};

/// Longest name that the chart gives to an object; what is longer is cut, and dashes at the cut dropped.
const NAME_LENGTH: usize = 63;

/// What the management cluster holds of one cluster.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Name of the release, which is the Cluster's name.
    pub release: String,
    /// Whether the management cluster has been read completely: if not, that something is missing means nothing.
    pub known: bool,
    /// The Cluster.
    pub cluster: Option<Arc<Cluster>>,
    /// Its control plane.
    pub control_plane: Option<Arc<ControlPlane>>,
    /// Its node groups, by name.
    pub deployments: BTreeMap<String, Arc<MachineDeployment>>,
    /// Its Machines, by name.
    pub machines: BTreeMap<String, Arc<Machine>>,
    /// Its health checks, by name.
    pub health_checks: BTreeMap<String, Arc<HealthCheck>>,
    /// Its OpenStackCluster.
    pub infra_cluster: Option<Arc<Infrastructure>>,
    /// Its OpenStackMachines, by name.
    pub infra_machines: BTreeMap<String, Arc<Infrastructure>>,
    /// Its OpenStackServers, by name (which is that of the OpenStackMachine).
    pub infra_servers: BTreeMap<String, Arc<Infrastructure>>,
    /// Its addons, by kind and name.
    pub addons: BTreeMap<(&'static str, String), Arc<Addon>>,
}

impl View {
    /// Puts the objects of a release together.
    pub fn new<'a>(release: &str, objects: impl IntoIterator<Item = (Kind, &'a Object)>) -> Self {
        let mut view = Self {
            release: release.to_owned(),
            known: true,
            ..Self::default()
        };
        let mut control_planes = BTreeMap::new();
        for (kind, object) in objects {
            let name = object.meta().name.clone();
            match object {
                Object::Cluster(cluster) => view.cluster = Some(Arc::clone(cluster)),
                Object::ControlPlane(control_plane) => {
                    control_planes.insert(name, Arc::clone(control_plane));
                }
                Object::MachineDeployment(deployment) => {
                    view.deployments.insert(name, Arc::clone(deployment));
                }
                Object::Machine(machine) => {
                    view.machines.insert(name, Arc::clone(machine));
                }
                Object::HealthCheck(check) => {
                    view.health_checks.insert(name, Arc::clone(check));
                }
                Object::Infrastructure(infrastructure) => {
                    let infrastructure = Arc::clone(infrastructure);
                    match kind {
                        Kind::InfraCluster => view.infra_cluster = Some(infrastructure),
                        Kind::InfraMachine => drop(view.infra_machines.insert(name, infrastructure)),
                        _ => drop(view.infra_servers.insert(name, infrastructure)),
                    }
                }
                Object::Addon(addon) => {
                    view.addons.insert((addon.kind, name), Arc::clone(addon));
                }
            }
        }
        view.control_plane = view.choose_control_plane(control_planes);
        view
    }

    /// The control plane that the Cluster refers to, else the one with the chart's name, else the only one.
    fn choose_control_plane(
        &self,
        mut found: BTreeMap<String, Arc<ControlPlane>>,
    ) -> Option<Arc<ControlPlane>> {
        let referred = self
            .cluster
            .as_ref()
            .and_then(|cluster| cluster.control_plane.clone());
        let wanted = referred.unwrap_or_else(|| component_name(&self.release, "control-plane"));
        found.remove(&wanted).or_else(|| {
            (found.len() == 1)
                .then(|| found.pop_first())?
                .map(|(_, only)| only)
        })
    }

    /// Whether nothing of the cluster is left but what Cluster API does not wait for either.
    pub fn is_gone(&self) -> bool {
        self.cluster.is_none()
            && self.control_plane.is_none()
            && self.deployments.is_empty()
            && self.machines.is_empty()
            && self.infra_cluster.is_none()
            && self.infra_machines.is_empty()
            && self.addons.is_empty()
    }

    /// The Machines of the control plane.
    pub fn control_plane_machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines
            .values()
            .map(Arc::as_ref)
            .filter(|machine| machine.is_control_plane)
    }

    /// The Machines of a node group: by the MachineDeployment's name, or, when that label is gone with its object, by
    /// the chart's label of the group.
    pub fn worker_machines<'a>(
        &'a self,
        deployment: &'a str,
        group: &'a str,
    ) -> impl Iterator<Item = &'a Machine> + 'a {
        self.machines.values().map(Arc::as_ref).filter(move |machine| {
            !machine.is_control_plane
                && match machine.deployment.as_deref() {
                    Some(name) => name == deployment,
                    None => machine
                        .meta
                        .node_group
                        .as_deref()
                        .is_some_and(|label| same_group(label, group)),
                }
        })
    }

    /// The MachineDeployment of a node group (its name as in the release): by the chart's label, which a chart may
    /// have cut, else by the object's name, which is cut where release and group together are too long.
    pub fn deployment(&self, group: &str) -> Option<&Arc<MachineDeployment>> {
        let labelled = |deployment: &&Arc<MachineDeployment>| {
            deployment
                .meta
                .node_group
                .as_deref()
                .is_some_and(|label| same_group(label, group))
        };
        self.deployments.values().find(labelled).or_else(|| {
            let named = self.deployments.get(&component_name(&self.release, group))?;
            named.meta.node_group.is_none().then_some(named)
        })
    }
}

/// Name of a component of a release, as the openstack-cluster chart cuts it.
pub fn component_name(release: &str, component: &str) -> String {
    cut(&format!("{release}-{component}"))
}

fn cut(name: &str) -> String {
    let end = name
        .char_indices()
        .nth(NAME_LENGTH)
        .map_or(name.len(), |(index, _)| index);
    name[..end].trim_end_matches('-').to_owned()
}

fn same_group(label: &str, group: &str) -> bool {
    label == group || label == cut(group)
}
