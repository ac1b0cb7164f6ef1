//! Health of a cluster as Cluster API sees it; texts as magnum-capi-helm `capi_monitor.py`.

use indexmap::IndexMap;
use magnum_objects::HealthStatus;
use magnum_objects::exception::python_repr;

use super::groups::Names;
use super::{ClusterState, NodeGroupState};
use crate::capi::{Condition, Conditions};
use crate::view::View;

const READY: &str = "Ready";

/// What is said of an application credential that Keystone refuses.
const DEAD_CREDENTIAL: &str =
    "Refused by Keystone. Rotate it, or change the cluster in any way: that brings a new one.";

/// Health and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Healthy when all parts are.
    pub status: HealthStatus,
    /// `cluster`, `infrastructure`, `controlplane`, `nodegroup`: "Ready", or what is wrong; `application_credential`
    /// only where it is dead, which Python does not look at.
    pub reason: IndexMap<String, String>,
}

/// The health of a cluster; none for one that has no release yet.
pub fn health(
    cluster: &ClusterState,
    nodegroups: &[NodeGroupState],
    view: &View,
    dead_credential: bool,
) -> Option<Health> {
    cluster.release.as_ref()?;
    let parts = [
        of_cluster(view),
        of_infrastructure(view),
        of_control_plane(view),
        of_nodegroups(nodegroups, view),
    ];
    let status = if parts.iter().all(|part| part == READY) && !dead_credential {
        HealthStatus::Healthy
    } else {
        HealthStatus::Unhealthy
    };
    let names = ["cluster", "infrastructure", "controlplane", "nodegroup"].map(str::to_owned);
    let mut reason: IndexMap<String, String> = names.into_iter().zip(parts).collect();
    if dead_credential {
        reason.insert("application_credential".to_owned(), DEAD_CREDENTIAL.to_owned());
    }
    Some(Health { status, reason })
}

fn of_cluster(view: &View) -> String {
    match &view.cluster {
        Some(cluster) => waiting(&cluster.conditions, "Waiting on"),
        None => "Cluster resource not found.".to_owned(),
    }
}

fn of_infrastructure(view: &View) -> String {
    let Some(infra) = &view.infra_cluster else {
        return "Infrastructure resource not found.".to_owned();
    };
    match (&infra.failure_reason, infra.ready) {
        (Some(reason), _) => format!(
            "{reason}: {}",
            infra.failure_message.as_deref().unwrap_or_default()
        ),
        (None, false) => "Infrastructure not ready.".to_owned(),
        (None, true) => READY.to_owned(),
    }
}

fn of_control_plane(view: &View) -> String {
    match &view.control_plane {
        Some(control_plane) => waiting(&control_plane.conditions, "Waiting on"),
        None => "Control plane resource not found.".to_owned(),
    }
}

fn of_nodegroups(nodegroups: &[NodeGroupState], view: &View) -> String {
    let names = Names::new(nodegroups);
    let mut reasons = Vec::new();
    for group in nodegroups.iter().filter(|group| !group.is_master) {
        let name = &group.name;
        let deployment = names
            .of(group, view)
            .and_then(|in_release| view.deployment(&in_release));
        match deployment {
            None => reasons.push(format!("{name} resource not found.")),
            Some(deployment) => {
                let text = waiting(&deployment.conditions, "waiting on");
                if text != READY {
                    reasons.push(format!("{name} {text}"));
                }
            }
        }
    }
    if reasons.is_empty() {
        READY.to_owned()
    } else {
        reasons.join(",")
    }
}

/// "Ready", or the types of the conditions that are not as they should be, as Python writes a list.
fn waiting(conditions: &Conditions, verb: &str) -> String {
    let bad = conditions.unhealthy();
    if bad.is_empty() {
        return READY.to_owned();
    }
    // A condition without a type is `None` to Python.
    let name = |condition: &Condition| match condition.kind.as_str() {
        "" => "None".to_owned(),
        kind => python_repr(kind),
    };
    let names: Vec<String> = bad.into_iter().map(name).collect();
    format!("{verb} [{}]", names.join(", "))
}
