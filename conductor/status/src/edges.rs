//! What the writer asks of the rest of the conductor.

use async_trait::async_trait;
use magnum_objects::Cluster;
use sqlx::MySqlConnection;

use crate::derive::Progress;
use crate::notify::Notification;

/// The operation journal and what stands beside it, as far as status needs it.
#[async_trait]
pub trait InFlight: Send + Sync {
    /// Whether the cluster has unfinished operations, when the newest operation was accepted, and so on. Reads through
    /// `conn`, which may hold the lock on the cluster's row: whoever accepts an operation takes that lock too, so that
    /// the answer holds until the transaction ends.
    async fn progress(&self, conn: &mut MySqlConnection, cluster_uuid: &str)
    -> Result<Progress, sqlx::Error>;
}

/// Where notifications go.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Sends a notification in the name of the service itself (an admin context without user). Whether it arrives is
    /// not waited for.
    async fn emit(&self, notification: Notification);
}

/// Which clusters are ours.
#[async_trait]
pub trait Ownership: Send + Sync {
    /// Whether the cluster belongs to the Cluster API driver.
    async fn is_ours(&self, cluster: &Cluster) -> bool;
}
