//! One conductor per cluster at a time (design D4): table `capi_lease`.

use std::time::Duration;

use sqlx::{MySqlConnection, MySqlPool, Row};
use tokio_util::sync::CancellationToken;

/// Renewals per lease time: one may be missed without losing the lease.
const RENEWALS: u32 = 3;

/// Who may hold leases: this process.
#[derive(Clone)]
pub struct Leases {
    pool: MySqlPool,
    owner: String,
    lifetime: Duration,
}

/// A lease that is being kept; dropping it stops the renewals.
pub struct Lease {
    cluster_uuid: String,
    owner: String,
    fence: u64,
    lost: CancellationToken,
    renewals: tokio::task::JoinHandle<()>,
}

impl Leases {
    /// Leases for the instance `owner` (unique in the deployment and over restarts).
    pub fn new(pool: MySqlPool, owner: String, lifetime: Duration) -> Self {
        Self {
            pool,
            owner,
            lifetime,
        }
    }

    /// Takes the lease on a cluster if it is free or expired, and keeps it. `None`: another conductor has it.
    pub async fn take(&self, cluster_uuid: &str) -> Result<Option<Lease>, sqlx::Error> {
        let mut conn = self.pool.acquire().await?;
        let life = self.lifetime.as_secs().max(1);
        sqlx::query(
            "INSERT IGNORE INTO capi_lease (cluster_uuid, owner, fence, expires_at) \
             VALUES (?, '', 0, UTC_TIMESTAMP(6) - INTERVAL 1 SECOND)",
        )
        .bind(cluster_uuid)
        .execute(&mut *conn)
        .await?;
        let taken = sqlx::query(
            "UPDATE capi_lease SET owner = ?, fence = fence + 1, expires_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND \
             WHERE cluster_uuid = ? AND expires_at < UTC_TIMESTAMP(6)",
        )
        .bind(&self.owner)
        .bind(life)
        .bind(cluster_uuid)
        .execute(&mut *conn)
        .await?;
        if taken.rows_affected() != 1 {
            return Ok(None);
        }
        let row = sqlx::query("SELECT fence FROM capi_lease WHERE cluster_uuid = ? AND owner = ?")
            .bind(cluster_uuid)
            .bind(&self.owner)
            .fetch_optional(&mut *conn)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let fence: u64 = row.try_get("fence")?;
        let lost = CancellationToken::new();
        let renewals = tokio::spawn(renew(self.clone(), cluster_uuid.to_owned(), fence, lost.clone()));
        Ok(Some(Lease {
            cluster_uuid: cluster_uuid.to_owned(),
            owner: self.owner.clone(),
            fence,
            lost,
            renewals,
        }))
    }

    /// Gives a lease back, so that nobody has to wait for its expiry.
    pub async fn release(&self, lease: Lease) -> Result<(), sqlx::Error> {
        lease.renewals.abort();
        sqlx::query("UPDATE capi_lease SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE cluster_uuid = ? AND owner = ? AND fence = ?")
            .bind(&lease.cluster_uuid)
            .bind(&lease.owner)
            .bind(lease.fence)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    async fn extend(&self, cluster_uuid: &str, fence: u64) -> Result<bool, sqlx::Error> {
        sqlx::query(
            "UPDATE capi_lease SET expires_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND \
             WHERE cluster_uuid = ? AND owner = ? AND fence = ?",
        )
        .bind(self.lifetime.as_secs().max(1))
        .bind(cluster_uuid)
        .bind(&self.owner)
        .bind(fence)
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected() == 1)
    }
}

impl Lease {
    /// Fires when the lease is no longer ours: work on the cluster must stop.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Checks, inside a transaction that changes rows, that the lease is still ours, and keeps it so until commit.
    pub async fn holds(&self, conn: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        sqlx::query("SELECT 1 FROM capi_lease WHERE cluster_uuid = ? AND owner = ? AND fence = ? FOR UPDATE")
            .bind(&self.cluster_uuid)
            .bind(&self.owner)
            .bind(self.fence)
            .fetch_optional(conn)
            .await
            .map(|row| row.is_some())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewals.abort();
    }
}

async fn renew(leases: Leases, cluster_uuid: String, fence: u64, lost: CancellationToken) {
    let mut valid_until = tokio::time::Instant::now() + leases.lifetime;
    loop {
        tokio::time::sleep(leases.lifetime / RENEWALS).await;
        let asked = tokio::time::Instant::now();
        match tokio::time::timeout(leases.lifetime / RENEWALS, leases.extend(&cluster_uuid, fence)).await {
            Ok(Ok(true)) => valid_until = asked + leases.lifetime,
            Ok(Ok(false)) => break,
            Ok(Err(error)) => tracing::warn!(cluster = %cluster_uuid, %error, "lease not renewed yet"),
            Err(_) => {
                tracing::warn!(cluster = %cluster_uuid, "lease not renewed yet: the database does not answer")
            }
        }
        if tokio::time::Instant::now() + leases.lifetime / RENEWALS >= valid_until {
            break;
        }
    }
    tracing::warn!(cluster = %cluster_uuid, "lease lost: work on this cluster stops here and is taken up again later");
    lost.cancel();
}
