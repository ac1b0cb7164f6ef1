//! The steps that carry an operation out. Each asks first and acts on difference, so that any of them can be repeated,
//! by this conductor or another, from wherever the last attempt stopped.

mod delete;
mod secrets;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use conductor_status::index::{Applied, Index};
use helm::AppliedObject;
use magnum_objects::{Changes, ClusterStatus, Guard, rows};
use parking_lot::Mutex;

use super::{
    Kind, Operation, State, StepError,
    executor::{Progress, Worker},
    failure,
    intent::Change,
    lease::Lease,
};
use crate::{
    app::App, certificates::LoadError, management::ManagementError, release::ReleaseFailure,
    request::RequestError,
};

/// How long an operation waits, at the most, before it looks again whether the watches have caught up.
const OBSERVE_AGAIN: Duration = Duration::from_secs(5);

/// Attempts after which the user is told, in `status_reason`, what an operation is stuck at.
const TELL_AFTER_ATTEMPTS: u32 = 2;

/// The worker of the executor.
pub struct Steps {
    app: Arc<App>,
    index: Arc<Index>,
    /// What operations have applied and wait to see in the watches. Lost in a crash, and then not needed: the watches
    /// of the next process begin with the state as it is.
    applied: Mutex<HashMap<u64, Vec<AppliedObject>>>,
    /// Says that a cluster's status may be derived anew.
    settled: Box<dyn Fn(&str) + Send + Sync>,
}

impl Steps {
    /// Over the parts of this conductor; `settled` is called with the uuid of a cluster whose operation has ended.
    pub fn new(app: Arc<App>, index: Arc<Index>, settled: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self {
            app,
            index,
            applied: Mutex::default(),
            settled,
        }
    }

    async fn step(&self, operation: &Operation, name: &str) -> Result<(), StepError> {
        tracing::debug!(operation = operation.kind.as_str(), step = name, "step");
        Ok(self.app.journal.step(operation.id, name).await?)
    }

    /// Everything but deletions: secrets where they changed, the release, and the watches' having seen it.
    async fn bring_about(&self, operation: &Operation, lease: &Lease) -> Result<Progress, StepError> {
        let applied = self.applied.lock().get(&operation.id).cloned();
        let applied = match applied {
            Some(applied) => applied,
            None => {
                if matches!(operation.kind, Kind::Create | Kind::CredentialRotate) {
                    self.write_secrets(operation).await?;
                }
                let applied = self.apply_release(operation).await?;
                self.step(operation, "observe").await?;
                self.applied.lock().insert(operation.id, applied.clone());
                applied
            }
        };
        if !self.has_seen(&applied) {
            return Ok(Progress::Waiting(OBSERVE_AGAIN));
        }
        self.finish(operation, lease).await?;
        Ok(Progress::Finished)
    }

    /// Whether the watches have seen all of it. Status is derived from them, so before that it would be of the past.
    fn has_seen(&self, applied: &[AppliedObject]) -> bool {
        let seen: Vec<Applied<'_>> = applied.iter().map(as_seen).collect();
        self.index.caught_up(&seen)
    }

    async fn apply_release(&self, operation: &Operation) -> Result<Vec<AppliedObject>, StepError> {
        if operation.kind == Kind::CredentialRotate {
            return Ok(Vec::new());
        }
        self.step(operation, "release").await?;
        let Some(facts) = &operation.intent.facts else {
            return Err(StepError::Permanent(
                "the journal holds no facts for this operation".to_owned(),
            ));
        };
        let Some(desired) = self.app.desired(&operation.cluster_uuid).await? else {
            return Err(StepError::Permanent(
                "the cluster or its template is gone from the database".to_owned(),
            ));
        };
        if let Change::Scale {
            nodegroup, remove, ..
        } = &operation.intent.change
            && !remove.is_empty()
        {
            self.mark_for_removal(&desired, nodegroup, remove).await?;
        }
        let outcome = self.app.releases.apply(&desired, facts).await?;
        tracing::info!(
            revision = outcome.revision,
            changed = outcome.changed,
            "release is as asked for"
        );
        Ok(outcome.applied)
    }

    async fn finish(&self, operation: &Operation, lease: &Lease) -> Result<(), StepError> {
        let mut tx = self.app.journal.pool().begin().await?;
        if !lease.holds(&mut tx).await? {
            return Err(StepError::LeaseLost);
        }
        if operation.kind == Kind::CredentialRotate {
            // Nothing in the watches tells of it, so it is said here; what is in progress or has failed stays so.
            let changes = Changes::new()
                .set("status", ClusterStatus::UpdateComplete)
                .set("status_reason", None::<String>);
            let guard = Guard::none().expect_one_of("status", crate::gate::SETTLED);
            let uuid = &operation.cluster_uuid;
            rows::cluster::update(&mut tx, self.app.db.schema(), uuid, &changes, &guard).await?;
        }
        self.app
            .journal
            .finish(&mut tx, operation.id, State::Done, None)
            .await?;
        tx.commit().await?;
        self.ended(operation);
        Ok(())
    }

    fn ended(&self, operation: &Operation) {
        self.applied.lock().remove(&operation.id);
        (self.settled)(&operation.cluster_uuid);
    }
}

#[async_trait]
impl Worker for Steps {
    async fn run(&self, operation: &Operation, lease: &Lease) -> Result<Progress, StepError> {
        let outcome = match operation.kind {
            Kind::Delete => self.delete(operation, lease).await,
            _ => self.bring_about(operation, lease).await,
        };
        if let Err(StepError::Transient(error)) = &outcome
            && operation.attempts >= TELL_AFTER_ATTEMPTS
        {
            failure::tell(&self.app, operation, error).await;
        }
        outcome
    }

    async fn fail(&self, operation: &Operation, lease: &Lease, error: &str) -> Result<(), StepError> {
        failure::write(&self.app, operation, lease, error).await?;
        self.ended(operation);
        Ok(())
    }
}

fn as_seen(object: &AppliedObject) -> Applied<'_> {
    Applied {
        api_version: &object.api_version,
        kind: &object.kind,
        namespace: &object.namespace,
        name: &object.name,
        uid: &object.uid,
        generation: object.generation,
        resource_version: &object.resource_version,
    }
}

impl From<ReleaseFailure> for StepError {
    fn from(error: ReleaseFailure) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<ManagementError> for StepError {
    fn from(error: ManagementError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<magnum_objects::DbError> for StepError {
    fn from(error: magnum_objects::DbError) -> Self {
        // A statement that the database refuses for good would otherwise be tried for ever.
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<LoadError> for StepError {
    fn from(error: LoadError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<RequestError> for StepError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(error) => Self::permanent(error),
            RequestError::Unavailable(error) => Self::Transient(error),
        }
    }
}
