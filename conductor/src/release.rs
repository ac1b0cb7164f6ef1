//! A cluster's Helm release: which chart, which values, made to match.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use conductor_config::Settings;
use conductor_driver::{
    DriverError,
    chart::{self, ChartRef},
    facts::Facts,
    names, values,
};
use helm::{
    Chart, ChartError, ChartSource, Outcome, ReleaseError, Releases, ReleasesOptions, SourceError,
    Uninstalled, UpgradeRequest,
};
use magnum_objects::{Cluster, ClusterTemplate, NodeGroup};
use parking_lot::Mutex;
use thiserror::Error;

use crate::management::{Management, ManagementError};

/// Revisions that Helm keeps: what the Python driver passes as `--history-max`.
const HISTORY_MAX: usize = 10;

/// Marks our pending records. The same for all conductors: the lease sees to it that one works on a cluster, so a
/// record with this mark was left by one that died, and is taken over at once.
const WRITER: &str = "magnum-conductor";

/// Why a release could not be made to match.
#[derive(Debug, Error)]
pub enum ReleaseFailure {
    /// The rows do not make values.
    #[error(transparent)]
    Values(#[from] DriverError),
    /// The chart cannot be had.
    #[error("chart: {0}")]
    Source(#[from] SourceError),
    /// The built-in chart does not load: a fault of this build.
    #[error("built-in chart: {0}")]
    Builtin(ChartError),
    /// Helm's part failed.
    #[error("{0}")]
    Release(#[from] ReleaseError),
    /// No way to the management cluster.
    #[error(transparent)]
    Management(#[from] ManagementError),
    /// The cluster was never given a release name: its creation was not accepted.
    #[error("cluster {0} has no release name (stack_id): its creation was never accepted")]
    Nameless(String),
}

impl ReleaseFailure {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Values(_) | Self::Builtin(_) | Self::Nameless(_) => false,
            Self::Source(error) => error.is_transient(),
            Self::Release(error) => error.is_transient(),
            Self::Management(error) => error.is_transient(),
        }
    }
}

/// The rows that a release is made from.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The cluster.
    pub cluster: Cluster,
    /// Its template.
    pub template: ClusterTemplate,
    /// Its node groups, oldest first.
    pub nodegroups: Vec<NodeGroup>,
}

/// What operations need of releases; [`ReleaseMaker`] is the one there is.
#[async_trait]
pub trait Releasing: Send + Sync {
    /// Installs or upgrades the release; does nothing if it matches already.
    ///
    /// # Errors
    /// Rows that do not make values, a chart that cannot be had, what Helm's part says.
    async fn apply(&self, desired: &Desired, facts: &Facts) -> Result<Outcome, ReleaseFailure>;

    /// Puts what [`Self::apply`] would do to the API server without doing it.
    ///
    /// # Errors
    /// As of [`Self::apply`].
    async fn dry_run(&self, desired: &Desired, facts: &Facts) -> Result<(), ReleaseFailure>;

    /// Uninstalls the release; one that is not there is no error.
    ///
    /// # Errors
    /// What Helm's part says.
    async fn uninstall(&self, cluster: &Cluster) -> Result<Uninstalled, ReleaseFailure>;
}

/// Makes releases match rows.
pub struct ReleaseMaker {
    settings: Arc<Settings>,
    management: Management,
    builtin: OnceLock<Arc<Chart>>,
    /// Helm's engine and the kubeconfig that it is for (by [`Management::generation`]), kept for its discovery cache.
    engine: Mutex<Option<(u64, Releases)>>,
}

impl ReleaseMaker {
    /// Over the management cluster.
    pub fn new(settings: Arc<Settings>, management: Management) -> Self {
        Self {
            settings,
            management,
            builtin: OnceLock::new(),
            engine: Mutex::new(None),
        }
    }

    async fn request(&self, desired: &Desired, facts: &Facts) -> Result<UpgradeRequest, ReleaseFailure> {
        let cluster = &desired.cluster;
        let name = cluster.stack_id.clone().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ReleaseFailure::Nameless(cluster.uuid.clone()))?;
        let values = values::helm_values(
            &self.settings,
            &desired.template,
            cluster,
            &desired.nodegroups,
            facts,
        )?;
        Ok(UpgradeRequest {
            name,
            namespace: namespace(&self.settings, cluster),
            chart: self.chart(&desired.template).await?,
            values: values.as_object().cloned().unwrap_or_default(),
            history_max: HISTORY_MAX,
            force: false,
        })
    }

    async fn chart(&self, template: &ClusterTemplate) -> Result<Arc<Chart>, ReleaseFailure> {
        match chart::select(&self.settings.capi_helm, template) {
            ChartRef::Builtin => self.builtin(),
            ChartRef::Remote { name, repo, version } => {
                let options = &self.settings.capi_conductor;
                let source = ChartSource {
                    name,
                    repo,
                    version,
                    keyring: options
                        .chart_keyring
                        .as_ref()
                        .filter(|path| !path.is_empty())
                        .map(PathBuf::from),
                    ..ChartSource::default()
                };
                let cache = PathBuf::from(&options.chart_cache_dir);
                Ok(Arc::new(source.fetch(&cache).await?))
            }
        }
    }

    fn builtin(&self) -> Result<Arc<Chart>, ReleaseFailure> {
        if let Some(chart) = self.builtin.get() {
            return Ok(chart.clone());
        }
        let chart = Arc::new(crate::builtin_chart::load().map_err(ReleaseFailure::Builtin)?);
        Ok(self.builtin.get_or_init(|| chart).clone())
    }

    async fn engine(&self) -> Result<Releases, ReleaseFailure> {
        let generation = self.management.generation();
        if let Some((of, engine)) = self.engine.lock().clone()
            && of == generation
        {
            return Ok(engine);
        }
        let options = ReleasesOptions {
            request_timeout: Duration::from_secs(self.settings.capi_conductor.kube_request_timeout),
            writer: WRITER.to_owned(),
            ..ReleasesOptions::default()
        };
        let engine = Releases::new(self.management.clients().await?.requests, options);
        *self.engine.lock() = Some((generation, engine.clone()));
        Ok(engine)
    }
}

#[async_trait]
impl Releasing for ReleaseMaker {
    async fn apply(&self, desired: &Desired, facts: &Facts) -> Result<Outcome, ReleaseFailure> {
        let request = self.request(desired, facts).await?;
        Ok(self.engine().await?.upgrade_install(&request).await?)
    }

    async fn dry_run(&self, desired: &Desired, facts: &Facts) -> Result<(), ReleaseFailure> {
        let request = self.request(desired, facts).await?;
        Ok(self.engine().await?.dry_run(&request).await?)
    }

    async fn uninstall(&self, cluster: &Cluster) -> Result<Uninstalled, ReleaseFailure> {
        let Some(name) = cluster.stack_id.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(Uninstalled::NotFound);
        };
        let namespace = namespace(&self.settings, cluster);
        Ok(self.engine().await?.uninstall(name, &namespace).await?)
    }
}

/// The namespace of a cluster's objects.
pub fn namespace(settings: &Settings, cluster: &Cluster) -> String {
    names::namespace(&settings.capi_helm.namespace_prefix, &cluster.project_id)
}
