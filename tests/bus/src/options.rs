//! Sets of options under which everybody has to understand everybody.

/// A set.
#[derive(Clone, Copy, Debug)]
pub struct OptionSet {
    /// Its name, and that of its virtual host.
    pub name: &'static str,
    /// Options of `[oslo_messaging_rabbit]`.
    pub options: &'static [(&'static str, &'static str)],
    /// Driver of notifications.
    pub driver: &'static str,
    /// Whether the broker is spoken to over TLS, with a client certificate.
    pub tls: bool,
}

/// All sets. kolla's are those of its template of magnum.conf with its own defaults.
pub const SETS: [OptionSet; 9] = [
    OptionSet {
        name: "defaults",
        options: &[],
        driver: "messagingv2",
        tls: false,
    },
    OptionSet {
        // A name that a URL has to encode.
        name: "durable/with a slash",
        options: &[
            ("amqp_durable_queues", "true"),
            ("enable_cancel_on_failover", "true"),
        ],
        driver: "messaging",
        tls: false,
    },
    OptionSet {
        name: "quorum",
        options: &[
            ("rabbit_quorum_queue", "true"),
            ("rabbit_quorum_delivery_limit", "7"),
            ("rabbit_quorum_max_memory_length", "1000"),
            ("rabbit_quorum_max_memory_bytes", "100000000"),
            ("rabbit_transient_queues_ttl", "600"),
        ],
        driver: "messagingv2",
        tls: false,
    },
    OptionSet {
        name: "kolla-2024.1",
        options: &[("heartbeat_in_pthread", "false"), ("rabbit_quorum_queue", "true")],
        driver: "messaging",
        tls: false,
    },
    OptionSet {
        // kolla's virtual host: the URL ends in two slashes.
        name: "/",
        options: &[
            ("use_queue_manager", "true"),
            ("heartbeat_in_pthread", "false"),
            ("rabbit_quorum_queue", "true"),
            ("rabbit_stream_fanout", "true"),
            ("rabbit_qos_prefetch_count", "50"),
            ("rabbit_transient_quorum_queue", "true"),
        ],
        driver: "messaging",
        tls: false,
    },
    OptionSet {
        name: "transient-quorum",
        options: &[
            ("rabbit_transient_quorum_queue", "true"),
            ("rabbit_transient_queues_ttl", "0"),
            ("rabbit_qos_prefetch_count", "1"),
        ],
        driver: "messagingv2",
        tls: false,
    },
    OptionSet {
        name: "tls",
        options: &[("ssl", "true"), ("rabbit_login_method", "EXTERNAL")],
        driver: "messagingv2",
        tls: true,
    },
    OptionSet {
        name: "gzip",
        options: &[("kombu_compression", "gzip"), ("amqp_auto_delete", "true")],
        driver: "messagingv2",
        tls: false,
    },
    OptionSet {
        // kombu's name of it; with `bz2`, which oslo.messaging's help gives, Python cannot send.
        name: "bzip2",
        options: &[("kombu_compression", "bzip2"), ("rabbit_login_method", "PLAIN")],
        driver: "messaging",
        tls: false,
    },
];
