//! What breaks: connections, endpoints, stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use oslo_messaging::{Caller, Limits, RemoteError};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::bus::{Bus, PATIENCE, eventually};

#[tokio::test]
async fn a_reply_survives_a_lost_connection_and_the_work_is_done_once() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let (runs, begun, go) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
    );
    let (counter, started, release) = (runs.clone(), begun.clone(), go.clone());
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let (counter, started, release) = (counter.clone(), started.clone(), release.clone());
            async move {
                counter.fetch_add(1, Ordering::SeqCst);
                started.notify_one();
                release.notified().await;
                // The delivery is long lost; the broker has delivered it again.
                incoming.ack().await;
                incoming.reply(Ok("done".into())).await;
            }
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let call = bus.call(&caller, "m", Value::Null);
    let chaos = async {
        begun.notified().await;
        bus.proxy.cut();
        tokio::time::sleep(Duration::from_millis(500)).await;
        bus.proxy.mend();
        assert!(server.wait_consuming(PATIENCE).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
        go.notify_waiters();
    };
    let (result, ()) = tokio::join!(call, chaos);
    assert_eq!(result.unwrap(), "done");
    assert_eq!(
        runs.load(Ordering::SeqCst),
        1,
        "the second delivery stood for the first"
    );
    let count = || async {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        bus.raw
            .queue_declare(bus.name.clone().into(), passive, Default::default())
            .await
            .unwrap()
            .message_count()
    };
    assert_eq!(count().await, 0);
    bus.end(server).await;
}

#[tokio::test]
async fn a_reply_given_while_the_broker_is_away_is_sent_later() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let begun = Arc::new(Notify::new());
    let started = begun.clone();
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let started = started.clone();
            async move {
                incoming.ack().await;
                started.notify_one();
                tokio::time::sleep(Duration::from_millis(300)).await;
                incoming.reply(Ok("done".into())).await;
            }
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let chaos = async {
        begun.notified().await;
        bus.proxy.cut();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        bus.proxy.mend();
    };
    let (result, ()) = tokio::join!(bus.call(&caller, "m", Value::Null), chaos);
    assert_eq!(result.unwrap(), "done");
    bus.end(server).await;
}

#[tokio::test]
async fn an_endpoint_that_panics_gets_one_more_try_and_then_the_caller_is_told() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let counter = counter.clone();
            async move {
                assert_ne!(
                    incoming.method,
                    "bad",
                    "run {}",
                    counter.fetch_add(1, Ordering::SeqCst)
                );
                incoming.ack().await;
                incoming.reply(Ok("good".into())).await;
            }
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let failure = bus.call(&caller, "bad", Value::Null).await.unwrap_err();
    assert_eq!(failure.class, "RuntimeError");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(bus.call(&caller, "good", Value::Null).await.unwrap(), "good");
    bus.end(server).await;
}

#[tokio::test]
async fn a_request_given_back_comes_again() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let counter = counter.clone();
            async move {
                if counter.fetch_add(1, Ordering::SeqCst) < 3 {
                    return incoming.nack_requeue();
                }
                incoming.ack().await;
                incoming
                    .reply(Err(RemoteError::builtin("ValueError", "fourth")))
                    .await;
            }
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    assert_eq!(
        bus.call(&caller, "m", Value::Null).await.unwrap_err().message,
        "fourth"
    );
    bus.end(server).await;
}

#[tokio::test]
async fn a_stop_lets_work_end_and_gives_back_the_rest() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let ended = Arc::new(AtomicUsize::new(0));
    let counter = ended.clone();
    let server = bus
        .serve(
            Limits {
                concurrency: 2,
                ..Limits::default()
            },
            move |incoming| {
                let counter = counter.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    incoming.ack().await;
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            },
        )
        .await;
    for n in 0..10 {
        let message = json!({"method": "m", "args": {"n": n}, "_unique_id": n.to_string()}).to_string();
        bus.publish(&bus.name, message.as_bytes(), BasicProperties::default())
            .await;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    server.stop(Duration::from_secs(10)).await;
    assert_eq!(ended.load(Ordering::SeqCst), 2);
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let left = bus
        .raw
        .queue_declare(bus.name.clone().into(), passive, Default::default())
        .await
        .unwrap();
    assert_eq!(left.message_count(), 8);
    let server = bus
        .serve(Limits::default(), |incoming| async move { incoming.ack().await })
        .await;
    bus.end(server).await;
}

#[tokio::test]
async fn the_state_of_the_connection_can_be_watched() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let server = bus
        .serve(Limits::default(), |incoming| async move { incoming.ack().await })
        .await;
    let connected = bus.transport.connected();
    let consuming = server.consuming();
    assert!(*connected.borrow() && *consuming.borrow());
    bus.proxy.cut();
    eventually("seen as lost", || !*connected.borrow() && !*consuming.borrow()).await;
    assert!(!bus.transport.is_connected());
    bus.proxy.mend();
    eventually("seen as back", || *connected.borrow() && *consuming.borrow()).await;
    bus.end(server).await;
}
