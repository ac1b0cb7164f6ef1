//! A management cluster: etcd, kube-apiserver, Cluster API's three managers with their conversion and admission
//! webhooks, and the machine room, which plays OpenStack, the workload clusters and the addon provider.
//!
//! There is neither scheduler nor kube-controller-manager; the machine room collects the garbage that Cluster API
//! relies on.

mod api;
mod certificates;
mod definitions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use serde_json::json;

use crate::home::Home;
use crate::ports;
use crate::process::{Process, Spec};
use api::Api;
use certificates::{Certificates, write_private};
use definitions::{PROVIDERS, Provider, Webhooks};

/// For each server to become ready, on a machine that is busy with other things.
const START_LIMIT: Duration = Duration::from_secs(120);
/// For each server to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The programs that [`ManagementCluster::start`] looks for in its folder (`tests/go/build.sh` builds them).
pub const PROGRAMS: [&str; 6] = [
    "etcd",
    "kube-apiserver",
    PROVIDERS[0].program,
    PROVIDERS[1].program,
    PROVIDERS[2].program,
    "machine-room",
];

/// How a management cluster is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Takes Cluster API's own brakes off: one reconcile a second for each object, 15 s between preflight checks.
    /// What is then observed is not how a production installation behaves in time.
    pub fast: bool,
}

/// A running management cluster. Dropping it ends its servers, unless [`ManagementCluster::leave_running`] was called.
#[derive(Debug)]
pub struct ManagementCluster {
    home: Home,
    programs: PathBuf,
    folder: PathBuf,
    kubeconfig: PathBuf,
    ports: Ports,
    api: Api,
    etcd: Option<Process>,
    api_server: Option<Process>,
    managers: Vec<Process>,
    machine_room: Option<Process>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    etcd: u16,
    etcd_peer: u16,
    api_server: u16,
    webhooks: [u16; 3],
    health: [u16; 3],
    diagnostics: [u16; 3],
    room_etcd: u16,
    room_etcd_peer: u16,
    room_health: u16,
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self {
            etcd: ports::free()?,
            etcd_peer: ports::free()?,
            api_server: ports::free()?,
            webhooks: ports::free_many()?,
            health: ports::free_many()?,
            diagnostics: ports::free_many()?,
            room_etcd: ports::free()?,
            room_etcd_peer: ports::free()?,
            room_health: ports::free()?,
        })
    }
}

impl ManagementCluster {
    /// Starts everything and waits until it is ready: about 10 s on 2 idle cores.
    ///
    /// `programs` is a folder with [`PROGRAMS`]; `capi_source` the source of Cluster API in the same version
    /// (`tests/go/build.sh --cluster-api` prints it); logs, pid files and state go into `home`.
    ///
    /// # Errors
    /// What could not be started or did not become ready, with the end of its log.
    pub async fn start(programs: &Path, capi_source: &Path, home: &Home, options: &Options) -> Result<Self> {
        for program in PROGRAMS {
            let path = programs.join(program);
            if !path.is_file() {
                bail!("there is no {}", path.display());
            }
        }
        let folder = home.folder("management-cluster")?;
        let ports = Ports::free()?;
        let certificates = Certificates::generate(&folder.join("certificates"))?;
        let server = format!("https://127.0.0.1:{}", ports.api_server);
        let kubeconfig = folder.join("kubeconfig");
        write_private(&kubeconfig, &kubeconfig_text(&server, &certificates))?;
        let mut cluster = Self {
            home: home.clone(),
            programs: programs.to_path_buf(),
            folder,
            kubeconfig,
            ports,
            api: Api::new(&server, &certificates)?,
            etcd: None,
            api_server: None,
            managers: Vec::new(),
            machine_room: None,
        };
        cluster.start_etcd().await?;
        cluster.start_api_server().await?;
        let webhooks = Webhooks {
            ports: ports.webhooks,
            ca: &certificates.ca,
        };
        cluster.define_resources(capi_source, &webhooks).await?;
        cluster.start_managers(&certificates, options)?;
        cluster.start_machine_room()?;
        cluster.wait_controllers().await?;
        cluster.register_webhooks(capi_source, &webhooks).await?;
        Ok(cluster)
    }

    /// A kubeconfig of an administrator, with the certificate inside.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the API server is.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api_server)
    }

    /// Stops kube-apiserver as an operator would; nothing answers at its address until it is started again.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub async fn stop_api_server(&mut self) -> Result<()> {
        match self.api_server.take() {
            Some(process) => process.stop(STOP_LIMIT).await,
            None => Ok(()),
        }
    }

    /// Kills kube-apiserver without a warning.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill_api_server(&mut self) -> Result<()> {
        match self.api_server.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts kube-apiserver, where it was before, and waits until it is ready. Does nothing when it runs.
    ///
    /// # Errors
    /// When it does not become ready, with the end of its log.
    pub async fn start_api_server(&mut self) -> Result<()> {
        if self.api_server.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        let mut process = Process::spawn(&self.home, self.api_server_spec())?;
        let api = self.api.clone();
        process
            .wait_until("become ready", START_LIMIT, async || api.is_ready().await)
            .await?;
        self.api_server = Some(process);
        Ok(())
    }

    /// Stops and starts kube-apiserver.
    ///
    /// # Errors
    /// When it cannot be stopped or does not become ready again.
    pub async fn restart_api_server(&mut self) -> Result<()> {
        self.stop_api_server().await?;
        self.start_api_server().await
    }

    /// Stops everything.
    ///
    /// # Errors
    /// The first server that could not be stopped; the others are stopped all the same.
    pub async fn stop(mut self) -> Result<()> {
        // The room first: the managers' finalizers are not needed any more, its API servers are.
        let mut results = Vec::new();
        let controllers = self
            .machine_room
            .take()
            .into_iter()
            .chain(std::mem::take(&mut self.managers));
        for process in controllers.chain(self.api_server.take()).chain(self.etcd.take()) {
            results.push(process.stop(STOP_LIMIT).await);
        }
        results.into_iter().collect()
    }

    /// Lets all servers run on when this value, or this program, ends.
    pub fn leave_running(&mut self) {
        let controllers = self.machine_room.iter_mut().chain(&mut self.managers);
        for process in controllers.chain(&mut self.api_server).chain(&mut self.etcd) {
            process.leave_running();
        }
    }

    async fn start_etcd(&mut self) -> Result<()> {
        let client = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peer = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        let spec = Spec::new("management-etcd", self.programs.join("etcd"))
            .args(["--name", "management", "--log-level", "warn", "--unsafe-no-fsync"])
            .arg("--data-dir")
            .arg(self.folder.join("etcd"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("management={peer}")]);
        let mut process = Process::spawn(&self.home, spec)?;
        process.wait_port(self.ports.etcd, START_LIMIT).await?;
        self.etcd = Some(process);
        Ok(())
    }

    fn api_server_spec(&self) -> Spec {
        let file = |name: &str| self.folder.join("certificates").join(name);
        let etcd = format!("http://127.0.0.1:{}", self.ports.etcd);
        Spec::new("kube-apiserver", self.programs.join("kube-apiserver"))
            .args(["--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"])
            .args([
                "--secure-port",
                &self.ports.api_server.to_string(),
                "--endpoint-reconciler-type",
                "none",
            ])
            .args([
                "--etcd-servers",
                &etcd,
                "--service-cluster-ip-range",
                "10.96.0.0/16",
            ])
            .args([
                "--authorization-mode",
                "RBAC",
                "--allow-privileged",
                "--profiling=false",
                "--v",
                "1",
            ])
            .args(["--service-account-issuer", &self.server()])
            .arg("--service-account-key-file")
            .arg(file("service-accounts.pub"))
            .arg("--service-account-signing-key-file")
            .arg(file("service-accounts.key"))
            .arg("--tls-cert-file")
            .arg(file("apiserver.crt"))
            .arg("--tls-private-key-file")
            .arg(file("apiserver.key"))
            .arg("--client-ca-file")
            .arg(file("ca.crt"))
    }

    async fn define_resources(&self, capi_source: &Path, webhooks: &Webhooks<'_>) -> Result<()> {
        for definition in definitions::custom_resources(capi_source, webhooks)? {
            self.api
                .create(
                    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    &definition,
                )
                .await?;
        }
        self.api.wait_established(START_LIMIT).await?;
        // Where the managers keep their leases and events.
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "capi-system"}});
        self.api.create("/api/v1/namespaces", &namespace).await
    }

    fn start_managers(&mut self, certificates: &Certificates, options: &Options) -> Result<()> {
        for (number, provider) in PROVIDERS.into_iter().enumerate() {
            let spec = self.manager_spec(provider, number, &certificates.file("webhooks"), options);
            self.managers.push(Process::spawn(&self.home, spec)?);
        }
        Ok(())
    }

    fn manager_spec(
        &self,
        provider: Provider,
        number: usize,
        certificates: &Path,
        options: &Options,
    ) -> Spec {
        let port = |of: [u16; 3]| of.get(number).copied().unwrap_or_default();
        let mut spec = Spec::new(provider.program, self.programs.join(provider.program))
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--webhook-cert-dir")
            .arg(certificates)
            .args(["--webhook-port", &port(self.ports.webhooks).to_string()])
            .args(["--health-addr", &format!("127.0.0.1:{}", port(self.ports.health))])
            .args([
                "--diagnostics-address",
                &format!("127.0.0.1:{}", port(self.ports.diagnostics)),
            ])
            .arg("--insecure-diagnostics");
        if options.fast {
            spec = spec.arg("--feature-gates=ReconcilerRateLimiting=false");
            if provider.runs_machine_sets {
                spec = spec.arg("--feature-gates=MachineSetPreflightChecks=false");
            }
        }
        spec
    }

    fn start_machine_room(&mut self) -> Result<()> {
        let spec = Spec::new("machine-room", self.programs.join("machine-room"))
            .env("KUBECONFIG", &self.kubeconfig)
            .args(["run", "--bin"])
            .arg(&self.programs)
            .arg("--home")
            .arg(self.home.folder("machine-room")?)
            .args(["--etcd-port", &self.ports.room_etcd.to_string()])
            .args(["--etcd-peer-port", &self.ports.room_etcd_peer.to_string()])
            .args([
                "--health-address",
                &format!("127.0.0.1:{}", self.ports.room_health),
            ]);
        self.machine_room = Some(Process::spawn(&self.home, spec)?);
        Ok(())
    }

    async fn wait_controllers(&mut self) -> Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let ports = self.ports.health.into_iter().chain([self.ports.room_health]);
        for (process, port) in self.managers.iter_mut().chain(&mut self.machine_room).zip(ports) {
            let url = format!("http://127.0.0.1:{port}/readyz");
            let is_ready = async || {
                client
                    .get(&url)
                    .send()
                    .await
                    .is_ok_and(|answer| answer.status().is_success())
            };
            process.wait_until("become ready", START_LIMIT, is_ready).await?;
        }
        Ok(())
    }

    async fn register_webhooks(&self, capi_source: &Path, webhooks: &Webhooks<'_>) -> Result<()> {
        for configuration in definitions::admission_webhooks(capi_source, webhooks)? {
            let plural = match configuration["kind"].as_str() {
                Some("MutatingWebhookConfiguration") => "mutatingwebhookconfigurations",
                Some("ValidatingWebhookConfiguration") => "validatingwebhookconfigurations",
                other => bail!("Cluster API's source has a webhook manifest of kind {other:?}"),
            };
            let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}");
            self.api
                .create(&path, &configuration)
                .await
                .context("admission webhooks")?;
        }
        Ok(())
    }
}

/// JSON is YAML.
fn kubeconfig_text(server: &str, certificates: &Certificates) -> String {
    let data = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "management",
        "clusters": [{"name": "management", "cluster": {
            "server": server,
            "certificate-authority-data": data(&certificates.ca),
        }}],
        "users": [{"name": "admin", "user": {
            "client-certificate-data": data(&certificates.admin),
            "client-key-data": data(&certificates.admin_key),
        }}],
        "contexts": [{"name": "management", "context": {
            "cluster": "management", "user": "admin", "namespace": "default",
        }}],
    })
    .to_string()
}
