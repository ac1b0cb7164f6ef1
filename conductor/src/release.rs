//! A cluster's Helm release: which chart, which values, made to match.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

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
use include_dir::{Dir, include_dir};
use magnum_objects::{Cluster, ClusterTemplate, NodeGroup};
use parking_lot::Mutex;
use thiserror::Error;

use crate::management::{Management, ManagementError};

/// The chart for places with no way to the official one.
static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/chart");

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

    /// Installs or upgrades the release; does nothing if it matches already.
    pub async fn apply(&self, desired: &Desired, facts: &Facts) -> Result<Outcome, ReleaseFailure> {
        let request = self.request(desired, facts).await?;
        Ok(self.engine().await?.upgrade_install(&request).await?)
    }

    /// Puts what [`Self::apply`] would do to the API server without doing it.
    pub async fn dry_run(&self, desired: &Desired, facts: &Facts) -> Result<(), ReleaseFailure> {
        let request = self.request(desired, facts).await?;
        Ok(self.engine().await?.dry_run(&request).await?)
    }

    /// Uninstalls the release; one that is not there is no error.
    pub async fn uninstall(&self, cluster: &Cluster) -> Result<Uninstalled, ReleaseFailure> {
        let Some(name) = cluster.stack_id.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(Uninstalled::NotFound);
        };
        Ok(self
            .engine()
            .await?
            .uninstall(name, &self.namespace(cluster))
            .await?)
    }

    /// The namespace of a cluster's objects.
    pub fn namespace(&self, cluster: &Cluster) -> String {
        names::namespace(&self.settings.capi_helm.namespace_prefix, &cluster.project_id)
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
            namespace: self.namespace(cluster),
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
                let source = ChartSource {
                    name,
                    repo,
                    version,
                    ..ChartSource::default()
                };
                let cache = PathBuf::from(&self.settings.capi_conductor.chart_cache_dir);
                Ok(Arc::new(source.fetch(&cache).await?))
            }
        }
    }

    fn builtin(&self) -> Result<Arc<Chart>, ReleaseFailure> {
        if let Some(chart) = self.builtin.get() {
            return Ok(chart.clone());
        }
        let mut files = Vec::new();
        collect(&BUILTIN, &mut files);
        let chart = Arc::new(Chart::from_files(files).map_err(ReleaseFailure::Builtin)?);
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

fn collect<'a>(dir: &'a Dir<'a>, files: &mut Vec<(String, &'a [u8])>) {
    for file in dir.files() {
        files.push((file.path().display().to_string(), file.contents()));
    }
    for dir in dir.dirs() {
        collect(dir, files);
    }
}
