//! `helm upgrade --install` (`cmd/helm/upgrade.go`, `pkg/action/{install,upgrade}.go`, Helm 3.17), and what we
//! do besides: rehearse, heal, take over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::Value;
use tokio::runtime::Handle;

use super::apply::as_applied;
use super::lookup::ClusterLookup;
use super::plan::Plan;
use super::revision::{Operation, Start};
use super::{Outcome, Releases, UpgradeRequest};
use crate::api::Mode;
use crate::cluster::Cluster;
use crate::discovery::Discovery;
use crate::error::ReleaseError;
use crate::objects::Object;
use crate::release::{Info, Release, Status, stamp};
use crate::store::Store;
use crate::template::{self, Rendered, TemplateOptions};

/// How long a CRD of the chart may take until it is served.
const CRD_TIMEOUT: Duration = Duration::from_secs(60);

/// A revision that is ready to be written.
struct Prepared {
    start: Start,
    rendered: Rendered,
    plan: Plan,
}

impl Releases {
    pub(super) async fn upgrade_install_release(
        &self,
        store: &Store<'_>,
        request: &UpgradeRequest,
    ) -> Result<Outcome, ReleaseError> {
        let deadline = Instant::now() + self.options().operation_timeout;
        let cluster = store.cluster.until(deadline);
        let start = self.start(store, Mode::Write).await?;
        if start.is_install {
            self.install_crds(&cluster, request).await?;
        }
        let Prepared {
            start,
            rendered,
            plan,
        } = self.prepare(&cluster, request, start).await?;
        if !request.force && is_current(&start, &rendered, &plan, request) {
            return Ok(unchanged(&start, &plan));
        }
        let release = new_release(request, &start, &rendered)?;
        let operation = if start.is_install {
            Operation::Install
        } else {
            Operation::Upgrade
        };
        self.commit(
            store,
            &cluster,
            operation,
            start,
            release,
            plan,
            request.history_max,
        )
        .await
    }

    pub(super) async fn dry_run_release(
        &self,
        store: &Store<'_>,
        request: &UpgradeRequest,
    ) -> Result<(), ReleaseError> {
        let deadline = Instant::now() + self.options().operation_timeout;
        let start = self.start(store, Mode::DryRun).await?;
        self.prepare(&store.cluster.until(deadline), request, start)
            .await
            .map(|_| ())
    }

    /// Renders, plans and rehearses; nothing is written.
    async fn prepare(
        &self,
        cluster: &Cluster,
        request: &UpgradeRequest,
        start: Start,
    ) -> Result<Prepared, ReleaseError> {
        let discovery = cluster
            .discovery()
            .await
            .map_err(|err| err.during("cannot read what the API server serves"))?;
        let rendered = render(cluster, &discovery, request, &start).await?;
        let plan = self
            .plan(
                cluster,
                &start,
                &request.name,
                &request.namespace,
                &rendered.manifest(),
            )
            .await?;
        Ok(Prepared {
            start,
            rendered,
            plan,
        })
    }

    /// CRDs of the chart are created before it is rendered, and never changed.
    async fn install_crds(&self, cluster: &Cluster, request: &UpgradeRequest) -> Result<(), ReleaseError> {
        let crds = template::crds(&request.chart, &request.values)?;
        let mut names = Vec::new();
        for file in &crds {
            let built = self.build(cluster, &file.text, &request.namespace).await?;
            if let Some(error) = built.errors.first() {
                let message = format!("failed to install CRD {}: {error}", file.source);
                return Err(ReleaseError::Build { what: "crd", message });
            }
            for object in built.objects {
                match cluster
                    .create(&object.collection(), &object.name, &object.body, Mode::Write)
                    .await
                {
                    Ok(_) => names.push(object),
                    // Helm passes over it; somebody else may have made it a moment ago, so it is waited for as well, as it is.
                    Err(err) if err.reason == "AlreadyExists" => {
                        let live = cluster.get(&object.uri()).await;
                        let live =
                            live.map_err(|err| err.during(format!("failed to read CRD {}", object.name)))?;
                        names.extend(live.map(|body| Object { body, ..object }));
                    }
                    Err(err) => return Err(err.during(format!("failed to install CRD {}", file.source))),
                }
            }
        }
        self.wait_served(cluster, &names).await
    }

    /// Waits until the kinds of CRDs can be used.
    async fn wait_served(&self, cluster: &Cluster, crds: &[Object]) -> Result<(), ReleaseError> {
        let deadline = Instant::now() + CRD_TIMEOUT;
        let reading = |err: crate::api::ApiError| err.during("cannot read what the API server serves");
        let mut discovery = cluster.discovery().await.map_err(reading)?;
        for crd in crds {
            let (kind, versions) = served(&crd.body);
            while !versions
                .iter()
                .all(|version| discovery.kind(version, kind).is_some())
            {
                if Instant::now() > deadline {
                    let what = format!("CRD {} to be established", crd.name);
                    return Err(ReleaseError::DeadlineExceeded {
                        what,
                        after: CRD_TIMEOUT,
                    });
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
                discovery = cluster.newer_discovery(&discovery).await.map_err(reading)?;
            }
        }
        Ok(())
    }
}

/// The kind and the served versions (`group/version`) of a CRD.
fn served(crd: &Value) -> (&str, Vec<String>) {
    let spec = &crd["spec"];
    let group = spec["group"].as_str().unwrap_or_default();
    let versions = spec["versions"].as_array().into_iter().flatten();
    let names = versions
        .filter(|version| version["served"] == true)
        .filter_map(|version| version["name"].as_str());
    (
        spec["names"]["kind"].as_str().unwrap_or_default(),
        names.map(|name| format!("{group}/{name}")).collect(),
    )
}

/// Renders on a thread of its own: it takes milliseconds of work, and `lookup` has to wait.
async fn render(
    cluster: &Cluster,
    discovery: &Arc<Discovery>,
    request: &UpgradeRequest,
    start: &Start,
) -> Result<Rendered, ReleaseError> {
    let (cluster, discovery, request) = (cluster.clone(), Arc::clone(discovery), request.clone());
    // An install over a history that was kept is revision 1 to the templates, whatever its record says.
    let revision = if start.is_install { 1 } else { start.revision };
    let (is_upgrade, runtime) = (!start.is_install, Handle::current());
    let task = tokio::task::spawn_blocking(move || {
        let lookup = ClusterLookup { cluster, runtime };
        let options = TemplateOptions {
            is_upgrade,
            revision,
            lookup: &lookup,
            ..TemplateOptions::new(&request.name, &request.namespace, &discovery.capabilities)
        };
        template::template(&request.chart, &request.values, &options)
    });
    let rendered = task
        .await
        .map_err(|err| ReleaseError::Internal(format!("rendering: {err}")))?;
    Ok(rendered?)
}

/// Whether the newest revision is in force, says what the new one would say, and the objects are as it says.
fn is_current(start: &Start, rendered: &Rendered, plan: &Plan, request: &UpgradeRequest) -> bool {
    let Some(newest) = start.newest() else {
        return false;
    };
    let metadata = &rendered.chart.metadata;
    let config = Value::Object(newest.config.clone().unwrap_or_default());
    let hooks = |hooks: &[crate::release::Hook]| -> Vec<(String, String)> {
        hooks
            .iter()
            .map(|hook| (hook.path.clone(), hook.manifest.clone()))
            .collect()
    };
    let in_force = start
        .history
        .iter()
        .filter(|release| release.info.status == Status::Deployed);
    newest.info.status == Status::Deployed
        && in_force.count() == 1
        && newest.chart_version() == (metadata.name.as_str(), metadata.version.as_str())
        && newest.manifest == rendered.manifest()
        && hooks(&newest.hooks) == hooks(&rendered.hooks)
        && crate::patch::same(&config, &Value::Object(request.values.clone()))
        && !plan.changes_anything()
}

fn unchanged(start: &Start, plan: &Plan) -> Outcome {
    let newest = start.newest();
    let live = |step: &super::plan::Step| as_applied(&step.object, step.live.as_ref().unwrap_or_default());
    Outcome {
        revision: newest.map_or(0, |newest| newest.version),
        changed: false,
        manifest: newest.map(|newest| newest.manifest.clone()).unwrap_or_default(),
        notes: newest.map(|newest| newest.info.notes.clone()).unwrap_or_default(),
        applied: plan.steps.iter().map(live).collect(),
    }
}

fn new_release(
    request: &UpgradeRequest,
    start: &Start,
    rendered: &Rendered,
) -> Result<Release, ReleaseError> {
    let now = stamp(Utc::now());
    let first = match start.newest() {
        Some(newest) if !start.is_install => newest.info.first_deployed.clone(),
        _ => now.clone(),
    };
    // What the record says when all is done; until then `commit` puts Helm's words for work in progress.
    let (status, description) = if start.is_install {
        (Status::PendingInstall, "Install complete")
    } else {
        (Status::PendingUpgrade, "Upgrade complete")
    };
    let chart = serde_json::to_value(&rendered.chart)
        .map_err(|err| ReleaseError::Internal(format!("chart cannot be stored: {err}")))?;
    Ok(Release {
        name: request.name.clone(),
        info: Info {
            first_deployed: first,
            last_deployed: now,
            deleted: String::new(),
            description: description.to_owned(),
            status,
            notes: rendered.notes.clone(),
        },
        chart,
        config: (!request.values.is_empty()).then(|| request.values.clone()),
        manifest: rendered.manifest(),
        hooks: rendered.hooks.clone(),
        version: start.revision,
        namespace: request.namespace.clone(),
        other: serde_json::Map::new(),
        labels: start
            .newest()
            .filter(|_| !start.is_install)
            .map(|newest| newest.labels.clone())
            .unwrap_or_default(),
        annotations: std::collections::BTreeMap::new(),
        resource_version: String::new(),
    })
}
