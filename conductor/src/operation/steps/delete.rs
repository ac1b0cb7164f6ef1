//! A deletion: release, Cluster API's own clean-up, secrets, application credential, certificates, rows.

use std::time::Duration;

use conductor_driver::secrets;
use helm::Uninstalled;
use magnum_objects::{Cluster, ClusterStatus, NodeGroup, RequestContext, rows};

use super::Steps;
use crate::{
    cloud,
    notify::{Action, Outcome},
    operation::{Operation, State, StepError, executor::Progress, intent::Change, lease::Lease},
    trusts,
};

/// How long a deletion waits for news before it looks for itself.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Attempts at removing what is outside the management cluster before the deletion goes on without: it must not depend
/// on Keystone or Barbican.
const OUTSIDE_ATTEMPTS: u32 = 4;

impl Steps {
    pub(super) async fn delete(&self, operation: &Operation, lease: &Lease) -> Result<Progress, StepError> {
        let mut conn = self.app.db.acquire().await?;
        let found = rows::cluster::by_uuid(&mut conn, self.app.db.schema(), &operation.cluster_uuid).await?;
        let groups =
            rows::nodegroup::by_cluster(&mut conn, self.app.db.schema(), &operation.cluster_uuid).await?;
        drop(conn);
        let found = found.or_else(|| remains(operation));
        let Some(cluster) = found else {
            let mut tx = self.app.journal.pool().begin().await?;
            self.app.journal.forget(&mut tx, &operation.cluster_uuid).await?;
            tx.commit().await?;
            return Ok(Progress::Finished);
        };
        let namespace = crate::release::namespace(&self.app.settings, &cluster);
        if cluster.stack_id.as_deref().is_some_and(|name| !name.is_empty()) {
            if !self.applied.lock().contains_key(&operation.id) {
                if operation.intent.credential.is_some()
                    && self.app.management.has_namespace(&namespace).await?
                {
                    self.write_credential(operation, &cluster).await?;
                    self.app.journal.unseal(operation.id).await?;
                }
                self.step(operation, "uninstall").await?;
                if let Uninstalled::Deleted { kept } = self.app.releases.uninstall(&cluster).await? {
                    tracing::info!(
                        kept = kept.len(),
                        "release uninstalled; Cluster API removes what it kept"
                    );
                }
                self.step(operation, "wait").await?;
                // Nothing of it is waited for in the watches; the entry says that this much is done.
                self.applied.lock().insert(operation.id, Vec::new());
            }
            if !self.is_gone(&namespace, &cluster).await? {
                return Ok(Progress::Waiting(LOOK_AGAIN));
            }
        }
        self.step(operation, "credential").await?;
        let leftover = self.remove_credentials(operation, &cluster).await?;
        if self.app.management.has_namespace(&namespace).await? {
            self.step(operation, "secrets").await?;
            self.app
                .management
                .delete_secrets(&namespace, secrets::CLUSTER_UUID_LABEL, &cluster.uuid)
                .await?;
        }
        self.step(operation, "certificates").await?;
        let leftover = leftover.or(self.remove_certificates(operation, &cluster).await?);
        let leftover = leftover.or(self.remove_trust(operation, &cluster).await?);
        self.step(operation, "rows").await?;
        self.remove_rows(operation, lease, cluster, groups, leftover)
            .await?;
        Ok(Progress::Finished)
    }

    /// Whether Cluster API has removed everything. What the chart keeps (`helm.sh/resource-policy`) goes with the Cluster
    /// that owns it; what no Cluster had come to own yet, because the deletion came early, is deleted here.
    async fn is_gone(&self, namespace: &str, cluster: &Cluster) -> Result<bool, StepError> {
        let release = cluster.stack_id.as_deref().unwrap_or_default();
        // The index may not have seen yet what was written a moment ago, so the API server has the last word.
        if self.app.management.has_cluster(namespace, release).await? {
            return Ok(false);
        }
        let going = self.app.management.delete_kept(namespace, release).await?;
        Ok(going == 0 && (!self.index.synced() || self.index.view(namespace, release).is_gone()))
    }

    /// Removes the cluster's application credentials, of its owner and of everybody who made one for it. Returns what is
    /// to be said if that could not be done.
    async fn remove_credentials(
        &self,
        operation: &Operation,
        cluster: &Cluster,
    ) -> Result<Option<String>, StepError> {
        let mut users = self.app.journal.credential_owners(&cluster.uuid).await?;
        users.extend(cluster.user_id.clone());
        users.sort();
        users.dedup();
        match cloud::delete_credentials(&self.app, &cluster.uuid, &users).await {
            Ok(()) => Ok(None),
            Err(error) => or_leave(
                operation,
                error.is_transient(),
                format!(
                    "Failed to delete application credential for cluster {}: {error}",
                    cluster.uuid
                ),
            ),
        }
    }

    /// Removes the certificates that are not in rows. Returns what is to be said if that could not be done.
    async fn remove_certificates(
        &self,
        operation: &Operation,
        cluster: &Cluster,
    ) -> Result<Option<String>, StepError> {
        match self.app.certificates.remove_outside(cluster).await {
            Ok(()) => Ok(None),
            Err(error) => or_leave(
                operation,
                error.is_transient(),
                format!(
                    "Failed to delete certificates of cluster {}: {error}",
                    cluster.uuid
                ),
            ),
        }
    }

    /// Removes the trust and the trustee that a Magnum up to 22 gave the cluster.
    async fn remove_trust(
        &self,
        operation: &Operation,
        cluster: &Cluster,
    ) -> Result<Option<String>, StepError> {
        let removed = trusts::delete(
            &self.app.clouds,
            &self.app.settings,
            cluster.trust_id.as_deref(),
            cluster.trustee_user_id.as_deref(),
            cluster.trustee_password.as_ref(),
        );
        match removed.await {
            Ok(()) => Ok(None),
            Err(error) => or_leave(
                operation,
                error.is_transient(),
                format!("Failed to delete the trust of cluster {}: {error}", cluster.uuid),
            ),
        }
    }

    async fn remove_rows(
        &self,
        operation: &Operation,
        lease: &Lease,
        mut cluster: Cluster,
        groups: Vec<NodeGroup>,
        leftover: Option<String>,
    ) -> Result<(), StepError> {
        let schema = self.app.db.schema();
        let mut tx = self.app.db.begin().await?;
        if !lease.holds(&mut tx).await? {
            return Err(StepError::LeaseLost);
        }
        self.app.certificates.remove_rows(&mut tx, &cluster).await?;
        rows::nodegroup::delete_by_cluster(&mut tx, schema, &cluster.uuid).await?;
        let ours = rows::cluster::delete(&mut tx, schema, &cluster.uuid).await?;
        self.app
            .journal
            .finish(&mut tx, operation.id, State::Done, None)
            .await?;
        self.app.journal.forget(&mut tx, &cluster.uuid).await?;
        magnum_objects::Db::commit(tx).await?;
        self.ended(operation);
        if ours {
            cluster.status = Some(ClusterStatus::DeleteComplete);
            cluster.status_reason = leftover;
            tracing::info!("cluster deleted");
            // In the service's name, as Python's periodic task does it.
            let context = RequestContext::admin(true);
            self.app
                .notifications
                .cluster(&context, Action::Delete, Outcome::Success, &cluster, &groups);
        }
        Ok(())
    }
}

/// The cluster as it was when its deletion was asked for: somebody else, a Python conductor that took over and gave back,
/// has removed its row, and what that one left is still to go.
fn remains(operation: &Operation) -> Option<Cluster> {
    match &operation.intent.change {
        Change::Delete { cluster: Some(kept) } => {
            tracing::info!("the cluster's row is gone already; what is left of the cluster follows it");
            Some(kept.cluster(&operation.cluster_uuid))
        }
        _ => None,
    }
}

/// What a failure outside the management cluster makes of a deletion: a few more attempts while that may help, then it
/// goes on, with something left behind and said.
fn or_leave(operation: &Operation, is_away: bool, text: String) -> Result<Option<String>, StepError> {
    if is_away && operation.attempts < OUTSIDE_ATTEMPTS {
        return Err(StepError::Transient(text));
    }
    tracing::warn!(reason = %text, "deletion goes on without");
    Ok(Some(text))
}
