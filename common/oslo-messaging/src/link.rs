//! One connection that keeps coming back: fail-over between brokers, back-off, one log line per change of state.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::tcp::{AMQPUriTcpExt, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Connection, ConnectionProperties, Event};
use oslo_config::messaging::OsloMessagingRabbit;
use rand::seq::{IndexedRandom, SliceRandom};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::url::Host;
use crate::{ConfigError, TransportConfig, tls};

/// Time for one attempt: name, TCP, TLS and AMQP handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to one of the brokers.
pub(crate) struct Link {
    state: watch::Receiver<Option<Arc<Connection>>>,
    cancel: CancellationToken,
}

struct Dialer {
    purpose: &'static str,
    hosts: Vec<Host>,
    virtual_host: String,
    options: OsloMessagingRabbit,
    tls: Option<Arc<ClientConfig>>,
}

impl Link {
    /// Begins to connect, and never ends until [`close`](Self::close). `purpose` tells links apart in the log and in
    /// the broker's list of connections.
    pub(crate) fn open(config: &TransportConfig, purpose: &'static str) -> Result<Self, ConfigError> {
        let options = &config.options;
        let mut hosts = config.url.hosts.clone();
        // So that not every client goes to the first one, as oslo.messaging does it.
        hosts.shuffle(&mut rand::rng());
        let dialer = Dialer {
            purpose,
            hosts,
            virtual_host: config.url.virtual_host.clone(),
            tls: if options.ssl {
                Some(tls::client_config(options)?)
            } else {
                None
            },
            options: options.clone(),
        };
        let (sender, state) = watch::channel(None);
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = dialer.run(&sender) => {}
            }
            let last = sender.send_replace(None);
            if let Some(connection) = last {
                // Closing is a courtesy to the broker; it may be gone already.
                let _ = timeout(Duration::from_secs(2), connection.close(200, "OK".into())).await;
            }
        });
        Ok(Self { state, cancel })
    }

    /// The connection, as soon as there is one. `None` once closed.
    pub(crate) async fn connection(&self) -> Option<Arc<Connection>> {
        let mut state = self.state.clone();
        tokio::select! {
            () = self.cancel.cancelled() => None,
            found = state.wait_for(|c| c.as_ref().is_some_and(|c| c.status().connected())) => {
                found.ok().and_then(|c| c.clone())
            }
        }
    }

    /// Does something over a connection; `None` if that is lost meanwhile. Whatever waits for the broker has to wait like
    /// this: what is asked of lapin (4.12) in the moment of a loss may never be ended by it.
    pub(crate) async fn while_up<T>(
        &self,
        connection: &Arc<Connection>,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.lost(connection) => None,
        }
    }

    /// Returns when this connection is the link's no more.
    pub(crate) async fn lost(&self, connection: &Arc<Connection>) {
        let mut state = self.state.clone();
        let is_another =
            |now: &Option<Arc<Connection>>| now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, connection));
        // An error says that the link is closed.
        let _ = state.wait_for(is_another).await;
    }

    /// Changes with every connect and disconnect.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Connection>>> {
        self.state.clone()
    }

    /// Whether there is a connection now.
    pub(crate) fn is_up(&self) -> bool {
        self.state
            .borrow()
            .as_ref()
            .is_some_and(|c| c.status().connected())
    }

    pub(crate) fn close(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Dialer {
    async fn run(&self, state: &watch::Sender<Option<Arc<Connection>>>) {
        let mut first = 0;
        loop {
            let (connection, index) = self.connect(first).await;
            let connection = Arc::new(connection);
            let host = &self.hosts[index];
            let events = connection.events_listener();
            tracing::info!("Connected to AMQP server on {host} for {}", self.purpose);
            state.send_replace(Some(connection.clone()));
            let reason = self.watch_over(&connection, events).await;
            state.send_replace(None);
            tracing::warn!(
                "Connection for {} to AMQP server on {host} is lost: {reason}",
                self.purpose
            );
            // The broker that failed is tried last.
            first = (index + 1) % self.hosts.len();
        }
    }

    /// Tries brokers until one answers: all of them once, then a pause that grows.
    async fn connect(&self, mut index: usize) -> (Connection, usize) {
        let mut pause = self.options.rabbit_retry_interval;
        let mut told = false;
        loop {
            let mut reasons = Vec::new();
            for _ in 0..self.hosts.len() {
                let host = &self.hosts[index];
                let attempt = timeout(CONNECT_TIMEOUT, self.dial(host)).await;
                match attempt {
                    Ok(Ok(connection)) => return (connection, index),
                    Ok(Err(error)) => reasons.push(format!("{host}: {error}")),
                    Err(_) => reasons.push(format!("{host}: no answer in {} s", CONNECT_TIMEOUT.as_secs())),
                }
                index = self.next(index);
            }
            let reasons = reasons.join("; ");
            if told {
                tracing::debug!(
                    "AMQP still unreachable for {}: {reasons}; next attempt in {pause} s",
                    self.purpose
                );
            } else {
                tracing::error!(
                    "AMQP server is unreachable for {}: {reasons}. Trying again, first in {pause} s",
                    self.purpose
                );
                told = true;
            }
            sleep(Duration::from_secs(pause)).await;
            pause = (pause + self.options.rabbit_retry_backoff)
                .min(self.options.rabbit_interval_max)
                .max(1);
        }
    }

    fn next(&self, index: usize) -> usize {
        if self.options.kombu_failover_strategy == "shuffle" {
            let all: Vec<usize> = (0..self.hosts.len()).collect();
            return all.choose(&mut rand::rng()).copied().unwrap_or(0);
        }
        (index + 1) % self.hosts.len()
    }

    async fn dial(&self, host: &Host) -> lapin::Result<Connection> {
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: host.username.clone(),
                    password: host.password.expose_secret().to_owned(),
                },
                host: host.name.clone(),
                port: host.port,
            },
            vhost: self.virtual_host.clone(),
            query: AMQPQueryString {
                heartbeat: Some(self.options.heartbeat_timeout_threshold),
                auth_mechanism: Some(mechanism(&self.options.rabbit_login_method)),
                ..AMQPQueryString::default()
            },
        };
        let name = format!("{}:{}:{}", program(), std::process::id(), self.purpose);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let tls = self.tls.clone();
        Connection::connector(
            uri,
            lapin::runtime::default_runtime()?,
            async move |uri, runtime| {
                let stream =
                    AMQPUriTcpExt::connect_with_config_async(&uri, Default::default(), &runtime).await?;
                match &tls {
                    None => Ok(stream),
                    Some(config) => {
                        let connector = RustlsConnector::from(config.clone());
                        Ok(stream.into_rustls(&connector, &uri.authority.host).await?)
                    }
                }
            },
            properties,
        )
        .await
    }

    /// Returns when the connection is gone, with the reason.
    async fn watch_over(
        &self,
        connection: &Connection,
        events: impl futures::Stream<Item = Event> + Send,
    ) -> String {
        let mut events = std::pin::pin!(events);
        let mut blocked: Option<Instant> = None;
        loop {
            // The look at the status is for what no event tells.
            match timeout(Duration::from_secs(1), events.next()).await {
                Ok(Some(Event::Error(error))) if !connection.status().connected() => {
                    return error.to_string();
                }
                Ok(Some(Event::ConnectionBlocked(reason))) => {
                    blocked = Some(Instant::now());
                    tracing::error!(
                        "The broker has blocked the connection for {}: {reason}",
                        self.purpose
                    );
                }
                Ok(Some(Event::ConnectionUnblocked)) => {
                    let seconds = blocked.take().map_or(0, |since| since.elapsed().as_secs());
                    tracing::info!(
                        "The broker has unblocked the connection for {} after {seconds} s",
                        self.purpose
                    );
                }
                Ok(Some(_)) => {}
                Ok(None) => return "closed".to_owned(),
                Err(_) if !connection.status().connected() => return "closed".to_owned(),
                Err(_) => {}
            }
        }
    }
}

fn mechanism(name: &str) -> SASLMechanism {
    match name {
        "PLAIN" => SASLMechanism::Plain,
        "EXTERNAL" => SASLMechanism::External,
        "RABBIT-CR-DEMO" => SASLMechanism::RabbitCrDemo,
        _ => SASLMechanism::AMQPlain,
    }
}

/// Name of the executable, as `os.path.basename(sys.argv[0])`.
pub(crate) fn program() -> String {
    std::env::args_os()
        .next()
        .and_then(|path| {
            std::path::Path::new(&path)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}
