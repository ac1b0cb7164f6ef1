//! A transport on a bus of the test's own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use oslo_config::SectionDef;
use oslo_messaging::{
    CallError, CallTarget, Caller, Endpoint, Incoming, Limits, OsloMessagingRabbit, RemoteError,
    ServerHandle, Target, Transport, TransportConfig, TransportUrl,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::proxy::Proxy;

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Bus {
    /// Prefix of every name.
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    pub(crate) transport: Transport,
    /// Not through the proxy.
    pub(crate) raw: Channel,
    _connection: Connection,
    options: OsloMessagingRabbit,
}

impl Bus {
    /// `None`, and a line that says so, without a broker.
    pub(crate) async fn new(settings: &[(&str, &str)]) -> Option<Self> {
        let Ok(url) = std::env::var("AMQP_URL") else {
            // Not by a macro, whose output the test runner would keep to itself.
            let line = b"SKIPPED: no AMQP_URL, this is not tested against RabbitMQ\n";
            std::io::Write::write_all(&mut std::io::stderr(), line).unwrap();
            return None;
        };
        let parsed = TransportUrl::parse(&url).unwrap();
        let host = &parsed.hosts[0];
        let proxy = Proxy::to(format!("{}:{}", host.name, host.port)).await;
        let mut options = OsloMessagingRabbit {
            kombu_reconnect_delay: 0.1,
            kombu_missing_consumer_retry_timeout: 3,
            ..OsloMessagingRabbit::default()
        };
        for (name, value) in settings {
            assert!(options.set(name, value).unwrap(), "{name}");
        }
        let direct = |address: String| {
            let encode = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            let (user, password) = (encode(&host.username), encode(host.password.expose_secret()));
            format!("{user}:{password}@{address}/{}", encode(&parsed.virtual_host))
        };
        let through: secrecy::SecretString = format!("rabbit://{}", direct(proxy.address.to_string())).into();
        let config = TransportConfig::new(&through, options.clone(), None).unwrap();
        let transport = Transport::connect(config).unwrap();
        let uri = format!("amqp://{}", direct(format!("{}:{}", host.name, host.port)));
        let connection = Connection::connect(&uri, ConnectionProperties::default())
            .await
            .unwrap();
        let raw = connection.create_channel().await.unwrap();
        let name = format!("test-{}", uuid::Uuid::new_v4().simple());
        assert!(transport.wait_connected(PATIENCE).await, "no connection");
        Some(Self {
            name,
            proxy,
            transport,
            raw,
            _connection: connection,
            options,
        })
    }

    pub(crate) fn options(&self) -> &OsloMessagingRabbit {
        &self.options
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}-x", self.name)
    }

    pub(crate) fn server_queue(&self) -> String {
        format!("{}.server", self.name)
    }

    pub(crate) fn to_server(&self) -> CallTarget {
        CallTarget {
            exchange: self.exchange(),
            topic: self.name.clone(),
            ..CallTarget::default()
        }
    }

    pub(crate) async fn serve<F, R>(&self, limits: Limits, handler: F) -> ServerHandle
    where
        F: Fn(Incoming) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let server = self.start(limits, handler);
        assert!(
            server.wait_consuming(PATIENCE).await,
            "the server does not consume"
        );
        server
    }

    pub(crate) fn start<F, R>(&self, limits: Limits, handler: F) -> ServerHandle
    where
        F: Fn(Incoming) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let target = Target {
            exchange: self.exchange(),
            topic: self.name.clone(),
            server: "server".to_owned(),
        };
        let handler = Handler(Box::new(move |incoming| Box::pin(handler(incoming))));
        self.transport.serve(&target, Arc::new(handler), limits).unwrap()
    }

    pub(crate) async fn publish(&self, queue: &str, body: &[u8], properties: BasicProperties) {
        let options = BasicPublishOptions::default();
        self.raw
            .basic_publish("".into(), queue.into(), options, body, properties)
            .await
            .unwrap()
            .await
            .unwrap();
    }

    /// A queue of the test's own, bound to the control exchange under its own name.
    pub(crate) async fn queue(&self, name: &str) -> lapin::Consumer {
        let name = format!("{}-{name}", self.name);
        let options = QueueDeclareOptions::default();
        self.raw
            .queue_declare(name.clone().into(), options, FieldTable::default())
            .await
            .unwrap();
        let (bind, table) = (QueueBindOptions::default(), FieldTable::default());
        self.raw
            .queue_bind(
                name.clone().into(),
                self.exchange().into(),
                name.clone().into(),
                bind,
                table,
            )
            .await
            .unwrap();
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        self.raw
            .basic_consume(name.into(), "".into(), options, FieldTable::default())
            .await
            .unwrap()
    }

    /// Calls the server.
    pub(crate) async fn call(
        &self,
        caller: &Caller,
        method: &str,
        args: Value,
    ) -> Result<Value, RemoteError> {
        let args = args.as_object().cloned().unwrap_or_default();
        match caller
            .call(&self.to_server(), &Map::new(), method, &args, PATIENCE, None)
            .await
        {
            Ok(value) => Ok(value),
            Err(CallError::Remote(failure)) => Err(failure),
            Err(other) => panic!("{method}: {other}"),
        }
    }

    /// Leaves nothing behind.
    pub(crate) async fn end(self, server: ServerHandle) {
        self.proxy.mend();
        server.stop(Duration::from_secs(5)).await;
        for queue in [
            self.name.clone(),
            self.server_queue(),
            format!("{}-other", self.name),
        ] {
            let _ = self.raw.queue_delete(queue.into(), Default::default()).await;
        }
        let _ = self
            .raw
            .exchange_delete(self.exchange().into(), Default::default())
            .await;
        self.transport.close(Duration::from_secs(5)).await;
    }
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Handler(Box<dyn Fn(Incoming) -> Handling + Send + Sync>);

#[async_trait]
impl Endpoint for Handler {
    async fn dispatch(&self, incoming: Incoming) {
        (self.0)(incoming).await;
    }
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..150 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}
