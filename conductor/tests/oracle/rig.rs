//! Puts recorded requests to our handlers, and carries out what they accept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conductor_config::Settings;
use conductor_status::index::Index;
use magnum_conductor::app::App;
use magnum_conductor::management::Management;
use magnum_conductor::notify::Notifications;
use magnum_conductor::operation::accept::Acceptor;
use magnum_conductor::operation::executor::{Executor, Worker};
use magnum_conductor::operation::lease::Leases;
use magnum_conductor::operation::steps::Steps;
use magnum_conductor::operation::{Journal, StepError};
use magnum_conductor::request::{Request, RequestError};
use magnum_conductor::route::{self, Route};
use magnum_conductor::rpc::{self, Handlers};
use magnum_conductor::{certificates, credentials};
use magnum_objects::{Db, RequestContext};
use oslo_messaging::RemoteError;
use serde_json::{Map, Value, json};

use crate::rim::{Releases, Sent};
use crate::rows::{self, Snapshot};
use crate::world::World;
use crate::{certificates as summaries, expect};

/// Attempts at a step that fails in passing; then the case ends as it is.
const ATTEMPTS: usize = 2;

/// One lane: a database and a world.
pub struct Rig {
    server: String,
    name: String,
    db: Db,
    world: World,
    common: Arc<BTreeMap<String, Value>>,
    folder: tempfile::TempDir,
    /// The conductor of cases without a configuration of their own, kept for its clients.
    usual: Option<Conductor>,
}

/// The conductor of one case.
#[derive(Clone)]
struct Conductor {
    app: Arc<App>,
    handlers: Arc<Handlers>,
    helm: Releases,
    sent: Arc<Sent>,
}

impl Rig {
    pub async fn new(server: &str, lane: usize, common: Arc<BTreeMap<String, Value>>) -> Self {
        let name = format!("oracle_{}_{lane}", std::process::id());
        let db = rows::create(server, &name).await;
        let world = World::start().await;
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "k", "cluster": {"server": format!("{}/k8s", world.base)}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}]});
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self {
            server: server.to_owned(),
            name,
            db,
            world,
            common,
            folder,
            usual: None,
        }
    }

    pub async fn end(self) {
        self.db.pool().close().await;
        rows::remove(&self.server, &self.name).await;
    }

    /// What comes of a case, in the shape of the recording's `expect`.
    pub async fn replay(&mut self, case: &Value) -> Value {
        rows::load(&self.db, case, &self.common["x509keypairs"]).await;
        let living = if case["gone"] == true {
            Vec::new()
        } else {
            living_clusters(case)
        };
        self.world.set(case, &self.common, &living);
        let conductor = self.conductor(case).await;
        let before = rows::snapshot(&self.db).await;
        let reply = conductor.ask(case, &self.world).await;
        if fault(case).contains("deletes the cluster row") {
            rows::lose_clusters(&self.db).await;
        }
        let trying = conductor.carry_out(&before).await;
        let after = rows::snapshot(&self.db).await;
        let mut ours = json!({
            "reply": reply,
            "db": rows::difference(&before, &after),
            "notifications": conductor.sent.0.lock().clone(),
            "helm": conductor.helm.0.lock().calls.clone(),
            "k8s": self.world.scene.lock().k8s_mutations.clone(),
            "openstack_mutations": self.world.scene.lock().openstack_mutations.clone(),
            "trying": trying,
        });
        summaries::summarise(&mut ours, &after);
        for class in ["Quota", "MagnumService", "Federation"] {
            let table = match class {
                "Quota" => "quotas",
                "MagnumService" => "magnum_service",
                _ => "federation",
            };
            let rows: Vec<Value> = after[table]
                .iter()
                .map(|row| {
                    let mut row = row.clone();
                    row.shift_remove("created_at");
                    row.shift_remove("updated_at");
                    if let Some(Value::String(time)) = row.get_mut("last_seen_up") {
                        *time = time.replace('T', " ").replace('Z', "");
                    }
                    row.into()
                })
                .collect();
            if !rows.is_empty() {
                ours["extra_rows_after"][class] = rows.into();
            }
        }
        expect::normalise(case, ours, &self.world.base, &after)
    }

    fn settings(&self, case: &Value) -> Settings {
        let keystone = format!("{}/keystone/v3", self.world.base);
        let own = json!({
            "DEFAULT": {"transport_url": "rabbit://"},
            "database": {"connection": "mysql://"},
            "oslo_messaging_notifications": {"driver": "noop"},
            "keystone_auth": {"auth_url": keystone},
            "keystone_authtoken": {"www_authenticate_uri": keystone},
            "capi_helm": {"kubeconfig_file": self.folder.path().join("kubeconfig")},
            "x509": {"rsa_key_size": expect::key_size(case)},
        });
        // A place for certificates that is none stands for the fault.
        let broken = if fault(case).contains("generating a CA certificate raises") {
            json!({"certificates": {"cert_manager_type": "local", "storage_path": "/dev/null/nowhere"}})
        } else {
            json!({})
        };
        let file = self.folder.path().join("magnum.conf");
        std::fs::write(
            &file,
            oracle::ini(&[&self.common["base_conf"], &own, &broken, &case["conf"]]),
        )
        .unwrap();
        Settings::load(&[file], &[]).unwrap()
    }

    async fn conductor(&mut self, case: &Value) -> Conductor {
        let plain = case["conf"].as_object().is_none_or(serde_json::Map::is_empty);
        let is_usual = plain && fault(case).is_empty() && expect::key_size(case) == expect::SMALL_KEY;
        let conductor = match self.usual.clone().filter(|_| is_usual) {
            Some(usual) => usual,
            None => self.make(case).await,
        };
        if is_usual {
            self.usual = Some(conductor.clone());
        }
        conductor.sent.0.lock().clear();
        {
            let mut helm = conductor.helm.0.lock();
            helm.calls.clear();
            let outcome = &case["helm_outcome"];
            let failure = outcome["raise"]
                .as_str()
                .map(|_| outcome["stderr"].as_str().unwrap_or_default().to_owned());
            let raised = case["driver"]["exception"]["message"].as_str().map(str::to_owned);
            helm.fails = raised.or(failure);
            let failure = helm.fails.clone();
            helm.uninstall_fails = failure;
        }
        conductor
    }

    async fn make(&self, case: &Value) -> Conductor {
        let settings = Arc::new(self.settings(case));
        let helm = Releases::default();
        helm.0.lock().settings = (*settings).clone();
        let sent = Arc::new(Sent::default());
        let db = self.db.clone();
        let clouds = credentials::clouds(&settings).unwrap();
        let app = Arc::new(App {
            journal: Journal::new(db.pool().clone()),
            releases: Box::new(helm.clone()),
            notifications: Notifications::to(sent.clone()),
            certificates: certificates::Store::new(&settings, db.clone(), clouds.clone()).unwrap(),
            clouds,
            management: Management::new(&settings.capi_helm.kubeconfig_file, Duration::from_secs(20)).await,
            settings,
            db,
        });
        let steps = Arc::new(Steps::new(app.clone(), Arc::new(Index::new()), Box::new(|_| {})));
        // The case itself carries out what is accepted; this one has already been told to stop.
        let leases = Leases::new(
            app.db.pool().clone(),
            "executor".to_owned(),
            Duration::from_secs(30),
        );
        let executor = Executor::new(app.journal.clone(), leases, steps, 1);
        executor.stop(Duration::ZERO).await;
        let handlers = Arc::new(Handlers::new(app.clone(), Acceptor::new(app.clone(), executor)));
        Conductor {
            app,
            handlers,
            helm,
            sent,
        }
    }
}

/// What goes wrong inside Python in a case.
fn fault(case: &Value) -> &str {
    case["fault_injection"].as_str().unwrap_or_default()
}

/// Cluster API's clusters of the case's rows: the world goes on while the periodic task of Python has not looked yet, so
/// that what is deleted is still going.
fn living_clusters(case: &Value) -> Vec<Value> {
    let rows = case["rows"]["cluster"].as_array().into_iter().flatten();
    rows.filter(|row| row["stack_id"].is_string())
        .map(|row| {
            let namespace = format!("magnum-{}", row["project_id"].as_str().unwrap());
            json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster",
                "metadata": {"name": row["stack_id"], "namespace": namespace}})
        })
        .collect()
}

impl Conductor {
    async fn ask(&self, case: &Value, world: &World) -> Value {
        let message = &case["message"];
        let method = message["method"].as_str().unwrap();
        let request = request(case, world);
        // The bus refuses these before they come to us, see its crate's tests.
        let version = message["version"].as_str().unwrap_or("1.0");
        if message["namespace"].is_string() || version != "1.0" {
            return failure(RemoteError::unsupported_version(version, Some(method)));
        }
        if !rpc::knows(method) {
            return failure(RemoteError::no_such_method(method));
        }
        let refusal = match route::cluster_uuid(&request.args) {
            Some(cluster) if rpc::about_a_cluster(method) => {
                match route::route(&self.app, &request, &cluster).await.unwrap() {
                    Route::Nowhere(error) => Some(error),
                    _ => None,
                }
            }
            _ => None,
        };
        match self.handlers.handle(&request, refusal).await {
            Ok(result) => json!({"result": oracle::sorted(result), "failure": null}),
            Err(RequestError::Refused(error)) => failure(rpc::remote(error)),
            Err(RequestError::Unavailable(error)) => json!({"unavailable": error}),
        }
    }

    /// Carries out what was accepted, to its end or to where it waits; the text of what it is stuck at.
    async fn carry_out(&self, before: &Snapshot) -> Value {
        let mut clusters: Vec<String> = self.app.journal.due_clusters().await.unwrap();
        clusters.extend(
            before["cluster"]
                .iter()
                .filter_map(|row| row["uuid"].as_str().map(str::to_owned)),
        );
        clusters.dedup();
        let leases = Leases::new(
            self.app.db.pool().clone(),
            "case".to_owned(),
            Duration::from_secs(30),
        );
        let steps = Steps::new(self.app.clone(), Arc::new(Index::new()), Box::new(|_| {}));
        for cluster in clusters {
            let mut conn = self.app.db.acquire().await.unwrap();
            let operations = self.app.journal.unfinished(&mut conn, &cluster).await.unwrap();
            drop(conn);
            for operation in operations {
                let Some(lease) = leases.take(&cluster).await.unwrap() else {
                    continue;
                };
                let mut attempts = 0;
                let stuck = loop {
                    match steps.run(&operation, &lease).await {
                        Ok(_) => break None,
                        Err(StepError::Permanent(error)) => {
                            steps.fail(&operation, &lease, &error).await.unwrap();
                            break None;
                        }
                        Err(error) if attempts >= ATTEMPTS => break Some(error.to_string()),
                        Err(_) => attempts += 1,
                    }
                };
                leases.release(lease).await.unwrap();
                if let Some(stuck) = stuck {
                    return stuck.into();
                }
            }
        }
        Value::Null
    }
}

fn failure(error: RemoteError) -> Value {
    json!({"result": null, "failure": {"class": error.class, "module": error.module, "message": error.message,
        "args": error.args, "kwargs": error.kwargs}})
}

fn request(case: &Value, world: &World) -> Request {
    let mut context: Map<String, Value> = case["context"].as_object().unwrap().clone();
    if context
        .get("auth_token_info")
        .is_some_and(|info| info == "$token_info")
    {
        let text = |name: &str| {
            context
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let token = world.scene.lock().token(&text("project_id"), &text("user_id"));
        context.insert("auth_token_info".to_owned(), token);
    }
    Request {
        method: case["message"]["method"].as_str().unwrap().to_owned(),
        context: RequestContext::from_map(&context),
        message_id: "0123456789abcdef0123456789abcdef".to_owned(),
        args: case["message"]["args"].as_object().cloned().unwrap_or_default(),
        // Nothing that is away in a case comes back.
        impatient: true,
    }
}
