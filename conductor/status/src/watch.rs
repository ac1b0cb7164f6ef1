//! One watch per kind over the management cluster, into the index.
//!
//! Each kind is looked up first: in the newest version that is served and that we can read. A kind that is not served
//! is looked for again later, so that providers may be installed at any time. A watch goes on through restarts of the
//! API server; what was missed meanwhile is found by the listing with which it resumes.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;

use crate::capi::{Kind, Object};
use crate::index::Index;

/// A watch is ended by the server after this time and begun anew, so that a dead connection does not go unnoticed.
const WATCH_SECONDS: u32 = 120;
/// First and longest wait after an error.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));
/// How often a kind that is not served, or not in its best version, is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Objects per page of a listing: bounds what is in memory unparsed.
const PAGE: u32 = 250;

/// Why `[capi_helm] api_resources` cannot be used.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// It is not JSON, or not an object of objects.
    #[error("[capi_helm] api_resources is not a JSON object of objects: {0}")]
    Malformed(String),
    /// An `api_version` has no group.
    #[error("[capi_helm] api_resources: api_version {version:?} of {name} is not group/version")]
    Version {
        /// Name of the resource in the option.
        name: String,
        /// Its version.
        version: String,
    },
}

/// What to watch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `[capi_helm] namespace_prefix`: objects in namespaces that do not begin with it and a dash are not kept.
    pub namespace_prefix: Option<String>,
    /// Where kinds are found, other than by looking.
    overrides: HashMap<Kind, ApiResource>,
}

impl Options {
    /// Options with `[capi_helm] api_resources` as magnum-capi-helm reads it: JSON of
    /// `{"Cluster": {"api_version": ..., "plural_name": ...}, ...}`. Resources that are not watched are ignored.
    ///
    /// # Errors
    /// [`OptionsError`] if it cannot be read.
    pub fn new(namespace_prefix: Option<String>, api_resources: &str) -> Result<Self, OptionsError> {
        const NAMES: [(&str, Kind); 8] = [
            ("Cluster", Kind::Cluster),
            ("OpenstackCluster", Kind::InfraCluster),
            ("MachineDeployment", Kind::MachineDeployment),
            ("K8sControlPlane", Kind::ControlPlane),
            ("Machine", Kind::Machine),
            ("Manifests", Kind::Manifests),
            ("HelmRelease", Kind::HelmRelease),
            ("HelmChartProxy", Kind::HelmChartProxy),
        ];
        let mut overrides = HashMap::new();
        let text = if api_resources.trim().is_empty() {
            "{}"
        } else {
            api_resources
        };
        let given: HashMap<String, HashMap<String, Value>> =
            serde_json::from_str(text).map_err(|error| OptionsError::Malformed(error.to_string()))?;
        for (name, kind) in NAMES {
            let Some(entry) = given.get(name) else { continue };
            let part = |key: &str| entry.get(key).and_then(Value::as_str);
            let default = kind.api();
            let api_version = part("api_version").map_or_else(
                || format!("{}/{}", default.group, default.versions[0]),
                str::to_owned,
            );
            let Some((group, version)) = api_version.split_once('/') else {
                return Err(OptionsError::Version {
                    name: name.to_owned(),
                    version: api_version,
                });
            };
            let resource = ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: default.kind.to_owned(),
                plural: part("plural_name").unwrap_or(default.plural).to_owned(),
                api_version: api_version.clone(),
            };
            overrides.insert(kind, resource);
        }
        Ok(Self {
            namespace_prefix,
            overrides,
        })
    }

    fn keeps(&self, namespace: &str) -> bool {
        let Some(prefix) = &self.namespace_prefix else {
            return true;
        };
        namespace
            .strip_prefix(prefix.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    }
}

/// Watches all kinds until `cancel` ends. `clients` gives the management cluster, again whenever its kubeconfig
/// changes, and `pick` the client for watches: one without a timeout for reading.
pub async fn run<T: Send + Sync + 'static>(
    clients: watch::Receiver<Option<T>>,
    pick: fn(&T) -> Client,
    index: Arc<Index>,
    options: Options,
    cancel: impl Future<Output = ()>,
) {
    let options = Arc::new(options);
    let mut kinds = tokio::task::JoinSet::new();
    for kind in Kind::ALL {
        let (clients, index, options) = (clients.clone(), Arc::clone(&index), Arc::clone(&options));
        kinds.spawn(async move { keep_watching(kind, clients, pick, &index, &options).await });
    }
    cancel.await;
    kinds.shutdown().await;
}

/// Watches one kind with whatever client is current.
async fn keep_watching<T: Send + Sync>(
    kind: Kind,
    mut clients: watch::Receiver<Option<T>>,
    pick: fn(&T) -> Client,
    index: &Index,
    options: &Options,
) {
    loop {
        let client = clients.borrow_and_update().as_ref().map(pick);
        let changed = clients.changed();
        match client {
            None => {
                if changed.await.is_err() {
                    return;
                }
            }
            Some(client) => tokio::select! {
                result = changed => {
                    if result.is_err() {
                        // Nobody will bring another client; stay with this one.
                        Watch::new(kind, client, index, options).run().await;
                    }
                }
                () = Watch::new(kind, client.clone(), index, options).run() => {}
            },
        }
    }
}

/// The watch of one kind with one client.
struct Watch<'a> {
    kind: Kind,
    client: Client,
    index: &'a Index,
    options: &'a Options,
    backoff: Duration,
}

/// Why a watch was given up for a new look at what is served.
enum Ended {
    NotServed,
    OtherVersion,
}

impl<'a> Watch<'a> {
    fn new(kind: Kind, client: Client, index: &'a Index, options: &'a Options) -> Self {
        Self {
            kind,
            client,
            index,
            options,
            backoff: BACKOFF.0,
        }
    }

    async fn run(mut self) {
        loop {
            match self.discover().await {
                Ok(Some(resource)) => {
                    if let Ended::NotServed = self.follow(&resource).await {
                        self.not_served().await;
                    }
                }
                Ok(None) => self.not_served().await,
                Err(error) => self.wait_after(&error).await,
            }
        }
    }

    async fn not_served(&self) {
        let api = self.kind.api();
        if !self.index.absent().contains(&self.kind) {
            if api.optional {
                tracing::info!(
                    kind = api.kind,
                    group = api.group,
                    "not served by the management cluster"
                );
            } else {
                tracing::warn!(
                    kind = api.kind,
                    group = api.group,
                    "not served by the management cluster; waiting for it"
                );
            }
        }
        self.index.mark_absent(self.kind);
        tokio::time::sleep(LOOK_AGAIN).await;
    }

    /// Waits after an error, the longer the more of them come in a row.
    async fn wait_after(&mut self, error: &(dyn std::error::Error + Send + Sync)) {
        // Said once for a row of errors: an API server that is away is away for all kinds.
        if self.backoff == BACKOFF.0 {
            tracing::warn!(kind = self.kind.api().kind, %error, "watch of the management cluster interrupted");
        } else {
            tracing::debug!(kind = self.kind.api().kind, %error, "watch of the management cluster still interrupted");
        }
        tokio::time::sleep(self.backoff).await;
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }

    /// Where the kind is found: as configured, else in the best version that is served; `None` if it is not.
    async fn discover(&self) -> Result<Option<ApiResource>, kube::Error> {
        if let Some(resource) = self.options.overrides.get(&self.kind) {
            return Ok(Some(resource.clone()));
        }
        let api = self.kind.api();
        for version in api.versions {
            let wanted = GroupVersionKind::gvk(api.group, version, api.kind);
            match kube::discovery::pinned_kind(&self.client, &wanted).await {
                Ok((resource, _)) => return Ok(Some(resource)),
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Follows the kind until it is not served any more, or in a better version.
    async fn follow(&mut self, resource: &ApiResource) -> Ended {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
        let mut events = pin!(watcher::watcher(api, config).map_err(Box::new).fuse());
        let mut seen = HashSet::new();
        let mut look_again = tokio::time::interval(LOOK_AGAIN * 20);
        look_again.reset();
        tracing::debug!(
            kind = self.kind.api().kind,
            version = resource.api_version,
            "watching"
        );
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = look_again.tick() => {
                    match self.discover().await {
                        Ok(Some(found)) if found.api_version != resource.api_version => return Ended::OtherVersion,
                        _ => continue,
                    }
                }
            };
            match event {
                Some(Ok(event)) => {
                    self.backoff = BACKOFF.0;
                    self.take(event, &resource.api_version, &mut seen);
                }
                Some(Err(error)) => {
                    if is_gone(&error, self.kind.api().optional) {
                        return Ended::NotServed;
                    }
                    self.wait_after(&*error).await;
                }
                None => return Ended::OtherVersion,
            }
        }
    }

    fn take(&self, event: Event<DynamicObject>, api_version: &str, seen: &mut HashSet<(String, String)>) {
        match event {
            Event::Init => seen.clear(),
            Event::InitApply(object) => {
                if let Some(place) = self.apply(object, api_version) {
                    seen.insert(place);
                }
            }
            Event::InitDone => {
                self.index.retain(self.kind, seen);
                *seen = HashSet::new();
                self.index.mark_synced(self.kind);
            }
            Event::Apply(object) => drop(self.apply(object, api_version)),
            Event::Delete(object) => {
                let namespace = object.metadata.namespace.unwrap_or_default();
                self.index
                    .remove(self.kind, &namespace, &object.metadata.name.unwrap_or_default());
            }
        }
    }

    /// Takes an object in, without what we never read; returns its namespace and name if it was kept.
    fn apply(&self, object: DynamicObject, api_version: &str) -> Option<(String, String)> {
        let DynamicObject {
            mut metadata, data, ..
        } = object;
        let place = (
            metadata.namespace.clone().unwrap_or_default(),
            metadata.name.clone().unwrap_or_default(),
        );
        if !self.options.keeps(&place.0) {
            return None;
        }
        metadata.managed_fields = None;
        let mut value = data;
        if let (Some(object), Ok(metadata)) = (value.as_object_mut(), serde_json::to_value(&metadata)) {
            object.insert("metadata".to_owned(), metadata);
        }
        self.index
            .apply(self.kind, Object::read(self.kind, api_version, &value));
        Some(place)
    }
}

/// Whether an answer to discovery means that the group, version or kind is not there.
fn is_absence(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 404,
        kube::Error::Discovery(_) => true,
        _ => false,
    }
}

/// Whether an error of a watch means that the kind is not served in this version any more, or, for a kind that we can
/// do without, that we may not read it.
fn is_gone(error: &watcher::Error, optional: bool) -> bool {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code,
        watcher::Error::WatchError(status) => status.code,
        _ => return false,
    };
    code == 404 || (optional && code == 403)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_resources_are_read_as_python_reads_them() {
        let options = Options::new(
            Some("magnum".to_owned()),
            r#"{"K8sControlPlane": {"api_version": "controlplane.example/v1", "plural_name": "kthrees"},
                "Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"}, "Secret": {"api_version": "v1"}}"#,
        )
        .unwrap();
        let control_plane = &options.overrides[&Kind::ControlPlane];
        assert_eq!(
            (control_plane.group.as_str(), control_plane.plural.as_str()),
            ("controlplane.example", "kthrees")
        );
        assert_eq!(options.overrides[&Kind::Cluster].version, "v1beta1");
        assert_eq!(options.overrides[&Kind::Cluster].plural, "clusters");
        assert_eq!(options.overrides.len(), 2);
        assert!(Options::new(None, "").is_ok());
        assert!(Options::new(None, "[]").is_err());
        assert!(Options::new(None, r#"{"Cluster": {"api_version": "v1"}}"#).is_err());
    }

    #[test]
    fn only_namespaces_of_projects_are_kept() {
        let options = Options::new(Some("magnum".to_owned()), "{}").unwrap();
        assert!(options.keeps("magnum-f1d2"));
        assert!(!options.keeps("magnum"));
        assert!(!options.keeps("magnumextra-1"));
        assert!(!options.keeps("capi-system"));
        assert!(Options::default().keeps("anything"));
    }
}
