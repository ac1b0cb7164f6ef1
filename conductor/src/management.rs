//! The management cluster as seen by this process: its kubeconfig, kept current, and the objects that
//! magnum-capi-helm writes beside the release (namespace, secrets).

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the kubeconfig file is looked at for changes. Tokens and certificates are renewed minutes ahead.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Field manager of the driver's server-side apply: the Python driver's, so that both own the same fields.
const FIELD_MANAGER: &str = "magnum";

/// Kinds that openstack-cluster and the built-in chart keep on uninstall, for Cluster API to remove.
const KEPT: [(&str, &str); 4] = [
    ("controlplane.cluster.x-k8s.io", "KubeadmControlPlane"),
    ("bootstrap.cluster.x-k8s.io", "KubeadmConfigTemplate"),
    ("infrastructure.cluster.x-k8s.io", "OpenStackCluster"),
    ("infrastructure.cluster.x-k8s.io", "OpenStackMachineTemplate"),
];

/// Label that Helm puts on everything that it makes.
const HELM_MANAGED: &str = "app.kubernetes.io/managed-by=Helm";

/// What can go wrong with the management cluster.
#[derive(Debug, Error)]
pub enum ManagementError {
    /// The kubeconfig file is missing, unreadable or has nothing usable in it.
    #[error(
        "management cluster kubeconfig {path}: {cause}. Set [capi_helm] kubeconfig_file to a kubeconfig with a client certificate or a token"
    )]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The API server refused or could not be reached.
    #[error("management cluster: {doing}: {cause}")]
    Request {
        /// What was being done, with the object's name.
        doing: String,
        /// The client's or the server's words.
        cause: kube::Error,
    },
}

impl ManagementError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Kubeconfig { .. } => true,
            Self::Request {
                cause: kube::Error::Api(status),
                ..
            } => {
                // 401 and 403 are an operator's to mend (token, RBAC), and mending takes effect by itself.
                matches!(status.code, 401 | 403 | 408 | 409 | 429) || status.code >= 500
            }
            Self::Request { .. } => true,
        }
    }
}

/// Clients of one kubeconfig.
#[derive(Clone)]
pub struct Clients {
    /// For requests: every answer within the request timeout.
    pub requests: Client,
    /// For watches, which stay open.
    pub watches: Client,
}

/// The management cluster; cheap to clone.
#[derive(Clone)]
pub struct Management {
    path: PathBuf,
    timeout: Duration,
    current: watch::Sender<Option<Clients>>,
    /// Counts the kubeconfigs that were loaded.
    generation: Arc<AtomicU64>,
}

impl Management {
    /// Reads the kubeconfig: the configured file, else `$KUBECONFIG`, else `~/.kube/config` (as magnum-capi-helm 1.4.0
    /// `kubernetes.py`). A file that is not there yet is not an error here: it is tried again.
    pub async fn new(configured: &str, timeout: Duration) -> Self {
        let management = Self {
            path: kubeconfig_path(configured),
            timeout,
            current: watch::channel(None).0,
            generation: Arc::default(),
        };
        management.reload().await;
        management
    }

    /// Clients of the current kubeconfig.
    ///
    /// # Errors
    /// If there is no usable kubeconfig.
    pub async fn clients(&self) -> Result<Clients, ManagementError> {
        if let Some(clients) = self.current.borrow().clone() {
            return Ok(clients);
        }
        load(&self.path, self.timeout).await
    }

    /// Goes up with every kubeconfig that is loaded; for what is kept with a client.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells of each new kubeconfig.
    pub fn subscribe(&self) -> watch::Receiver<Option<Clients>> {
        self.current.subscribe()
    }

    /// Watches the kubeconfig file until cancelled, and loads it anew when it changes.
    pub async fn keep_current(&self, cancel: CancellationToken) {
        let mut seen = stamp(&self.path);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(RELOAD_INTERVAL) => {}
            }
            let now = stamp(&self.path);
            if now != seen || self.current.borrow().is_none() {
                seen = now;
                self.reload().await;
            }
        }
    }

    async fn reload(&self) {
        match load(&self.path, self.timeout).await {
            Ok(clients) => {
                tracing::info!(kubeconfig = %self.path.display(), "management cluster kubeconfig loaded");
                self.current.send_replace(Some(clients));
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
            Err(error) if self.current.borrow().is_some() => {
                tracing::error!(%error, "changed kubeconfig not usable; going on with the one before");
            }
            Err(error) => tracing::error!(%error, "no management cluster yet"),
        }
    }

    /// Writes an object as the Python driver does: server-side apply, forced, in its name.
    pub async fn apply(&self, object: &serde_json::Value) -> Result<(), ManagementError> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str();
        let doing = format!("writing {kind} {}/{name}", namespace.unwrap_or_default());
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
        let client = self.clients().await?.requests;
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        api.patch(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(object),
        )
        .await
        .map(drop)
        .map_err(|cause| ManagementError::Request { doing, cause })
    }

    /// A secret, if it is there.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, ManagementError> {
        self.get(namespace, name).await
    }

    /// Whether a namespace is there and not going.
    pub async fn has_namespace(&self, name: &str) -> Result<bool, ManagementError> {
        let api: Api<Namespace> = Api::all(self.clients().await?.requests);
        let found = api
            .get_opt(name)
            .await
            .map_err(|cause| ManagementError::Request {
                doing: format!("reading Namespace {name}"),
                cause,
            })?;
        Ok(found.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none()))
    }

    /// Deletes all secrets with a label value.
    pub async fn delete_secrets(
        &self,
        namespace: &str,
        label: &str,
        value: &str,
    ) -> Result<(), ManagementError> {
        let api: Api<Secret> = Api::namespaced(self.clients().await?.requests, namespace);
        api.delete_collection(
            &DeleteParams::default(),
            &ListParams::default().labels(&format!("{label}={value}")),
        )
        .await
        .map(drop)
        .map_err(|cause| ManagementError::Request {
            doing: format!("deleting the secrets with {label}={value} in {namespace}"),
            cause,
        })
    }

    /// Deletes what a release's chart keeps when it is uninstalled. Returns how many objects are still going, because
    /// somebody's finalizer is on them; the others are gone at once.
    pub async fn delete_kept(&self, namespace: &str, release: &str) -> Result<usize, ManagementError> {
        let client = self.clients().await?.requests;
        let failed = |doing: String| move |cause| ManagementError::Request { doing, cause };
        let mut going = 0;
        for (group, kind) in KEPT {
            for version in ["v1beta2", "v1beta1"] {
                let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
                let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
                let listed = match api.list(&ListParams::default().labels(HELM_MANAGED)).await {
                    // A version that is not served.
                    Err(kube::Error::Api(status)) if status.code == 404 => continue,
                    listed => listed.map_err(failed(format!("listing {kind} in {namespace}")))?,
                };
                for object in listed
                    .items
                    .iter()
                    .filter(|object| is_of_release(object, release))
                {
                    going += usize::from(
                        object
                            .metadata
                            .finalizers
                            .as_ref()
                            .is_some_and(|all| !all.is_empty()),
                    );
                    let name = object.metadata.name.as_deref().unwrap_or_default();
                    match api.delete(name, &DeleteParams::background()).await {
                        Err(kube::Error::Api(status)) if status.code == 404 => {}
                        deleted => {
                            deleted.map_err(failed(format!("deleting {kind} {namespace}/{name}")))?;
                        }
                    }
                }
                break;
            }
        }
        Ok(going)
    }

    /// Whether there is a Cluster of that name, in whichever version is served.
    pub async fn has_cluster(&self, namespace: &str, name: &str) -> Result<bool, ManagementError> {
        for version in ["v1beta2", "v1beta1"] {
            let resource =
                ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", version, "Cluster"));
            let client = self.clients().await?.requests;
            let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
            // A version that is not served answers 404 as well.
            let found = api
                .get_opt(name)
                .await
                .map_err(|cause| ManagementError::Request {
                    doing: format!("reading Cluster {namespace}/{name}"),
                    cause,
                })?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn get<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, ManagementError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Serialize,
    {
        let api: Api<K> = Api::namespaced(self.clients().await?.requests, namespace);
        api.get_opt(name).await.map_err(|cause| ManagementError::Request {
            doing: format!("reading {} {namespace}/{name}", K::kind(&())),
            cause,
        })
    }
}

/// Whether an object belongs to a Helm release (`meta.helm.sh/release-name`).
fn is_of_release(object: &DynamicObject, release: &str) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get("meta.helm.sh/release-name"))
        .is_some_and(|name| name == release)
}

fn kubeconfig_path(configured: &str) -> PathBuf {
    if !configured.is_empty() {
        return configured.into();
    }
    if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        return path.into();
    }
    PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into()))
        .join(".kube")
        .join("config")
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

/// How a kubeconfig file says to reach the management cluster.
///
/// # Errors
/// If it is missing, unreadable or has nothing usable in it.
pub async fn connection(path: &Path) -> Result<Config, ManagementError> {
    let wrong = |cause: String| unusable(path, cause);
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(error.to_string()))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| wrong(error.to_string()))?;
    if config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some() {
        return Err(wrong(
            "its user runs a program to log in, which is not supported here".into(),
        ));
    }
    Ok(config)
}

fn unusable(path: &Path, cause: String) -> ManagementError {
    ManagementError::Kubeconfig {
        path: path.display().to_string(),
        cause,
    }
}

async fn load(path: &Path, timeout: Duration) -> Result<Clients, ManagementError> {
    let config = connection(path).await?;
    let wrong = |cause: String| unusable(path, cause);
    let client = |read: Option<Duration>| {
        let mut config = config.clone();
        config.connect_timeout = Some(timeout.min(Duration::from_secs(10)));
        config.write_timeout = Some(timeout);
        config.read_timeout = read;
        config.reset_reader_on_write = read.is_some();
        Client::try_from(config).map_err(|error| wrong(error.to_string()))
    };
    Ok(Clients {
        requests: client(Some(timeout))?,
        watches: client(None)?,
    })
}
