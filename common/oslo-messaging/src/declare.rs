//! Declaring and subscribing, with words for what the broker refuses.

use lapin::options::{
    BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, Consumer};

use crate::topology::{Queue, other_arguments, short};

/// Why a queue is not consumed from.
pub(crate) enum Refusal {
    /// The exchange or queue exists and is not durable; to be declared so.
    Transient,
    /// The queue is on a node of the broker that is down; it may only be declared anew once it is deleted.
    Stuck(String),
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
    } else if cancel_on_failover && !is_typed(queue) {
        // The broker refuses the argument for quorum queues, which have no mirrors to fail over to.
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

/// Deletes a queue that is stuck, on a channel of its own: errors close it.
pub(crate) async fn delete(connection: &Connection, queue: &Queue) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let name = queue.name.clone().into();
    channel.queue_delete(name, QueueDeleteOptions::default()).await?;
    channel.close(200, "OK".into()).await
}

/// Whether it is a quorum queue or a stream.
fn is_typed(queue: &Queue) -> bool {
    queue.arguments.inner().contains_key("x-queue-type")
}

fn explain(queue: &Queue, error: &str) -> Refusal {
    if !error.contains("inequivalent arg") {
        let text = format!("queue '{}': {error}", queue.name);
        // The exchange was declared right before, so it is not the exchange that is not found.
        return if error.contains("NOT_FOUND") {
            Refusal::Stuck(text)
        } else {
            Refusal::Other(text)
        };
    }
    // A quorum queue or stream cannot be anything but durable.
    if error.contains("inequivalent arg 'durable'") && queue.durable && !is_typed(queue) {
        return Refusal::Transient;
    }
    Refusal::Other(other_arguments(queue, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OsloMessagingRabbit, topology};

    #[test]
    fn refusals_are_told_apart_and_explained() {
        let queue = topology::topic_queue(&OsloMessagingRabbit::default(), "magnum", "magnum-conductor");
        let error = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'magnum-conductor' in vhost '/': \
                     received none but current is the value 'quorum' of type 'longstr'";
        let Refusal::Other(text) = explain(&queue, error) else {
            panic!("not told as a refusal")
        };
        for word in [
            "queue 'magnum-conductor'",
            "Ours: durable false, auto-delete false, arguments none",
            "current is the value 'quorum'",
            "rabbitmqctl delete_queue",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        let durable = OsloMessagingRabbit {
            amqp_durable_queues: true,
            ..OsloMessagingRabbit::default()
        };
        let queue = topology::topic_queue(&durable, "magnum", "magnum-conductor");
        let error = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'magnum-conductor'";
        assert!(matches!(explain(&queue, error), Refusal::Transient));
        let error =
            "NOT_FOUND - home node 'rabbit@gone' of durable queue 'magnum-conductor' is down or inaccessible";
        assert!(matches!(explain(&queue, error), Refusal::Stuck(_)));
    }
}
