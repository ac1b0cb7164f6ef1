//! How to reach the brokers.

use oslo_config::SectionDef;
use oslo_config::messaging::OsloMessagingRabbit;
use secrecy::{ExposeSecret, SecretString};

use crate::{ConfigError, TransportUrl};

/// A transport URL with the options of `[oslo_messaging_rabbit]`.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// The URL.
    pub url: TransportUrl,
    /// The options, with what the URL's query overrides.
    pub options: OsloMessagingRabbit,
    /// `[oslo_concurrency] lock_path`: folder of the lock on the queue manager's counter.
    pub lock_path: Option<String>,
}

impl TransportConfig {
    /// Puts URL and options together.
    ///
    /// # Errors
    /// A URL that is none, options that contradict each other.
    pub fn new(
        url: &SecretString,
        options: OsloMessagingRabbit,
        lock_path: Option<String>,
    ) -> Result<Self, ConfigError> {
        let url = TransportUrl::parse(url.expose_secret())?;
        let mut options = options;
        for (name, value) in &url.query {
            // What is no option of the group is not for us, as in oslo.messaging.
            options
                .set(name, value)
                .map_err(|reason| ConfigError::url(format!("option {name} in it: {reason}")))?;
        }
        check(&options)?;
        Ok(Self {
            url,
            options,
            lock_path,
        })
    }
}

/// oslo.messaging's own checks, `_drivers/impl_rabbit.py`.
fn check(options: &OsloMessagingRabbit) -> Result<(), ConfigError> {
    if options.rabbit_stream_fanout && options.rabbit_qos_prefetch_count == 0 {
        return Err(ConfigError::option(
            "rabbit_stream_fanout needs rabbit_qos_prefetch_count above 0",
        ));
    }
    if options.rabbit_stream_fanout && !options.rabbit_transient_quorum_queue {
        return Err(ConfigError::option(
            "rabbit_stream_fanout needs rabbit_transient_quorum_queue",
        ));
    }
    if options.rpc_conn_pool_size < options.conn_pool_min_size {
        return Err(ConfigError::option(
            "rpc_conn_pool_size must not be below conn_pool_min_size",
        ));
    }
    if options.rabbit_ha_queues && (options.rabbit_quorum_queue || options.rabbit_transient_quorum_queue) {
        return Err(ConfigError::option(
            "rabbit_ha_queues and quorum queues exclude each other",
        ));
    }
    if !matches!(
        options.kombu_compression.as_deref(),
        None | Some("" | "gzip" | "zlib" | "bz2" | "bzip2")
    ) {
        return Err(ConfigError::option("kombu_compression must be gzip or bz2"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, settings: &[(&str, &str)]) -> Option<String> {
        let mut options = OsloMessagingRabbit::default();
        for (name, value) in settings {
            assert!(options.set(name, value).unwrap(), "{name}");
        }
        TransportConfig::new(&url.into(), options, None)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn what_oslo_messaging_refuses_is_refused() {
        for (settings, words) in [
            (
                vec![("rabbit_stream_fanout", "true")],
                "rabbit_qos_prefetch_count",
            ),
            (
                vec![
                    ("rabbit_stream_fanout", "true"),
                    ("rabbit_qos_prefetch_count", "1"),
                ],
                "rabbit_transient_quorum_queue",
            ),
            (
                vec![("rabbit_quorum_queue", "true"), ("rabbit_ha_queues", "true")],
                "exclude each other",
            ),
            (
                vec![("rpc_conn_pool_size", "1"), ("conn_pool_min_size", "2")],
                "conn_pool_min_size",
            ),
            (vec![("kombu_compression", "rar")], "gzip or bz2"),
        ] {
            let message = refusal("rabbit://h", &settings).unwrap_or_default();
            assert!(message.contains(words), "{settings:?}: {message}");
        }
        assert_eq!(refusal("rabbit://h", &[]), None);
    }

    #[test]
    fn the_query_of_the_url_overrides_the_file() {
        let url = "rabbit://h/?rabbit_quorum_queue=true&rabbit_retry_backoff=7&no_option_of_ours=1";
        let config = TransportConfig::new(&url.into(), OsloMessagingRabbit::default(), None).unwrap();
        assert!(config.options.rabbit_quorum_queue);
        assert_eq!(config.options.rabbit_retry_backoff, 7);
        let message = refusal("rabbit://h/?rabbit_retry_backoff=often", &[]).unwrap_or_default();
        assert!(message.contains("rabbit_retry_backoff"), "{message}");
    }
}
