//! Release records in the cluster (`pkg/storage`, Helm 3.17).

use chrono::Utc;
use serde_json::Value;

use crate::api::Mode;
use crate::cluster::Cluster;
use crate::error::ReleaseError;
use crate::release::{self, Release, Status};

/// Annotation on pending records: who is at work. Helm never writes annotations, so it is gone as soon as
/// another client has written the record.
const WRITER: &str = "release.helm.sh/writer";
/// Annotation on pending records: which attempt created them, to know our own after a lost answer.
const ATTEMPT: &str = "release.helm.sh/attempt";

/// Labels that are written anew each time; all others are the user's and are inherited.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

fn collection(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

/// The records of one release.
#[derive(Clone)]
pub(crate) struct Store<'a> {
    pub cluster: &'a Cluster,
    pub name: &'a str,
    pub namespace: &'a str,
}

impl Store<'_> {
    /// All revisions, oldest first. Records that cannot be decoded are skipped, as Helm does.
    pub(crate) async fn history(&self) -> Result<Vec<Release>, ReleaseError> {
        let uri = format!(
            "{}?labelSelector=name%3D{}%2Cowner%3Dhelm",
            collection(self.namespace),
            self.name
        );
        let list = self
            .cluster
            .read(&uri, "application/json")
            .await
            .map_err(|err| err.during(format!("cannot read the records of release {}", self.name)))?;
        let mut releases = Vec::new();
        for secret in list["items"].as_array().into_iter().flatten() {
            match release::from_secret(secret) {
                Ok(release) => releases.push(release),
                Err(message) => {
                    let record = secret["metadata"]["name"].as_str().unwrap_or_default();
                    tracing::warn!(
                        record,
                        namespace = self.namespace,
                        message,
                        "release record cannot be decoded"
                    );
                }
            }
        }
        releases.sort_by_key(|release| release.version);
        Ok(releases)
    }

    /// Creates the record of a new revision. One of that revision that somebody else made is a conflict.
    pub(crate) async fn create(&self, release: &mut Release, writer: &str) -> Result<(), ReleaseError> {
        let attempt = uuid::Uuid::new_v4().to_string();
        release
            .labels
            .retain(|key, _| !SYSTEM_LABELS.contains(&key.as_str()));
        release
            .labels
            .insert("createdAt".to_owned(), Utc::now().timestamp().to_string());
        release.resource_version.clear();
        release.annotations.clear();
        if !writer.is_empty() {
            release.annotations.insert(WRITER.to_owned(), writer.to_owned());
            release.annotations.insert(ATTEMPT.to_owned(), attempt.clone());
        }
        let secret = self.encode(release)?;
        let name = release.secret_name();
        let created = self
            .cluster
            .create(&collection(self.namespace), &name, &secret, Mode::Write)
            .await;
        let stored = created.map_err(|err| {
            if err.reason == "AlreadyExists" {
                ReleaseError::Conflict(self.name.to_owned())
            } else {
                err.during("create: failed to create")
            }
        })?;
        // After a lost answer the cluster hands back what is there: it must be what was sent.
        let is_ours = if writer.is_empty() {
            stored["data"] == secret["data"]
        } else {
            stored["metadata"]["annotations"][ATTEMPT] == attempt.as_str()
        };
        if !is_ours {
            return Err(ReleaseError::Conflict(self.name.to_owned()));
        }
        release.resource_version = resource_version(&stored);
        Ok(())
    }

    /// Stores a record again. If somebody else changed it since it was read, that is a conflict.
    pub(crate) async fn update(&self, release: &mut Release) -> Result<(), ReleaseError> {
        release
            .labels
            .retain(|key, _| !SYSTEM_LABELS.contains(&key.as_str()));
        release
            .labels
            .insert("modifiedAt".to_owned(), Utc::now().timestamp().to_string());
        if !release.info.status.is_pending() {
            release.annotations.remove(WRITER);
            release.annotations.remove(ATTEMPT);
        }
        let secret = self.encode(release)?;
        let uri = format!("{}/{}", collection(self.namespace), release.secret_name());
        let stored = match self.cluster.replace(&uri, &secret).await {
            (Ok(stored), _) => stored,
            (Err(err), unanswered) if err.code == 409 => {
                let found = self
                    .cluster
                    .get(&uri)
                    .await
                    .map_err(|err| err.during("update: failed to update"))?;
                match found {
                    Some(found) if unanswered && found["data"] == secret["data"] => found,
                    _ => return Err(ReleaseError::Conflict(self.name.to_owned())),
                }
            }
            (Err(err), _) if err.code == 404 => return Err(ReleaseError::NotFound),
            (Err(err), _) => return Err(err.during("update: failed to update")),
        };
        release.resource_version = resource_version(&stored);
        Ok(())
    }

    /// As [`Self::update`], but content if the record is gone.
    pub(crate) async fn update_if_there(&self, release: &mut Release) -> Result<(), ReleaseError> {
        match self.update(release).await {
            Err(ReleaseError::NotFound) => Ok(()),
            result => result,
        }
    }

    /// Deletes the record of a revision.
    pub(crate) async fn delete(&self, release: &Release) -> Result<(), ReleaseError> {
        let uri = format!("{}/{}", collection(self.namespace), release.secret_name());
        self.cluster
            .delete(&uri)
            .await
            .map(|_| ())
            .map_err(|err| err.during(format!("cannot delete the record {}", release.secret_name())))
    }

    /// Deletes the oldest revisions until `keep` are left, but never the one in force.
    pub(crate) async fn prune(&self, history: &[Release], keep: usize) -> Result<(), ReleaseError> {
        let in_force = history
            .iter()
            .rfind(|release| release.info.status == Status::Deployed);
        let surplus = history.len().saturating_sub(keep);
        let old = history
            .iter()
            .filter(|release| in_force.is_none_or(|in_force| in_force.version != release.version))
            .take(surplus);
        for release in old {
            self.delete(release).await?;
        }
        Ok(())
    }

    fn encode(&self, release: &Release) -> Result<Value, ReleaseError> {
        release::to_secret(release).map_err(|message| ReleaseError::Record {
            name: release.secret_name(),
            message,
        })
    }
}

fn resource_version(secret: &Value) -> String {
    secret["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Whether a pending record was written by `writer`, and by nobody since.
pub(crate) fn is_written_by(release: &Release, writer: &str) -> bool {
    !writer.is_empty()
        && release
            .annotations
            .get(WRITER)
            .is_some_and(|found| found == writer)
}
