//! A new revision, whatever it comes from: what it starts from, its plan, and how it is written
//! (`pkg/action/{install,upgrade,rollback}.go`, Helm 3.17).

use chrono::Utc;

use super::apply::{self};
use super::plan::{Basis, Plan};
use super::{AppliedObject, Outcome, Releases};
use crate::api::Mode;
use crate::cluster::Cluster;
use crate::error::ReleaseError;
use crate::objects::Object;
use crate::release::{Event, Release, Status};
use crate::store::{self, Store};

/// What makes the revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Install,
    Upgrade,
    Rollback,
}

impl Operation {
    /// Events before and after, and what Helm says when their hooks fail.
    fn hooks(self) -> [(Event, &'static str); 2] {
        match self {
            Self::Install => [
                (Event::PreInstall, "failed pre-install: "),
                (Event::PostInstall, "failed post-install: "),
            ],
            Self::Upgrade => [
                (Event::PreUpgrade, "pre-upgrade hooks failed: "),
                (Event::PostUpgrade, "post-upgrade hooks failed: "),
            ],
            Self::Rollback => [(Event::PreRollback, ""), (Event::PostRollback, "")],
        }
    }

    /// The first word of a failed record's description.
    fn failed(self) -> &'static str {
        match self {
            Self::Install => "Release",
            Self::Upgrade => "Upgrade",
            Self::Rollback => "Rollback",
        }
    }
}

/// What a new revision starts from.
pub(super) struct Start {
    pub history: Vec<Release>,
    /// Nothing is installed yet.
    pub is_install: bool,
    /// The revision whose manifest counts as the old one.
    pub base: Option<Release>,
    /// Revisions that failed since, oldest first.
    pub failed: Vec<Release>,
    /// Revisions that failed before it, oldest first, as far as their records are kept.
    pub failed_before: Vec<Release>,
    /// Number of the new revision.
    pub revision: u64,
}

impl Start {
    pub(super) fn newest(&self) -> Option<&Release> {
        self.history.last()
    }
}

impl Releases {
    /// Reads the records, deals with one left pending, and finds what the new revision starts from.
    pub(super) async fn start(&self, store: &Store<'_>, mode: Mode) -> Result<Start, ReleaseError> {
        let mut history = store.history().await?;
        if let Some(newest) = history.last_mut()
            && newest.info.status.is_pending()
        {
            self.take_over(store, newest, mode).await?;
        }
        let revision = history.last().map_or(1, |newest| newest.version + 1);
        let is_install = history
            .last()
            .is_none_or(|newest| newest.info.status == Status::Uninstalled);
        if is_install {
            return Ok(Start {
                history,
                is_install,
                base: None,
                failed: Vec::new(),
                failed_before: Vec::new(),
                revision,
            });
        }
        let deployed = history
            .iter()
            .rposition(|release| release.info.status == Status::Deployed);
        let last = history.len() - 1;
        let base = deployed.unwrap_or(last);
        let usable = matches!(
            history[base].info.status,
            Status::Deployed | Status::Failed | Status::Superseded
        );
        if !usable {
            return Err(ReleaseError::NoDeployedRelease(store.name.to_owned()));
        }
        // Without one in force, the last one is the base and at the same time what has to be healed.
        let since = if deployed.is_some() { base + 1 } else { base };
        let failed = history[since..].to_vec();
        let failed_before = history[..base]
            .iter()
            .filter(|release| release.info.status == Status::Failed)
            .cloned()
            .collect();
        Ok(Start {
            is_install,
            base: Some(history[base].clone()),
            failed,
            failed_before,
            revision,
            history,
        })
    }

    /// A pending record is somebody's work in progress, or all that is left of a process that died: of the
    /// latter if it is our own (the caller sees to it that we are alone), or too old. It is marked as failed,
    /// which makes it safe to go on from.
    async fn take_over(
        &self,
        store: &Store<'_>,
        newest: &mut Release,
        mode: Mode,
    ) -> Result<(), ReleaseError> {
        let age = newest
            .last_deployed()
            .and_then(|since| Utc::now().signed_duration_since(since).to_std().ok())
            .unwrap_or_default();
        let ours = store::is_written_by(newest, &self.options().writer);
        if !ours && age < self.options().pending_grace {
            return Err(ReleaseError::Pending {
                revision: newest.version,
                status: newest.info.status.as_str().to_owned(),
                age,
            });
        }
        tracing::warn!(
            release = store.name,
            namespace = store.namespace,
            revision = newest.version,
            status = newest.info.status.as_str(),
            ?age,
            ours,
            "release was left pending by a process that died: taken over"
        );
        let what = match newest.info.status {
            Status::PendingInstall => "Release",
            Status::PendingRollback => "Rollback",
            _ => "Upgrade",
        };
        newest.info.description = format!(
            "{what} {:?} failed: the process that worked on it died ({})",
            newest.name, newest.info.status
        );
        newest.info.status = Status::Failed;
        match mode {
            Mode::Write => store.update(newest).await,
            Mode::DryRun => Ok(()),
        }
    }

    /// Plans what makes the objects as `manifest` says, and rehearses it; nothing is written.
    pub(super) async fn plan(
        &self,
        cluster: &Cluster,
        start: &Start,
        release: &str,
        namespace: &str,
        manifest: &str,
    ) -> Result<Plan, ReleaseError> {
        let built = self.build(cluster, manifest, namespace).await?;
        if !built.errors.is_empty() {
            let what = if start.is_install {
                "release"
            } else {
                "new release"
            };
            return Err(ReleaseError::Build {
                what,
                message: built.message(),
            });
        }
        let basis = Basis {
            release,
            namespace,
            is_install: start.is_install,
            new: built.objects,
            old: self.objects_of(cluster, start.base.as_ref()).await?,
            failed: self.objects_of_all(cluster, &start.failed).await?,
            failed_before: self.objects_of_all(cluster, &start.failed_before).await?,
            parallel: self.options().parallel,
        };
        let mut plan = Plan::make(cluster, basis).await?;
        plan.rehearse(cluster, self.options().parallel).await?;
        Ok(plan)
    }

    async fn objects_of_all(
        &self,
        cluster: &Cluster,
        releases: &[Release],
    ) -> Result<Vec<Vec<Object>>, ReleaseError> {
        let mut all = Vec::new();
        for release in releases {
            all.push(self.objects_of(cluster, Some(release)).await?);
        }
        Ok(all)
    }

    /// Objects of an earlier revision. A kind that is no longer served is left out: there is nothing of it
    /// that could be compared or deleted (Helm fails for ever then).
    async fn objects_of(
        &self,
        cluster: &Cluster,
        release: Option<&Release>,
    ) -> Result<Vec<Object>, ReleaseError> {
        let Some(release) = release else {
            return Ok(Vec::new());
        };
        let built = self.build(cluster, &release.manifest, &release.namespace).await?;
        for error in &built.errors {
            tracing::warn!(
                release = release.name,
                revision = release.version,
                error,
                "left out of the comparison"
            );
        }
        Ok(built.objects)
    }

    /// Writes the revision: record, hooks, objects, record.
    #[allow(clippy::too_many_arguments)]
    pub(super) async fn commit(
        &self,
        store: &Store<'_>,
        cluster: &Cluster,
        operation: Operation,
        start: Start,
        mut release: Release,
        plan: Plan,
        history_max: usize,
    ) -> Result<Outcome, ReleaseError> {
        let done = release.info.description.clone();
        if operation == Operation::Install {
            self.supersede(store, &start.history, |old| {
                (old.info.status == Status::Uninstalled).then_some("superseded by new release")
            })
            .await?;
            release.info.description = "Initial install underway".to_owned();
        } else if history_max > 0 {
            store.prune(&start.history, history_max - 1).await?;
        }
        if operation == Operation::Upgrade {
            release.info.description = "Preparing upgrade".to_owned();
        }
        store.create(&mut release, &self.options().writer).await?;
        let applied = match self
            .carry_out(store, cluster, operation, &mut release, plan)
            .await
        {
            Ok(applied) => applied,
            Err(err) => return Err(self.record_failure(store, operation, release, err).await),
        };
        // The one in force, or if there was none, the one that was the base.
        let base = start.base.as_ref().map(|base| base.version);
        let superseded = |old: &Release| {
            let is_old = old.info.status == Status::Deployed || Some(old.version) == base;
            is_old.then_some("")
        };
        self.supersede(store, &start.history, superseded).await?;
        release.info.status = Status::Deployed;
        release.info.description = done;
        store.update(&mut release).await?;
        Ok(Outcome {
            revision: release.version,
            changed: true,
            notes: release.info.notes.clone(),
            manifest: release.manifest,
            applied,
        })
    }

    /// Marks revisions as superseded, with a new description unless `which` gives an empty one. One that was
    /// pruned meanwhile needs no mark.
    async fn supersede(
        &self,
        store: &Store<'_>,
        history: &[Release],
        which: impl Fn(&Release) -> Option<&'static str>,
    ) -> Result<(), ReleaseError> {
        for (old, description) in history.iter().filter_map(|old| Some((old, which(old)?))) {
            let mut old = old.clone();
            old.info.status = Status::Superseded;
            if !description.is_empty() {
                old.info.description = description.to_owned();
            }
            store.update_if_there(&mut old).await?;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        store: &Store<'_>,
        cluster: &Cluster,
        operation: Operation,
        release: &mut Release,
        plan: Plan,
    ) -> Result<Vec<AppliedObject>, ReleaseError> {
        let [before, after] = operation.hooks();
        self.run_hooks(store, release, before.0)
            .await
            .map_err(|err| hook_failure(before.1, err))?;
        let applied = apply::apply(cluster, plan, self.options().parallel).await;
        if !applied.errors.is_empty() {
            let (message, transient) = (applied.message(), applied.transient);
            return Err(ReleaseError::Apply {
                revision: release.version,
                message,
                transient,
            });
        }
        self.run_hooks(store, release, after.0)
            .await
            .map_err(|err| hook_failure(after.1, err))?;
        Ok(applied.objects)
    }

    /// Records a revision as failed, and returns the error that made it so.
    async fn record_failure(
        &self,
        store: &Store<'_>,
        operation: Operation,
        mut release: Release,
        err: ReleaseError,
    ) -> ReleaseError {
        if matches!(err, ReleaseError::Conflict(_)) {
            // The record is somebody else's now.
            return err;
        }
        release.info.status = Status::Failed;
        release.info.description = format!("{} {:?} failed: {err}", operation.failed(), release.name);
        if let Err(second) = store.update(&mut release).await {
            // It stays pending, and the next operation takes it over.
            tracing::warn!(
                release = store.name, namespace = store.namespace, revision = release.version,
                error = %second, "a failed revision could not be recorded as such"
            );
        }
        err
    }
}

fn hook_failure(words: &str, err: ReleaseError) -> ReleaseError {
    match err {
        ReleaseError::Hook { message, transient } => ReleaseError::Hook {
            message: format!("{words}{message}"),
            transient,
        },
        err => err,
    }
}
