//! The RPC client: calls with replies, casts to one server or to all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::options::BasicAckOptions;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::declare::{self, Refusal};
use crate::publisher::{Outgoing, packed};
use crate::topology::{self, Exchange, Queue};
use crate::{CallError, ConfigError, RemoteError, SendError, Transport, compression, envelope};

/// Whom a client calls.
#[derive(Clone, Debug, Default)]
pub struct CallTarget {
    /// Control exchange.
    pub exchange: String,
    /// Topic.
    pub topic: String,
    /// One server of the topic; any if `None`.
    pub server: Option<String>,
    /// Namespace of the method.
    pub namespace: Option<String>,
    /// Version of the method.
    pub version: Option<String>,
}

/// A client with its own reply queue.
pub struct Caller {
    transport: Transport,
    reply_q: String,
    waiters: Arc<Waiters>,
    listening: watch::Receiver<bool>,
    cancel: CancellationToken,
}

type Waiters = Mutex<HashMap<String, mpsc::UnboundedSender<Map<String, Value>>>>;

impl Caller {
    /// Declares a reply queue and listens to it, through every loss of the connection.
    ///
    /// # Errors
    /// No name for the reply queue.
    pub fn new(transport: &Transport) -> Result<Self, ConfigError> {
        let queue = topology::reply_queue(transport.options(), &transport.unique_name()?);
        let waiters = Arc::new(Waiters::default());
        let cancel = CancellationToken::new();
        let (sender, listening) = watch::channel(false);
        let reply_q = queue.name.clone();
        let (transport_, waiters_, token) = (transport.clone(), waiters.clone(), cancel.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = listen(&transport_, &queue, &waiters_, &sender) => {}
            }
        });
        Ok(Self {
            transport: transport.clone(),
            reply_q,
            waiters,
            listening,
            cancel,
        })
    }

    /// Calls a method and waits for its result.
    ///
    /// With `monitor`, the server sends heartbeats every half of it, and the call fails that long after the last one;
    /// `patience` is the limit in any case.
    ///
    /// # Errors
    /// [`CallError`]: not sent, no reply in time, or the server's exception.
    pub async fn call(
        &self,
        target: &CallTarget,
        context: &Map<String, Value>,
        method: &str,
        args: &Map<String, Value>,
        patience: Duration,
        monitor: Option<Duration>,
    ) -> Result<Value, CallError> {
        let msg_id = envelope::new_id();
        let deadline = Instant::now() + patience;
        let mut listening = self.listening.clone();
        // Without its queue no reply would come.
        let _ = timeout_at(deadline, listening.wait_for(|up| *up)).await;
        let (sender, mut replies) = mpsc::unbounded_channel();
        self.waiters.lock().insert(msg_id.clone(), sender);
        let _waiting = Waiting {
            waiters: &self.waiters,
            msg_id: &msg_id,
        };
        let reply = (
            msg_id.as_str(),
            self.reply_q.as_str(),
            monitor.map(|m| m.as_secs()),
        );
        let message = envelope::request(
            method,
            args,
            target.namespace.as_deref(),
            target.version.as_deref(),
            Some(reply),
            context,
        );
        let exchange = topology::topic_exchange(self.transport.options(), &target.exchange);
        self.send(&exchange, &routing_key(target), &message, Some(patience))
            .await?;
        loop {
            let until = monitor.map_or(deadline, |monitor| deadline.min(Instant::now() + monitor));
            let reply = timeout_at(until, replies.recv()).await.ok().flatten();
            let Some(mut reply) = reply else {
                return Err(CallError::TimedOut(msg_id.clone()));
            };
            if let Some(failure) = reply.get("failure").filter(|failure| !failure.is_null()) {
                return Err(CallError::Remote(RemoteError::from_wire(failure)));
            }
            if reply.get("ending").and_then(Value::as_bool).unwrap_or(true) {
                return Ok(reply.remove("result").unwrap_or_default());
            }
        }
    }

    /// Sends a request that nobody answers.
    ///
    /// # Errors
    /// The broker did not confirm it within `patience`.
    pub async fn cast(
        &self,
        target: &CallTarget,
        context: &Map<String, Value>,
        method: &str,
        args: &Map<String, Value>,
        patience: Duration,
    ) -> Result<(), SendError> {
        let exchange = topology::topic_exchange(self.transport.options(), &target.exchange);
        let (namespace, version) = (target.namespace.as_deref(), target.version.as_deref());
        let message = envelope::request(method, args, namespace, version, None, context);
        self.deliver(&exchange, &routing_key(target), &message, None, patience)
            .await
    }

    /// Sends a request to every server of the topic.
    ///
    /// # Errors
    /// The broker did not confirm it within `patience`.
    pub async fn fanout(
        &self,
        target: &CallTarget,
        context: &Map<String, Value>,
        method: &str,
        args: &Map<String, Value>,
        patience: Duration,
    ) -> Result<(), SendError> {
        let options = self.transport.options();
        let exchange = topology::fanout_exchange(options, &target.topic);
        let (namespace, version) = (target.namespace.as_deref(), target.version.as_deref());
        let message = envelope::request(method, args, namespace, version, None, context);
        self.deliver(&exchange, "", &message, None, patience).await
    }

    async fn send(
        &self,
        exchange: &Exchange,
        routing_key: &str,
        message: &Map<String, Value>,
        expiration: Option<Duration>,
    ) -> Result<(), SendError> {
        self.deliver(
            exchange,
            routing_key,
            message,
            expiration,
            expiration.unwrap_or(Duration::MAX),
        )
        .await
    }

    async fn deliver(
        &self,
        exchange: &Exchange,
        routing_key: &str,
        message: &Map<String, Value>,
        expiration: Option<Duration>,
        patience: Duration,
    ) -> Result<(), SendError> {
        let compression = self.transport.options().kombu_compression.as_deref();
        let (body, mut properties) = packed(envelope::seal(message), compression);
        if let Some(expiration) = expiration {
            properties = properties.with_expiration(expiration.as_millis().to_string().into());
        }
        let message = Outgoing {
            exchange: Some(exchange),
            routing_key,
            body: &body,
            properties,
            mandatory: false,
            queue: None,
        };
        self.transport.publisher().send(&message, Some(patience)).await
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Forgets a call, however it ends.
struct Waiting<'a> {
    waiters: &'a Waiters,
    msg_id: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiters.lock().remove(self.msg_id);
    }
}

fn routing_key(target: &CallTarget) -> String {
    match &target.server {
        Some(server) => format!("{}.{server}", target.topic),
        None => target.topic.clone(),
    }
}

async fn listen(transport: &Transport, queue: &Queue, waiters: &Waiters, listening: &watch::Sender<bool>) {
    while let Some(connection) = transport.consumers().connection().await {
        let session = session(&connection, queue, waiters, listening);
        let reason = transport.consumers().while_up(&connection, session).await;
        listening.send_replace(false);
        if let Some(reason) = reason
            && connection.status().connected()
        {
            tracing::warn!("Not listening for replies, trying again: {reason}");
        }
        sleep(Duration::from_secs_f64(
            transport.options().kombu_reconnect_delay.clamp(0.1, 60.0),
        ))
        .await;
    }
}

/// Takes replies until the channel ends; why it did.
async fn session(
    connection: &lapin::Connection,
    queue: &Queue,
    waiters: &Waiters,
    listening: &watch::Sender<bool>,
) -> String {
    let channel = match connection.create_channel().await {
        Ok(channel) => channel,
        Err(error) => return error.to_string(),
    };
    let subscribed = match declare::declare(&channel, queue).await {
        Ok(()) => declare::consume(&channel, queue, 1, None, false).await,
        Err(refusal) => Err(refusal),
    };
    let mut consumer = match subscribed {
        Ok(consumer) => consumer,
        Err(Refusal::Stuck(reason)) => {
            // It can then be declared on a node that is up.
            let _ = declare::delete(connection, queue).await;
            return reason;
        }
        Err(Refusal::Other(reason)) => return reason,
        Err(Refusal::Transient) => return format!("queue '{}' exists and is not durable", queue.name),
    };
    listening.send_replace(true);
    while let Some(delivery) = consumer.next().await {
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(error) => return error.to_string(),
        };
        // A reply lost here was sent twice or to a call given up.
        let _ = delivery.acker.ack(BasicAckOptions::default()).await;
        let opened =
            compression::unpack(&delivery.data, &delivery.properties).and_then(|body| envelope::open(&body));
        match opened {
            Ok(reply) => {
                let waiter = reply
                    .get("_msg_id")
                    .and_then(Value::as_str)
                    .and_then(|id| waiters.lock().get(id).cloned());
                match waiter {
                    Some(waiter) => drop(waiter.send(reply)),
                    None => tracing::info!("A reply came that no call waits for"),
                }
            }
            Err(malformed) => tracing::warn!("Dropped a reply: {malformed}"),
        }
    }
    "the subscription ended".to_owned()
}
