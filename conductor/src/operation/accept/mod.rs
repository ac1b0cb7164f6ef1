//! Accepting requests: gate, what needs the caller's token, then one transaction of rows and journal.
//!
//! As magnum 23.0 `conductor/handlers/{cluster,nodegroup}_conductor.py` and magnum-capi-helm 1.4.0 `driver.py`, but
//! that validation comes before the first write (creation apart, whose row is to be seen at once), and that work on
//! the management cluster comes after the answer.

mod create;
mod delete;
mod means;
mod nodegroup;
mod rotate;
mod scale;
mod upgrade;

use std::{sync::Arc, time::Duration};

use conductor_driver::{
    facts::Facts,
    validate::{self, Rows},
};
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, DbError, Guard, MagnumError, NodeGroup, rows};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{MySql, Transaction};

use super::{
    Intent, State,
    executor::Executor,
    failure::failed,
    intent::{Change, Credential},
    journal::NewOperation,
};
use crate::{
    app::{App, was_refused},
    cloud,
    gate::{self, Wish},
    notify::{Action, Outcome},
    request::{Request, RequestError},
};

pub use scale::Health;

/// Longest time for what needs the caller's token. A token outlives it by far; callers give up sooner.
pub const ACCEPT_LIMIT: Duration = Duration::from_secs(150);

/// Accepts requests about our clusters.
#[derive(Clone)]
pub struct Acceptor {
    app: Arc<App>,
    executor: Arc<Executor>,
}

/// A cluster's rows at some moment.
struct Found {
    cluster: Cluster,
    groups: Vec<NodeGroup>,
    template: ClusterTemplate,
}

impl Acceptor {
    /// Over the parts of this conductor.
    pub fn new(app: Arc<App>, executor: Arc<Executor>) -> Self {
        Self { app, executor }
    }

    /// The rows of a cluster as they are.
    async fn find(&self, uuid: &str) -> Result<Found, RequestError> {
        let mut conn = self.app.db.acquire().await?;
        let schema = self.app.db.schema();
        let cluster = rows::cluster::by_uuid(&mut conn, schema, uuid).await?;
        let cluster = cluster.ok_or_else(|| MagnumError::cluster_not_found(uuid))?;
        let template = self.app.template(&mut conn, &cluster.cluster_template_id).await?;
        let template = template
            .ok_or_else(|| MagnumError::cluster_template_not_found(cluster.cluster_template_id.as_str()))?;
        let mut groups = rows::nodegroup::by_cluster(&mut conn, schema, uuid).await?;
        groups.retain(|group| !was_refused(group));
        Ok(Found {
            cluster,
            groups,
            template,
        })
    }

    /// The rows of a cluster that may do what is wished, as far as they tell before anything is looked up.
    async fn find_for(&self, request: &Request, wish: Wish, uuid: &str) -> Result<Found, RequestError> {
        let found = self.find(uuid).await?;
        match gate::cluster(wish, found.cluster.status) {
            Some(words) => Err(self.refuse(request, &found.cluster, &found.groups, words)),
            None => Ok(found),
        }
    }

    /// Whether this very message was accepted before and is only delivered again.
    async fn seen(&self, request: &Request, cluster_uuid: &str) -> Result<bool, RequestError> {
        let mut conn = self.app.db.acquire().await?;
        let known = self
            .app
            .journal
            .by_message(&mut conn, &request.message_id, cluster_uuid)
            .await?;
        Ok(known.is_some_and(|operation| operation.state != State::Accepting))
    }

    /// Looks up and checks what an operation needs, in the caller's view of the cloud. A cluster that has no living
    /// application credential gets one.
    async fn facts(
        &self,
        request: &Request,
        operation: validate::Operation<'_>,
        rows: Rows<'_>,
    ) -> Result<Facts, RequestError> {
        let needs = rows.needs(operation);
        let looked_up = cloud::facts(&self.app, request, &needs);
        let (facts, dead) = tokio::join!(
            tokio::time::timeout(ACCEPT_LIMIT, looked_up),
            self.has_dead_credential(request, rows.cluster)
        );
        let facts = facts.map_err(|_| too_slow())??;
        validate::check(&self.app.settings, operation, rows, &facts).map_err(MagnumError::from)?;
        if dead {
            self.replace_dead_credential(request, rows.cluster).await;
        }
        Ok(facts)
    }

    /// A transaction with the cluster's rows locked.
    async fn locked(
        &self,
        uuid: &str,
    ) -> Result<(Transaction<'static, MySql>, Cluster, Vec<NodeGroup>), RequestError> {
        let mut tx = self.app.db.begin().await?;
        match self.app.lock(&mut tx, uuid).await? {
            Some((cluster, groups)) => Ok((tx, cluster, groups)),
            None => Err(MagnumError::cluster_not_found(uuid).into()),
        }
    }

    /// A transaction with the cluster's rows locked, if it still may do what is wished.
    async fn locked_for(
        &self,
        request: &Request,
        wish: Wish,
        uuid: &str,
    ) -> Result<(Transaction<'static, MySql>, Cluster, Vec<NodeGroup>), RequestError> {
        let (tx, cluster, groups) = self.locked(uuid).await?;
        match gate::cluster(wish, cluster.status) {
            Some(words) => Err(self.refuse(request, &cluster, &groups, words)),
            None => Ok((tx, cluster, groups)),
        }
    }

    /// Journals an accepted operation, commits it with the rows, and sets it going.
    async fn journal(
        &self,
        tx: Transaction<'static, MySql>,
        request: &Request,
        cluster_uuid: &str,
        change: Change,
        facts: Option<Facts>,
    ) -> Result<(), RequestError> {
        let message_id = request.message_id.as_str();
        self.journal_with(tx, request, cluster_uuid, (change, message_id), facts, None)
            .await
    }

    /// As [`Self::journal`], for an operation that brings an application credential, or another message's name.
    async fn journal_with(
        &self,
        mut tx: Transaction<'static, MySql>,
        request: &Request,
        cluster_uuid: &str,
        (change, message_id): (Change, &str),
        facts: Option<Facts>,
        credential: Option<(Credential, SecretString)>,
    ) -> Result<(), RequestError> {
        let (credential, secret) = credential.unzip();
        let intent = Intent {
            change,
            facts,
            credential,
            asker: request.asker(),
        };
        let new = NewOperation {
            message_id,
            cluster_uuid,
            state: State::Accepted,
            intent: &intent,
            sealed: secret.as_ref().map(ExposeSecret::expose_secret),
            request_id: request.context.request_id.as_deref(),
        };
        self.app.journal.insert(&mut tx, &new).await?;
        magnum_objects::Db::commit(tx).await?;
        self.executor.wake(cluster_uuid);
        tracing::info!(
            cluster = cluster_uuid,
            operation = intent.kind().as_str(),
            "accepted"
        );
        Ok(())
    }

    /// Refuses with a gate's words, and says so in a notification as Python does.
    fn refuse(
        &self,
        request: &Request,
        cluster: &Cluster,
        groups: &[NodeGroup],
        words: String,
    ) -> RequestError {
        self.tell_update(request, Outcome::Failure, cluster, groups);
        MagnumError::not_supported(words).into()
    }

    /// Tells that an update begins, or that it has failed.
    fn tell_update(&self, request: &Request, outcome: Outcome, cluster: &Cluster, groups: &[NodeGroup]) {
        let notifications = &self.app.notifications;
        notifications.cluster(&request.context, Action::Update, outcome, cluster, groups);
    }

    /// Writes an update that was refused on its merits into the rows, as Python does: UPDATE_FAILED and why.
    /// Unfinished operations go on, so a cluster that has some keeps its status.
    async fn update_failed(
        &self,
        request: &Request,
        found: &Found,
        group: Option<&str>,
        error: &MagnumError,
    ) -> Result<(), DbError> {
        let schema = self.app.db.schema();
        let mut conn = self.app.db.acquire().await?;
        let changes = failed(ClusterStatus::UpdateFailed, &error.message);
        let guard = Guard::none().expect("status", found.cluster.status);
        if found.cluster.status != Some(ClusterStatus::UpdateInProgress) {
            rows::cluster::update(&mut conn, schema, &found.cluster.uuid, &changes, &guard).await?;
        }
        if let Some(group) = found
            .groups
            .iter()
            .find(|candidate| Some(candidate.uuid.as_str()) == group)
            && group
                .status
                .is_none_or(|status| !status.as_str().ends_with("_IN_PROGRESS"))
        {
            let guard = Guard::none().expect("status", group.status);
            rows::nodegroup::update(&mut conn, schema, &group.uuid, &changes, &guard).await?;
        }
        let mut cluster = found.cluster.clone();
        cluster.status = Some(ClusterStatus::UpdateFailed);
        cluster.status_reason = Some(error.message.clone());
        self.tell_update(request, Outcome::Failure, &cluster, &found.groups);
        Ok(())
    }
}

/// The changes of a cluster that starts an update.
fn updating() -> magnum_objects::Changes {
    magnum_objects::Changes::new()
        .set("status", ClusterStatus::UpdateInProgress)
        .set("status_reason", None::<String>)
}

fn too_slow() -> MagnumError {
    MagnumError::positional(
        magnum_objects::Kind::MagnumException,
        format!(
            "OpenStack's services did not answer within {} seconds; please try again",
            ACCEPT_LIMIT.as_secs()
        ),
    )
}
