//! Declaring and subscribing, with words for what the broker refuses.

use lapin::options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};

use crate::publisher::short;
use crate::topology::Queue;

/// Why a queue is not consumed from.
pub(crate) enum Refusal {
    /// The exchange or queue exists and is not durable; to be declared so.
    Transient,
    /// Anything else; text for the log.
    Other(String),
}

/// Declares exchange, queue and binding.
pub(crate) async fn declare(channel: &Channel, queue: &Queue) -> Result<(), Refusal> {
    declare_unexplained(channel, queue)
        .await
        .map_err(|error| explain(queue, &error.to_string()))
}

async fn declare_unexplained(channel: &Channel, queue: &Queue) -> Result<(), String> {
    let name = short(&queue.name).map_err(|_| "its name is longer than 255 bytes".to_owned())?;
    let text = |error: lapin::Error| error.to_string();
    if let Some(exchange) = &queue.exchange {
        let exchange_name =
            short(&exchange.name).map_err(|_| "the exchange's name is too long".to_owned())?;
        let options = ExchangeDeclareOptions {
            durable: exchange.durable,
            auto_delete: exchange.auto_delete,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(
                exchange_name,
                exchange.kind.clone(),
                options,
                FieldTable::default(),
            )
            .await
            .map_err(text)?;
    }
    let options = QueueDeclareOptions {
        durable: queue.durable,
        auto_delete: queue.auto_delete,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(name.clone(), options, queue.arguments.clone())
        .await
        .map_err(text)?;
    if let Some(exchange) = &queue.exchange {
        let exchange_name =
            short(&exchange.name).map_err(|_| "the exchange's name is too long".to_owned())?;
        let routing_key = short(&queue.routing_key).map_err(|_| "the routing key is too long".to_owned())?;
        channel
            .queue_bind(
                name,
                exchange_name,
                routing_key,
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .map_err(text)?;
    }
    Ok(())
}

/// Subscribes; `tag` is the consumer's name on its channel, `offset` where a stream is read from.
pub(crate) async fn consume(
    channel: &Channel,
    queue: &Queue,
    tag: usize,
    offset: Option<i64>,
    cancel_on_failover: bool,
) -> Result<Consumer, Refusal> {
    let mut arguments = FieldTable::default();
    if queue.stream {
        let offset = offset.map_or(AMQPValue::LongString("last".into()), AMQPValue::LongLongInt);
        arguments.insert("x-stream-offset".into(), offset);
    } else if cancel_on_failover {
        arguments.insert("x-cancel-on-ha-failover".into(), AMQPValue::Boolean(true));
    }
    let name = short(&queue.name).map_err(|_| Refusal::Other("the queue's name is too long".to_owned()))?;
    let tag =
        short(&tag.to_string()).map_err(|_| Refusal::Other("the consumer's tag is too long".to_owned()))?;
    channel
        .basic_consume(name, tag, BasicConsumeOptions::default(), arguments)
        .await
        .map_err(|error| Refusal::Other(format!("queue '{}': {error}", queue.name)))
}

fn explain(queue: &Queue, error: &str) -> Refusal {
    if !error.contains("inequivalent arg") {
        return Refusal::Other(format!("queue '{}': {error}", queue.name));
    }
    // A quorum queue or stream cannot be anything but durable.
    let typed = queue.arguments.inner().contains_key("x-queue-type");
    if error.contains("inequivalent arg 'durable'") && queue.durable && !typed {
        return Refusal::Transient;
    }
    Refusal::Other(format!(
        "queue '{}' or its exchange exists with other arguments. Ours: durable {}, auto-delete {}, arguments {}; the \
         broker says: {error}. Either give [oslo_messaging_rabbit] the options that the other services have, or \
         delete it (rabbitmqctl delete_queue) while they are stopped",
        queue.name,
        queue.durable,
        queue.auto_delete,
        table(&queue.arguments),
    ))
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
