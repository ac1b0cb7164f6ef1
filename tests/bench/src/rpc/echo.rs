//! The least that can answer: takes a message, sends its body to the queue that its `reply_to` names, acknowledges it.

use anyhow::Result;
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};

/// Echoes until it is killed.
///
/// # Errors
/// When the connection is lost.
pub async fn run(url: &str, queue: &str) -> Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(64, BasicQosOptions::default()).await?;
    let mut consumer = channel
        .basic_consume(
            queue.into(),
            "echo".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let Some(reply_to) = delivery.properties.reply_to().clone() else {
            continue;
        };
        channel
            .basic_publish(
                "".into(),
                reply_to,
                BasicPublishOptions::default(),
                &delivery.data,
                BasicProperties::default(),
            )
            .await?;
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
