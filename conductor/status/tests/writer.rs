//! The writer on a real database: needs `MARIADB_URL`, a server on which databases may be made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use conductor_status::capi::{Kind, Object};
use conductor_status::derive::{Limits, Progress, Rules};
use conductor_status::edges::{InFlight, Notifications, Ownership};
use conductor_status::heartbeat;
use conductor_status::index::Index;
use conductor_status::notify::Notification;
use conductor_status::writer::{Settings, Writer};
use magnum_objects::rows::{Changes, Guard, cluster, nodegroup};
use magnum_objects::{Cluster, ClusterStatus, Db, DbSettings, HealthStatus, NodeGroup};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sqlx::Executor;
use sqlx::mysql::MySqlConnection;
use tokio_util::sync::CancellationToken;

const CLUSTER: &str = "c1000000-0000-4000-8000-000000000001";
const NAMESPACE: &str = "magnum-f1d2";

/// A database of a test's own, or `None` after saying that the test is skipped.
async fn database(test: &str) -> Option<(String, Db)> {
    let server = test_database::server(test)?;
    let name = format!("conductor_status_{}_{test}", std::process::id());
    test_database::create(&server, &name, test_database::SCHEMA_23).await;
    let settings = DbSettings::new(format!("{server}/{name}"));
    Some((name, Db::connect(&settings).await.unwrap()))
}

async fn drop_database(name: &str) {
    test_database::remove(&test_database::server(name).unwrap(), name).await;
}

/// The rest of the conductor.
#[derive(Default)]
struct Edges {
    unfinished: AtomicBool,
    foreign: AtomicBool,
    sent: Mutex<Vec<Notification>>,
}

#[async_trait]
impl InFlight for Edges {
    async fn progress(&self, _: &mut MySqlConnection, _: &str) -> Result<Progress, sqlx::Error> {
        Ok(Progress {
            unfinished: self.unfinished.load(Ordering::SeqCst),
            started_at: Some(Utc::now()),
            dead_credential: false,
        })
    }
}

#[async_trait]
impl Notifications for Edges {
    async fn emit(&self, notification: Notification) {
        self.sent.lock().push(notification);
    }
}

#[async_trait]
impl Ownership for Edges {
    async fn is_ours(&self, _: &Cluster) -> bool {
        !self.foreign.load(Ordering::SeqCst)
    }
}

/// Everything around some writers, which all see the same management cluster and database.
struct World {
    name: String,
    db: Db,
    index: Arc<Index>,
    edges: Arc<Edges>,
    cancel: CancellationToken,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl World {
    async fn new(test: &str) -> Option<Self> {
        let (name, db) = database(test).await?;
        let index = Arc::new(Index::new());
        for kind in Kind::ALL {
            index.mark_synced(kind);
        }
        let cancel = CancellationToken::new();
        let world = Self {
            name,
            db,
            index,
            edges: Arc::default(),
            cancel,
            writers: Vec::new(),
        };
        world.insert_rows().await;
        Some(world)
    }

    async fn insert_rows(&self) {
        let row = Cluster {
            uuid: CLUSTER.to_owned(),
            name: "one".to_owned(),
            project_id: "f1d2".to_owned(),
            cluster_template_id: "t".to_owned(),
            stack_id: Some("one-abc".to_owned()),
            status: Some(ClusterStatus::CreateInProgress),
            create_timeout: Some(60),
            ..Cluster::default()
        };
        let mut conn = self.db.acquire().await.unwrap();
        cluster::insert(&mut conn, self.db.schema(), &row).await.unwrap();
        let group = |name: &str, role: &str| NodeGroup {
            name: name.to_owned(),
            cluster_id: CLUSTER.to_owned(),
            project_id: "f1d2".to_owned(),
            role: role.to_owned(),
            node_count: 1,
            is_default: role == "master",
            status: Some(ClusterStatus::CreateInProgress),
            ..NodeGroup::default()
        };
        for group in [group("default-master", "master"), group("pool", "worker")] {
            nodegroup::insert(&mut conn, self.db.schema(), &group)
                .await
                .unwrap();
        }
    }

    /// Starts a writer, as another conductor would.
    fn start_writer(&mut self) -> conductor_status::writer::Poke {
        let settings = Settings {
            rules: Rules {
                limits: Limits {
                    update: Some(60),
                    delete: Some(60),
                },
                ..Rules::default()
            },
            namespace_prefix: "magnum".to_owned(),
            resync: Duration::from_secs(600),
        };
        let writer = Writer::new(
            self.db.clone(),
            Arc::clone(&self.index),
            settings,
            Arc::clone(&self.edges) as _,
            Arc::clone(&self.edges) as _,
            Arc::clone(&self.edges) as _,
        );
        let poke = writer.poke();
        self.writers
            .push(tokio::spawn(writer.run(self.cancel.clone().cancelled_owned())));
        poke
    }

    fn see(&self, kind: Kind, name: &str, labels: Value, rest: Value) {
        let mut object = rest;
        object["metadata"] = json!({
            "namespace": NAMESPACE, "name": name, "uid": name, "generation": 1, "resourceVersion": "1",
            "labels": {"cluster.x-k8s.io/cluster-name": "one-abc"},
        });
        for (label, value) in labels.as_object().unwrap() {
            object["metadata"]["labels"][label] = value.clone();
        }
        let api_version = format!("{}/v1beta1", kind.api().group);
        self.index.apply(kind, Object::read(kind, &api_version, &object));
    }

    /// The whole cluster, Ready.
    fn see_everything(&self) {
        let yes = |kinds: &[&str]| {
            kinds
                .iter()
                .map(|kind| json!({"type": kind, "status": "True"}))
                .collect::<Vec<_>>()
        };
        let counts =
            json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1});
        let machine = json!({"status": {
            "nodeRef": {"name": "n"}, "conditions": yes(&["NodeHealthy"]),
            "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}],
        }});
        self.see(
            Kind::Cluster,
            "one-abc",
            json!({}),
            json!({
                "spec": {"controlPlaneEndpoint": {"host": "192.0.2.10", "port": 6443}},
                "status": {"observedGeneration": 1, "infrastructureReady": true,
                           "conditions": yes(&["Ready", "InfrastructureReady", "ControlPlaneReady"])},
            }),
        );
        self.see(
            Kind::InfraCluster,
            "one-abc",
            json!({}),
            json!({"status": {"ready": true}}),
        );
        self.see(
            Kind::ControlPlane,
            "one-abc-control-plane",
            json!({}),
            json!({"spec": {"replicas": 1, "version": "v1.31.9"}, "status": counts}),
        );
        self.see(
            Kind::Machine,
            "cp",
            json!({"cluster.x-k8s.io/control-plane": ""}),
            {
                let mut machine = machine.clone();
                machine["spec"] = json!({"version": "v1.31.9"});
                machine
            },
        );
        self.see(
            Kind::MachineDeployment,
            "one-abc-pool",
            json!({"capi.stackhpc.com/node-group": "pool"}),
            json!({"spec": {"replicas": 1}, "status": counts}),
        );
        self.see(
            Kind::Machine,
            "worker",
            json!({"cluster.x-k8s.io/deployment-name": "one-abc-pool"}),
            machine,
        );
    }

    async fn cluster(&self) -> Cluster {
        let mut conn = self.db.acquire().await.unwrap();
        cluster::by_uuid(&mut conn, self.db.schema(), CLUSTER)
            .await
            .unwrap()
            .unwrap()
    }

    async fn groups(&self) -> Vec<NodeGroup> {
        let mut conn = self.db.acquire().await.unwrap();
        nodegroup::by_cluster(&mut conn, self.db.schema(), CLUSTER)
            .await
            .unwrap()
    }

    async fn set(&self, status: ClusterStatus) {
        let mut conn = self.db.acquire().await.unwrap();
        let changes = Changes::new().set("status", Some(status));
        assert!(
            cluster::update(&mut conn, self.db.schema(), CLUSTER, &changes, &Guard::none())
                .await
                .unwrap()
        );
    }

    async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        for _ in 0..100 {
            if holds(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not come: {:?}", self.cluster().await);
    }

    async fn until_status(&self, status: ClusterStatus) {
        self.until(status.as_str(), async |world| {
            world.cluster().await.status == Some(status)
        })
        .await;
    }

    async fn end(self) {
        self.cancel.cancel();
        for writer in self.writers {
            writer.await.unwrap();
        }
        self.db.pool().close().await;
        drop_database(&self.name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_complete_a_cluster_and_notify_once() {
    let Some(mut world) = World::new("once").await else {
        return;
    };
    world.start_writer();
    world.start_writer();
    world
        .until("a reason", async |world| {
            world.cluster().await.status_reason.is_some()
        })
        .await;
    assert_eq!(
        world.cluster().await.status_reason.as_deref(),
        Some("Cluster one-abc: not in the management cluster")
    );
    world.see_everything();
    world.until_status(ClusterStatus::CreateComplete).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let row = world.cluster().await;
    assert_eq!(row.status_reason, None);
    assert_eq!(row.api_address.as_deref(), Some("https://192.0.2.10:6443"));
    assert_eq!(row.coe_version.as_deref(), Some("v1.31.9"));
    assert_eq!(row.health_status, Some(HealthStatus::Healthy));
    let groups = world.groups().await;
    assert!(
        groups
            .iter()
            .all(|group| group.status == Some(ClusterStatus::CreateComplete))
    );
    assert_eq!(
        groups[1].node_addresses.as_deref(),
        Some(&["10.0.0.9".to_owned()][..])
    );
    let sent = world.edges.sent.lock().clone();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(sent[0].event_type, "magnum.cluster.create");
    assert_eq!(sent[0].payload["outcome"], "success");
    let content = &sent[0].payload["target"]["attachments"][0]["content"];
    assert_eq!(content["status"], "CREATE_COMPLETE");
    assert_eq!(content["node_addresses"], json!(["10.0.0.9"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_changes_nothing_ends_when_the_writer_is_poked() {
    let Some(mut world) = World::new("poke").await else {
        return;
    };
    world.see_everything();
    world.edges.unfinished.store(true, Ordering::SeqCst);
    let poke = world.start_writer();
    world
        .until("the address", async |world| {
            world.cluster().await.api_address.is_some()
        })
        .await;
    assert_eq!(
        world.cluster().await.status,
        Some(ClusterStatus::CreateInProgress)
    );
    world.edges.unfinished.store(false, Ordering::SeqCst);
    poke.cluster(CLUSTER);
    world.until_status(ClusterStatus::CreateComplete).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_node_group_loses_its_row() {
    let Some(mut world) = World::new("group").await else {
        return;
    };
    world.see_everything();
    let poke = world.start_writer();
    world.until_status(ClusterStatus::CreateComplete).await;
    world.set(ClusterStatus::UpdateInProgress).await;
    let pool = world.groups().await[1].uuid.clone();
    let mut conn = world.db.acquire().await.unwrap();
    let changes = Changes::new().set("status", Some(ClusterStatus::DeleteInProgress));
    nodegroup::update(&mut conn, world.db.schema(), &pool, &changes, &Guard::none())
        .await
        .unwrap();
    drop(conn);
    poke.cluster(CLUSTER);
    world
        .index
        .remove(Kind::MachineDeployment, NAMESPACE, "one-abc-pool");
    world
        .until("the Machine as a reason", async |world| {
            let groups = world.groups().await;
            groups.len() == 2 && groups[1].status_reason.as_deref() == Some("Machine worker: still there")
        })
        .await;
    world.index.remove(Kind::Machine, NAMESPACE, "worker");
    world.until_status(ClusterStatus::UpdateComplete).await;
    let names: HashSet<String> = world.groups().await.into_iter().map(|group| group.name).collect();
    assert_eq!(names, HashSet::from(["default-master".to_owned()]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_of_others_and_ended_ones_are_not_touched() {
    let Some(mut world) = World::new("others").await else {
        return;
    };
    world.edges.foreign.store(true, Ordering::SeqCst);
    world.see_everything();
    let poke = world.start_writer();
    poke.cluster(CLUSTER);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        world.cluster().await.status,
        Some(ClusterStatus::CreateInProgress)
    );
    world.edges.foreign.store(false, Ordering::SeqCst);
    world.set(ClusterStatus::DeleteFailed).await;
    poke.cluster(CLUSTER);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let row = world.cluster().await;
    assert_eq!(
        (row.status, row.health_status),
        (Some(ClusterStatus::DeleteFailed), None)
    );
    assert!(world.edges.sent.lock().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_heartbeat_counts_and_keeps_what_an_administrator_set() {
    let Some((name, db)) = database("heartbeat").await else {
        return;
    };
    let service = async || {
        let mut conn = db.acquire().await.unwrap();
        magnum_objects::rows::magnum_service::by_host_and_binary(
            &mut conn,
            db.schema(),
            "h",
            heartbeat::BINARY,
        )
        .await
        .unwrap()
        .unwrap()
    };
    heartbeat::beat(&db, "h").await.unwrap();
    assert_eq!(service().await.report_count, 1);
    let mut conn = db.acquire().await.unwrap();
    conn.execute("UPDATE magnum_service SET disabled = 1, disabled_reason = 'maint', forced_down = 1")
        .await
        .unwrap();
    drop(conn);
    heartbeat::beat(&db, "h").await.unwrap();
    let row = service().await;
    assert_eq!((row.report_count, row.disabled, row.forced_down), (2, true, true));
    assert_eq!(row.disabled_reason.as_deref(), Some("maint"));
    assert!(row.last_seen_up.is_some());
    db.pool().close().await;
    drop_database(&name).await;
}
