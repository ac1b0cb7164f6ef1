//! Statuses kept current: watches, index and writer (crate `conductor-status`) put to work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use conductor_status::{
    derive::{Limits, Progress, Rules},
    edges::{InFlight, Ownership},
    heartbeat,
    index::Index,
    watch::{self, OptionsError},
    writer::{self, Poke, Writer},
};
use magnum_objects::Cluster;
use sqlx::{MySqlConnection, Row};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::App,
    credential_health,
    management::Clients,
    operation::{Journal, executor::Executor},
    route,
};

/// Time between looks at every cluster without a reason: repairs what a watch missed.
const RESYNC: Duration = Duration::from_secs(60);

/// Changes are gathered for this long before waiting operations are told.
const GATHER: Duration = Duration::from_millis(50);

/// Says to the writer that a cluster's operation has ended.
pub struct Handle {
    poke: Poke,
}

impl Handle {
    /// For [`crate::operation::steps::Steps`].
    pub fn settled(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        let poke = self.poke.clone();
        Box::new(move |uuid| poke.cluster(uuid))
    }
}

/// Starts watches, writer and heartbeat.
///
/// # Errors
/// If `[capi_helm] api_resources` cannot be read.
pub fn start(
    app: &Arc<App>,
    index: &Arc<Index>,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
) -> Result<Handle, OptionsError> {
    let settings = &app.settings;
    let prefix = settings.capi_helm.namespace_prefix.clone();
    let options = watch::Options::new(Some(prefix.clone()), &settings.capi_helm.api_resources)?;
    tasks.spawn(watch::run(
        app.management.subscribe(),
        |clients: &Clients| clients.watches.clone(),
        index.clone(),
        options,
        cancel.clone().cancelled_owned(),
    ));
    let minutes = |limit: u64| i64::try_from(limit).ok().filter(|minutes| *minutes > 0);
    let limits = Limits {
        update: minutes(settings.capi_conductor.update_timeout_minutes),
        delete: minutes(settings.capi_conductor.delete_timeout_minutes),
    };
    let writer = Writer::new(
        app.db.clone(),
        index.clone(),
        writer::Settings {
            rules: Rules {
                limits,
                without_health: settings.kubernetes.health_polling_interval < 0,
                control_plane_conditions: settings.capi_helm.k8s_control_plane_resource_conditions.clone(),
            },
            namespace_prefix: prefix,
            resync: RESYNC,
        },
        Arc::new(app.journal.clone()),
        Arc::new(app.notifications.clone()),
        Arc::new(Ours(app.clone())),
    );
    let handle = Handle { poke: writer.poke() };
    // As in Python, where `periodic_enable` governs both the status job and the heartbeat.
    if settings.default.periodic_enable {
        tasks.spawn(writer.run(cancel.clone().cancelled_owned()));
        if settings.capi_conductor.credential_check_interval > 0 {
            tasks.spawn(credential_health::run(
                app.clone(),
                Duration::from_secs(settings.capi_conductor.credential_check_interval),
                handle.settled(),
                cancel.clone(),
            ));
        }
        let period = Duration::from_secs(settings.default.periodic_interval_max.max(1).unsigned_abs());
        tasks.spawn(heartbeat::run(
            app.db.clone(),
            settings.host(),
            period,
            cancel.clone().cancelled_owned(),
        ));
    }
    Ok(handle)
}

/// Tells operations that wait for the management cluster of its changes.
pub async fn wake_on_change(index: Arc<Index>, executor: Arc<Executor>, cancel: CancellationToken) {
    let mut changed = index.changed();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            seen = changed.changed() => if seen.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        changed.mark_unchanged();
        executor.changed();
    }
}

#[async_trait]
impl InFlight for Journal {
    async fn progress(
        &self,
        conn: &mut MySqlConnection,
        cluster_uuid: &str,
    ) -> Result<Progress, sqlx::Error> {
        let row = sqlx::query(
            "SELECT COUNT(CASE WHEN state IN ('accepting', 'accepted') THEN 1 END) AS unfinished, \
             MAX(created_at) AS started_at FROM capi_operation WHERE cluster_uuid = ?",
        )
        .bind(cluster_uuid)
        .fetch_one(&mut *conn)
        .await?;
        let unfinished: i64 = row.try_get("unfinished")?;
        let started_at: Option<chrono::NaiveDateTime> = row.try_get("started_at")?;
        Ok(Progress {
            unfinished: unfinished > 0,
            started_at: started_at.map(|at| at.and_utc()),
            dead_credential: credential_health::was_dead(conn, cluster_uuid).await?,
        })
    }
}

struct Ours(Arc<App>);

#[async_trait]
impl Ownership for Ours {
    async fn is_ours(&self, cluster: &Cluster) -> bool {
        match route::is_ours(&self.0, cluster).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::debug!(cluster = %cluster.uuid, %error, "not known whose cluster this is");
                false
            }
        }
    }
}
