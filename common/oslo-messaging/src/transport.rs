//! The way to the brokers: what servers, clients and notifiers share.

use std::sync::Arc;
use std::time::Duration;

use oslo_config::messaging::OsloMessagingRabbit;
use tokio::sync::watch;

use crate::incoming::Incoming;
use crate::link::Link;
use crate::publisher::{Outgoing, Publisher};
use crate::queue_manager::QueueManager;
use crate::reply::Replies;
use crate::topology;
use crate::{ConfigError, SendError, TransportConfig};

/// Connections to the brokers of one transport URL; one for consumers, one for senders. They come back by themselves.
///
/// Clones share the connections.
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    options: OsloMessagingRabbit,
    consumers: Link,
    publisher: Arc<Publisher>,
    replies: Replies,
    names: Option<QueueManager>,
}

impl Transport {
    /// Begins to connect, for ever and in the background; needs a Tokio runtime.
    ///
    /// # Errors
    /// Certificates that cannot be read, or a queue manager that cannot count.
    pub fn connect(config: TransportConfig) -> Result<Self, ConfigError> {
        let names = if config.options.use_queue_manager {
            Some(QueueManager::new(&config.options, config.lock_path.as_deref())?)
        } else {
            None
        };
        let publisher = Arc::new(Publisher::new(Link::open(&config, "sending")?));
        let replies = Replies::new(publisher.clone(), &config.options);
        let consumers = Link::open(&config, "listening")?;
        let inner = Inner {
            options: config.options,
            consumers,
            publisher,
            replies,
            names,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether both connections are up at this moment.
    pub fn is_connected(&self) -> bool {
        self.inner.consumers.is_up() && self.inner.publisher.link().is_up()
    }

    /// Waits until both connections are up; `false` if that took longer.
    pub async fn wait_connected(&self, patience: Duration) -> bool {
        let both = async {
            self.inner.consumers.connection().await.is_some()
                && self.inner.publisher.link().connection().await.is_some()
        };
        tokio::time::timeout(patience, both).await.unwrap_or(false)
    }

    /// Tells of every change of [`is_connected`](Self::is_connected), beginning with the state now. For readiness.
    pub fn connected(&self) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(self.is_connected());
        let (mut consumers, mut senders) =
            (self.inner.consumers.watch(), self.inner.publisher.link().watch());
        let inner = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                let changed = tokio::select! {
                    changed = consumers.changed() => changed,
                    changed = senders.changed() => changed,
                    () = sender.closed() => return,
                };
                let Some(inner) = inner.upgrade().filter(|_| changed.is_ok()) else {
                    return;
                };
                let up = inner.consumers.is_up() && inner.publisher.link().is_up();
                sender.send_if_modified(|known| std::mem::replace(known, up) != up);
            }
        });
        receiver
    }

    /// Passes a request on to the servers of another topic as it came, body and properties byte for byte, and waits
    /// until the broker has confirmed that a queue holds it. From then on the other server owes the answer, straight to
    /// the caller.
    ///
    /// A queue that is not there is made, as those servers would declare it, so that the request waits for the first
    /// of them.
    ///
    /// # Errors
    /// [`SendError::Undeliverable`] if no queue takes it; [`SendError::TimedOut`] if the broker did not confirm
    /// within `patience`.
    pub async fn pass_on(
        &self,
        incoming: &Incoming,
        exchange: &str,
        topic: &str,
        patience: Duration,
    ) -> Result<(), SendError> {
        let queue = topology::topic_queue(&self.inner.options, exchange, topic);
        let raw = incoming.raw();
        let mut message = Outgoing {
            exchange: queue.exchange.as_ref(),
            routing_key: topic,
            body: &raw.body,
            properties: raw.properties.clone(),
            mandatory: true,
            queue: None,
        };
        let publisher = &self.inner.publisher;
        let mut sent = publisher.send(&message, Some(patience)).await;
        if matches!(sent, Err(SendError::Undeliverable { .. })) {
            tracing::warn!("No queue '{topic}': made for the messages that wait for its first server");
            message.queue = Some(&queue);
            sent = publisher.send(&message, Some(patience)).await;
        }
        sent?;
        incoming.answered_elsewhere();
        Ok(())
    }

    /// Sends what is still to be sent, for at most `patience`, and closes the connections.
    pub async fn close(&self, patience: Duration) {
        self.inner.replies.finish(patience).await;
        self.inner.consumers.close();
        self.inner.publisher.close();
    }

    pub(crate) fn options(&self) -> &OsloMessagingRabbit {
        &self.inner.options
    }

    pub(crate) fn consumers(&self) -> &Link {
        &self.inner.consumers
    }

    pub(crate) fn publisher(&self) -> &Arc<Publisher> {
        &self.inner.publisher
    }

    pub(crate) fn replies(&self) -> &Replies {
        &self.inner.replies
    }

    /// What tells a transient queue from others of its kind.
    pub(crate) fn unique_name(&self) -> Result<String, ConfigError> {
        self.inner
            .names
            .as_ref()
            .map_or_else(|| Ok(crate::envelope::new_id()), QueueManager::next)
    }
}
