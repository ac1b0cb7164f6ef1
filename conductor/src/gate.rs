//! Which requests a cluster's or node group's status allows.
//!
//! As magnum 23.0 `conductor/handlers/{cluster,nodegroup,credential}_conductor.py`, but for UPDATE_FAILED, from which
//! update and upgrade are allowed too: it is how a user gets out (design section 5).

use magnum_objects::ClusterStatus;

/// Statuses from which anything may start.
pub(crate) const SETTLED: [ClusterStatus; 8] = [
    ClusterStatus::CreateComplete,
    ClusterStatus::UpdateComplete,
    ClusterStatus::ResumeComplete,
    ClusterStatus::RestoreComplete,
    ClusterStatus::RollbackComplete,
    ClusterStatus::SnapshotComplete,
    ClusterStatus::CheckComplete,
    ClusterStatus::AdoptComplete,
];

/// What a request wants to do to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `cluster_update`, and `rotate_ca_certificate`, whose refusal has the same words.
    Update,
    /// `cluster_resize`.
    Resize,
    /// `cluster_upgrade`.
    Upgrade,
    /// `credential_rotate`.
    RotateCredential,
}

/// `None` if a cluster in `status` may do what is wished, else the text for Magnum's `NotSupported`.
pub fn cluster(wish: Wish, status: Option<ClusterStatus>) -> Option<String> {
    use ClusterStatus::{CreateFailed, CreateInProgress, UpdateFailed, UpdateInProgress};
    let also: &[ClusterStatus] = match wish {
        Wish::Update | Wish::Upgrade => &[UpdateFailed],
        Wish::Resize => &[UpdateFailed, UpdateInProgress],
        Wish::RotateCredential => &[UpdateFailed, UpdateInProgress, CreateFailed, CreateInProgress],
    };
    if status.is_some_and(|status| SETTLED.contains(&status) || also.contains(&status)) {
        return None;
    }
    let doing = match wish {
        Wish::Update => "Updating a cluster",
        Wish::Resize => "Resizing a cluster",
        Wish::Upgrade => "Upgrading a cluster",
        Wish::RotateCredential => "Rotating the credential of a cluster",
    };
    Some(format!("{doing} when status is \"{}\"", text(status)))
}

/// `None` if a node group in `status` may be created or updated, else the text for Magnum's `NotSupported`; `None` is
/// the status of no group. Python prints the cluster's status there; the node group's is the reason, and what is printed here.
pub fn nodegroup(method: &str, status: Option<ClusterStatus>) -> Option<String> {
    use ClusterStatus::{UpdateFailed, UpdateInProgress};
    if status
        .is_some_and(|status| SETTLED.contains(&status) || [UpdateFailed, UpdateInProgress].contains(&status))
    {
        return None;
    }
    Some(format!("{method} when nodegroup status is \"{}\"", text(status)))
}

fn text(status: Option<ClusterStatus>) -> String {
    status.map_or_else(|| "None".to_owned(), |status| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_failed_is_no_trap() {
        for wish in [Wish::Update, Wish::Resize, Wish::Upgrade] {
            assert_eq!(cluster(wish, Some(ClusterStatus::UpdateFailed)), None);
        }
    }

    #[test]
    fn refusals_have_magnums_words() {
        assert_eq!(
            cluster(Wish::Upgrade, Some(ClusterStatus::UpdateInProgress)).as_deref(),
            Some("Upgrading a cluster when status is \"UPDATE_IN_PROGRESS\"")
        );
        assert_eq!(cluster(Wish::Resize, Some(ClusterStatus::UpdateInProgress)), None);
        assert_eq!(
            cluster(Wish::Resize, Some(ClusterStatus::DeleteInProgress)).as_deref(),
            Some("Resizing a cluster when status is \"DELETE_IN_PROGRESS\"")
        );
    }

    #[test]
    fn a_node_group_that_is_being_deleted_stays_so() {
        assert!(nodegroup("nodegroup_update", Some(ClusterStatus::DeleteInProgress)).is_some());
        assert!(nodegroup("nodegroup_update", None).is_some());
    }
}
