//! `[oslo_messaging_notifications]`: where events go.

use crate::{MultiString, section};
use secrecy::SecretString;

section! {
    /// Options of oslo.messaging's notifier.
    pub struct OsloMessagingNotifications("oslo_messaging_notifications") {
        /// `messagingv2`, `messaging`, `log`, `noop`; may be repeated.
        pub driver: MultiString = MultiString::default(), deprecated("DEFAULT", "notification_driver");
        /// Brokers, if not those of requests.
        pub transport_url: Option<SecretString> = None, deprecated("DEFAULT", "notification_transport_url");
        /// Topics; the priority is appended.
        pub topics: Vec<String> = vec!["notifications".into()],
            deprecated("rpc_notifier2", "topics"), deprecated("DEFAULT", "notification_topics");
        /// Attempts to send an event again; -1 is for ever.
        pub retry: i64 = -1;
    }
}
