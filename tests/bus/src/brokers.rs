//! One broker of each release, with a virtual host for every set of options.

use anyhow::Result;
use oslo_config::SectionDef;
use oslo_messaging::{OsloMessagingRabbit, TransportConfig};
use stack::home::Home;
use stack::newer_rabbitmq::Installation;
use stack::packages;
use stack::rabbitmq::{Options, PASSWORD, RabbitMq, USER};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::certificates::{BROKER_NAME, Certificates};
use crate::options::{OptionSet, SETS};

/// Beginning of the queue manager's names, so that hosts do not share counters.
const HOST: &str = "bus";

/// All that a test needs.
#[derive(Debug)]
pub struct Brokers {
    /// Where everything is; processes in it end with the test's.
    pub home: Home,
    /// Certificates of the TLS listeners and their clients.
    pub certificates: Certificates,
    /// RabbitMQ of the system (3 on Debian 12), and RabbitMQ 4.
    pub all: Vec<Broker>,
}

/// A broker.
#[derive(Debug)]
pub struct Broker {
    /// For names and messages.
    pub name: &'static str,
    /// The server.
    pub server: RabbitMq,
}

static BROKERS: OnceCell<Brokers> = OnceCell::const_new();
static CONDUCTORS: Mutex<()> = Mutex::const_new(());

/// The right to be the conductor in the virtual hosts of all sets: two would share each other's requests.
pub async fn as_conductor() -> MutexGuard<'static, ()> {
    CONDUCTORS.lock().await
}

impl Brokers {
    /// The brokers that the tests of this process share.
    ///
    /// # Errors
    /// If one cannot be had or started.
    pub async fn shared() -> Result<&'static Self> {
        BROKERS.get_or_try_init(Self::start).await
    }

    async fn start() -> Result<Self> {
        packages::ensure(&packages::PACKAGES).await?;
        let home = Home::temporary()?;
        let certificates = Certificates::make(home.root())?;
        let options = |name: &str, installation| Options {
            name: name.to_owned(),
            installation,
            virtual_hosts: SETS
                .iter()
                .map(|set| set.name.to_owned())
                .filter(|n| n != "/")
                .collect(),
            tls: Some(certificates.broker.clone()),
        };
        let newer = Installation::newer().await?;
        let (system, newer) = tokio::try_join!(
            RabbitMq::start_with(&home, options("-3", None)),
            RabbitMq::start_with(&home, options("-4", Some(newer))),
        )?;
        Ok(Self {
            all: vec![
                Broker {
                    name: "rabbitmq-3",
                    server: system,
                },
                Broker {
                    name: "rabbitmq-4",
                    server: newer,
                },
            ],
            home,
            certificates,
        })
    }
}

impl Broker {
    /// `transport_url` of a set.
    pub fn url(&self, set: &OptionSet) -> String {
        let host = set.name.replace(' ', "%20");
        match self.server.tls_port() {
            Some(port) if set.tls => format!("rabbit://{USER}:{PASSWORD}@{BROKER_NAME}:{port}/{host}"),
            _ => format!(
                "rabbit://{USER}:{}@127.0.0.1:{}/{host}",
                // Characters of the password may be encoded, whichever they are.
                PASSWORD.replace('-', "%2D"),
                self.server.port()
            ),
        }
    }

    /// All options of a set; `process` is who uses them.
    pub fn options(
        &self,
        set: &OptionSet,
        certificates: &Certificates,
        process: &str,
    ) -> Vec<(String, String)> {
        let mut options: Vec<(String, String)> = set
            .options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut push = |name: &str, value: String| options.push((name.to_owned(), value));
        push("hostname", format!("{HOST}-{}", std::process::id()));
        push("processname", format!("{process}-{}", self.name));
        push("kombu_missing_consumer_retry_timeout", "5".to_owned());
        if set.tls {
            push("ssl_ca_file", certificates.authority.display().to_string());
            push("ssl_cert_file", certificates.client.display().to_string());
            push("ssl_key_file", certificates.client_key.display().to_string());
        }
        options
    }

    /// The configuration of our side of a set.
    ///
    /// # Errors
    /// Options that we refuse.
    pub fn transport(&self, set: &OptionSet, certificates: &Certificates) -> Result<TransportConfig> {
        let mut options = OsloMessagingRabbit::default();
        for (name, value) in self.options(set, certificates, "ours") {
            let known = options.set(&name, &value).map_err(anyhow::Error::msg)?;
            anyhow::ensure!(known, "{name} is no option");
        }
        Ok(TransportConfig::new(&self.url(set).into(), options, None)?)
    }
}
