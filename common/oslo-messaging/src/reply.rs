//! Replies and call-monitor heartbeats, as oslo.messaging's `AMQPIncomingMessage` sends them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oslo_config::messaging::OsloMessagingRabbit;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::publisher::{Outgoing, Publisher, packed};
use crate::{RemoteError, SendError, envelope};

/// Pause between attempts to reach a reply queue.
const RETRY: Duration = Duration::from_millis(250);
/// How long a reply is kept for a broker that is away, if the request named no expiration.
const KEEP: Duration = Duration::from_secs(600);
/// How long, and how many, reply queues are remembered as gone, so that a client that died with many calls open does
/// not keep us busy.
const GONE_FOR: Duration = Duration::from_secs(60);
const GONE_MOST: usize = 200;

/// Sends replies in the background.
#[derive(Clone)]
pub(crate) struct Replies {
    inner: Arc<Inner>,
}

struct Inner {
    publisher: Arc<Publisher>,
    missing_for: Duration,
    mandatory: bool,
    compression: Option<String>,
    gone: Mutex<HashMap<String, Instant>>,
    tasks: TaskTracker,
}

impl Replies {
    pub(crate) fn new(publisher: Arc<Publisher>, options: &OsloMessagingRabbit) -> Self {
        let inner = Inner {
            publisher,
            missing_for: Duration::from_secs(options.kombu_missing_consumer_retry_timeout),
            mandatory: options.direct_mandatory_flag,
            compression: options.kombu_compression.clone(),
            gone: Mutex::new(HashMap::new()),
            tasks: TaskTracker::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sends the reply to a call. `expiration` is how long the caller waits, from when the request came.
    pub(crate) fn send(
        &self,
        reply_q: String,
        msg_id: String,
        result: Result<Value, RemoteError>,
        expiration: Option<Duration>,
    ) {
        let inner = self.inner.clone();
        self.inner.tasks.spawn(async move {
            let message = envelope::reply(&msg_id, result.as_ref(), true);
            let keep = expiration.unwrap_or(KEEP);
            if timeout(keep, inner.deliver(&reply_q, &msg_id, &message))
                .await
                .is_err()
            {
                tracing::warn!(
                    "Reply to message {msg_id} was not sent in {} s, dropped",
                    keep.as_secs()
                );
            }
        });
    }

    /// Sends heartbeats every half of `client_timeout` seconds until aborted, as oslo.messaging's `_watchdog`.
    pub(crate) fn heartbeat(&self, reply_q: &str, msg_id: &str, client_timeout: f64) -> Option<AbortHandle> {
        let interval = client_timeout.trunc() / 2.0;
        if !(interval >= 1.0 && interval.is_finite()) {
            // Zero is how a client says that it wants none.
            if client_timeout != 0.0 {
                tracing::warn!("Client provided an invalid timeout value of {client_timeout}");
            }
            return None;
        }
        let interval = Duration::try_from_secs_f64(interval).ok()?;
        let (inner, reply_q, msg_id) = (self.inner.clone(), reply_q.to_owned(), msg_id.to_owned());
        let task = tokio::spawn(async move {
            // By the clock: one that waited behind a large body does not make the next late too.
            let mut beats = interval_at(Instant::now() + interval, interval);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                beats.tick().await;
                let message = envelope::reply(&msg_id, Ok(&Value::Null), false);
                if let Err(error) = inner.publish(&reply_q, &message, Some(interval)).await {
                    tracing::debug!("Call-monitor heartbeat for message {msg_id} failed: {error}");
                    if matches!(error, SendError::Undeliverable { .. } | SendError::Closed) {
                        return;
                    }
                }
            }
        });
        Some(task.abort_handle())
    }

    /// Waits for replies under way.
    pub(crate) async fn finish(&self, patience: Duration) {
        self.inner.tasks.close();
        if timeout(patience, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                "{} replies could not be sent before the stop",
                self.inner.tasks.len()
            );
        }
    }
}

impl Inner {
    async fn deliver(&self, reply_q: &str, msg_id: &str, message: &Map<String, Value>) {
        if self.is_gone(reply_q) {
            tracing::warn!("{reply_q} doesn't exist, drop reply to {msg_id}");
            return;
        }
        let give_up = Instant::now() + self.missing_for;
        loop {
            match self.publish(reply_q, message, None).await {
                Ok(()) => return,
                Err(SendError::Undeliverable { .. }) if Instant::now() < give_up => {
                    tracing::debug!("Reply {msg_id}: queue {reply_q} is missing, trying again");
                    sleep(RETRY).await;
                }
                Err(SendError::Undeliverable { .. }) => {
                    self.remember_gone(reply_q);
                    tracing::error!(
                        "The reply {msg_id} failed to send after {} seconds due to a missing queue ({reply_q}). \
                         Abandoning",
                        self.missing_for.as_secs()
                    );
                    return;
                }
                Err(error) => {
                    tracing::error!("The reply {msg_id} failed to send: {error}");
                    return;
                }
            }
        }
    }

    async fn publish(
        &self,
        reply_q: &str,
        message: &Map<String, Value>,
        patience: Option<Duration>,
    ) -> Result<(), SendError> {
        let (body, properties) = packed(envelope::seal(message), self.compression.as_deref());
        let message = Outgoing {
            exchange: None,
            routing_key: reply_q,
            body: &body,
            properties,
            mandatory: self.mandatory,
            queue: None,
        };
        self.publisher.send(&message, patience).await
    }

    fn is_gone(&self, reply_q: &str) -> bool {
        self.gone
            .lock()
            .get(reply_q)
            .is_some_and(|since| since.elapsed() < GONE_FOR)
    }

    fn remember_gone(&self, reply_q: &str) {
        let mut gone = self.gone.lock();
        gone.retain(|_, since| since.elapsed() < GONE_FOR);
        if gone.len() < GONE_MOST {
            gone.insert(reply_q.to_owned(), Instant::now());
        }
    }
}
