//! `helm uninstall` (`pkg/action/uninstall.go`, Helm 3.17).

use std::collections::HashSet;

use chrono::Utc;
use futures::{FutureExt, StreamExt};

use super::{Releases, Uninstalled};
use crate::cluster::Cluster;
use crate::error::ReleaseError;
use crate::kinds;
use crate::objects::{self, Object};
use crate::release::{Event, Release, Status, stamp};
use crate::store::Store;

impl Releases {
    pub(super) async fn uninstall_release(
        &self,
        store: &Store<'_>,
        history_too: bool,
    ) -> Result<Uninstalled, ReleaseError> {
        let history = store.history().await?;
        let Some(mut newest) = history.last().cloned() else {
            return Ok(Uninstalled::NotFound);
        };
        let kept = if newest.info.status == Status::Uninstalled {
            Vec::new()
        } else {
            self.take_down(store, &history, &mut newest).await?
        };
        if history_too {
            for release in &history {
                store.delete(release).await?;
            }
        } else if newest.info.status != Status::Uninstalled {
            newest.info.status = Status::Uninstalled;
            newest.info.description = "Uninstallation complete".to_owned();
            store.update(&mut newest).await?;
        }
        Ok(Uninstalled::Deleted { kept })
    }

    /// Hooks and objects; the record says meanwhile that the release is being uninstalled. One that says so
    /// already was left by a process that died, and all is done again.
    async fn take_down(
        &self,
        store: &Store<'_>,
        history: &[Release],
        newest: &mut Release,
    ) -> Result<Vec<String>, ReleaseError> {
        newest.info.status = Status::Uninstalling;
        newest.info.deleted = stamp(Utc::now());
        newest.info.description = "Deletion in progress (or silently failed)".to_owned();
        self.run_hooks(store, newest, Event::PreDelete).await?;
        store.update(newest).await?;
        let kept = self.delete_objects(store, history).await?;
        self.run_hooks(store, newest, Event::PostDelete).await?;
        Ok(kept)
    }

    /// Deletes what the newest revision, the one in force, and those that failed since may have created.
    /// Helm looks at the newest only, and so leaves behind what a failed upgrade had dropped from it.
    async fn delete_objects(
        &self,
        store: &Store<'_>,
        history: &[Release],
    ) -> Result<Vec<String>, ReleaseError> {
        let (mut kept, mut seen, mut objects) = (Vec::new(), HashSet::new(), Vec::new());
        for (at, release) in relevant(history).into_iter().enumerate() {
            let built = self
                .build(store.cluster, &release.manifest, store.namespace)
                .await?;
            for error in &built.errors {
                // What the API server no longer serves cannot be deleted.
                tracing::warn!(
                    release = store.name,
                    namespace = store.namespace,
                    error,
                    "left out of the deletion"
                );
            }
            for object in built.objects {
                if !seen.insert(object.key()) {
                    continue;
                }
                if objects::is_kept(&object.body) {
                    // As Helm says it: of the newest revision. Older ones may be long gone.
                    kept.extend((at == 0).then(|| format!("{}/{}", object.api.kind, object.name)));
                } else if at == 0 || self.is_ours(store, &object).await? {
                    objects.push(object);
                }
            }
        }
        objects.sort_by(|a, b| kinds::uninstall_order(&a.api.kind, &b.api.kind));
        let errors = delete(store.cluster, &objects, self.options().parallel).await;
        if errors.is_empty() {
            return Ok(kept);
        }
        let transient = errors.iter().all(crate::api::ApiError::is_transient);
        let message = errors
            .into_iter()
            .map(|err| err.message)
            .collect::<Vec<_>>()
            .join("; ");
        let code = if transient { 503 } else { 422 };
        Err(ReleaseError::Api {
            action: "failed to delete release".to_owned(),
            code,
            message,
        })
    }

    async fn is_ours(&self, store: &Store<'_>, object: &Object) -> Result<bool, ReleaseError> {
        let live = store.cluster.get(&object.uri()).await.map_err(|err| {
            err.during(format!(
                "could not get information about the resource {}",
                object.described()
            ))
        })?;
        Ok(live.is_some_and(|live| objects::check_ownership(&live, store.name, store.namespace).is_ok()))
    }
}

/// The newest revision first, then what may have left objects behind: back to the one in force.
fn relevant(history: &[Release]) -> Vec<&Release> {
    let mut found = Vec::new();
    for release in history.iter().rev() {
        found.push(release);
        if release.info.status == Status::Deployed {
            break;
        }
    }
    found
}

/// Deletes kind after kind; an error does not stop the rest.
async fn delete(cluster: &Cluster, objects: &[Object], parallel: usize) -> Vec<crate::api::ApiError> {
    let mut errors = Vec::new();
    for group in objects.chunk_by(|a, b| a.api.kind == b.api.kind) {
        let deletes: Vec<_> = group
            .iter()
            .map(|object| async move { (object, cluster.delete(&object.uri()).await) }.boxed())
            .collect();
        let answers: Vec<_> = futures::stream::iter(deletes)
            .buffered(parallel.max(1))
            .collect()
            .await;
        for (object, answer) in answers {
            if let Err(mut err) = answer {
                err.message = format!("{}: {}", object.described(), err.message);
                errors.push(err);
            }
        }
    }
    errors
}
