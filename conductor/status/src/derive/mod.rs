//! From what the rows ask for and what the management cluster shows to what the rows should say.
//!
//! Pure: no clock, no database, no network. The rules differ from magnum-capi-helm's `update_cluster_status` on
//! purpose: COMPLETE when the nodes are there (not when a phase says so), a reason for people at any time, and an end
//! to every wait.

mod blocking;
mod deadline;
mod fleet;
mod groups;
mod health;
mod rows;

use chrono::{DateTime, Utc};
use magnum_objects::ClusterStatus;

pub use deadline::Limits;
pub use health::{Health, health};
pub use rows::{ClusterState, Derived, Desired, NodeGroupState};

use crate::view::View;
use deadline::Deadline;
use groups::GroupCheck;

/// Beginning of the reason of a status that this crate set because a limit passed.
const TIMED_OUT: &str = "Timed out after ";
/// Beginning of the reason of a status that this crate set because an addon failed.
const ADDON_FAILED: &str = "Addon failed: ";

/// What the conductor knows of a cluster beside its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether an accepted operation is not carried out yet: the management cluster may not hold what the rows ask.
    pub unfinished: bool,
    /// When the newest operation was accepted; limits of updates and deletions count from here.
    pub started_at: Option<DateTime<Utc>>,
    /// Whether Keystone does not take the cluster's application credential any more.
    pub dead_credential: bool,
}

/// Settings of derivation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// How long operations may take.
    pub limits: Limits,
    /// `[capi_helm] k8s_control_plane_resource_conditions`: must be True before a control plane is complete. A
    /// condition that the control plane does not have in any style is not waited for where it has others.
    pub control_plane_conditions: Vec<String>,
    /// Whether health is not looked after: `[kubernetes] health_polling_interval` is negative.
    pub without_health: bool,
}

/// Whether a failure with this reason was found here rather than by an operation, so that it ends when Cluster API
/// gets there after all.
pub fn may_recover(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.starts_with(TIMED_OUT) || reason.starts_with(ADDON_FAILED))
}

/// Whether clusters in this status are looked after: those that live or are being made, changed or deleted.
pub fn is_looked_after(status: Option<ClusterStatus>) -> bool {
    matches!(
        status,
        Some(
            ClusterStatus::CreateInProgress
                | ClusterStatus::CreateFailed
                | ClusterStatus::CreateComplete
                | ClusterStatus::UpdateInProgress
                | ClusterStatus::UpdateFailed
                | ClusterStatus::UpdateComplete
                | ClusterStatus::DeleteInProgress
        )
    )
}

/// What the rows should say at `now`.
pub fn derive(
    desired: &Desired,
    view: &View,
    progress: &Progress,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Derived {
    let mut derived = Derived::unchanged(desired);
    match desired.cluster.status {
        _ if !view.known => unknown(&mut derived, progress, rules, now),
        Some(ClusterStatus::DeleteInProgress) => deleting(&mut derived, view, progress, rules, now),
        Some(
            ClusterStatus::CreateInProgress
            | ClusterStatus::CreateFailed
            | ClusterStatus::CreateComplete
            | ClusterStatus::UpdateInProgress
            | ClusterStatus::UpdateFailed
            | ClusterStatus::UpdateComplete,
        ) => living(&mut derived, view, progress, rules, now),
        // A failed deletion stays as it is; other statuses are Heat's.
        _ => {}
    }
    derived
}

/// Nothing is known of the management cluster yet: only the end of patience.
fn unknown(derived: &mut Derived, progress: &Progress, rules: &Rules, now: DateTime<Utc>) {
    let deadline = if derived.cluster.status == Some(ClusterStatus::DeleteInProgress) {
        Deadline::new(rules.limits.delete, progress.started_at)
    } else {
        Deadline::of_operation(&derived.cluster, progress, &rules.limits)
    };
    let reason = "the management cluster has not been reached since this conductor was started";
    let checks = vec![GroupCheck::waiting(reason); derived.nodegroups.len()];
    if deadline.passed(now).is_some() && in_progress(derived.cluster.status) {
        derived.cluster.status_reason = Some(reason.to_owned());
    }
    expire(derived, &checks, &deadline, progress, now);
    if derived.is_in_progress() {
        derived.next_deadline = deadline.at();
    }
}

/// A cluster that is being deleted: only what it waits for, and the end of patience. The rest is the operation's.
fn deleting(derived: &mut Derived, view: &View, progress: &Progress, rules: &Rules, now: DateTime<Utc>) {
    let reason = blocking::of_deletion(view);
    let deadline = Deadline::new(rules.limits.delete, progress.started_at);
    let cluster = &mut derived.cluster;
    if let Some(minutes) = deadline.passed(now) {
        cluster.status = Some(ClusterStatus::DeleteFailed);
        cluster.status_reason = Some(timed_out(minutes, reason.as_deref()));
    } else {
        derived.next_deadline = deadline.at();
        if reason.is_some() {
            cluster.status_reason = reason;
        }
    }
}

/// A cluster that is to live.
fn living(derived: &mut Derived, view: &View, progress: &Progress, rules: &Rules, now: DateTime<Utc>) {
    let checks = groups::check(derived, view, rules);
    groups::facts(derived, &checks, view, progress);
    facts(derived, view);
    let health = || {
        health(
            &derived.cluster,
            &derived.nodegroups,
            view,
            progress.dead_credential,
        )
    };
    if let Some(health) = (!rules.without_health).then(health).flatten() {
        derived.cluster.health_status = Some(health.status);
        derived.cluster.health_status_reason = Some(health.reason);
    }
    let deadline = Deadline::of_operation(&derived.cluster, progress, &rules.limits);
    if !progress.unfinished {
        let was_in_progress = in_progress(derived.cluster.status);
        groups::settle(derived, &checks, was_in_progress);
        settle(derived, &checks, view);
    }
    expire(derived, &checks, &deadline, progress, now);
    if derived.is_in_progress() {
        derived.next_deadline = deadline.at();
    }
}

/// What the cluster's row says about the cluster besides its status.
fn facts(derived: &mut Derived, view: &View) {
    let cluster = &mut derived.cluster;
    let changing = cluster.status.is_some_and(|status| !status.is_complete());
    if let Some((host, port)) = view.cluster.as_ref().and_then(|found| found.endpoint.as_ref())
        && changing
    {
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        cluster.api_address = Some(format!("https://{host}:{port}"));
    }
    if let Some(control_plane) = &view.control_plane {
        let version = control_plane
            .running_version
            .as_ref()
            .or(control_plane.fleet.version.as_ref());
        if version.is_some() {
            cluster.coe_version = version.cloned();
        }
    }
    let runtime = view
        .control_plane_machines()
        .find_map(|machine| machine.container_runtime.as_deref())
        .map(|runtime| runtime.split_once("://").map_or(runtime, |(_, version)| version));
    if let Some(runtime) = runtime {
        cluster.container_version = Some(runtime.to_owned());
    }
}

/// Ends an operation of the cluster that has come to its end, and says what one that has not is waiting for.
fn settle(derived: &mut Derived, checks: &[GroupCheck], view: &View) {
    let Some(status) = derived.cluster.status else {
        return;
    };
    let waiting = status.is_in_progress();
    let recovering = status.is_failed() && may_recover(derived.cluster.status_reason.as_deref());
    if !(waiting || recovering) {
        return;
    }
    let mut blocking = blocking::of_cluster(view);
    groups::collect(derived, checks, &mut blocking);
    blocking.extend(&blocking::of_cluster_as_a_whole(view));
    if blocking.is_empty() {
        match blocking::addons(view) {
            addons if addons.is_empty() => {
                derived.cluster.status = Some(completed(status));
                derived.cluster.status_reason = None;
                return;
            }
            addons if !addons.errors.is_empty() => {
                derived.cluster.status = Some(failed(status));
                derived.cluster.status_reason = addons.text().map(|text| format!("{ADDON_FAILED}{text}"));
                return;
            }
            addons => blocking = addons,
        }
    } else {
        // A failed network addon is why no node gets ready.
        blocking.errors.extend(blocking::addons(view).errors);
    }
    if waiting {
        derived.cluster.status_reason = blocking.text();
    }
}

/// Fails what is still in progress after the deadline.
fn expire(
    derived: &mut Derived,
    checks: &[GroupCheck],
    deadline: &Deadline,
    progress: &Progress,
    now: DateTime<Utc>,
) {
    let Some(minutes) = deadline.passed(now) else {
        return;
    };
    let own = progress
        .unfinished
        .then_some("the operation has not been carried out yet");
    for (group, check) in derived.nodegroups.iter_mut().zip(checks) {
        if let Some(status) = group.status.filter(|status| status.is_in_progress()) {
            let reason = check.blocking.text();
            group.status = Some(failed(status));
            group.status_reason = Some(timed_out(minutes, own.or(reason.as_deref())));
        }
    }
    if let Some(status) = derived.cluster.status.filter(|status| status.is_in_progress()) {
        let reason = derived.cluster.status_reason.clone();
        derived.cluster.status = Some(failed(status));
        derived.cluster.status_reason = Some(timed_out(minutes, reason.as_deref().or(own)));
    }
}

fn timed_out(minutes: i64, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{TIMED_OUT}{minutes} minutes: {reason}"),
        None => format!("{TIMED_OUT}{minutes} minutes"),
    }
}

fn in_progress(status: Option<ClusterStatus>) -> bool {
    status.is_some_and(ClusterStatus::is_in_progress)
}

/// `*_COMPLETE` of the same operation.
fn completed(status: ClusterStatus) -> ClusterStatus {
    match status {
        ClusterStatus::CreateInProgress | ClusterStatus::CreateFailed => ClusterStatus::CreateComplete,
        ClusterStatus::UpdateInProgress | ClusterStatus::UpdateFailed => ClusterStatus::UpdateComplete,
        other => other,
    }
}

/// `*_FAILED` of the same operation.
fn failed(status: ClusterStatus) -> ClusterStatus {
    match status {
        ClusterStatus::CreateInProgress => ClusterStatus::CreateFailed,
        ClusterStatus::UpdateInProgress => ClusterStatus::UpdateFailed,
        ClusterStatus::DeleteInProgress => ClusterStatus::DeleteFailed,
        other => other,
    }
}
