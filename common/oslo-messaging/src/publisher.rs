//! Sending with publisher confirms, again and again while the connection is down.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::link::Link;
use crate::topology::{Exchange, NameTooLong, Queue, other_arguments, short};
use crate::{SendError, compression};

/// Pause after a failure that the connection survived.
const PAUSE: Duration = Duration::from_millis(250);

/// Why an attempt ended that nothing else ended.
const LOST: &str = "the connection was lost";

/// What to send, and where.
pub(crate) struct Outgoing<'a> {
    /// `None` is the default exchange.
    pub(crate) exchange: Option<&'a Exchange>,
    pub(crate) routing_key: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) properties: BasicProperties,
    /// Fail if no queue takes it.
    pub(crate) mandatory: bool,
    /// A queue that is declared first, so that the message waits there for a consumer yet to come.
    pub(crate) queue: Option<&'a Queue>,
}

/// A body with the properties that oslo.messaging's messages have, compressed if so configured.
pub(crate) fn packed(body: Vec<u8>, compression: Option<&str>) -> (Vec<u8>, BasicProperties) {
    let (body, name) = compression::pack(body, compression);
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(2)
        .with_priority(0);
    match name {
        None => (body, properties),
        Some(name) => {
            let mut headers = FieldTable::default();
            headers.insert(compression::header().into(), AMQPValue::LongString(name.into()));
            (body, properties.with_headers(headers))
        }
    }
}

/// One channel in confirm mode on its own connection, so that a broker that blocks senders does not stop consumers.
pub(crate) struct Publisher {
    link: Link,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    /// Exchanges that exist as transient ones although we would have them durable.
    transient: Mutex<HashSet<String>>,
}

struct Session {
    connection: Arc<Connection>,
    channel: Channel,
    declared: Mutex<HashSet<String>>,
}

enum Failure {
    Undeliverable(String),
    /// Worth another attempt, on a new channel.
    Again(String),
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::Again(error.to_string())
    }
}

impl Publisher {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            session: tokio::sync::Mutex::new(None),
            transient: Mutex::new(HashSet::new()),
        }
    }

    pub(crate) fn close(&self) {
        self.link.close();
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Sends, and waits until the broker has confirmed it. Without a deadline it is tried for ever.
    pub(crate) async fn send(
        &self,
        message: &Outgoing<'_>,
        patience: Option<Duration>,
    ) -> Result<(), SendError> {
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut last = "no connection".to_owned();
        loop {
            let attempt = async {
                let session = self.session().await?;
                let attempt = self.attempt(&session, message);
                let result = self.link.while_up(&session.connection, attempt).await;
                let result = result.unwrap_or_else(|| Err(Failure::Again(LOST.to_owned())));
                if matches!(result, Err(Failure::Again(_))) {
                    self.forget(&session).await;
                }
                Some(result)
            };
            let outcome = match deadline {
                None => attempt.await,
                Some(deadline) => match timeout_at(deadline, attempt).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Err(timed_out(message, patience, last)),
                },
            };
            match outcome {
                None => return Err(SendError::Closed),
                Some(Ok(())) => return Ok(()),
                Some(Err(Failure::Undeliverable(reason))) => {
                    return Err(SendError::Undeliverable {
                        exchange: exchange_name(message).to_owned(),
                        routing_key: message.routing_key.to_owned(),
                        reason,
                    });
                }
                Some(Err(Failure::Again(reason))) => {
                    // Each other failure goes with a lost connection, which is told already.
                    if reason.contains("PRECONDITION_FAILED") && reason != last {
                        tracing::error!(
                            "Sending to '{}' failed, trying again: {reason}",
                            message.routing_key
                        );
                    } else {
                        tracing::debug!(
                            "Sending to '{}' failed, trying again: {reason}",
                            message.routing_key
                        );
                    }
                    last = reason;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn session(&self) -> Option<Arc<Session>> {
        loop {
            let connection = self.link.connection().await?;
            let mut slot = self.session.lock().await;
            if let Some(session) = slot.as_ref()
                && Arc::ptr_eq(&session.connection, &connection)
                && session.channel.status().connected()
            {
                return Some(session.clone());
            }
            let opened = self.link.while_up(&connection, open(connection.clone())).await;
            match opened.unwrap_or_else(|| Err(LOST.to_owned())) {
                Ok(session) => {
                    let session = Arc::new(session);
                    *slot = Some(session.clone());
                    return Some(session);
                }
                Err(error) => {
                    drop(slot);
                    tracing::debug!("No channel to send on: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn forget(&self, broken: &Arc<Session>) {
        let mut slot = self.session.lock().await;
        if slot.as_ref().is_some_and(|session| Arc::ptr_eq(session, broken)) {
            *slot = None;
        }
    }

    async fn attempt(&self, session: &Session, message: &Outgoing<'_>) -> Result<(), Failure> {
        if let Some(exchange) = message.exchange {
            self.declare_exchange(session, exchange).await?;
        }
        if let Some(queue) = message.queue {
            declare_queue(session, queue).await?;
        }
        let options = BasicPublishOptions {
            mandatory: message.mandatory,
            immediate: false,
        };
        let confirmation = session
            .channel
            .basic_publish(
                short(exchange_name(message))?,
                short(message.routing_key)?,
                options,
                message.body,
                message.properties.clone(),
            )
            .await?
            .await?;
        let acked = confirmation.is_ack();
        match confirmation.take_message() {
            Some(returned) => {
                // A queue that was declared has gone since: the next attempt makes it again.
                if let Some(queue) = message.queue {
                    session.declared.lock().remove(&declared_queue(queue));
                }
                Err(Failure::Undeliverable(returned.reply_text.to_string()))
            }
            None if acked => Ok(()),
            None => Err(Failure::Again("the broker refused the message".to_owned())),
        }
    }

    async fn declare_exchange(&self, session: &Session, exchange: &Exchange) -> Result<(), Failure> {
        if session.declared.lock().contains(&exchange.name) {
            return Ok(());
        }
        let durable = exchange.durable && !self.transient.lock().contains(&exchange.name);
        let options = ExchangeDeclareOptions {
            durable,
            auto_delete: exchange.auto_delete,
            ..ExchangeDeclareOptions::default()
        };
        let name = short(&exchange.name)?;
        let declared = session
            .channel
            .exchange_declare(name, exchange.kind.clone(), options, FieldTable::default())
            .await;
        if let Err(error) = declared {
            if durable && error.to_string().contains("inequivalent arg 'durable'") {
                // As oslo.messaging: several services share the exchange, and the first one made it.
                tracing::warn!(
                    "Exchange '{}' exists and is not durable; it is used as it is. Its services differ in \
                     amqp_durable_queues or rabbit_quorum_queue",
                    exchange.name
                );
                self.transient.lock().insert(exchange.name.clone());
            }
            return Err(error.into());
        }
        session.declared.lock().insert(exchange.name.clone());
        Ok(())
    }
}

async fn open(connection: Arc<Connection>) -> Result<Session, String> {
    let text = |error: lapin::Error| error.to_string();
    let channel = connection.create_channel().await.map_err(text)?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .map_err(text)?;
    Ok(Session {
        connection,
        channel,
        declared: Mutex::new(HashSet::new()),
    })
}

/// What a session notes of a queue: exchanges may have the same names.
fn declared_queue(queue: &Queue) -> String {
    format!("queue {}", queue.name)
}

/// Once per channel, as oslo.messaging's `_publish_and_creates_default_queue`.
async fn declare_queue(session: &Session, queue: &Queue) -> Result<(), Failure> {
    let key = declared_queue(queue);
    if session.declared.lock().contains(&key) {
        return Ok(());
    }
    let options = QueueDeclareOptions {
        durable: queue.durable,
        auto_delete: queue.auto_delete,
        ..QueueDeclareOptions::default()
    };
    let name = short(&queue.name)?;
    let declared = session
        .channel
        .queue_declare(name.clone(), options, queue.arguments.clone())
        .await;
    if let Err(error) = declared {
        let error = error.to_string();
        return Err(Failure::Again(if error.contains("inequivalent arg") {
            other_arguments(queue, &error)
        } else {
            error
        }));
    }
    if let Some(exchange) = &queue.exchange {
        session
            .channel
            .queue_bind(
                name,
                short(&exchange.name)?,
                short(&queue.routing_key)?,
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
    }
    session.declared.lock().insert(key);
    Ok(())
}

impl From<NameTooLong> for Failure {
    fn from(_: NameTooLong) -> Self {
        Self::Undeliverable("the name is longer than 255 bytes".to_owned())
    }
}

fn exchange_name<'a>(message: &Outgoing<'a>) -> &'a str {
    message.exchange.map_or("", |exchange| exchange.name.as_str())
}

fn timed_out(message: &Outgoing<'_>, patience: Option<Duration>, reason: String) -> SendError {
    SendError::TimedOut {
        exchange: exchange_name(message).to_owned(),
        routing_key: message.routing_key.to_owned(),
        seconds: patience.unwrap_or_default().as_secs(),
        reason,
    }
}
