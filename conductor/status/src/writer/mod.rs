//! Keeps the rows of our clusters as the management cluster has them.
//!
//! A cluster is looked at when something of it changes, when an operation on it ends ([`Poke`]), when it has taken too
//! long, and every so often without a reason, which repairs whatever was missed. Each look derives the rows anew and
//! writes only where they differ, under a lock on the cluster's row: of several conductors that see the same change
//! one writes it, and that one notifies.

mod rows;
mod schedule;

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use conductor_driver::names;
use futures::StreamExt;
use magnum_objects::db::{DbError, Retry, Select};
use magnum_objects::rows as tables;
use magnum_objects::{Cluster, ClusterStatus, Db, NodeGroup};
use parking_lot::Mutex;
use sqlx::MySqlConnection;
use tokio::sync::mpsc;

use crate::derive::{Derived, Desired, Progress, Rules, derive, is_looked_after};
use crate::edges::{InFlight, Notifications, Ownership};
use crate::index::{ClusterKey, Index};
use crate::notify::{self, Initiator, Notification};
use schedule::Schedule;

/// Clusters looked at together.
const PARALLEL: usize = 4;
/// Changes are gathered for this long: a controller seldom writes one object alone.
const GATHER: Duration = Duration::from_millis(100);
/// Time until a cluster whose rows could not be read or written is looked at again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Settings of the writer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rules of derivation.
    pub rules: Rules,
    /// `[capi_helm] namespace_prefix`.
    pub namespace_prefix: String,
    /// Time between looks at every cluster without a reason.
    pub resync: Duration,
}

/// Tells the writer to look at a cluster: to be used when an operation on it has ended, as nothing else may change.
#[derive(Debug, Clone)]
pub struct Poke(mpsc::UnboundedSender<String>);

impl Poke {
    /// Look at the cluster with this UUID soon.
    pub fn cluster(&self, uuid: &str) {
        // The writer has ended: then so has everything else.
        let _ = self.0.send(uuid.to_owned());
    }
}

/// The writer of statuses.
pub struct Writer {
    db: Db,
    index: Arc<Index>,
    settings: Settings,
    in_flight: Arc<dyn InFlight>,
    notifications: Arc<dyn Notifications>,
    ownership: Arc<dyn Ownership>,
    pokes: (Poke, mpsc::UnboundedReceiver<String>),
    state: State,
}

/// What the writer remembers; nothing of it is needed after a restart.
#[derive(Default)]
struct State {
    /// UUIDs by key; none for keys that are no cluster of ours.
    known: Mutex<HashMap<ClusterKey, Option<String>>>,
    /// Since when a cluster has been in progress for all we know, where the journal does not know.
    since: Mutex<HashMap<String, (ClusterStatus, DateTime<Utc>)>>,
}

/// What one look brought.
struct Look {
    next: Option<DateTime<Utc>>,
    notification: Option<Notification>,
}

impl Writer {
    /// A writer; nothing happens before [`Self::run`].
    pub fn new(
        db: Db,
        index: Arc<Index>,
        settings: Settings,
        in_flight: Arc<dyn InFlight>,
        notifications: Arc<dyn Notifications>,
        ownership: Arc<dyn Ownership>,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let pokes = (Poke(sender), receiver);
        Self {
            db,
            index,
            settings,
            in_flight,
            notifications,
            ownership,
            pokes,
            state: State::default(),
        }
    }

    /// A handle for [`Poke`]s.
    pub fn poke(&self) -> Poke {
        self.pokes.0.clone()
    }

    /// Keeps the rows current until `cancel` ends.
    pub async fn run(mut self, cancel: impl Future<Output = ()>) {
        tokio::select! {
            () = self.work() => {}
            () = cancel => {}
        }
    }

    async fn work(&mut self) {
        let mut schedule = Schedule::default();
        let mut resync = tokio::time::interval(self.settings.resync.max(Duration::from_secs(1)));
        resync.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut database_away = false;
        loop {
            let mut due = BTreeSet::new();
            let mut changed = Vec::new();
            let mut all = false;
            tokio::select! {
                keys = self.index.next_changes() => {
                    changed = keys;
                    tokio::time::sleep(GATHER).await;
                }
                Some(uuid) = self.pokes.1.recv() => drop(due.insert(uuid)),
                () = tokio::time::sleep(schedule.wait(Utc::now())) => {}
                _ = resync.tick() => all = true,
            }
            while let Ok(uuid) = self.pokes.1.try_recv() {
                due.insert(uuid);
            }
            due.extend(schedule.due(Utc::now()));
            let looked = self.look_at_all(due, changed, all, &mut schedule).await;
            match looked {
                Ok(()) => database_away = false,
                Err(error) => {
                    if !std::mem::replace(&mut database_away, true) {
                        tracing::warn!(%error, "statuses cannot be kept current; trying again");
                    }
                    // Whatever the changes were: everything is looked at again.
                    resync.reset_after(RETRY_AFTER);
                }
            }
        }
    }

    async fn look_at_all(
        &self,
        mut due: BTreeSet<String>,
        changed: Vec<ClusterKey>,
        all: bool,
        schedule: &mut Schedule,
    ) -> Result<(), DbError> {
        if all {
            due.extend(self.resync().await?);
        }
        for key in changed {
            due.extend(self.uuid_of(&key).await?);
        }
        let looks: Vec<(String, Result<Look, DbError>)> = futures::stream::iter(due)
            .map(|uuid| async move {
                let look = self.look_at(&uuid).await;
                (uuid, look)
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let mut failure = None;
        for (uuid, look) in looks {
            match look {
                Ok(look) => schedule.set(&uuid, look.next),
                Err(error) => {
                    tracing::debug!(%error, cluster = uuid, "status not kept current");
                    failure = Some(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Learns all clusters anew, and returns those that a look may change.
    async fn resync(&self) -> Result<Vec<String>, DbError> {
        let mut conn = self.db.acquire().await?;
        let clusters = tables::cluster::list(&mut conn, self.db.schema()).await?;
        drop(conn);
        let mut known = HashMap::new();
        let mut uuids = Vec::new();
        for cluster in clusters {
            if let Some(key) = self.key_of(&cluster) {
                known.insert(key, Some(cluster.uuid.clone()));
            }
            uuids.push(cluster.uuid);
        }
        self.state.since.lock().retain(|uuid, _| uuids.contains(uuid));
        *self.state.known.lock() = known;
        Ok(uuids)
    }

    fn key_of(&self, cluster: &Cluster) -> Option<ClusterKey> {
        let namespace = names::namespace(&self.settings.namespace_prefix, &cluster.project_id);
        Some(ClusterKey {
            namespace,
            release: cluster.stack_id.clone()?,
        })
    }

    async fn uuid_of(&self, key: &ClusterKey) -> Result<Option<String>, DbError> {
        if let Some(known) = self.state.known.lock().get(key) {
            return Ok(known.clone());
        }
        let mut conn = self.db.acquire().await?;
        let select =
            Select::from(self.db.schema(), "Cluster")?.filter("stack_id", &key.release.as_str().into())?;
        let found: Vec<Cluster> = tables::all(&mut conn, &select).await?;
        let uuid = found
            .into_iter()
            .find(|cluster| self.key_of(cluster).as_ref() == Some(key))
            .map(|cluster| cluster.uuid);
        self.state.known.lock().insert(key.clone(), uuid.clone());
        Ok(uuid)
    }

    /// Looks at one cluster and writes what differs.
    async fn look_at(&self, uuid: &str) -> Result<Look, DbError> {
        let mut retry = Retry::default();
        let look = loop {
            match self.attempt(uuid).await {
                Err(error) if retry.again(&error).await => {}
                other => break other?,
            }
        };
        if let Some(notification) = &look.notification {
            self.notifications.emit(notification.clone()).await;
        }
        Ok(look)
    }

    async fn attempt(&self, uuid: &str) -> Result<Look, DbError> {
        let nothing = Look {
            next: None,
            notification: None,
        };
        let mut conn = self.db.acquire().await?;
        let Some(cluster) = tables::cluster::by_uuid(&mut conn, self.db.schema(), uuid).await? else {
            return Ok(nothing);
        };
        if !is_looked_after(cluster.status) || !self.ownership.is_ours(&cluster).await {
            return Ok(nothing);
        }
        let (_, desired, derived) = self.derive(&mut conn, &cluster).await?;
        drop(conn);
        if !derived.changes(&desired) {
            return Ok(Look {
                next: derived.next_deadline,
                notification: None,
            });
        }
        self.write(uuid).await
    }

    /// Derives under the lock on the cluster's row, and writes.
    async fn write(&self, uuid: &str) -> Result<Look, DbError> {
        let mut transaction = self.db.begin().await?;
        let schema = self.db.schema();
        let Some(before) = tables::cluster::lock(&mut transaction, schema, uuid).await? else {
            return Ok(Look {
                next: None,
                notification: None,
            });
        };
        let (groups, desired, derived) = self.derive(&mut transaction, &before).await?;
        let written = rows::write(&mut transaction, schema, &desired, &derived).await?;
        Db::commit(transaction).await?;
        let mut notification = None;
        if written && desired.cluster.status != derived.cluster.status {
            let after = rows::after(&before, &derived);
            let groups = rows::groups_after(groups, &derived);
            log_transition(&before, &after);
            notification = after.status.and_then(notify::end_of).map(|(action, outcome)| {
                notify::cluster_event(
                    action,
                    outcome,
                    &Initiator::default(),
                    Some((&after, &groups)),
                    Utc::now(),
                )
            });
        }
        Ok(Look {
            next: derived.next_deadline,
            notification,
        })
    }

    /// What the rows should say. The journal is read before the index: an operation that has ended by then is in the
    /// index, because it waited for that before it ended.
    async fn derive(
        &self,
        conn: &mut MySqlConnection,
        cluster: &Cluster,
    ) -> Result<(Vec<NodeGroup>, Desired, Derived), DbError> {
        let groups = tables::nodegroup::by_cluster(conn, self.db.schema(), &cluster.uuid).await?;
        let progress = self.progress(conn, cluster).await?;
        let namespace = names::namespace(&self.settings.namespace_prefix, &cluster.project_id);
        let view = self
            .index
            .view(&namespace, cluster.stack_id.as_deref().unwrap_or_default());
        let desired = rows::desired(cluster, &groups);
        let derived = derive(&desired, &view, &progress, &self.settings.rules, Utc::now());
        Ok((groups, desired, derived))
    }

    async fn progress(&self, conn: &mut MySqlConnection, cluster: &Cluster) -> Result<Progress, DbError> {
        let mut progress = self
            .in_flight
            .progress(conn, &cluster.uuid)
            .await
            .map_err(|source| DbError::Sql {
                action: "reading the operation journal".into(),
                source,
            })?;
        let Some(status) = cluster.status.filter(|status| status.is_in_progress()) else {
            return Ok(progress);
        };
        if progress.started_at.is_none() {
            let mut since = self.state.since.lock();
            let entry = since
                .entry(cluster.uuid.clone())
                .or_insert_with(|| (status, Utc::now()));
            if entry.0 != status {
                *entry = (status, Utc::now());
            }
            progress.started_at = Some(entry.1);
        }
        Ok(progress)
    }
}

fn log_transition(before: &Cluster, after: &Cluster) {
    let text = |status: Option<ClusterStatus>| status.map_or("none", ClusterStatus::as_str);
    let (from, to) = (text(before.status), text(after.status));
    let reason = after.status_reason.as_deref().unwrap_or_default();
    if after.status.is_some_and(ClusterStatus::is_failed) {
        tracing::warn!(cluster = after.uuid, from, to, reason, "cluster failed");
    } else {
        tracing::info!(cluster = after.uuid, from, to, "cluster changed status");
    }
}
