//! Node groups: the control plane and the MachineDeployments.

use std::collections::HashMap;

use conductor_driver::names::{self, NodeGroupName};
use magnum_objects::ClusterStatus;

use super::blocking::Blocking;
use super::fleet::{self, FleetCheck};
use super::{Derived, NodeGroupState, Progress, Rules, completed, may_recover};
use crate::capi::{Conditions, ControlPlane, Fleet, Machine};
use crate::view::{View, component_name};

/// What the management cluster shows of one node group.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupCheck {
    /// Whether nothing of it is there.
    pub(super) gone: bool,
    /// Whether what was asked for has been carried out, be all nodes well or not.
    pub(super) rolled_out: bool,
    /// Whether it is what was asked for.
    pub(super) ready: bool,
    /// What stands in the way.
    pub(super) blocking: Blocking,
    /// Nodes that the autoscaler wants, where it may.
    autoscaled: Option<i64>,
    /// Addresses of its nodes, ordered by name.
    addresses: Vec<String>,
}

impl GroupCheck {
    /// Of a group of which nothing is known but what it waits for.
    pub(super) fn waiting(reason: &str) -> Self {
        let blocking = Blocking {
            errors: Vec::new(),
            waits: vec![reason.to_owned()],
        };
        Self {
            blocking,
            ..Self::default()
        }
    }
}

/// Names of the worker groups in the release, by UUID.
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn new(groups: &[NodeGroupState]) -> Self {
        let workers: Vec<NodeGroupName<'_>> = groups
            .iter()
            .filter(|group| !group.is_master)
            .map(|group| NodeGroupName {
                uuid: &group.uuid,
                name: &group.name,
            })
            .collect();
        Self(names::nodegroups(&workers))
    }

    /// What the group is called in the management cluster. One whose own name was not good enough for us may be there
    /// under it all the same, from an older driver, unless that is the name of another group.
    pub(super) fn of(&self, group: &NodeGroupState, view: &View) -> Option<String> {
        let name = self.0.get(&group.uuid)?;
        let plain = names::sanitized(&group.name, None).unwrap_or_default();
        let is_free = || !plain.is_empty() && !self.0.values().any(|other| *other == plain);
        if view.deployment(name).is_none() && is_free() && view.deployment(&plain).is_some() {
            return Some(plain);
        }
        Some(name.clone())
    }
}

/// Looks at every node group, in the order of the rows.
pub(super) fn check(derived: &Derived, view: &View, rules: &Rules) -> Vec<GroupCheck> {
    let names = Names::new(&derived.nodegroups);
    derived
        .nodegroups
        .iter()
        .map(|group| match names.of(group, view) {
            Some(name) => still_there(group, &name, worker(group, &name, view)),
            None => control_plane(group, view, rules),
        })
        .collect()
}

fn control_plane(group: &NodeGroupState, view: &View, rules: &Rules) -> GroupCheck {
    const KIND: &str = "KubeadmControlPlane";
    let machines: Vec<&Machine> = view.control_plane_machines().collect();
    let Some(object) = &view.control_plane else {
        return absent(KIND, &component_name(&view.release, "control-plane"), &machines);
    };
    let mut check = fleet::check(
        KIND,
        &object.meta,
        &object.fleet,
        &object.conditions,
        &machines,
        view,
    );
    if let Some(failure) = &object.failure {
        check.blocking.error(KIND, &object.meta.name, failure);
    }
    for (kind, text) in missing_conditions(object, rules) {
        check.ready = false;
        check
            .blocking
            .wait(KIND, &object.meta.name, &format!("{kind}: {text}"));
    }
    finished(group, KIND, &object.meta.name, &object.fleet, check, &machines)
}

fn worker(group: &NodeGroupState, name: &str, view: &View) -> GroupCheck {
    const KIND: &str = "MachineDeployment";
    let cut_name = component_name(&view.release, name);
    let Some(object) = view.deployment(name) else {
        let machines: Vec<&Machine> = view.worker_machines(&cut_name, name).collect();
        return absent(KIND, &cut_name, &machines);
    };
    let machines: Vec<&Machine> = view.worker_machines(&object.meta.name, name).collect();
    let check = fleet::check(
        KIND,
        &object.meta,
        &object.fleet,
        &object.conditions,
        &machines,
        view,
    );
    finished(group, KIND, &object.meta.name, &object.fleet, check, &machines)
}

/// A group that is to go waits for that, however well its nodes are.
fn still_there(group: &NodeGroupState, name: &str, mut check: GroupCheck) -> GroupCheck {
    if group.status == Some(ClusterStatus::DeleteInProgress) && !check.gone && check.blocking.is_empty() {
        check.blocking.wait("Node group", name, "still there");
    }
    check
}

/// A group whose object is not there; when it was deleted, its Machines go after it.
fn absent(kind: &str, name: &str, machines: &[&Machine]) -> GroupCheck {
    let mut blocking = Blocking::default();
    match machines.first() {
        Some(machine) => blocking.wait("Machine", &machine.meta.name, "still there"),
        None => blocking.wait(kind, name, "not in the management cluster"),
    }
    GroupCheck {
        gone: machines.is_empty(),
        blocking,
        addresses: addresses(machines),
        ..GroupCheck::default()
    }
}

fn finished(
    group: &NodeGroupState,
    kind: &str,
    name: &str,
    fleet: &Fleet,
    mut check: FleetCheck,
    machines: &[&Machine],
) -> GroupCheck {
    let desired = fleet.replicas.desired();
    let autoscaled = fleet.autoscaled.then_some(desired);
    if autoscaled.is_none() && desired != group.node_count {
        check.ready = false;
        check.rolled_out = false;
        let text = format!(
            "has {desired} replicas, the node group {} nodes",
            group.node_count
        );
        check.blocking.wait(kind, name, &text);
    }
    GroupCheck {
        gone: false,
        rolled_out: check.rolled_out,
        ready: check.ready,
        blocking: check.blocking,
        autoscaled,
        addresses: addresses(machines),
    }
}

fn addresses(machines: &[&Machine]) -> Vec<String> {
    machines
        .iter()
        .filter_map(|machine| machine.address())
        .map(str::to_owned)
        .collect()
}

/// Of the configured conditions of the control plane, those that are not True, with why.
fn missing_conditions(object: &ControlPlane, rules: &Rules) -> Vec<(String, String)> {
    let has_some = |conditions: &Conditions| !conditions.modern.is_empty();
    rules
        .control_plane_conditions
        .iter()
        .filter_map(|kind| match object.conditions.find(kind) {
            Some(condition) if condition.is_true() => None,
            Some(condition) => Some((kind.clone(), condition.text().unwrap_or("not True").to_owned())),
            None if has_some(&object.conditions) => None,
            None => Some((kind.clone(), "not reported yet".to_owned())),
        })
        .collect()
}

/// What rows say about groups besides their status.
pub(super) fn facts(derived: &mut Derived, checks: &[GroupCheck], view: &View, progress: &Progress) {
    if view.cluster.is_none() {
        return;
    }
    for (group, check) in derived.nodegroups.iter_mut().zip(checks) {
        group.node_addresses.clone_from(&check.addresses);
        if let Some(count) = check.autoscaled.filter(|_| !progress.unfinished) {
            group.node_count = count;
        }
    }
}

/// Ends what has come to its end in each group, and says what the others are waiting for.
///
/// A failed group follows the management cluster if the failure was found here, or if a later operation on the
/// cluster (`cluster_in_progress`) applied what the row asks for.
pub(super) fn settle(derived: &mut Derived, checks: &[GroupCheck], cluster_in_progress: bool) {
    for (group, check) in derived.nodegroups.iter_mut().zip(checks) {
        let Some(status) = group.status else { continue };
        match status {
            ClusterStatus::CreateInProgress | ClusterStatus::UpdateInProgress if check.ready => {
                group.status = Some(completed(status));
                group.status_reason = None;
            }
            ClusterStatus::CreateInProgress | ClusterStatus::UpdateInProgress => {
                group.status_reason = check.blocking.text();
            }
            ClusterStatus::CreateFailed | ClusterStatus::UpdateFailed
                if check.ready && (cluster_in_progress || may_recover(group.status_reason.as_deref())) =>
            {
                group.status = Some(completed(status));
                group.status_reason = None;
            }
            ClusterStatus::DeleteInProgress | ClusterStatus::DeleteFailed
                if check.gone && !group.is_default =>
            {
                derived.gone.push(group.uuid.clone());
            }
            ClusterStatus::DeleteInProgress => group.status_reason = check.blocking.text(),
            _ => {}
        }
    }
}

/// Adds to `blocking` what in the groups stands in the way of the cluster.
///
/// Of a group that nobody changes only the rollout counts (an update of the cluster may have touched it): that one of
/// its nodes has been broken for days is not waited for. A failed group is not waited for either, unless the cluster
/// itself is waiting to recover together with it.
pub(super) fn collect(derived: &Derived, checks: &[GroupCheck], blocking: &mut Blocking) {
    let recovering = derived.cluster.status.is_some_and(ClusterStatus::is_failed);
    for (group, check) in derived.nodegroups.iter().zip(checks) {
        let Some(status) = group.status else { continue };
        let holds = match status {
            ClusterStatus::DeleteInProgress => !check.gone,
            ClusterStatus::CreateInProgress | ClusterStatus::UpdateInProgress => !check.ready,
            ClusterStatus::CreateFailed | ClusterStatus::UpdateFailed => {
                recovering && may_recover(group.status_reason.as_deref()) && !check.ready
            }
            ClusterStatus::CreateComplete | ClusterStatus::UpdateComplete => !check.rolled_out,
            _ => false,
        };
        if holds {
            blocking.extend(&check.blocking);
        }
    }
}
