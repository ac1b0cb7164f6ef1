//! Starting and stopping the service.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use conductor_config::Settings;
use conductor_status::index::Index;
use magnum_objects::{Db, DbSettings};
use oslo_messaging::{Limits, ServerHandle, Target, Transport, TransportConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::{self, Readiness},
    app::App,
    certificates,
    management::Management,
    migrations,
    notify::Notifications,
    operation::{Journal, accept::Acceptor, executor::Executor, lease::Leases, steps::Steps},
    release::ReleaseMaker,
    rpc::Conductor,
    status,
};

/// Longest pause between attempts to reach the database at the start.
const DATABASE_PAUSE: Duration = Duration::from_secs(10);

/// For a whole stop but the closing of connections, of the ten seconds that Docker gives.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// The part of it for requests under way: the rest is for putting to the management cluster what they ask for.
const REQUESTS_PATIENCE: Duration = Duration::from_secs(4);

/// For leases to be given back, and for whatever else ends at once.
const TASKS_PATIENCE: Duration = Duration::from_secs(1);

/// Days that finished operations are kept for people to look at.
const JOURNAL_DAYS: u32 = 30;

/// Runs the service until it is told to stop.
///
/// # Errors
/// What makes a start impossible for good: settings that contradict each other, a database that is not Magnum's.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    let cancel = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(stop_on_signal(cancel.clone()));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), host = %settings.host(), "Starting server in PID {}", std::process::id());
    for finding in &settings.findings {
        // A magnum.conf that magnum-api shares has much that is not for us.
        tracing::debug!("configuration: {finding}");
    }

    let Some(db) = connect(&settings, &cancel).await? else {
        return Ok(());
    };
    migrations::run(db.pool())
        .await
        .context("our tables cannot be created in Magnum's database")?;
    let rabbit = TransportConfig::new(
        &settings.default.transport_url,
        settings.oslo_messaging_rabbit.clone(),
        settings.oslo_concurrency.lock_path.clone(),
    )
    .context("[DEFAULT] transport_url or [oslo_messaging_rabbit]")?;
    let transport = Transport::connect(rabbit).context("message bus")?;
    let timeout = Duration::from_secs(settings.capi_conductor.kube_request_timeout);
    let management = Management::new(&settings.capi_helm.kubeconfig_file, timeout).await;
    tasks.spawn({
        let (management, cancel) = (management.clone(), cancel.clone());
        async move { management.keep_current(cancel).await }
    });

    let clouds = crate::credentials::clouds(&settings).context("OpenStack clients")?;
    let certificates =
        certificates::Store::new(&settings, db.clone(), clouds.clone()).map_err(anyhow::Error::msg)?;
    let app = Arc::new(App {
        journal: Journal::new(db.pool().clone()),
        releases: Box::new(ReleaseMaker::new(settings.clone(), management.clone())),
        notifications: Notifications::new(&settings, &transport).context("[oslo_messaging_notifications]")?,
        clouds,
        certificates,
        settings: settings.clone(),
        db,
        management,
    });
    let index = Arc::new(Index::new());
    let status = status::start(&app, &index, &tasks, &cancel).context("[capi_helm] api_resources")?;
    let executor = executor(&app, &index, &status);
    tasks.spawn(executor.clone().run());
    tasks.spawn(status::wake_on_change(
        index.clone(),
        executor.clone(),
        cancel.clone(),
    ));
    tasks.spawn(prune(app.journal.clone(), cancel.clone()));

    let acceptor = Acceptor::new(app.clone(), executor.clone());
    let server = serve(&app, acceptor, &transport, &cancel)?;
    let readiness = Readiness::new(app.clone(), index, transport.clone(), server.consuming());
    if let Some(address) = app.settings.capi_conductor.admin_bind.clone() {
        tasks.spawn(admin::serve(address, readiness, cancel.clone()));
    }

    cancel.cancelled().await;
    let began = Instant::now();
    tracing::info!("stopping: no new requests; what is accepted and waits goes on at the next start");
    server.stop(REQUESTS_PATIENCE).await;
    executor.stop(STOP_PATIENCE.saturating_sub(began.elapsed())).await;
    tasks.close();
    if tokio::time::timeout(TASKS_PATIENCE, tasks.wait()).await.is_err() {
        tracing::warn!("some work did not stop in time; it is taken up again at the next start");
    }
    app.notifications.close(Duration::from_secs(2)).await;
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}

fn executor(app: &Arc<App>, index: &Arc<Index>, status: &status::Handle) -> Arc<Executor> {
    let capi = &app.settings.capi_conductor;
    let lifetime = Duration::from_secs(capi.lease_seconds);
    let leases = Leases::new(app.db.pool().clone(), instance(&app.settings), lifetime);
    let steps = Steps::new(app.clone(), index.clone(), status.settled());
    Executor::new(
        app.journal.clone(),
        leases,
        Arc::new(steps),
        capi.max_concurrent_operations,
    )
}

fn serve(
    app: &Arc<App>,
    acceptor: Acceptor,
    transport: &Transport,
    cancel: &CancellationToken,
) -> anyhow::Result<ServerHandle> {
    let default = &app.settings.default;
    let target = Target {
        exchange: default.control_exchange.clone(),
        topic: app.settings.conductor.topic.clone(),
        // As Python's conductor: twelve characters, new at each start.
        server: conductor_driver::names::short_id(&uuid::Uuid::new_v4().to_string()).unwrap_or_default(),
    };
    let limits = Limits {
        concurrency: default.executor_thread_pool_size,
        ping: default.rpc_ping_enabled,
    };
    let endpoint = Conductor::new(app.clone(), acceptor, transport.clone(), cancel.clone());
    transport
        .serve(&target, Arc::new(endpoint), limits)
        .context("message bus")
}

/// Connects to the database, for as long as it takes. `None`: told to stop meanwhile.
async fn connect(settings: &Settings, cancel: &CancellationToken) -> anyhow::Result<Option<Db>> {
    let wanted = database(settings)?;
    let mut pause = Duration::from_millis(500);
    loop {
        match Db::connect(&wanted).await {
            Ok(db) => return Ok(Some(db)),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "no database yet; trying again in {} s", pause.as_secs_f32());
            }
            Err(error) => return Err(error).context("Magnum's database"),
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(DATABASE_PAUSE),
        }
    }
}

/// `[database]`, with a pool as large as that of all of Python's worker processes together.
pub(crate) fn database(settings: &Settings) -> anyhow::Result<DbSettings> {
    let database = &settings.database;
    let url = database
        .connection
        .clone()
        .context("[database] connection is not set")?;
    let workers = settings.conductor.workers.filter(|workers| *workers > 0);
    let workers =
        workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32));
    // kolla sets max_pool_size to 1, meant for each worker; a conductor needs a few connections in any case.
    let pool = settings
        .capi_conductor
        .database_pool_size
        .unwrap_or(database.max_pool_size * workers)
        .max(MIN_POOL);
    Ok(DbSettings {
        max_connections: pool,
        max_lifetime: Duration::from_secs(database.connection_recycle_time.max(1)),
        ..DbSettings::new(url)
    })
}

/// Fewest connections with which requests, leases and status writers do not wait for each other.
const MIN_POOL: u32 = 8;

/// This process among all conductors and over restarts.
fn instance(settings: &Settings) -> String {
    format!(
        "{}:{}:{}",
        settings.host(),
        std::process::id(),
        uuid::Uuid::new_v4().simple()
    )
}

async fn prune(journal: Journal, cancel: CancellationToken) {
    loop {
        match journal.prune(JOURNAL_DAYS).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "old operations removed from the journal"),
            Err(error) => tracing::warn!(%error, "journal not pruned"),
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(24 * 3600)) => {}
        }
    }
}

async fn stop_on_signal(cancel: CancellationToken) {
    let (term, int) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut int)) = (term, int) else {
        tracing::error!("signals cannot be received; stop the service by killing it");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = cancel.cancelled() => {}
    }
    cancel.cancel();
}
