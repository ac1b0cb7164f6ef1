//! Notifications: drivers `messagingv2`, `messaging`, `log` and `noop`, as oslo.messaging's `notify/`.
//!
//! Events wait in a queue of bounded length and are sent in order by a task of their own, so that a broker that is
//! away never holds up the work. What cannot be sent is told in the log, with enough to know what it was.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::publisher::{Outgoing, packed};
use crate::{ConfigError, OsloMessagingNotifications, SendError, Transport, envelope, json, topology};

/// Events that wait, at most.
const WAITING: usize = 10_000;
/// Time for one attempt if `retry` limits them.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Priority of an event; it ends the topic's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// `AUDIT`
    Audit,
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARN`
    Warn,
    /// `ERROR`
    Error,
    /// `CRITICAL`
    Critical,
    /// `SAMPLE`
    Sample,
}

impl Priority {
    /// As it stands in the event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "AUDIT",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
            Self::Sample => "SAMPLE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    MessagingV2,
    Messaging,
    Log,
}

/// Emits events. Clones share the queue.
#[derive(Clone)]
pub struct Notifier {
    sender: Option<mpsc::Sender<Item>>,
    publisher_id: Arc<str>,
    task: Arc<parking_lot::Mutex<Option<JoinHandle<()>>>>,
}

enum Item {
    Event(Box<Event>),
    Flush(oneshot::Sender<()>),
}

struct Event {
    priority: Priority,
    context: Map<String, Value>,
    message: Map<String, Value>,
}

struct Worker {
    transport: Transport,
    exchange: String,
    drivers: Vec<Driver>,
    topics: Vec<String>,
    /// -1 is for ever.
    retry: i64,
}

impl Notifier {
    /// Starts a notifier on a transport, which is that of requests unless `[oslo_messaging_notifications]` names
    /// its own `transport_url`. `publisher_id` is `<service>.<host>`.
    ///
    /// # Errors
    /// A driver that does not exist.
    pub fn new(
        transport: &Transport,
        exchange: &str,
        options: &OsloMessagingNotifications,
        publisher_id: &str,
    ) -> Result<Self, ConfigError> {
        let mut drivers = Vec::new();
        for name in &options.driver.0 {
            match name.trim() {
                "messagingv2" => drivers.push(Driver::MessagingV2),
                "messaging" => drivers.push(Driver::Messaging),
                "log" => drivers.push(Driver::Log),
                "noop" | "" => {}
                other => return Err(ConfigError::Notifications(other.to_owned())),
            }
        }
        let publisher_id = Arc::from(publisher_id);
        if drivers.is_empty() {
            return Ok(Self {
                sender: None,
                publisher_id,
                task: Arc::default(),
            });
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        let worker = Worker {
            transport: transport.clone(),
            exchange: exchange.to_owned(),
            drivers,
            topics: options.topics.clone(),
            retry: options.retry,
        };
        let task = tokio::spawn(worker.run(receiver));
        Ok(Self {
            sender: Some(sender),
            publisher_id,
            task: Arc::new(parking_lot::Mutex::new(Some(task))),
        })
    }

    /// Emits an event and returns at once. `context` is a request context without its token.
    pub fn emit(&self, context: &Map<String, Value>, priority: Priority, event_type: &str, payload: Value) {
        let Some(sender) = &self.sender else { return };
        let message = message(&self.publisher_id, priority, event_type, payload);
        let event = Event {
            priority,
            context: context.clone(),
            message,
        };
        if let Err(error) = sender.try_send(Item::Event(Box::new(event))) {
            let reason = match error {
                mpsc::error::TrySendError::Full(_) => "too many are waiting for the broker",
                mpsc::error::TrySendError::Closed(_) => "the notifier has ended",
            };
            tracing::error!(
                "Notification {event_type} ({}) is lost: {reason}",
                priority.as_str()
            );
        }
    }

    /// Waits until what was emitted before is sent, for at most `patience`; `false` if that did not suffice.
    pub async fn flush(&self, patience: Duration) -> bool {
        let Some(sender) = &self.sender else { return true };
        let (done, wait) = oneshot::channel();
        let all = async { sender.send(Item::Flush(done)).await.is_ok() && wait.await.is_ok() };
        timeout(patience, all).await.unwrap_or(false)
    }

    /// Sends what waits, for at most `patience`, and ends; tells how much is lost.
    pub async fn close(self, patience: Duration) {
        let sent = self.flush(patience).await;
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
        if !sent && let Some(sender) = &self.sender {
            tracing::error!("{} notifications could not be sent", WAITING - sender.capacity());
        }
    }
}

impl Worker {
    async fn run(self, mut events: mpsc::Receiver<Item>) {
        while let Some(item) = events.recv().await {
            match item {
                Item::Event(event) => self.notify(&event).await,
                // Whoever waited may have given up.
                Item::Flush(done) => drop(done.send(())),
            }
        }
    }

    async fn notify(&self, event: &Event) {
        for driver in &self.drivers {
            if *driver == Driver::Log {
                log(event);
                continue;
            }
            for topic in &self.topics {
                let topic = format!("{topic}.{}", event.priority.as_str().to_lowercase());
                if let Err(error) = self.send(*driver, &topic, event).await {
                    tracing::error!(
                        "Could not send notification to {topic}: {error}. It was {} {}",
                        text(&event.message, "event_type"),
                        text(&event.message, "message_id"),
                    );
                }
            }
        }
    }

    async fn send(&self, driver: Driver, topic: &str, event: &Event) -> Result<(), SendError> {
        let options = self.transport.options();
        let mut message = event.message.clone();
        message.insert("_unique_id".to_owned(), envelope::new_id().into());
        envelope::add_context(&mut message, &event.context);
        let body = match driver {
            Driver::Messaging => json::dumps(&message).into_bytes(),
            _ => envelope::seal(&message),
        };
        let (body, properties) = packed(body, options.kombu_compression.as_deref());
        let exchange = topology::topic_exchange(options, &self.exchange);
        let queue = topology::topic_queue(options, &self.exchange, topic);
        let message = Outgoing {
            exchange: Some(&exchange),
            routing_key: topic,
            body: &body,
            properties,
            mandatory: false,
            queue: Some(&queue),
        };
        let publisher = self.transport.publisher();
        let Ok(retries) = u32::try_from(self.retry) else {
            return publisher.send(&message, None).await;
        };
        publisher.send(&message, Some(ATTEMPT * (retries + 1))).await
    }
}

/// An event in oslo.messaging's form.
pub(crate) fn message(
    publisher_id: &str,
    priority: Priority,
    event_type: &str,
    payload: Value,
) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("message_id".to_owned(), Uuid::new_v4().to_string().into());
    message.insert("publisher_id".to_owned(), publisher_id.into());
    message.insert("event_type".to_owned(), event_type.into());
    message.insert("priority".to_owned(), priority.as_str().into());
    message.insert("payload".to_owned(), payload);
    message.insert("timestamp".to_owned(), timestamp(chrono::Utc::now()).into());
    message
}

/// `str()` of a Python datetime: no fraction if it is zero.
fn timestamp(now: chrono::DateTime<chrono::Utc>) -> String {
    let format = if now.timestamp_subsec_micros() == 0 {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S%.6f"
    };
    now.format(format).to_string()
}

fn text<'a>(message: &'a Map<String, Value>, key: &str) -> &'a str {
    message.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn log(event: &Event) {
    let mut message = Value::Object(event.message.clone());
    mask(&mut message);
    let line = json::dumps(&message);
    let event_type = text(&event.message, "event_type");
    match event.priority {
        Priority::Debug => tracing::debug!(target: "oslo.messaging.notification", event_type, "{line}"),
        Priority::Audit | Priority::Info | Priority::Sample => {
            tracing::info!(target: "oslo.messaging.notification", event_type, "{line}");
        }
        Priority::Warn => tracing::warn!(target: "oslo.messaging.notification", event_type, "{line}"),
        Priority::Error | Priority::Critical => {
            tracing::error!(target: "oslo.messaging.notification", event_type, "{line}");
        }
    }
}

/// Hides what stands under names of secrets, as oslo.utils' `mask_dict_password`.
fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_lowercase();
                let secret = ["password", "passwd", "secret", "token", "_key"]
                    .iter()
                    .any(|word| key.contains(word));
                if secret && value.is_string() {
                    *value = "***".into();
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn timestamps_as_python_prints_them() {
        let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert_eq!(
            timestamp(at("2026-11-21T00:18:17.933864Z")),
            "2026-11-21 00:18:17.933864"
        );
        assert_eq!(timestamp(at("2026-11-21T00:18:17Z")), "2026-11-21 00:18:17");
    }

    #[test]
    fn secrets_are_masked_in_the_log() {
        let mut value = json!({"a": [{"admin_password": "x", "name": "n"}], "auth_token": "t", "tokens": 3});
        mask(&mut value);
        assert_eq!(
            value,
            json!({"a": [{"admin_password": "***", "name": "n"}], "auth_token": "***", "tokens": 3})
        );
    }
}
