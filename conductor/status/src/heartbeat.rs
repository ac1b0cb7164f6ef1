//! This conductor's row in `magnum_service`: what `openstack coe service list` shows as up or down.

use std::future::Future;
use std::time::Duration;

use magnum_objects::Db;
use magnum_objects::db::DbError;
use magnum_objects::rows::magnum_service;

/// Name of the service in the table.
pub const BINARY: &str = "magnum-conductor";
/// Time between reports: the default spacing of magnum's `servicegroup/magnum_service_periodic.py`.
pub const PERIOD: Duration = Duration::from_secs(60);
/// Time until a failed report is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Reports once: makes the row if there is none, counts up, stamps the time. What an administrator set in the row
/// (disabled, forced down) stays.
///
/// # Errors
/// If the database refuses or is away.
pub async fn beat(db: &Db, host: &str) -> Result<(), DbError> {
    let mut conn = db.acquire().await?;
    magnum_service::report(&mut conn, db.schema(), host, BINARY).await
}

/// Reports at once and then every `period` (at most [`PERIOD`], as Python), until `cancel` ends.
pub async fn run(db: Db, host: String, period: Duration, cancel: impl Future<Output = ()>) {
    let period = period.clamp(Duration::from_secs(1), PERIOD);
    let beating = async {
        let mut failed = false;
        loop {
            let wait = match beat(&db, &host).await {
                Ok(()) => {
                    failed = false;
                    period
                }
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%error, host, "heartbeat not written to magnum_service");
                    }
                    RETRY.min(period)
                }
            };
            tokio::time::sleep(wait).await;
        }
    };
    tokio::select! {
        () = beating => {}
        () = cancel => {}
    }
}
