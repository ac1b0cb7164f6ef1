//! `[oslo_messaging_rabbit]`: how the broker is spoken to.

use crate::section;

section! {
    /// Options of oslo.messaging 14 to 18, `_drivers/impl_rabbit.py` and `_drivers/amqp.py`.
    pub struct OsloMessagingRabbit("oslo_messaging_rabbit") {
        /// Durable topic queues and control exchange.
        pub amqp_durable_queues: bool = false,
            deprecated("DEFAULT", "amqp_durable_queues"), deprecated("DEFAULT", "rabbit_durable_queues");
        /// Topic queues and control exchange go when nobody uses them.
        pub amqp_auto_delete: bool = false, deprecated("DEFAULT", "amqp_auto_delete");
        /// Python's pool of sending connections; one connection does here.
        pub rpc_conn_pool_size: i64 = 30, deprecated("DEFAULT", "rpc_conn_pool_size"), min(1);
        /// Python's pool of sending connections.
        pub conn_pool_min_size: i64 = 2;
        /// Python's pool of sending connections, seconds.
        pub conn_pool_ttl: i64 = 1200;
        /// TLS to the broker.
        pub ssl: bool = false, deprecated("", "rabbit_use_ssl");
        /// TLS version wanted; only what is still safe is spoken.
        pub ssl_version: String = String::new(), deprecated("", "kombu_ssl_version");
        /// Client key, PEM.
        pub ssl_key_file: String = String::new(), deprecated("", "kombu_ssl_keyfile");
        /// Client certificate, PEM.
        pub ssl_cert_file: String = String::new(), deprecated("", "kombu_ssl_certfile");
        /// Authorities that the broker's certificate is verified with, PEM.
        pub ssl_ca_file: String = String::new(), deprecated("", "kombu_ssl_ca_certs");
        /// Verify the broker's name as well; on since oslo.messaging 18.1.
        pub ssl_enforce_hostname_verification: bool = true;
        /// OpenSSL's FIPS mode; no effect.
        pub ssl_enforce_fips_mode: bool = false;
        /// Python: heartbeats in a thread of their own; always so here.
        pub heartbeat_in_pthread: bool = false;
        /// Seconds before a cancelled consumer subscribes again.
        pub kombu_reconnect_delay: f64 = 1.0,
            deprecated("DEFAULT", "kombu_reconnect_delay"), min(0.0), max(4.5);
        /// Random seconds added to `kombu_reconnect_delay`, at most.
        pub kombu_reconnect_splay: f64 = 0.0, min(0.0);
        /// `gzip` or `bz2` bodies.
        pub kombu_compression: Option<String> = None;
        /// Seconds during which a reply is retried while the caller's queue is missing.
        pub kombu_missing_consumer_retry_timeout: u64 = 60, deprecated("", "kombu_reconnect_timeout");
        /// Order in which brokers are tried.
        pub kombu_failover_strategy: String = "round-robin".into(), choices("round-robin", "shuffle");
        /// SASL mechanism.
        pub rabbit_login_method: String = "AMQPLAIN".into(),
            deprecated("DEFAULT", "rabbit_login_method"), choices("PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO");
        /// Seconds before the first attempt to connect again.
        pub rabbit_retry_interval: u64 = 1, min(1);
        /// Seconds by which the interval grows with each attempt.
        pub rabbit_retry_backoff: u64 = 2, deprecated("DEFAULT", "rabbit_retry_backoff"), min(0);
        /// Largest interval, seconds.
        pub rabbit_interval_max: u64 = 30, min(1);
        /// Mirrored queues by argument, as before RabbitMQ 3.
        pub rabbit_ha_queues: bool = false, deprecated("DEFAULT", "rabbit_ha_queues");
        /// Quorum topic queues.
        pub rabbit_quorum_queue: bool = false;
        /// Quorum reply and fanout queues.
        pub rabbit_transient_quorum_queue: bool = false;
        /// `x-delivery-limit` of quorum queues; 0 sets none.
        pub rabbit_quorum_delivery_limit: i64 = 0;
        /// `x-max-in-memory-length` of quorum queues; 0 sets none.
        pub rabbit_quorum_max_memory_length: i64 = 0, deprecated("", "rabbit_quroum_max_memory_length");
        /// `x-max-in-memory-bytes` of quorum queues; 0 sets none.
        pub rabbit_quorum_max_memory_bytes: i64 = 0, deprecated("", "rabbit_quroum_max_memory_bytes");
        /// Seconds after which unused reply and fanout queues go (age of messages with streams); 0 is never.
        pub rabbit_transient_queues_ttl: u64 = 1800, min(0);
        /// Messages sent ahead by the broker; 0 is no limit.
        pub rabbit_qos_prefetch_count: u16 = 0, min(0), max(65535);
        /// Seconds without traffic after which the broker counts as gone; 0 is never.
        pub heartbeat_timeout_threshold: u16 = 60, min(0), max(65535);
        /// How often within the threshold it is looked at.
        pub heartbeat_rate: i64 = 3;
        /// Replies are mandatory: a reply queue that is missing is waited for.
        pub direct_mandatory_flag: bool = true;
        /// `x-cancel-on-ha-failover` on consumers.
        pub enable_cancel_on_failover: bool = false;
        /// Names of reply and fanout queues from host, process and a counter.
        pub use_queue_manager: bool = false;
        /// Host in those names; the machine's if unset.
        pub hostname: Option<String> = None;
        /// Process in those names; the executable's if unset.
        pub processname: Option<String> = None;
        /// Fanout through one stream.
        pub rabbit_stream_fanout: bool = false;
    }
}
