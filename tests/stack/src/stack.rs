//! Everything together: from nothing to a cloud in which a user can ask for a cluster.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{Mutex, OnceCell};

use crate::beside::TOPIC;
use crate::cloud::{self, Cloud};
use crate::home::Home;
use crate::identity::{Account, DEMO, Identity, Token};
use crate::keystone::Keystone;
use crate::magnum::{self, ApiKind, ConductorKind};
use crate::magnum_conf::{Chart, MagnumConf, RabbitOptions};
use crate::management_cluster::{self, ManagementCluster};
use crate::mariadb::{self, MariaDb};
use crate::packages;
use crate::ports;
use crate::process::{Process, Spec, run};
use crate::programs::{self, Kubernetes};
use crate::python::{self, Environments};
use crate::rabbitmq::{self, RabbitMq};
use crate::release::Release;
use crate::seed::{self, Seed};
use crate::sim::{self, Sim};

/// The seconds that machines take when they are to be there at once; see the machine room's README.
const AT_ONCE: [&str; 7] = [
    "room/cluster-seconds=0",
    "room/build-seconds=0",
    "room/boot-seconds=0",
    "room/ready-seconds=0",
    "room/delete-seconds=0",
    "room/cluster-delete-seconds=0",
    "room/addon-seconds=0",
];

/// How a stack is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of Magnum's database, magnum-api, the command line, and Python's conductor.
    pub release: Release,
    /// See [`ApiKind`].
    pub api: ApiKind,
    /// See [`RabbitOptions`].
    pub rabbit: RabbitOptions,
    /// See [`Chart`].
    pub chart: Chart,
    /// See [`ConductorKind`].
    pub conductor: ConductorKind,
    /// Machines boot in no time.
    pub machines_at_once: bool,
    /// Takes off Cluster API's own brakes, which stay on in production.
    pub fast_controllers: bool,
    /// Lines added to magnum.conf.
    pub extra_conf: String,
}

impl Options {
    /// Our conductor with its own chart, magnum-api as executable, oslo's defaults, machines that boot at once.
    pub fn new() -> Result<Self> {
        Ok(Self::with_conductor(ConductorKind::Rust(programs::ours(
            "magnum-conductor",
        )?)))
    }

    /// The same with another conductor.
    pub fn with_conductor(conductor: ConductorKind) -> Self {
        Self {
            release: Release::default(),
            api: ApiKind::Executable,
            rabbit: RabbitOptions::Default,
            chart: Chart::Builtin,
            conductor,
            machines_at_once: true,
            fast_controllers: false,
            extra_conf: String::new(),
        }
    }
}

/// What has to be on the machine before a stack starts, all of it cached.
#[derive(Clone, Debug)]
pub struct Prepared {
    environments: Environments,
    seed: Seed,
    kubernetes: Kubernetes,
}

impl Prepared {
    /// Programs of the management cluster.
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.kubernetes
    }

    /// The virtual environment with Magnum, its driver and the helm program.
    pub fn magnum(&self) -> &Path {
        &self.environments.magnum
    }
}

/// Installs and builds what is missing for the newest release: Debian packages, virtual environments, Kubernetes,
/// databases. Minutes the first time, a second later on.
pub async fn prepare(home: &Home) -> Result<Prepared> {
    prepare_release(home, Release::default()).await
}

/// As [`prepare`], for a release of Magnum.
pub async fn prepare_release(home: &Home, release: Release) -> Result<Prepared> {
    let python_side = async {
        packages::ensure(&packages::PACKAGES).await?;
        let environments = python::environments_of(release).await?;
        let seed = Seed::get(&environments).await?;
        Ok((environments, seed))
    };
    let ((environments, seed), kubernetes) = tokio::try_join!(python_side, programs::kubernetes(home))?;
    Ok(Prepared {
        environments,
        seed,
        kubernetes,
    })
}

/// A running cloud with Magnum. Its servers end with it, unless [`Stack::leave_running`] is called.
#[derive(Debug)]
pub struct Stack {
    home: Home,
    options: Options,
    prepared: Prepared,
    config: PathBuf,
    api_port: u16,
    identity: Identity,
    database_client: mariadb::Client,
    broker_client: rabbitmq::Client,
    kubeconfig: PathBuf,
    /// The message broker.
    pub broker: Mutex<RabbitMq>,
    /// The database server.
    pub database: Mutex<MariaDb>,
    /// Keystone.
    pub keystone: Mutex<Keystone>,
    /// Glance, Nova, Neutron and Cinder.
    pub sim: Mutex<Sim>,
    cloud: sim::Admin,
    /// Cluster API's controllers and what plays the machines.
    pub management: Mutex<ManagementCluster>,
    api: Mutex<Option<Process>>,
    conductor: Mutex<Option<Process>>,
    templates: std::sync::Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

impl Stack {
    /// Prepares and starts everything in `home`.
    pub async fn start(home: &Home, options: Options) -> Result<Self> {
        let prepared = prepare_release(home, options.release).await?;
        Self::start_prepared(home, options, prepared).await
    }

    /// Starts everything in `home`; returns when the conductor takes requests.
    async fn start_prepared(home: &Home, options: Options, prepared: Prepared) -> Result<Self> {
        let [keystone, sim, api_port] = ports::free_many()?;
        let ports = cloud::Ports {
            keystone,
            sim,
            magnum: api_port,
        };
        let cluster_options = management_cluster::Options {
            fast: options.fast_controllers,
        };
        let cloud = Cloud::start(home, &prepared.environments, &prepared.seed, ports);
        let cluster = async {
            let Kubernetes {
                programs,
                cluster_api,
            } = &prepared.kubernetes;
            ManagementCluster::start(programs, cluster_api, home, &cluster_options).await
        };
        let (broker, cloud, management) = tokio::try_join!(
            timed("RabbitMQ", RabbitMq::start(home)),
            timed("MariaDB, Keystone and the OpenStack simulator", cloud),
            timed("the management cluster with Cluster API's controllers", cluster),
        )?;
        let Cloud {
            database,
            keystone,
            sim,
        } = cloud;
        let stack = Self {
            home: home.clone(),
            config: home.folder("magnum")?.join("magnum.conf"),
            api_port,
            identity: keystone.identity()?,
            database_client: database.client(),
            broker_client: broker.client(),
            kubeconfig: management.kubeconfig().to_path_buf(),
            broker: Mutex::new(broker),
            database: Mutex::new(database),
            keystone: Mutex::new(keystone),
            cloud: sim.admin().clone(),
            sim: Mutex::new(sim),
            management: Mutex::new(management),
            api: Mutex::new(None),
            conductor: Mutex::new(None),
            templates: std::sync::Mutex::default(),
            options,
            prepared,
        };
        stack.write_config().await?;
        if stack.options.machines_at_once {
            for account in [&DEMO, &crate::identity::OTHER] {
                stack.set_machines(account, &AT_ONCE).await?;
            }
        }
        timed("magnum-api and the conductor", async {
            tokio::try_join!(stack.start_api(), stack.start_conductor())
        })
        .await?;
        Ok(stack)
    }

    async fn write_config(&self) -> Result<()> {
        let folder = self.home.folder("magnum")?;
        MagnumConf {
            folder: &folder,
            transport_url: &self.broker.lock().await.transport_url(),
            database_port: self.database.lock().await.port(),
            keystone_port: self.keystone.lock().await.port(),
            api_port: self.api_port,
            paste: &self.prepared.environments.magnum.join("etc/magnum/api-paste.ini"),
            kubeconfig: &self.kubeconfig,
            rabbit: self.options.rabbit,
            chart: &self.options.chart,
            extra: &self.options.extra_conf,
        }
        .write()
        .map(drop)
    }

    /// Whether the cluster template for a Kubernetes version was made; tests that run at once share it.
    pub(crate) fn template(&self, version: &str) -> Result<Arc<OnceCell<()>>> {
        let mut templates = self
            .templates
            .lock()
            .map_err(|_| anyhow::anyhow!("another test failed meanwhile"))?;
        Ok(Arc::clone(templates.entry(version.to_owned()).or_default()))
    }

    /// The folder of logs and state.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// How it was asked to be.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// magnum.conf.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The management cluster's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Keystone's API.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The databases, as root.
    pub fn rows(&self) -> &mariadb::Client {
        &self.database_client
    }

    /// Where the broker is.
    pub fn broker_client(&self) -> &rabbitmq::Client {
        &self.broker_client
    }

    /// What exists in the cloud and how it behaves.
    pub fn cloud(&self) -> &sim::Admin {
        &self.cloud
    }

    /// The folder of the virtual environment with `openstack`, and magnum's own programs.
    pub fn python(&self) -> &Path {
        &self.prepared.environments.magnum
    }

    /// A token of an account.
    pub async fn token(&self, account: &Account) -> Result<Token> {
        self.identity.token(account).await
    }

    /// The environment of the `openstack` command for an account.
    pub fn cli_environment(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![
            ("OS_AUTH_URL", self.identity.url().to_owned()),
            ("OS_IDENTITY_API_VERSION", "3".to_owned()),
            ("OS_REGION_NAME", seed::REGION.to_owned()),
            ("OS_USERNAME", account.user.to_owned()),
            ("OS_PASSWORD", account.password.to_owned()),
            ("OS_PROJECT_NAME", account.project.to_owned()),
            ("OS_USER_DOMAIN_NAME", "Default".to_owned()),
            ("OS_PROJECT_DOMAIN_NAME", "Default".to_owned()),
        ]
    }

    /// Runs the `openstack` command as the user demo and gives its output.
    ///
    /// # Errors
    /// When it does not exit 0: what it said.
    pub async fn openstack(&self, args: &[&str]) -> Result<String> {
        self.openstack_as(&DEMO, args).await
    }

    /// As [`Stack::openstack`], for any account.
    pub async fn openstack_as(&self, account: &Account, args: &[&str]) -> Result<String> {
        let name = format!("openstack {}", args.join(" "));
        let spec = Spec::new(&name, self.python().join("bin/openstack"))
            .args(args)
            .envs(self.cli_environment(account))
            .current_dir(self.home.root())
            // `coe cluster config` asks which shell to print for, and fails where nobody logged in.
            .env("SHELL", "/bin/bash")
            .env("PYTHONWARNINGS", "ignore");
        run(spec).await
    }

    /// Sends one request to magnum-api, as SDKs and Terraform do; gives status and body.
    pub async fn magnum(
        &self,
        token: &Token,
        method: reqwest::Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<(u16, serde_json::Value)> {
        magnum::request(self.api_port, token, method, path, body).await
    }

    /// Runs kubectl with a kubeconfig (the management cluster's: [`Stack::kubectl`]).
    pub async fn kubectl_with(&self, kubeconfig: &Path, args: &[&str]) -> Result<String> {
        let spec = Spec::new("kubectl", self.prepared.kubernetes.programs.join("kubectl"))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--cache-dir")
            .arg(self.home.root().join("kubectl"))
            .args(args);
        run(spec)
            .await
            .with_context(|| format!("kubectl {}", args.join(" ")))
    }

    /// Runs kubectl on the management cluster.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_with(&self.kubeconfig, args).await
    }

    /// The namespace of an account's clusters in the management cluster.
    pub async fn namespace(&self, account: &Account) -> Result<String> {
        Ok(format!("magnum-{}", self.token(account).await?.project_id))
    }

    /// Sets the machine room's annotations for all of an account's clusters, such as `room/fail=No quota`.
    pub async fn set_machines(&self, account: &Account, settings: &[&str]) -> Result<()> {
        let namespace = self.namespace(account).await?;
        if self.kubectl(&["get", "namespace", &namespace]).await.is_err() {
            self.kubectl(&["create", "namespace", &namespace]).await?;
        }
        let words = ["annotate", "--overwrite", "namespace", &namespace];
        self.kubectl(&[words.as_slice(), settings].concat())
            .await
            .map(|_| ())
    }

    /// Starts magnum-api, if it does not run.
    pub async fn start_api(&self) -> Result<()> {
        let mut slot = self.api.lock().await;
        if !slot.as_mut().is_some_and(Process::is_running) {
            let environment = &self.prepared.environments.magnum;
            let server = magnum::start_api(
                &self.home,
                self.options.api,
                environment,
                &self.config,
                self.api_port,
            );
            *slot = Some(server.await?);
        }
        Ok(())
    }

    /// Starts the conductor, if it does not run, and waits until it takes requests.
    pub async fn start_conductor(&self) -> Result<()> {
        let mut slot = self.conductor.lock().await;
        if !slot.as_mut().is_some_and(Process::is_running) {
            let place = magnum::Place {
                home: &self.home,
                environment: &self.prepared.environments.magnum,
                configs: &[&self.config],
                rabbit: &self.broker_client,
            };
            let kind = &self.options.conductor;
            *slot = magnum::start_conductor("magnum-conductor", kind, (TOPIC, 0), &place).await?;
        }
        Ok(())
    }

    /// Kills the conductor with SIGKILL.
    pub async fn kill_conductor(&self) -> Result<()> {
        match self.conductor.lock().await.take() {
            Some(conductor) => conductor.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the conductor with SIGTERM; says how long it took.
    pub async fn stop_conductor(&self, grace: Duration) -> Result<Duration> {
        let began = Instant::now();
        if let Some(conductor) = self.conductor.lock().await.take() {
            conductor.stop(grace).await?;
        }
        Ok(began.elapsed())
    }

    /// Whether the conductor's process is there.
    pub async fn conductor_runs(&self) -> bool {
        self.conductor
            .lock()
            .await
            .as_mut()
            .is_some_and(Process::is_running)
    }

    /// What the conductor wrote so far.
    pub fn conductor_log(&self) -> String {
        std::fs::read_to_string(self.home.log("magnum-conductor")).unwrap_or_default()
    }

    /// Lets all servers run on after this program.
    pub async fn leave_running(&self) {
        self.broker.lock().await.leave_running();
        self.database.lock().await.leave_running();
        self.keystone.lock().await.leave_running();
        self.sim.lock().await.leave_running();
        self.management.lock().await.leave_running();
        for slot in [&self.api, &self.conductor] {
            if let Some(process) = slot.lock().await.as_mut() {
                process.leave_running();
            }
        }
    }
}

/// Says how long `work` took.
async fn timed<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let began = Instant::now();
    let outcome = work.await.with_context(|| format!("cannot start {what}"))?;
    tracing::info!("{what}: up after {:.1} s", began.elapsed().as_secs_f64());
    Ok(outcome)
}
