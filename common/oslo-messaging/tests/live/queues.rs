//! Queues under several options, taken away, or there with other arguments.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use oslo_messaging::{Caller, Limits};
use serde_json::Value;

use crate::bus::{Bus, PATIENCE, eventually};

async fn answer(incoming: oslo_messaging::Incoming) {
    incoming.ack().await;
    incoming.reply(Ok("ok".into())).await;
}

/// Serves under the options, is called, loses its connection and is called again.
async fn under(settings: &[(&str, &str)]) {
    let Some(bus) = Bus::new(settings).await else {
        return;
    };
    let server = bus.serve(Limits::default(), answer).await;
    let caller = Caller::new(&bus.transport).unwrap();
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    caller
        .fanout(
            &bus.to_server(),
            &Default::default(),
            "m",
            &Default::default(),
            PATIENCE,
        )
        .await
        .unwrap();
    bus.proxy.cut();
    let consuming = server.consuming();
    eventually("lost", || !*consuming.borrow()).await;
    bus.proxy.mend();
    assert!(server.wait_consuming(PATIENCE).await, "back under {settings:?}");
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    if bus.options().rabbit_stream_fanout {
        let _ = bus
            .raw
            .queue_delete(format!("{}_fanout", bus.name).into(), Default::default())
            .await;
    }
    bus.end(server).await;
}

#[tokio::test]
async fn durable() {
    under(&[("amqp_durable_queues", "true")]).await;
}

#[tokio::test]
async fn quorum() {
    under(&[
        ("rabbit_quorum_queue", "true"),
        ("rabbit_quorum_delivery_limit", "5"),
    ])
    .await;
}

#[tokio::test]
async fn kolla() {
    under(&[
        ("rabbit_quorum_queue", "true"),
        ("rabbit_transient_quorum_queue", "true"),
        ("rabbit_stream_fanout", "true"),
        ("use_queue_manager", "true"),
        ("rabbit_qos_prefetch_count", "50"),
    ])
    .await;
}

#[tokio::test]
async fn compressed() {
    under(&[("kombu_compression", "gzip")]).await;
    under(&[("kombu_compression", "bz2")]).await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_and_consumed_again() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let server = bus.serve(Limits::default(), answer).await;
    let caller = Caller::new(&bus.transport).unwrap();
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    bus.raw
        .queue_delete(bus.name.clone().into(), Default::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    bus.end(server).await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_waited_for() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(60_000));
    bus.raw
        .queue_declare(bus.name.clone().into(), QueueDeclareOptions::default(), arguments)
        .await
        .unwrap();
    let server = bus.start(Limits::default(), answer);
    assert!(
        !server.wait_consuming(Duration::from_secs(2)).await,
        "the broker refuses our arguments"
    );
    bus.raw
        .queue_delete(bus.name.clone().into(), Default::default())
        .await
        .unwrap();
    assert!(
        server.wait_consuming(PATIENCE).await,
        "ours once the other is gone"
    );
    bus.end(server).await;
}

#[tokio::test]
async fn a_transient_exchange_of_another_service_is_used_as_it_is() {
    let Some(bus) = Bus::new(&[("amqp_durable_queues", "true")]).await else {
        return;
    };
    bus.raw
        .exchange_declare(
            bus.exchange().into(),
            lapin::ExchangeKind::Topic,
            ExchangeDeclareOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    let server = bus.serve(Limits::default(), answer).await;
    let caller = Caller::new(&bus.transport).unwrap();
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    bus.end(server).await;
}
