//! How long an operation may take.

use chrono::{DateTime, TimeDelta, Utc};
use magnum_objects::ClusterStatus;

use super::{ClusterState, Progress};

/// Minutes for a creation whose row does not say how many: the default of Magnum's API.
const CREATE_MINUTES: i64 = 60;

/// Limits in minutes; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// For updates, resizes, upgrades and node group operations.
    pub update: Option<i64>,
    /// For the deletion of a cluster.
    pub delete: Option<i64>,
}

/// The end of one operation's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    minutes: i64,
    at: Option<DateTime<Utc>>,
}

impl Deadline {
    /// `limit` minutes after `start`; never, if either is unknown.
    pub(super) fn new(limit: Option<i64>, start: Option<DateTime<Utc>>) -> Self {
        let minutes = limit.unwrap_or_default();
        let length = TimeDelta::try_minutes(minutes).filter(|_| minutes > 0);
        let at = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add_signed(length));
        Self { minutes, at }
    }

    /// Of what goes on in a living cluster: its creation by its own `create_timeout` (as Heat's driver, which takes
    /// the default for none or 0) from when the row was made, anything else by the limit for updates.
    pub(super) fn of_operation(cluster: &ClusterState, progress: &Progress, limits: &Limits) -> Self {
        if cluster.status == Some(ClusterStatus::CreateInProgress) {
            let minutes = cluster
                .create_timeout
                .filter(|minutes| *minutes > 0)
                .unwrap_or(CREATE_MINUTES);
            return Self::new(Some(minutes), cluster.created_at.or(progress.started_at));
        }
        Self::new(limits.update, progress.started_at)
    }

    /// When it is.
    pub(super) fn at(&self) -> Option<DateTime<Utc>> {
        self.at
    }

    /// The limit in minutes, if it has passed.
    pub(super) fn passed(&self, now: DateTime<Utc>) -> Option<i64> {
        self.at.filter(|at| now >= *at).map(|_| self.minutes)
    }
}
