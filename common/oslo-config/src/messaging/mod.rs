//! Groups that oslo.messaging declares, so that a library of messages and the programs that use it agree on them.

mod notifications;
mod rabbit;

pub use notifications::OsloMessagingNotifications;
pub use rabbit::OsloMessagingRabbit;
