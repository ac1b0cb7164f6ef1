//! What is refused before anything is touched.

use conductor_config::Settings;
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, NodeGroup};
use semver::Version;

use crate::error::DriverError;
use crate::facts::{Facts, FlavorNeed, Needs};
use crate::labels::Labels;
use crate::limits::Limits;
use crate::names;
use crate::values::{in_release, nodegroup_names};

/// What a user asked for, as far as the checks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// A new cluster.
    CreateCluster,
    /// A change of the cluster or the size of one of its groups.
    UpdateCluster,
    /// A new template for the cluster.
    UpgradeCluster,
    /// A new node group, by UUID.
    CreateNodegroup(&'a str),
    /// A change of a node group, by UUID.
    UpdateNodegroup(&'a str),
    /// The end of a node group.
    DeleteNodegroup,
}

/// The rows that an operation is about, as they are to be.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Template; for an upgrade the new one.
    pub template: &'a ClusterTemplate,
    /// Cluster.
    pub cluster: &'a Cluster,
    /// All node groups of the cluster, oldest first.
    pub groups: &'a [NodeGroup],
}

impl<'a> Rows<'a> {
    /// Flavors that `operation` checks, in Python's order; groups that are being deleted are of no concern.
    fn flavors(&self, operation: Operation<'_>) -> Vec<FlavorNeed> {
        let need = |nodegroup: &str, flavor: &Option<String>| FlavorNeed {
            nodegroup: nodegroup.to_owned(),
            flavor: flavor.clone(),
        };
        let staying = self
            .groups
            .iter()
            .filter(|group| group.status != Some(ClusterStatus::DeleteInProgress));
        let all = staying.map(|group| need(&group.name, &group.flavor_id));
        match operation {
            Operation::CreateCluster => {
                let master = need("default-master", &self.cluster.master_flavor_id);
                std::iter::once(master).chain(all).collect()
            }
            Operation::UpgradeCluster => all.collect(),
            Operation::CreateNodegroup(uuid) | Operation::UpdateNodegroup(uuid) => {
                let target = self.groups.iter().filter(|group| group.uuid == uuid);
                target.map(|group| need(&group.name, &group.flavor_id)).collect()
            }
            Operation::UpdateCluster | Operation::DeleteNodegroup => Vec::new(),
        }
    }

    /// What has to be looked up in the cloud for `operation`.
    pub fn needs(&self, operation: Operation<'_>) -> Needs {
        Needs {
            image: self.template.image_id.clone(),
            template: self
                .template
                .name
                .clone()
                .unwrap_or_else(|| self.template.uuid.clone()),
            fixed_network: self.cluster.fixed_network.clone(),
            fixed_subnet: self.cluster.fixed_subnet.clone(),
            external_network: self.template.external_network_id.clone(),
            flavors: self.flavors(operation),
        }
    }
}

/// Checks what rows and facts tell before the operation begins; flavors were checked when the facts were drawn.
///
/// Node group names and versions are beyond what the Python driver checks: there a short name or a downgrade makes
/// every later change of the cluster fail.
pub fn check(
    settings: &Settings,
    operation: Operation<'_>,
    rows: Rows<'_>,
    facts: &Facts,
) -> Result<(), DriverError> {
    if operation == Operation::UpgradeCluster {
        upgrade(rows.cluster.coe_version.as_deref(), &facts.kube_version)?;
    }
    if let Operation::CreateNodegroup(uuid) = operation
        && let Some(group) = rows.groups.iter().find(|group| group.uuid == uuid)
    {
        nodegroup_name(rows.groups, group)?;
    }
    node_counts(settings, operation, rows)
}

/// Limits of the autoscaler, if it is on: the group in question first, then the others.
///
/// Deleting a group is not held up by another group's limits.
fn node_counts(settings: &Settings, operation: Operation<'_>, rows: Rows<'_>) -> Result<(), DriverError> {
    let default = settings.capi_helm_cluster_labels.auto_scaling_enabled;
    let autoscaling = Labels::of(rows.template, rows.cluster).bool("auto_scaling_enabled", default);
    if !autoscaling || operation == Operation::DeleteNodegroup {
        return Ok(());
    }
    let target = match operation {
        Operation::CreateNodegroup(uuid) | Operation::UpdateNodegroup(uuid) => uuid,
        _ => "",
    };
    let (first, rest): (Vec<_>, Vec<_>) = rows.groups.iter().partition(|group| group.uuid == target);
    for group in first.into_iter().chain(rest).filter(|group| in_release(group)) {
        Limits::of(settings, rows.template, rows.cluster, rows.groups, group).check()?;
    }
    Ok(())
}

/// A control plane has an odd number of nodes, at least one.
pub fn master_size(node_count: i64) -> Result<(), DriverError> {
    if node_count < 1 || node_count % 2 == 0 {
        return Err(DriverError::MasterSize {
            requested_size: node_count,
        });
    }
    Ok(())
}

/// A new group's name has to be usable, and another than those of the other groups once it is a Kubernetes name.
pub fn nodegroup_name(groups: &[NodeGroup], group: &NodeGroup) -> Result<(), DriverError> {
    let refuse = |message: String| Err(DriverError::NodeGroupInvalidInput { message });
    if group.name.chars().count() < names::NODEGROUP_NAME_MIN {
        let minimum = names::NODEGROUP_NAME_MIN;
        return refuse(format!(
            "Node group name {} is too short: {minimum} characters at least.",
            group.name
        ));
    }
    let plain = names::sanitized(&group.name, None).unwrap_or_default();
    let others: Vec<_> = groups
        .iter()
        .filter(|other| other.uuid != group.uuid)
        .cloned()
        .collect();
    let taken = nodegroup_names(&others);
    match others.iter().find(|other| taken.get(&other.uuid) == Some(&plain)) {
        Some(other) => refuse(format!(
            "Node group name {} cannot be told apart from {} in Kubernetes: both become {plain}.",
            group.name, other.name
        )),
        None => Ok(()),
    }
}

/// Kubernetes is never downgraded, and upgraded by one minor version at most.
///
/// `from` is what the cluster runs as far as it is known; versions that are none are left to Cluster API to judge.
pub fn upgrade(from: Option<&str>, to: &str) -> Result<(), DriverError> {
    let Some(from_text) = from.filter(|from| !from.is_empty()) else {
        return Ok(());
    };
    let parse = |text: &str| Version::parse(text.trim().trim_start_matches('v')).ok();
    let (Some(from), Some(target)) = (parse(from_text), parse(to)) else {
        return Ok(());
    };
    if target.cmp_precedence(&from).is_lt() {
        return Err(DriverError::Downgrade {
            from: from.to_string(),
            to: to.to_owned(),
        });
    }
    if target.major != from.major || target.minor > from.minor + 1 {
        return Err(DriverError::UpgradeSkips {
            from: from.to_string(),
            to: to.to_owned(),
        });
    }
    Ok(())
}
