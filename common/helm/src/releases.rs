//! Installing, upgrading, uninstalling: what `helm upgrade --install` and `helm uninstall` do.

mod apply;
mod hooks;
mod lookup;
mod plan;
mod revision;
mod rollback;
mod uninstall;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use crate::api::Api;
use crate::chart::Chart;
use crate::cluster::Cluster;
use crate::error::ReleaseError;
use crate::release::Release;
use crate::store::Store;
use crate::values::Values;

/// How [`Releases`] talks to the API server, and when it takes a pending release over.
#[derive(Clone, Debug)]
pub struct ReleasesOptions {
    /// Longest time for one request.
    pub request_timeout: Duration,
    /// Longest time for one operation, hooks apart (Helm's `--timeout`, 5 minutes, is for each hook).
    pub operation_timeout: Duration,
    /// How long one hook may run.
    pub hook_timeout: Duration,
    /// How often a request is repeated that met 429, 5xx, a conflict or no answer.
    pub retries: u32,
    /// Requests under way at once.
    pub parallel: usize,
    /// A pending record older than this was left by a process that died.
    pub pending_grace: Duration,
    /// Who we are. It is written into our pending records, and a pending record with the same name is ours:
    /// it is taken over at once, so the caller must see to it that two of the same name do not work on the
    /// same release together (a lease). Empty: nothing is written, only the age counts.
    pub writer: String,
    /// How long the list of kinds that the API server serves is used before it is read again.
    pub discovery_ttl: Duration,
}

impl Default for ReleasesOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_secs(300),
            hook_timeout: Duration::from_secs(300),
            retries: 5,
            parallel: 8,
            pending_grace: Duration::from_secs(600),
            writer: String::new(),
            discovery_ttl: Duration::from_secs(600),
        }
    }
}

/// What an install or upgrade is asked for.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release; it must exist.
    pub namespace: String,
    /// The chart.
    pub chart: Arc<Chart>,
    /// The user's values.
    pub values: Values,
    /// Revisions to keep; 0 keeps all.
    pub history_max: usize,
    /// Writes a new revision even if nothing changes.
    pub force: bool,
}

/// An object of the release as the API server last returned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedObject {
    /// `apiVersion` used by the manifest.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`; 0 for kinds that have none.
    pub generation: i64,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// What an install or upgrade did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Revision now in force.
    pub revision: u64,
    /// False when everything was as asked for already and nothing was written.
    pub changed: bool,
    /// The manifest in force.
    pub manifest: String,
    /// Its objects.
    pub applied: Vec<AppliedObject>,
    /// The rendered NOTES.txt.
    pub notes: String,
}

/// What an uninstall found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uninstalled {
    /// No record of that release: there was nothing to do (`release: not found`).
    NotFound,
    /// The objects are deleted, or being deleted, and the records are gone.
    Deleted {
        /// Objects that were left because of `helm.sh/resource-policy: keep`, as `Kind/name`.
        kept: Vec<String>,
    },
}

/// The releases of one API server. Cheap to clone.
#[derive(Clone)]
pub struct Releases {
    options: Arc<ReleasesOptions>,
    cluster: Cluster,
}

impl Releases {
    /// Works through `client`.
    pub fn new(client: kube::Client, options: ReleasesOptions) -> Self {
        let api = Api::new(client, options.request_timeout, options.retries);
        let cluster = Cluster::new(api, options.discovery_ttl);
        Self {
            options: Arc::new(options),
            cluster,
        }
    }

    fn options(&self) -> &ReleasesOptions {
        &self.options
    }

    fn store<'a>(&'a self, name: &'a str, namespace: &'a str) -> Result<Store<'a>, ReleaseError> {
        if is_valid_name(name) {
            Ok(Store {
                cluster: &self.cluster,
                name,
                namespace,
            })
        } else {
            Err(ReleaseError::InvalidName(name.to_owned()))
        }
    }

    /// `helm upgrade --install`: installs the release, or makes a new revision of it.
    ///
    /// Unlike helm, it first puts every write to the API server with `dryRun=All`
    /// ([`ReleaseError::Refused`]: nothing was written), writes nothing if nothing changes, puts right what a
    /// failed revision left behind, and takes over a release left pending by a process that died.
    pub async fn upgrade_install(&self, request: &UpgradeRequest) -> Result<Outcome, ReleaseError> {
        let store = self.store(&request.name, &request.namespace)?;
        self.upgrade_install_release(&store, request).await
    }

    /// Asks the API server with `dryRun=All` whether [`Self::upgrade_install`] would be let through. Writes
    /// nothing.
    pub async fn dry_run(&self, request: &UpgradeRequest) -> Result<(), ReleaseError> {
        let store = self.store(&request.name, &request.namespace)?;
        self.dry_run_release(&store, request).await
    }

    /// `helm uninstall`: objects are deleted in the background, records at once.
    pub async fn uninstall(&self, name: &str, namespace: &str) -> Result<Uninstalled, ReleaseError> {
        let store = self.store(name, namespace)?;
        self.uninstall_release(&store, true).await
    }

    /// `helm uninstall --keep-history`: as [`Self::uninstall`], but the records stay, the newest one as
    /// [`Status::Uninstalled`](crate::Status::Uninstalled). An upgrade installs the release again.
    pub async fn uninstall_keeping_history(
        &self,
        name: &str,
        namespace: &str,
    ) -> Result<Uninstalled, ReleaseError> {
        let store = self.store(name, namespace)?;
        self.uninstall_release(&store, false).await
    }

    /// `helm rollback`: makes a new revision with chart, values and manifest of an earlier one; 0 is the one
    /// before the newest.
    pub async fn rollback(
        &self,
        name: &str,
        namespace: &str,
        revision: u64,
        history_max: usize,
    ) -> Result<Outcome, ReleaseError> {
        let store = self.store(name, namespace)?;
        self.rollback_release(&store, revision, history_max).await
    }

    /// The newest revision.
    pub async fn latest(&self, name: &str, namespace: &str) -> Result<Option<Release>, ReleaseError> {
        Ok(self.history(name, namespace).await?.pop())
    }

    /// All revisions kept, oldest first.
    pub async fn history(&self, name: &str, namespace: &str) -> Result<Vec<Release>, ReleaseError> {
        self.store(name, namespace)?.history().await
    }

    /// What the API server can do, as charts see it.
    pub async fn capabilities(&self) -> Result<helm_template::Capabilities, ReleaseError> {
        let discovery = self.cluster.discovery().await;
        discovery
            .map(|discovery| discovery.capabilities.clone())
            .map_err(|err| err.during("cannot read what the API server serves"))
    }
}

/// Helm's rule (`pkg/chartutil/validate_name.go`).
pub fn is_valid_name(name: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    name.len() <= 53 && name.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "kube-prod-a1b2c3d4e5f6", "a.b-c", &"x".repeat(53)] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a..b", &"x".repeat(54)] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
