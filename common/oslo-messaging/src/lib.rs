//! oslo.messaging on RabbitMQ: an RPC server, a client and a notifier that Python services of OpenStack cannot tell
//! from their own, over lapin.
//!
//! Exchanges, queues, envelope, replies, call-monitor heartbeats, failures and notifications are those of
//! oslo.messaging 14 to 18. On purpose different: a request is acknowledged when its endpoint says so rather than before
//! it is worked on, and TLS verifies the broker even without `ssl_ca_file`.
//!
//! [`Transport::connect`] keeps the connections; [`Transport::serve`] hands requests to an [`Endpoint`].

mod admission;
mod caller;
mod compression;
mod config;
mod declare;
mod envelope;
mod error;
mod failure;
mod incoming;
mod json;
mod lanes;
mod ledger;
mod link;
mod notifier;
mod publisher;
mod queue_manager;
#[cfg(test)]
mod recorded;
mod reply;
mod server;
mod tls;
mod topology;
mod transport;
mod url;
mod work;

pub use crate::caller::{CallTarget, Caller};
pub use crate::config::TransportConfig;
pub use crate::error::{CallError, ConfigError, SendError};
pub use crate::failure::RemoteError;
pub use crate::incoming::{Endpoint, Incoming, Outcome, RawMessage};
pub use crate::notifier::{Notifier, Priority};
pub use crate::server::{Limits, ServerHandle, Target};
pub use crate::transport::Transport;
pub use crate::url::{Host, TransportUrl};
pub use oslo_config::messaging::{OsloMessagingNotifications, OsloMessagingRabbit};
