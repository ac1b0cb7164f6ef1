//! Carries accepted operations out: one cluster's in their order, different clusters' side by side.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Journal, Kind, Operation, State, StepError,
    lease::{Lease, Leases},
};

/// How often the journal is searched for work that nobody told us of: another conductor's that died, or ours
/// from before a restart.
const SCAN_INTERVAL: Duration = Duration::from_secs(3);

/// Longest pause between attempts. Short enough that an operation goes on soon after a server is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Pause after the database failed.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// What the executor carries out; implemented by [`super::steps::Steps`].
#[async_trait]
pub trait Worker: Send + Sync {
    /// Carries an operation out, from whatever point it had reached, and journals its end.
    async fn run(&self, operation: &Operation, lease: &Lease) -> Result<Progress, StepError>;
    /// Ends an operation that cannot be carried out, rows and journal in one transaction.
    async fn fail(&self, operation: &Operation, lease: &Lease, error: &str) -> Result<(), StepError>;
}

/// How far an operation came.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has ended.
    Finished,
    /// Nothing failed, but something outside has to happen first; it is looked at again when the cluster's objects
    /// change, or after this time.
    Waiting(Duration),
}

/// The executor; one per process.
pub struct Executor {
    journal: Journal,
    leases: Leases,
    worker: Arc<dyn Worker>,
    permits: Semaphore,
    active: Mutex<HashMap<String, Arc<Notify>>>,
    tasks: TaskTracker,
    /// Whatever would wait ends instead.
    winding_down: CancellationToken,
    /// What is under way is given up.
    halted: CancellationToken,
}

impl Executor {
    /// An executor that works on at most `limit` clusters at once.
    pub fn new(journal: Journal, leases: Leases, worker: Arc<dyn Worker>, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            journal,
            leases,
            worker,
            permits: Semaphore::new(limit.max(1)),
            active: Mutex::default(),
            tasks: TaskTracker::new(),
            winding_down: CancellationToken::new(),
            halted: CancellationToken::new(),
        })
    }

    /// Looks for work until told to stop, then waits for what is under way to end or be given up.
    pub async fn run(self: Arc<Self>) {
        loop {
            match self.journal.due_clusters().await {
                Ok(clusters) => clusters.iter().for_each(|cluster| self.wake(cluster)),
                Err(error) => tracing::warn!(%error, "operation journal cannot be read; trying again"),
            }
            tokio::select! {
                () = self.winding_down.cancelled() => break,
                () = tokio::time::sleep(SCAN_INTERVAL) => {}
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops: what is accepted and due is still put to the management cluster, so that Cluster API goes on with it
    /// whoever looks next (a Python conductor does not read our journal). What waits, for the cluster or for another
    /// attempt, is left to the next start at once, and everything is after `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.winding_down.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "operations under way did not end in time; they are taken up again at the next start"
            );
            self.halted.cancel();
        }
    }

    /// Says that there may be something to do for a cluster.
    pub fn wake(self: &Arc<Self>, cluster_uuid: &str) {
        if self.winding_down.is_cancelled() {
            return;
        }
        let mut active = self.active.lock();
        if let Some(notify) = active.get(cluster_uuid) {
            notify.notify_one();
            return;
        }
        let notify = Arc::new(Notify::new());
        active.insert(cluster_uuid.to_owned(), notify.clone());
        let (executor, cluster) = (self.clone(), cluster_uuid.to_owned());
        self.tasks.spawn(async move {
            let span = tracing::info_span!("cluster", cluster = %cluster);
            tracing::Instrument::instrument(executor.work_on(&cluster, &notify), span).await;
        });
    }

    /// Tells operations that wait for the management cluster that something changed there.
    pub fn changed(&self) {
        for notify in self.active.lock().values() {
            notify.notify_one();
        }
    }

    async fn work_on(self: &Arc<Self>, cluster: &str, notify: &Arc<Notify>) {
        match self.leases.take(cluster).await {
            Ok(Some(lease)) => {
                let lost = lease.lost();
                tokio::select! {
                    () = self.drain(cluster, &lease, notify) => {}
                    () = lost.cancelled() => {}
                    () = self.halted.cancelled() => {}
                }
                if let Err(error) = self.leases.release(lease).await {
                    tracing::warn!(%error, "lease not given back; it expires by itself");
                }
            }
            // Another conductor works on it. The scan comes back, should that one die.
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "lease not taken; trying again"),
        }
        // A wake-up that came after the last look at the journal must not be lost.
        self.active.lock().remove(cluster);
        let told = tokio::time::timeout(Duration::ZERO, notify.notified())
            .await
            .is_ok();
        if told && matches!(self.journal.is_busy(cluster).await, Ok(true)) {
            self.wake(cluster);
        }
    }

    /// Carries out a cluster's operations until none is left, or none that can go on at once when we are to stop.
    async fn drain(&self, cluster: &str, lease: &Lease, notify: &Notify) {
        let mut pause = Pause::default();
        loop {
            let next = match self.next(cluster).await {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "database not usable; trying again");
                    if self.rests(DATABASE_PAUSE).await {
                        continue;
                    }
                    return;
                }
            };
            if let Some(wait) = pause.left(&next) {
                // Another conductor may accept a request for this cluster meanwhile, so the journal is looked at now and then.
                tokio::select! {
                    () = tokio::time::sleep(wait.min(SCAN_INTERVAL)) => {}
                    () = notify.notified() => pause.told(),
                    () = self.winding_down.cancelled() => return,
                }
                continue;
            }
            let outcome = self.attempt(&next, lease).await;
            pause.after(&next, &outcome);
            let goes_on = matches!(outcome, Ok(Progress::Finished));
            self.note(&next, lease, outcome).await;
            if !goes_on && self.winding_down.is_cancelled() {
                return;
            }
        }
    }

    /// Waits; `false` at once when we are to stop.
    async fn rests(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.winding_down.cancelled() => false,
        }
    }

    async fn attempt(&self, operation: &Operation, lease: &Lease) -> Result<Progress, StepError> {
        if operation.state == State::Accepting {
            return Err(StepError::Permanent(
                "the conductor stopped before the request was accepted in full; please repeat it".to_owned(),
            ));
        }
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(StepError::LeaseLost);
        };
        self.worker.run(operation, lease).await
    }

    async fn note(&self, operation: &Operation, lease: &Lease, outcome: Result<Progress, StepError>) {
        let kind = operation.kind.as_str();
        let request = operation.request_id.as_deref().unwrap_or("-");
        match outcome {
            Ok(Progress::Finished) => tracing::info!(operation = kind, request, "operation carried out"),
            Ok(Progress::Waiting(_)) | Err(StepError::LeaseLost) => {}
            Err(StepError::Transient(error)) => {
                tracing::warn!(operation = kind, request, attempt = operation.attempts + 1, %error, "step failed; trying again");
                let wait = backoff(operation.attempts).as_secs_f64();
                if let Err(error) = self.journal.retry(operation.id, &error, wait).await {
                    tracing::warn!(%error, "attempt not journaled");
                }
            }
            Err(StepError::Permanent(error)) => {
                tracing::error!(operation = kind, request, %error, "operation failed");
                if let Err(again) = self.worker.fail(operation, lease, &error).await {
                    tracing::warn!(error = %again, "failure not written yet; trying again");
                    self.rests(DATABASE_PAUSE).await;
                }
            }
        }
    }

    /// The operation to carry out now. A deletion makes everything asked before it pointless.
    async fn next(&self, cluster: &str) -> Result<Option<Operation>, sqlx::Error> {
        let mut conn = self.journal.pool().acquire().await?;
        let mut operations = self.journal.unfinished(&mut conn, cluster).await?;
        let deletion = operations
            .iter()
            .rposition(|operation| operation.kind == Kind::Delete && operation.state == State::Accepted);
        if let Some(position) = deletion {
            for earlier in operations.drain(..position) {
                self.journal
                    .finish(
                        &mut conn,
                        earlier.id,
                        State::Superseded,
                        Some("the cluster is being deleted"),
                    )
                    .await?;
            }
        }
        Ok(operations.into_iter().next())
    }
}

fn backoff(attempts: u32) -> Duration {
    Duration::from_millis(500 << attempts.min(5)).min(LONGEST_PAUSE)
}

/// How long the operation at the head has to wait still.
#[derive(Default)]
struct Pause {
    operation: Option<(u64, State)>,
    until: Option<Instant>,
    /// Whether news of the cluster end the pause (it waits for something) or not (something failed).
    news_end_it: bool,
}

impl Pause {
    fn left(&mut self, next: &Operation) -> Option<Duration> {
        if self.operation != Some((next.id, next.state)) {
            let due = Duration::try_from_secs_f64(next.due_in.max(0.0)).unwrap_or_default();
            *self = Self {
                operation: Some((next.id, next.state)),
                until: Some(Instant::now() + due),
                news_end_it: false,
            };
        }
        let left = self.until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn told(&mut self) {
        if self.news_end_it {
            self.until = None;
        } else {
            // Look again whether it is still the head, and whether its state changed.
            self.operation = None;
        }
    }

    fn after(&mut self, operation: &Operation, outcome: &Result<Progress, StepError>) {
        let wait = match outcome {
            Ok(Progress::Waiting(wait)) => Some((*wait, true)),
            Err(StepError::Transient(_)) => Some((backoff(operation.attempts), false)),
            Ok(Progress::Finished) | Err(_) => None,
        };
        self.operation = Some((operation.id, operation.state));
        self.until = wait.map(|(wait, _)| Instant::now() + wait);
        self.news_end_it = wait.is_some_and(|(_, news)| news);
    }
}
