//! Exchanges and queues exactly as oslo.messaging's `_drivers/impl_rabbit.py` declares them under each option: what
//! exists with other arguments would be refused by the broker.

use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use oslo_config::messaging::OsloMessagingRabbit;

/// An exchange.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: ExchangeKind,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
}

/// A queue, with the exchange that it is bound to, if any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) routing_key: String,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    pub(crate) arguments: FieldTable,
    /// Read as a stream: from an offset.
    pub(crate) stream: bool,
    /// Goes with its only consumer, by our own hand when we stop.
    pub(crate) ours_to_delete: bool,
}

/// Whether topic queues and the control exchange are durable; quorum queues always are.
pub(crate) fn durable(options: &OsloMessagingRabbit) -> bool {
    options.amqp_durable_queues || options.rabbit_quorum_queue
}

/// The control exchange.
pub(crate) fn topic_exchange(options: &OsloMessagingRabbit, name: &str) -> Exchange {
    Exchange {
        name: name.to_owned(),
        kind: ExchangeKind::Topic,
        durable: durable(options),
        auto_delete: options.amqp_auto_delete,
    }
}

/// The exchange that reaches every server of a topic, as a server declares it.
pub(crate) fn fanout_exchange(options: &OsloMessagingRabbit, topic: &str) -> Exchange {
    Exchange {
        name: format!("{topic}_fanout"),
        kind: ExchangeKind::Fanout,
        durable: options.rabbit_transient_quorum_queue || options.rabbit_stream_fanout,
        auto_delete: true,
    }
}

/// A queue bound to the control exchange under its own name: of a topic, or of one server of it.
pub(crate) fn topic_queue(options: &OsloMessagingRabbit, exchange: &str, topic: &str) -> Queue {
    Queue {
        name: topic.to_owned(),
        exchange: Some(topic_exchange(options, exchange)),
        routing_key: topic.to_owned(),
        durable: durable(options),
        auto_delete: options.amqp_auto_delete,
        arguments: arguments(options, 0, options.rabbit_quorum_queue),
        stream: false,
        ours_to_delete: false,
    }
}

/// A server's fanout queue; with streams all servers share one. `unique` tells the queues of servers apart.
pub(crate) fn fanout_queue(options: &OsloMessagingRabbit, topic: &str, unique: &str) -> Queue {
    let exchange = fanout_exchange(options, topic);
    let ttl = options.rabbit_transient_queues_ttl;
    let (name, arguments) = if options.rabbit_stream_fanout {
        (format!("{topic}_fanout"), stream_arguments(ttl))
    } else {
        (
            format!("{topic}_fanout_{unique}"),
            arguments(options, ttl, options.rabbit_transient_quorum_queue),
        )
    };
    Queue {
        name,
        routing_key: topic.to_owned(),
        durable: exchange.durable,
        exchange: Some(exchange),
        auto_delete: false,
        arguments,
        stream: options.rabbit_stream_fanout,
        ours_to_delete: !options.rabbit_stream_fanout && !options.use_queue_manager,
    }
}

/// A client's reply queue, on the default exchange.
pub(crate) fn reply_queue(options: &OsloMessagingRabbit, unique: &str) -> Queue {
    let quorum = options.rabbit_transient_quorum_queue;
    Queue {
        name: format!("reply_{unique}"),
        exchange: None,
        routing_key: String::new(),
        durable: quorum,
        auto_delete: false,
        arguments: arguments(options, options.rabbit_transient_queues_ttl, quorum),
        stream: false,
        ours_to_delete: false,
    }
}

fn arguments(options: &OsloMessagingRabbit, ttl_seconds: u64, quorum: bool) -> FieldTable {
    let mut table = FieldTable::default();
    if options.rabbit_ha_queues {
        table.insert("x-ha-policy".into(), AMQPValue::LongString("all".into()));
    }
    if quorum {
        table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        for (name, limit) in [
            ("x-delivery-limit", options.rabbit_quorum_delivery_limit),
            ("x-max-in-memory-length", options.rabbit_quorum_max_memory_length),
            ("x-max-in-memory-bytes", options.rabbit_quorum_max_memory_bytes),
        ] {
            if limit != 0 {
                table.insert(name.into(), integer(limit));
            }
        }
    }
    if ttl_seconds > 0 {
        table.insert(
            "x-expires".into(),
            integer(i64::try_from(ttl_seconds * 1000).unwrap_or(i64::MAX)),
        );
    }
    table
}

fn stream_arguments(ttl_seconds: u64) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("stream".into()));
    if ttl_seconds > 0 {
        table.insert(
            "x-max-age".into(),
            AMQPValue::LongString(format!("{ttl_seconds}s").into()),
        );
    }
    table
}

/// As py-amqp writes integers: 32 bits where they suffice.
fn integer(value: i64) -> AMQPValue {
    i32::try_from(value).map_or(AMQPValue::LongLongInt(value), AMQPValue::LongInt)
}

/// Names are limited to 255 bytes by AMQP; those that come from a caller may be longer.
pub(crate) fn short(name: &str) -> Result<ShortString, NameTooLong> {
    ShortString::try_new(name).map_err(|_| NameTooLong)
}

/// A name that AMQP cannot carry.
pub(crate) struct NameTooLong;

/// Words for a queue that exists with other arguments. The broker tells the first one that differs, ours and its own.
pub(crate) fn other_arguments(queue: &Queue, error: &str) -> String {
    format!(
        "queue '{}' or its exchange exists with other arguments. Ours: durable {}, auto-delete {}, arguments {}; the \
         broker says: {error}. Either give [oslo_messaging_rabbit] the options that the other services have, or \
         delete it (rabbitmqctl delete_queue) while they are stopped",
        queue.name,
        queue.durable,
        queue.auto_delete,
        table(&queue.arguments),
    )
}

fn table(arguments: &FieldTable) -> String {
    let pairs: Vec<String> = arguments
        .inner()
        .iter()
        .map(|(name, value)| match value {
            AMQPValue::LongString(text) => format!("{name}={text}"),
            AMQPValue::LongInt(number) => format!("{name}={number}"),
            AMQPValue::LongLongInt(number) => format!("{name}={number}"),
            other => format!("{name}={other:?}"),
        })
        .collect();
    if pairs.is_empty() {
        "none".to_owned()
    } else {
        pairs.join(" ")
    }
}
