//! One RabbitMQ node of Debian's package, with an Erlang port mapper of its own so that nodes do not meet.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::home::Home;
use crate::newer_rabbitmq::Installation;
use crate::ports;
use crate::process::{Process, Spec, accepts, run};

const NODE: &str = "stack@localhost";
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
const START_LIMIT: Duration = Duration::from_secs(120);

/// User and password of the broker's only account.
pub const USER: &str = "openstack";
/// See [`USER`].
pub const PASSWORD: &str = "rabbit-secret";

/// What a broker is to have beyond the usual.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Tells brokers of one home apart; part of the names of folder, logs and processes.
    pub name: String,
    /// Its programs; the system's package if `None`.
    pub installation: Option<Installation>,
    /// Virtual hosts beside `/`, all of them the account's.
    pub virtual_hosts: Vec<String>,
    /// A second listener, with TLS, for clients that show a certificate.
    pub tls: Option<Tls>,
}

/// Files of the TLS listener, PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The authority of its own certificate and of the clients'.
    pub authority: PathBuf,
    /// Certificate.
    pub certificate: PathBuf,
    /// Key.
    pub key: PathBuf,
}

/// A broker that can be stopped, killed and started again on the same ports and data.
#[derive(Debug)]
pub struct RabbitMq {
    home: Home,
    folder: PathBuf,
    options: Options,
    port: u16,
    tls_port: u16,
    dist_port: u16,
    mapper_port: u16,
    mapper: Process,
    server: Option<Process>,
}

/// Where a broker is; stays true while it is stopped.
#[derive(Clone, Debug)]
pub struct Client {
    port: u16,
    virtual_host: String,
}

impl Client {
    /// In another of its virtual hosts.
    pub fn in_virtual_host(&self, name: &str) -> Self {
        Self {
            port: self.port,
            virtual_host: name.to_owned(),
        }
    }

    /// The address as AMQP libraries take it.
    pub fn amqp_url(&self) -> String {
        let host: String = self
            .virtual_host
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{}/{host}", self.port)
    }
}

impl RabbitMq {
    /// Starts a new, empty broker.
    pub async fn start(home: &Home) -> Result<Self> {
        Self::start_with(home, Options::default()).await
    }

    /// Starts a new, empty broker that has what `options` ask for.
    pub async fn start_with(home: &Home, options: Options) -> Result<Self> {
        let [port, tls_port, dist_port, mapper_port] = ports::free_many()?;
        let folder = home.folder(&format!("rabbitmq{}", options.name))?;
        let definitions = folder.join("definitions.json");
        std::fs::write(&definitions, options.definitions()).context("cannot write definitions.json")?;
        let mut conf = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\n\
             loopback_users = none\n\
             load_definitions = {}\n\
             log.console = true\n\
             log.console.level = info\n\
             log.file = false\n\
             vm_memory_high_watermark.relative = 0.3\n\
             disk_free_limit.absolute = 100MB\n",
            definitions.display()
        );
        if let Some(tls) = &options.tls {
            conf.push_str(&tls.configuration(tls_port));
        }
        std::fs::write(folder.join("rabbitmq.conf"), conf).context("cannot write rabbitmq.conf")?;
        // By certificate alone logs in who has a listener for it.
        let plugins = if options.tls.is_some() {
            "[rabbitmq_auth_mechanism_ssl].\n"
        } else {
            "[].\n"
        };
        std::fs::write(folder.join("enabled_plugins"), plugins).context("cannot write enabled_plugins")?;
        let mapper_program = options.program_of_erlang("epmd");
        let mut mapper = Process::spawn(
            home,
            Spec::new(&format!("epmd{}", options.name), mapper_program).args([
                "-port",
                &mapper_port.to_string(),
                "-address",
                "127.0.0.1",
            ]),
        )?;
        mapper.wait_port(mapper_port, Duration::from_secs(20)).await?;
        let mut broker = Self {
            home: home.clone(),
            folder,
            options,
            port,
            tls_port,
            dist_port,
            mapper_port,
            mapper,
            server: None,
        };
        broker.start_again().await?;
        Ok(broker)
    }

    /// The AMQP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the TLS listener on 127.0.0.1, if it has one.
    pub fn tls_port(&self) -> Option<u16> {
        self.options.tls.as_ref().map(|_| self.tls_port)
    }

    /// Where it is.
    pub fn client(&self) -> Client {
        Client {
            port: self.port,
            virtual_host: "/".to_owned(),
        }
    }

    /// oslo's `transport_url`.
    pub fn transport_url(&self) -> String {
        format!("rabbit://{USER}:{PASSWORD}@127.0.0.1:{}/", self.port)
    }

    /// Starts the node, if it does not run, with the data that it had.
    pub async fn start_again(&mut self) -> Result<()> {
        if self.server.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        let spec = self.in_environment(Spec::new(
            &format!("rabbitmq{}", self.options.name),
            self.options.script("rabbitmq-server"),
        ));
        let mut server = Process::spawn(&self.home, spec)?;
        let port = self.port;
        server
            .wait_until("speak AMQP", START_LIMIT, async || speaks_amqp(port).await)
            .await?;
        self.server = Some(server);
        Ok(())
    }

    /// Shuts the node down in good order.
    pub async fn stop(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.stop(Duration::from_secs(30)).await,
            None => Ok(()),
        }
    }

    /// Kills the node without a warning.
    pub async fn kill(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Runs `rabbitmqctl` and gives its output.
    pub async fn ctl(&self, args: &[&str]) -> Result<String> {
        let spec = Spec::new("rabbitmqctl", self.options.script("rabbitmqctl"))
            .args(["-q", "-n", NODE])
            .args(args);
        run(self.in_environment(spec)).await
    }

    /// Lets node and port mapper run on after this program.
    pub fn leave_running(&mut self) {
        self.mapper.leave_running();
        if let Some(server) = &mut self.server {
            server.leave_running();
        }
    }

    fn in_environment(&self, spec: Spec) -> Spec {
        let spec = match &self.options.installation {
            Some(Installation {
                erlang: Some(folder), ..
            }) => {
                let path = std::env::var("PATH").unwrap_or_default();
                spec.env("PATH", format!("{}:{path}", folder.display()))
            }
            _ => spec,
        };
        let own = |name: &str| self.folder.join(name).into_os_string();
        spec.env("HOME", &self.folder)
            .env("RABBITMQ_NODENAME", NODE)
            .env("RABBITMQ_MNESIA_BASE", own("mnesia"))
            .env("RABBITMQ_LOG_BASE", own("log"))
            .env("RABBITMQ_CONFIG_FILE", own("rabbitmq"))
            .env("RABBITMQ_CONF_ENV_FILE", own("rabbitmq-env.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", own("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", own("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", own("rabbitmq.pid"))
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Schedulers that spin while idle would take the other servers' cores.
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none +sbwtdcpu none +sbwtdio none",
            )
            // Makes the start script become the Erlang machine instead of keeping it as a child.
            .env("RUNNING_UNDER_SYSTEMD", "true")
    }
}

impl Options {
    fn script(&self, name: &str) -> PathBuf {
        let folder = self.installation.as_ref().map(|i| i.scripts.clone());
        folder.unwrap_or_else(|| SCRIPTS.into()).join(name)
    }

    fn program_of_erlang(&self, name: &str) -> PathBuf {
        let folder = self.installation.as_ref().and_then(|i| i.erlang.clone());
        folder.map_or_else(|| name.into(), |folder| folder.join(name))
    }

    /// Account and virtual hosts; there at the first start, with no tool run for each.
    fn definitions(&self) -> String {
        let hosts: Vec<&str> = std::iter::once("/")
            .chain(self.virtual_hosts.iter().map(String::as_str))
            .collect();
        let permissions: Vec<_> = hosts
            .iter()
            .map(|host| json!({"user": USER, "vhost": host, "configure": ".*", "write": ".*", "read": ".*"}))
            .collect();
        json!({
            "users": [{"name": USER, "password": PASSWORD, "tags": ["administrator"]}],
            "vhosts": hosts.iter().map(|host| json!({"name": host})).collect::<Vec<_>>(),
            "permissions": permissions,
        })
        .to_string()
    }
}

impl Tls {
    fn configuration(&self, port: u16) -> String {
        format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\n\
             ssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\n\
             ssl_options.keyfile = {}\n\
             ssl_options.verify = verify_peer\n\
             ssl_options.fail_if_no_peer_cert = true\n\
             ssl_cert_login_from = common_name\n\
             auth_mechanisms.1 = PLAIN\n\
             auth_mechanisms.2 = AMQPLAIN\n\
             auth_mechanisms.3 = EXTERNAL\n\
             auth_mechanisms.4 = RABBIT-CR-DEMO\n",
            self.authority.display(),
            self.certificate.display(),
            self.key.display()
        )
    }
}

/// The listener opens before the node has finished to start; only a running node answers the protocol header.
async fn speaks_amqp(port: u16) -> bool {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await.ok()?;
        let mut first = [0; 1];
        stream.read_exact(&mut first).await.ok()?;
        (first == [1]).then_some(())
    };
    accepts(port).await
        && matches!(
            tokio::time::timeout(Duration::from_secs(5), ask).await,
            Ok(Some(()))
        )
}
