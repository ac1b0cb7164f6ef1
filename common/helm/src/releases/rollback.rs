//! `helm rollback` (`pkg/action/rollback.go`, Helm 3.17).

use std::time::Instant;

use chrono::Utc;

use super::revision::Operation;
use super::{Outcome, Releases};
use crate::api::Mode;
use crate::error::ReleaseError;
use crate::release::{Info, Release, Status, stamp};
use crate::store::Store;

impl Releases {
    pub(super) async fn rollback_release(
        &self,
        store: &Store<'_>,
        revision: u64,
        history_max: usize,
    ) -> Result<Outcome, ReleaseError> {
        let cluster = store
            .cluster
            .until(Instant::now() + self.options().operation_timeout);
        let start = self.start(store, Mode::Write).await?;
        let newest = start.newest().ok_or(ReleaseError::NotFound)?;
        if start.is_install {
            return Err(ReleaseError::NoDeployedRelease(store.name.to_owned()));
        }
        let wanted = if revision == 0 {
            newest.version.saturating_sub(1)
        } else {
            revision
        };
        let target = start.history.iter().find(|release| release.version == wanted);
        let target = target.ok_or(ReleaseError::NoRevision(wanted))?;
        let release = Release {
            info: Info {
                first_deployed: newest.info.first_deployed.clone(),
                last_deployed: stamp(Utc::now()),
                deleted: String::new(),
                description: format!("Rollback to {wanted}"),
                status: Status::PendingRollback,
                notes: target.info.notes.clone(),
            },
            version: start.revision,
            ..target.clone()
        };
        let plan = self
            .plan(&cluster, &start, store.name, store.namespace, &release.manifest)
            .await?;
        self.commit(
            store,
            &cluster,
            Operation::Rollback,
            start,
            release,
            plan,
            history_max,
        )
        .await
    }
}
