//! Application credentials that Keystone no longer takes: their user is gone or has lost the project, or somebody removed
//! them. Cluster API then works on the cluster no more, nor does the cluster's own cloud provider.
//!
//! Whether they are taken is asked every so often, by one conductor for all (`capi_credential`), and told in the health of
//! the cluster; the next change of the cluster brings a new one, made by whoever asks for the change
//! (`operation/accept/rotate.rs`).

use std::{sync::Arc, time::Duration};

use conductor_driver::{names, secrets};
use magnum_objects::{Cluster, ClusterStatus, DbError, rows};
use sqlx::{MySqlConnection, MySqlPool, Row};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    credentials::{self, CredentialError},
    management::ManagementError,
    release, route,
};

/// Between looks for clusters whose turn it is, at the most.
const LOOK: Duration = Duration::from_secs(60);

/// Why it cannot be said whether a credential is taken.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The secret with the credential cannot be read.
    #[error(transparent)]
    Management(#[from] ManagementError),
    /// Keystone does not answer, or not this question.
    #[error(transparent)]
    Keystone(#[from] CredentialError),
}

/// The application credential in the cluster's secret; `None` if there is none.
///
/// # Errors
/// Those of the management cluster.
pub async fn in_use(
    app: &App,
    cluster: &Cluster,
) -> Result<Option<secrets::ApplicationCredential>, ManagementError> {
    let Some(name) = names::cloud_credentials_secret(cluster.stack_id.as_deref()) else {
        return Ok(None);
    };
    let namespace = release::namespace(&app.settings, cluster);
    let secret = app.management.secret(&namespace, &name).await?;
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    let yaml = data
        .get("clouds.yaml")
        .and_then(|yaml| std::str::from_utf8(&yaml.0).ok());
    Ok(yaml.and_then(secrets::application_credential))
}

/// Whether the cluster has an application credential that Keystone does not take.
///
/// # Errors
/// If nobody can be asked: that is no answer.
pub async fn is_dead(app: &App, cluster: &Cluster) -> Result<bool, CheckError> {
    match in_use(app, cluster).await? {
        Some(found) => Ok(!credentials::is_taken(&app.clouds, &found.id, &found.secret).await?),
        None => Ok(false),
    }
}

/// Asks about each of our clusters every `every` until cancelled; `changed` is told of those whose answer is another than
/// before.
pub async fn run(app: Arc<App>, every: Duration, changed: impl Fn(&str), cancel: CancellationToken) {
    let pause = (every / 2).clamp(Duration::from_secs(1), LOOK);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let look = look(&app, every, &changed);
        let looked = tokio::select! {
            () = cancel.cancelled() => return,
            looked = look => looked,
        };
        if let Err(error) = looked {
            tracing::debug!(%error, "application credentials of clusters not looked at");
        }
    }
}

async fn look(app: &App, every: Duration, changed: impl Fn(&str)) -> Result<(), DbError> {
    let mut conn = app.db.acquire().await?;
    let clusters = rows::cluster::list(&mut conn, app.db.schema()).await?;
    drop(conn);
    for cluster in clusters.iter().filter(|cluster| is_settled(cluster)) {
        if !route::is_ours(app, cluster).await? || !claim(app.db.pool(), &cluster.uuid, every).await? {
            continue;
        }
        match is_dead(app, cluster).await {
            Ok(dead) => {
                let mut conn = app.db.acquire().await?;
                if note(&mut conn, &cluster.uuid, dead).await? {
                    tell(cluster, dead);
                    changed(&cluster.uuid);
                }
            }
            Err(error) => {
                tracing::debug!(cluster = %cluster.uuid, %error, "application credential not checked")
            }
        }
    }
    Ok(())
}

/// Not those that come or go: their operations make and remove credentials.
fn is_settled(cluster: &Cluster) -> bool {
    let has_release = cluster.stack_id.as_deref().is_some_and(|name| !name.is_empty());
    let moving = [ClusterStatus::CreateInProgress, ClusterStatus::DeleteInProgress];
    has_release && cluster.status.is_some_and(|status| !moving.contains(&status))
}

fn tell(cluster: &Cluster, dead: bool) {
    if dead {
        tracing::warn!(
            cluster = %cluster.uuid,
            "Keystone no longer takes the cluster's application credential: Cluster API cannot work on it until it is \
             rotated, which the next change of the cluster does by itself"
        );
    } else {
        tracing::info!(cluster = %cluster.uuid, "Keystone takes the cluster's application credential again");
    }
}

/// Takes the turn of asking about a cluster, if it has come and no other conductor has it.
async fn claim(pool: &MySqlPool, cluster_uuid: &str, every: Duration) -> Result<bool, DbError> {
    let taken = sqlx::query(
        "UPDATE capi_credential SET checked_at = UTC_TIMESTAMP(6) \
         WHERE cluster_uuid = ? AND checked_at <= UTC_TIMESTAMP(6) - INTERVAL ? SECOND",
    )
    .bind(cluster_uuid)
    .bind(every.as_secs())
    .execute(pool)
    .await
    .map_err(failed)?;
    if taken.rows_affected() == 1 {
        return Ok(true);
    }
    let first = sqlx::query(
        "INSERT IGNORE INTO capi_credential (cluster_uuid, checked_at, is_dead) VALUES (?, UTC_TIMESTAMP(6), FALSE)",
    )
    .bind(cluster_uuid)
    .execute(pool)
    .await
    .map_err(failed)?;
    Ok(first.rows_affected() == 1)
}

/// Notes what is known of a cluster's credential; whether that is news.
///
/// # Errors
/// Those of the database.
pub async fn note(conn: &mut MySqlConnection, cluster_uuid: &str, dead: bool) -> Result<bool, DbError> {
    let noted = sqlx::query("UPDATE capi_credential SET is_dead = ? WHERE cluster_uuid = ? AND is_dead <> ?")
        .bind(dead)
        .bind(cluster_uuid)
        .bind(dead)
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(noted.rows_affected() == 1)
}

/// Whether the cluster's credential was dead when it was asked about last.
///
/// # Errors
/// Those of the database.
pub async fn was_dead(conn: &mut MySqlConnection, cluster_uuid: &str) -> Result<bool, sqlx::Error> {
    sqlx::query("SELECT is_dead FROM capi_credential WHERE cluster_uuid = ?")
        .bind(cluster_uuid)
        .fetch_optional(conn)
        .await?
        .map_or(Ok(false), |row| row.try_get("is_dead"))
}

/// Forgets a cluster that is gone.
///
/// # Errors
/// Those of the database.
pub async fn forget(conn: &mut MySqlConnection, cluster_uuid: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM capi_credential WHERE cluster_uuid = ?")
        .bind(cluster_uuid)
        .execute(conn)
        .await
        .map(drop)
}

fn failed(source: sqlx::Error) -> DbError {
    DbError::Sql {
        action: "keeping what is known of application credentials".into(),
        source,
    }
}
