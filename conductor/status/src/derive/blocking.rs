//! What a cluster is waiting for, in the words of whoever it waits for.

use crate::capi::{AddonState, Condition, ConditionStatus, Conditions, Infrastructure, Machine};
use crate::view::View;

/// Errors shown in one reason, at most.
const ERRORS_SHOWN: usize = 3;
/// Characters of one reason, at most.
const REASON_LENGTH: usize = 1000;

/// What stands in the way: errors, which say why, and waits, in the order in which things come about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Blocking {
    pub(super) errors: Vec<String>,
    pub(super) waits: Vec<String>,
}

impl Blocking {
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.waits.is_empty()
    }

    pub(super) fn error(&mut self, object: &str, name: &str, text: &str) {
        self.errors.push(format!("{object} {name}: {}", one_line(text)));
    }

    pub(super) fn wait(&mut self, object: &str, name: &str, text: &str) {
        self.waits.push(format!("{object} {name}: {}", one_line(text)));
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.errors.extend(other.errors.iter().cloned());
        self.waits.extend(other.waits.iter().cloned());
    }

    /// The reason for people: the errors, else what is waited for first; nothing if nothing stands in the way.
    pub(super) fn text(&self) -> Option<String> {
        let mut errors = self.errors.clone();
        errors.sort();
        errors.dedup();
        if errors.is_empty() {
            return self.waits.first().map(|wait| shorten(wait));
        }
        let more = errors.len().saturating_sub(ERRORS_SHOWN);
        errors.truncate(ERRORS_SHOWN);
        let shown = shorten(&errors.join("; "));
        Some(if more > 0 {
            format!("{shown} (and {more} more)")
        } else {
            shown
        })
    }
}

/// The Cluster and its infrastructure: nothing else comes about without them.
pub(super) fn of_cluster(view: &View) -> Blocking {
    let mut blocking = Blocking::default();
    let Some(cluster) = &view.cluster else {
        blocking.wait("Cluster", &view.release, "not in the management cluster");
        return blocking;
    };
    let name = &cluster.meta.name;
    if cluster.meta.is_deleting() {
        blocking.error("Cluster", name, "is being deleted");
    }
    if cluster.conditions.is_true("Paused") {
        blocking.wait("Cluster", name, "paused");
    }
    if let Some(infra) = &view.infra_cluster
        && !infra.ready
    {
        match infra.error() {
            Some(error) => blocking.error("OpenStackCluster", &infra.meta.name, &error),
            None => {
                let text = infra.waiting().unwrap_or_else(|| "not ready".to_owned());
                blocking.wait("OpenStackCluster", &infra.meta.name, &text);
            }
        }
    }
    if let Some(failure) = &cluster.failure {
        blocking.error("Cluster", name, failure);
    }
    if !cluster.observed {
        blocking.wait("Cluster", name, "not looked at yet by its controller");
    }
    blocking
}

/// What the Cluster itself says, once all its parts are there.
pub(super) fn of_cluster_as_a_whole(view: &View) -> Blocking {
    const MODERN: [(&str, bool); 4] = [
        ("InfrastructureReady", true),
        ("ControlPlaneInitialized", true),
        ("ControlPlaneAvailable", true),
        // Not in Cluster API 1.8 and before.
        ("RemoteConnectionProbe", false),
    ];
    // As magnum-capi-helm.
    const LEGACY: [(&str, bool); 3] = [
        ("InfrastructureReady", true),
        ("ControlPlaneReady", true),
        ("Ready", true),
    ];
    let mut blocking = Blocking::default();
    let Some(cluster) = &view.cluster else {
        return blocking;
    };
    let conditions = &cluster.conditions;
    let modern = !conditions.modern.is_empty();
    let wanted: &[(&str, bool)] = if modern { &MODERN } else { &LEGACY };
    for (kind, required) in wanted {
        let found = if modern {
            conditions.modern(kind)
        } else {
            conditions.legacy(kind)
        };
        match found {
            Some(condition) if condition.is_true() => {}
            Some(condition) => {
                blocking.wait("Cluster", &cluster.meta.name, &described(condition));
            }
            None if *required => {
                blocking.wait("Cluster", &cluster.meta.name, &format!("{kind} not reported yet"))
            }
            None => {}
        }
    }
    blocking
}

/// One Machine that is not yet, or no longer, a Ready node.
pub(super) fn of_machine(machine: &Machine, view: &View) -> Blocking {
    let mut blocking = Blocking::default();
    let infra_name = machine.infrastructure.as_deref().unwrap_or(&machine.meta.name);
    let infra = view.infra_machines.get(infra_name);
    let server = view.infra_servers.get(infra_name);
    let failing =
        |found: Option<&std::sync::Arc<Infrastructure>>| found.filter(|found| !found.ready)?.error();
    if let Some(error) = failing(server) {
        blocking.error("OpenStackServer", infra_name, &error);
    } else if let Some(error) = failing(infra) {
        blocking.error("OpenStackMachine", infra_name, &error);
    } else if let Some(failure) = &machine.failure {
        blocking.error("Machine", &machine.meta.name, failure);
    }
    if let Some(check) = machine.conditions.find("HealthCheckSucceeded")
        && check.status == ConditionStatus::False
    {
        blocking.error("Machine", &machine.meta.name, &described(check));
    }
    if machine.meta.is_deleting() {
        blocking.wait("Machine", &machine.meta.name, &deleting(&machine.conditions));
        return blocking;
    }
    let step = |kinds: &[&str]| {
        let found = kinds.iter().find_map(|kind| machine.conditions.find(kind))?;
        (!found.is_true()).then(|| described(found))
    };
    let steps: [&[&str]; 6] = [
        &["BootstrapConfigReady", "BootstrapReady"],
        &["InfrastructureReady"],
        &["NodeHealthy"],
        &["Ready"],
        &["APIServerPodHealthy"],
        &["EtcdMemberHealthy"],
    ];
    if let Some(text) = steps.into_iter().find_map(step) {
        blocking.wait("Machine", &machine.meta.name, &text);
    } else if machine.node.is_none() {
        let phase = machine.phase.as_deref().unwrap_or("no phase yet");
        blocking.wait("Machine", &machine.meta.name, &format!("no node yet ({phase})"));
    }
    blocking
}

/// Addons that are not deployed.
pub(super) fn addons(view: &View) -> Blocking {
    let mut blocking = Blocking::default();
    for addon in view.addons.values() {
        match &addon.state {
            AddonState::Deployed => {}
            AddonState::Failed(text) => blocking.error(addon.kind, &addon.meta.name, text),
            AddonState::Pending(text) => blocking.wait(addon.kind, &addon.meta.name, text),
        }
    }
    blocking
}

/// What a deletion is waiting for: what cannot be deleted, else the first thing left.
pub(super) fn of_deletion(view: &View) -> Option<String> {
    let mut blocking = Blocking::default();
    let servers = view
        .infra_servers
        .values()
        .map(|server| ("OpenStackServer", server));
    let machines = view
        .infra_machines
        .values()
        .map(|machine| ("OpenStackMachine", machine));
    let infra = view
        .infra_cluster
        .iter()
        .map(|cluster| ("OpenStackCluster", cluster));
    for (kind, object) in servers
        .chain(machines)
        .chain(infra)
        .filter(|(_, object)| object.meta.is_deleting())
    {
        if let Some(error) = object.error() {
            blocking.error(kind, &object.meta.name, &error);
        }
    }
    for machine in view
        .machines
        .values()
        .filter(|machine| machine.meta.is_deleting())
    {
        blocking.wait("Machine", &machine.meta.name, &deleting(&machine.conditions));
    }
    if let Some(cluster) = view.cluster.as_ref().filter(|cluster| cluster.meta.is_deleting()) {
        blocking.wait("Cluster", &cluster.meta.name, &deleting(&cluster.conditions));
    }
    blocking.text()
}

fn deleting(conditions: &Conditions) -> String {
    match conditions
        .find("Deleting")
        .filter(|condition| condition.is_true())
        .and_then(Condition::text)
    {
        Some(text) => format!("being deleted: {text}"),
        None => "being deleted".to_owned(),
    }
}

/// A condition with its text, as `NodeHealthy: Waiting for ...`.
pub(super) fn described(condition: &Condition) -> String {
    match condition.text() {
        // A text of bullets begins on a line of its own.
        Some(text) => format!("{}:\n{text}", condition.kind),
        None => format!("{} is not True", condition.kind),
    }
}

/// A text of several lines and bullets as one line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text
        .lines()
        .map(|part| part.trim().trim_start_matches("* ").trim())
        .filter(|part| !part.is_empty())
    {
        if !line.is_empty() {
            line.push_str(if line.ends_with(':') { " " } else { "; " });
        }
        line.push_str(part);
    }
    line
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(REASON_LENGTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_become_one_line() {
        let text = "* Machine c1-x:\n  * NodeHealthy:\n    * Node.Ready: no network\n* Machine c1-y: waits";
        assert_eq!(
            one_line(text),
            "Machine c1-x: NodeHealthy: Node.Ready: no network; Machine c1-y: waits"
        );
    }

    #[test]
    fn errors_come_before_waits_and_are_counted() {
        let mut blocking = Blocking::default();
        blocking.wait("Machine", "a", "no node");
        assert_eq!(blocking.text().as_deref(), Some("Machine a: no node"));
        for name in ["d", "c", "b", "a", "a"] {
            blocking.error("OpenStackMachine", name, "Quota exceeded");
        }
        assert_eq!(
            blocking.text().as_deref(),
            Some(
                "OpenStackMachine a: Quota exceeded; OpenStackMachine b: Quota exceeded; \
                 OpenStackMachine c: Quota exceeded (and 1 more)"
            )
        );
    }

    #[test]
    fn a_reason_does_not_grow_without_end() {
        let mut blocking = Blocking::default();
        blocking.error("Machine", "a", &"ü".repeat(5000));
        assert!(
            blocking
                .text()
                .is_some_and(|text| text.chars().count() < 1100 && text.ends_with("..."))
        );
    }
}
