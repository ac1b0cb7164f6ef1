//! What an operation that cannot be carried out leaves in the rows.

use magnum_objects::{Changes, ClusterStatus, Guard, rows};
use sqlx::MySqlConnection;

use super::{Operation, State, StepError, intent::Change, lease::Lease};
use crate::{
    app::App,
    notify::{Action, Outcome},
};

/// Ends an operation as failed: status and reason in the rows, what the request had changed put back where nobody
/// changed it since, and a notification. A cluster with further operations keeps its status: those decide.
pub async fn write(app: &App, operation: &Operation, lease: &Lease, error: &str) -> Result<(), StepError> {
    let uuid = &operation.cluster_uuid;
    let mut tx = app.db.begin().await?;
    if !lease.holds(&mut tx).await? {
        return Err(StepError::LeaseLost);
    }
    if app.lock(&mut tx, uuid).await?.is_none() {
        app.journal.forget(&mut tx, uuid).await?;
        return Ok(magnum_objects::Db::commit(tx).await?);
    }
    if !app
        .journal
        .finish(&mut tx, operation.id, State::Failed, Some(error))
        .await?
    {
        return Ok(());
    }
    restore(app, &mut tx, operation, error).await?;
    let (status, action) = match &operation.intent.change {
        Change::Create => (ClusterStatus::CreateFailed, Action::Create),
        Change::Delete { .. } => (ClusterStatus::DeleteFailed, Action::Delete),
        _ => (ClusterStatus::UpdateFailed, Action::Update),
    };
    let others = app.journal.unfinished(&mut tx, uuid).await?;
    if others.is_empty() {
        let guard = Guard::none().expect_one_of(
            "status",
            [
                ClusterStatus::CreateInProgress,
                ClusterStatus::UpdateInProgress,
                ClusterStatus::DeleteInProgress,
            ],
        );
        rows::cluster::update(&mut tx, app.db.schema(), uuid, &failed(status, error), &guard).await?;
    }
    let left = app.lock(&mut tx, uuid).await?;
    magnum_objects::Db::commit(tx).await?;
    if let Some((cluster, groups)) = left {
        app.notifications
            .cluster(&operation.context(), action, Outcome::Failure, &cluster, &groups);
    }
    Ok(())
}

/// Tells the user, while an operation is tried again, what it is stuck at. Best effort.
pub async fn tell(app: &App, operation: &Operation, error: &str) {
    let told = async {
        let mut conn = app.db.acquire().await?;
        let changes = Changes::new().set("status_reason", error);
        let guard = Guard::none().expect_one_of(
            "status",
            [
                ClusterStatus::CreateInProgress,
                ClusterStatus::UpdateInProgress,
                ClusterStatus::DeleteInProgress,
            ],
        );
        rows::cluster::update(
            &mut conn,
            app.db.schema(),
            &operation.cluster_uuid,
            &changes,
            &guard,
        )
        .await
    };
    if let Err(error) = told.await {
        tracing::debug!(%error, "status_reason not written");
    }
}

async fn restore(
    app: &App,
    tx: &mut MySqlConnection,
    operation: &Operation,
    error: &str,
) -> Result<(), StepError> {
    let schema = app.db.schema();
    match &operation.intent.change {
        Change::Scale {
            nodegroup, from, to, ..
        } => {
            // A later request that changed the size again must not be undone.
            let guard = Guard::none().expect("node_count", *to);
            let changes = failed(ClusterStatus::UpdateFailed, error).set("node_count", *from);
            rows::nodegroup::update(tx, schema, nodegroup, &changes, &guard).await?;
        }
        Change::Upgrade {
            from_template,
            to_template,
            ..
        } => {
            let guard = Guard::none().expect("cluster_template_id", to_template.as_str());
            let changes = Changes::new().set("cluster_template_id", from_template.as_str());
            rows::cluster::update(tx, schema, &operation.cluster_uuid, &changes, &guard).await?;
            let guard = Guard::none().expect("status", ClusterStatus::UpdateInProgress);
            for group in rows::nodegroup::by_cluster(tx, schema, &operation.cluster_uuid).await? {
                rows::nodegroup::update(
                    tx,
                    schema,
                    &group.uuid,
                    &failed(ClusterStatus::UpdateFailed, error),
                    &guard,
                )
                .await?;
            }
        }
        Change::NodegroupCreate { nodegroup } => {
            let changes = failed(ClusterStatus::CreateFailed, error);
            rows::nodegroup::update(tx, schema, nodegroup, &changes, &Guard::none()).await?;
        }
        Change::NodegroupUpdate { nodegroup } => {
            let guard = Guard::none().expect("status", ClusterStatus::UpdateInProgress);
            let changes = failed(ClusterStatus::UpdateFailed, error);
            rows::nodegroup::update(tx, schema, nodegroup, &changes, &guard).await?;
        }
        Change::NodegroupDelete { nodegroup } => {
            let changes = failed(ClusterStatus::DeleteFailed, error);
            rows::nodegroup::update(tx, schema, nodegroup, &changes, &Guard::none()).await?;
        }
        Change::Create => {
            let guard = Guard::none().expect("status", ClusterStatus::CreateInProgress);
            for group in rows::nodegroup::by_cluster(tx, schema, &operation.cluster_uuid).await? {
                let changes = failed(ClusterStatus::CreateFailed, error);
                rows::nodegroup::update(tx, schema, &group.uuid, &changes, &guard).await?;
            }
        }
        Change::CredentialRotate { from_user } => {
            let changes = Changes::new().set("user_id", from_user.clone());
            rows::cluster::update(tx, schema, &operation.cluster_uuid, &changes, &Guard::none()).await?;
        }
        Change::Delete { .. } => {}
    }
    Ok(())
}

/// The changes of a failure, of a cluster or a node group.
pub(super) fn failed(status: ClusterStatus, reason: &str) -> Changes {
    Changes::new().set("status", status).set("status_reason", reason)
}
