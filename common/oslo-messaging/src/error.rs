//! What can go wrong on the bus.

/// A configuration that no connection can be made with. Found before anything is tried.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The transport URL; never shown itself, as it holds passwords.
    #[error("transport_url: {0}")]
    Url(String),
    /// An option, or options that contradict each other.
    #[error("[oslo_messaging_rabbit] {0}")]
    Option(String),
    /// A certificate, key or CA file.
    #[error("{path}: {reason}")]
    Tls {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A notification driver that does not exist.
    #[error("[oslo_messaging_notifications] driver: {0} is none of messagingv2, messaging, log, noop")]
    Notifications(String),
    /// The queue manager's counter cannot be kept.
    #[error("queue manager: {0}")]
    QueueManager(String),
}

impl ConfigError {
    pub(crate) fn url(reason: impl Into<String>) -> Self {
        Self::Url(reason.into())
    }

    pub(crate) fn option(reason: impl Into<String>) -> Self {
        Self::Option(reason.into())
    }
}

/// Why a message was not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The broker took it, but no queue wants it.
    #[error("no queue for exchange '{exchange}', routing key '{routing_key}': {reason}")]
    Undeliverable {
        /// Exchange.
        exchange: String,
        /// Routing key.
        routing_key: String,
        /// The broker's words.
        reason: String,
    },
    /// The broker did not confirm it in time.
    #[error("not sent to exchange '{exchange}', routing key '{routing_key}' within {seconds} s: {reason}")]
    TimedOut {
        /// Exchange.
        exchange: String,
        /// Routing key.
        routing_key: String,
        /// How long it was tried.
        seconds: u64,
        /// The last error.
        reason: String,
    },
    /// The transport was closed.
    #[error("the transport is closed")]
    Closed,
}

/// Why a call brought no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// No reply came in time.
    #[error("Timed out waiting for a reply to message ID {0}")]
    TimedOut(String),
    /// The server answered with an exception.
    #[error("{0}")]
    Remote(crate::RemoteError),
}
