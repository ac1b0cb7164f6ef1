//! Whether a set of Machines is what its owner asks for.

use super::blocking::{self, Blocking};
use crate::capi::{Conditions, Fleet, Machine, Meta};
use crate::view::View;

/// The state of a control plane or node group.
#[derive(Debug, Clone, Default)]
pub(super) struct FleetCheck {
    /// As many Machines as asked for, of the version and template asked for, all with a node; none left over.
    pub(super) rolled_out: bool,
    /// That, and all nodes are Ready and available.
    pub(super) ready: bool,
    /// What stands in the way of `ready`.
    pub(super) blocking: Blocking,
}

/// Looks at counts and at the Machines themselves: only both together tell the truth. Counts lag behind a change of
/// the spec, Machines do not tell how many there should be.
pub(super) fn check(
    kind: &str,
    meta: &Meta,
    fleet: &Fleet,
    conditions: &Conditions,
    machines: &[&Machine],
    view: &View,
) -> FleetCheck {
    let name = &meta.name;
    let mut blocking = Blocking::default();
    if meta.is_deleting() {
        blocking.wait(kind, name, "is being deleted");
    }
    if !fleet.observed {
        blocking.wait(kind, name, "not looked at yet by its controller");
    }
    let mut came = true;
    for machine in machines {
        came &= machine.node.is_some();
        if !machine.node_is_ready() || machine.meta.is_deleting() {
            blocking.extend(&blocking::of_machine(machine, view));
        }
    }
    let old = machines
        .iter()
        .filter(|machine| !is_current(machine, fleet, view))
        .collect::<Vec<_>>();
    if let Some(machine) = old.first() {
        blocking.wait("Machine", &machine.meta.name, &outdated(machine, fleet));
    }
    let staying = machines
        .iter()
        .filter(|machine| !machine.meta.is_deleting())
        .count();
    let desired = fleet.replicas.desired();
    let complete = usize::try_from(desired) == Ok(staying) && staying == machines.len();
    if !(complete && fleet.replicas.rolled_out()) {
        blocking.wait(kind, name, &counting(conditions, staying, fleet));
    }
    let rolled_out = fleet.observed
        && !meta.is_deleting()
        && came
        && old.is_empty()
        && complete
        && fleet.replicas.rolled_out();
    let nodes_ready = machines.iter().all(|machine| machine.node_is_ready());
    let ready = rolled_out && nodes_ready && fleet.replicas.all_ready();
    if !ready && blocking.is_empty() {
        let available = fleet.replicas.available.or(fleet.replicas.ready).unwrap_or(0);
        blocking.wait(kind, name, &format!("{available} of {desired} nodes available"));
    }
    FleetCheck {
        rolled_out,
        ready,
        blocking,
    }
}

/// Whether a Machine is of the version and template that are asked for. A Machine whose infrastructure object is not
/// there (yet) is judged by its version.
fn is_current(machine: &Machine, fleet: &Fleet, view: &View) -> bool {
    let version = fleet.version.is_none() || machine.version == fleet.version;
    let infra = machine
        .infrastructure
        .as_ref()
        .and_then(|name| view.infra_machines.get(name));
    let made_from = infra.and_then(|infra| infra.cloned_from.as_ref());
    let template = match (made_from, &fleet.template) {
        (Some(made_from), Some(template)) => made_from == template,
        _ => true,
    };
    version
        && template
        && machine
            .conditions
            .modern("UpToDate")
            .is_none_or(|condition| condition.status != crate::capi::ConditionStatus::False)
}

fn outdated(machine: &Machine, fleet: &Fleet) -> String {
    match (&machine.version, &fleet.version) {
        (Some(has), Some(wants)) if has != wants => format!("is {has}, to be replaced by {wants}"),
        _ => "is of an older configuration, to be replaced".to_owned(),
    }
}

/// Why there are not as many Machines as asked for, in Cluster API's words where it has some.
fn counting(conditions: &Conditions, staying: usize, fleet: &Fleet) -> String {
    let desired = fleet.replicas.desired();
    let told = ["ScalingUp", "RollingOut", "ScalingDown"]
        .into_iter()
        .filter_map(|kind| conditions.modern(kind))
        .find(|condition| condition.is_true() && !condition.message.is_empty());
    match told {
        Some(condition) => condition.message.clone(),
        None if usize::try_from(desired) == Ok(staying) => {
            let current = fleet.replicas.up_to_date.unwrap_or(0);
            format!("{current} of {desired} machines are up to date")
        }
        None => format!("{staying} machines, {desired} asked for"),
    }
}
