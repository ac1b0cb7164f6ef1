//! Requests, replies and events as long as nothing breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use oslo_config::MultiString;
use oslo_messaging::{
    CallError, CallTarget, Caller, Limits, Notifier, OsloMessagingNotifications, Priority, RemoteError,
};
use serde_json::{Map, Value, json};

use crate::bus::{Bus, PATIENCE, eventually};

#[tokio::test]
async fn calls_casts_and_fanout_reach_the_server() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let server = bus
        .serve(
            Limits {
                ping: true,
                ..Limits::default()
            },
            move |incoming| {
                let counter = counter.clone();
                async move {
                    incoming.ack().await;
                    counter.fetch_add(1, Ordering::SeqCst);
                    let answer = json!({"args": incoming.args, "user": incoming.context.get("user")});
                    let known = incoming.method == "echo";
                    let failure = RemoteError::no_such_method(&incoming.method);
                    incoming
                        .reply(if known { Ok(answer) } else { Err(failure) })
                        .await;
                }
            },
        )
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let context = json!({"user": "ü"}).as_object().unwrap().clone();
    let args = json!({"a": [1, null, "x".repeat(300_000)]})
        .as_object()
        .unwrap()
        .clone();
    let one = CallTarget {
        server: Some("server".into()),
        ..bus.to_server()
    };
    for target in [bus.to_server(), one] {
        let result = caller
            .call(&target, &context, "echo", &args, PATIENCE, None)
            .await
            .unwrap();
        assert_eq!(result, json!({"args": args, "user": "ü"}));
    }
    let called = seen.load(Ordering::SeqCst);
    caller
        .cast(&bus.to_server(), &context, "echo", &args, PATIENCE)
        .await
        .unwrap();
    caller
        .fanout(&bus.to_server(), &context, "echo", &args, PATIENCE)
        .await
        .unwrap();
    eventually("cast and fanout arrive", || {
        seen.load(Ordering::SeqCst) == called + 2
    })
    .await;

    let failure = bus.call(&caller, "nothing", Value::Null).await.unwrap_err();
    assert_eq!(failure, RemoteError::no_such_method("nothing"));
    let failure = bus.call(&caller, "_private", Value::Null).await.unwrap_err();
    assert_eq!(failure, RemoteError::no_such_method("_private"));
    assert_eq!(
        bus.call(&caller, "oslo_rpc_server_ping", Value::Null)
            .await
            .unwrap(),
        "pong"
    );
    for (target, version) in [
        (
            CallTarget {
                version: Some("2.0".into()),
                ..bus.to_server()
            },
            "2.0",
        ),
        (
            CallTarget {
                namespace: Some("x".into()),
                ..bus.to_server()
            },
            "1.0",
        ),
    ] {
        let error = caller
            .call(&target, &Map::new(), "echo", &Map::new(), PATIENCE, None)
            .await
            .unwrap_err();
        let CallError::Remote(failure) = error else {
            panic!("{error}")
        };
        assert_eq!(failure, RemoteError::unsupported_version(version, Some("echo")));
    }
    bus.end(server).await;
}

#[tokio::test]
async fn what_is_no_message_is_dropped_and_the_rest_goes_on() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let server = bus
        .serve(Limits::default(), |incoming| async move {
            incoming.ack().await;
            incoming.reply(Ok("ok".into())).await;
        })
        .await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let envelope =
        |message: Value| json!({"oslo.version": "2.0", "oslo.message": message.to_string()}).to_string();
    for body in [
        "".to_owned(),
        "\u{0}".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        deep,
        "x".repeat(10 << 20),
        json!({"oslo.version": "9.0", "oslo.message": "{}"}).to_string(),
        envelope(json!({})),
        envelope(json!({"method": null, "args": 1, "_msg_id": "m", "_reply_q": "r".repeat(300)})),
        envelope(json!({"method": "m", "args": [], "_msg_id": 1, "_reply_q": {}, "_timeout": []})),
        envelope(json!({"method": "m", "args": {}, "_msg_id": "m", "_reply_q": "", "_timeout": 1e308})),
    ] {
        bus.publish(&bus.name, body.as_bytes(), BasicProperties::default())
            .await;
    }
    let caller = Caller::new(&bus.transport).unwrap();
    assert_eq!(bus.call(&caller, "m", Value::Null).await.unwrap(), "ok");
    bus.end(server).await;
}

#[tokio::test]
async fn odd_requests_get_python_s_answers() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let server = bus
        .serve(Limits::default(), |incoming| async move { incoming.ack().await })
        .await;
    bus.raw
        .exchange_declare(
            bus.exchange().into(),
            lapin::ExchangeKind::Topic,
            Default::default(),
            Default::default(),
        )
        .await
        .unwrap();
    let mut replies = bus.queue("replies").await;
    for (method, args, class, text) in [
        (
            json!(null),
            json!({}),
            "TypeError",
            "hasattr(): attribute name must be string",
        ),
        (
            json!(7),
            json!({}),
            "TypeError",
            "hasattr(): attribute name must be string",
        ),
        (
            json!("m"),
            json!([1]),
            "AttributeError",
            "'list' object has no attribute 'items'",
        ),
        (
            json!("m"),
            json!(null),
            "AttributeError",
            "'NoneType' object has no attribute 'items'",
        ),
        // Taken and left unanswered: better than silence.
        (
            json!("m"),
            json!({}),
            "RuntimeError",
            "The request was not answered",
        ),
    ] {
        let message = json!({
            "method": method, "args": args, "_msg_id": "id", "_reply_q": format!("{}-replies", bus.name),
        });
        bus.publish(
            &bus.name,
            message.to_string().as_bytes(),
            BasicProperties::default(),
        )
        .await;
        let reply = tokio::time::timeout(PATIENCE, replies.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let outer: Value = serde_json::from_slice(&reply.data).unwrap();
        let inner: Value = serde_json::from_str(outer["oslo.message"].as_str().unwrap()).unwrap();
        let failure: Value = serde_json::from_str(inner["failure"].as_str().unwrap()).unwrap();
        assert_eq!(
            (
                failure["class"].as_str().unwrap(),
                failure["message"].as_str().unwrap()
            ),
            (class, text)
        );
        assert_eq!(inner["_msg_id"], "id");
    }
    bus.end(server).await;
}

#[tokio::test]
async fn long_calls_get_heartbeats() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let server = bus
        .serve(Limits::default(), |incoming| async move {
            incoming.ack().await;
            tokio::time::sleep(Duration::from_secs(4)).await;
            incoming.reply(Ok("late".into())).await;
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let monitor = Some(Duration::from_secs(2));
    let result = caller
        .call(&bus.to_server(), &Map::new(), "m", &Map::new(), PATIENCE, monitor)
        .await;
    assert_eq!(result.unwrap(), "late");
    bus.end(server).await;
}

#[tokio::test]
async fn a_request_sent_twice_while_it_is_worked_on_is_done_once_and_leaves_nothing() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let (begun, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let (go, release) = tokio::sync::watch::channel(false);
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let (begun, mut release) = (begun.clone(), release.clone());
            async move {
                begun.send(incoming.method.clone()).unwrap();
                release.wait_for(|released| *released).await.unwrap();
                incoming.ack().await;
            }
        })
        .await;
    let message = |method: &str, id: &str| {
        let message = json!({"method": method, "args": {}, "_unique_id": id}).to_string();
        json!({"oslo.version": "2.0", "oslo.message": message}).to_string()
    };
    // A sender that is in doubt whether the broker has it.
    for (method, id) in [("m", "1"), ("m", "1"), ("m", "1"), ("last", "2")] {
        bus.publish(
            &bus.name,
            message(method, id).as_bytes(),
            BasicProperties::default(),
        )
        .await;
    }
    assert_eq!(beginnings.recv().await.unwrap(), "m");
    // Deliveries come in their order: the copies have been seen by now.
    assert_eq!(beginnings.recv().await.unwrap(), "last");
    go.send(true).unwrap();
    server.stop(PATIENCE).await;
    assert!(beginnings.try_recv().is_err(), "it was done twice");
    // What was not settled would be back.
    let queue = bus.raw.queue_declare(
        bus.name.clone().into(),
        QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        },
        FieldTable::default(),
    );
    assert_eq!(queue.await.unwrap().message_count(), 0);
}

#[tokio::test]
async fn work_is_bounded() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counter, peak) = (now.clone(), most.clone());
    let server = bus
        .serve(
            Limits {
                concurrency: 3,
                ..Limits::default()
            },
            move |incoming| {
                let (counter, peak) = (counter.clone(), peak.clone());
                async move {
                    peak.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    incoming.ack().await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    counter.fetch_sub(1, Ordering::SeqCst);
                    incoming.reply(Ok(Value::Null)).await;
                }
            },
        )
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let calls = (0..12).map(|_| bus.call(&caller, "m", Value::Null));
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 3);
    bus.end(server).await;
}

#[tokio::test]
async fn a_message_is_passed_on_untouched() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let transport = bus.transport.clone();
    let (exchange, key) = (bus.exchange(), format!("{}-other", bus.name));
    let (sender, mut results) = tokio::sync::mpsc::unbounded_channel();
    let server = bus
        .serve(Limits::default(), move |incoming| {
            let (transport, exchange, key, sender) =
                (transport.clone(), exchange.clone(), key.clone(), sender.clone());
            async move {
                let passed = transport.pass_on(&incoming, &exchange, &key, PATIENCE).await;
                incoming.ack().await;
                sender.send(passed).unwrap();
            }
        })
        .await;
    let mut headers = FieldTable::default();
    headers.insert("h".into(), AMQPValue::LongString("v".into()));
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_expiration("60000".into())
        .with_delivery_mode(2)
        .with_priority(0)
        .with_headers(headers);
    let body =
        b"{\"oslo.version\":   \"2.0\", \"oslo.message\": \"{\\\"method\\\": \\\"m\\\", \\\"args\\\": {}}\"}";

    // The first waits in a queue made for it, for a consumer yet to come.
    for _ in 0..2 {
        bus.publish(&bus.name, body, properties.clone()).await;
        results.recv().await.unwrap().unwrap();
    }
    let mut other = bus.queue("other").await;
    for _ in 0..2 {
        let passed = other.next().await.unwrap().unwrap();
        assert_eq!(passed.data, body);
        assert_eq!(passed.properties, properties);
    }
    bus.end(server).await;
}

#[tokio::test]
async fn the_answer_to_a_call_that_was_passed_on_is_the_other_servers() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let (transport, exchange, other) = (
        bus.transport.clone(),
        bus.exchange(),
        format!("{}-other", bus.name),
    );
    let first = bus
        .serve(Limits::default(), move |incoming| {
            let (transport, exchange, other) = (transport.clone(), exchange.clone(), other.clone());
            async move {
                let passed = transport.pass_on(&incoming, &exchange, &other, PATIENCE).await;
                passed.unwrap();
                incoming.ack().await;
            }
        })
        .await;
    let caller = Caller::new(&bus.transport).unwrap();
    let call = tokio::spawn({
        let (to, monitor) = (bus.to_server(), Some(Duration::from_secs(20)));
        async move {
            caller
                .call(&to, &Map::new(), "m", &Map::new(), PATIENCE, monitor)
                .await
        }
    });
    let mut waiting = bus.queue("other").await;
    let passed = waiting.next().await.unwrap().unwrap();
    // A failure of the first server's would be here before this.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let body: Value = serde_json::from_slice(&passed.data).unwrap();
    let request: Value = serde_json::from_str(body["oslo.message"].as_str().unwrap()).unwrap();
    let answer = json!({"result": "theirs", "failure": null, "ending": true,
        "_unique_id": "1", "_msg_id": request["_msg_id"]});
    let envelope = json!({"oslo.version": "2.0", "oslo.message": answer.to_string()});
    let reply_q = request["_reply_q"].as_str().unwrap();
    bus.publish(
        reply_q,
        envelope.to_string().as_bytes(),
        BasicProperties::default(),
    )
    .await;
    assert_eq!(call.await.unwrap().unwrap(), "theirs");
    bus.end(first).await;
}

#[tokio::test]
async fn events_arrive_in_order_on_every_topic() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let options = OsloMessagingNotifications {
        driver: MultiString(vec![
            "messagingv2".into(),
            "log".into(),
            "noop".into(),
            "messaging".into(),
        ]),
        topics: vec![format!("{}-one", bus.name), format!("{}-two", bus.name)],
        ..OsloMessagingNotifications::default()
    };
    let notifier = Notifier::new(&bus.transport, &bus.exchange(), &options, "container-infra.host").unwrap();
    for n in 0..20 {
        notifier.emit(&Map::new(), Priority::Info, "magnum.test", json!({"n": n}));
    }
    assert!(notifier.flush(PATIENCE).await);
    for topic in ["one", "two"] {
        let queue = format!("{}-{topic}.info", bus.name);
        let mut numbers = Vec::new();
        while let Some(got) = bus
            .raw
            .basic_get(queue.clone().into(), Default::default())
            .await
            .unwrap()
        {
            let event: Value = serde_json::from_slice(&got.delivery.data).unwrap();
            let event = match event.get("oslo.message") {
                Some(inner) => serde_json::from_str(inner.as_str().unwrap()).unwrap(),
                None => event,
            };
            assert_eq!(event["publisher_id"], "container-infra.host");
            numbers.push(event["payload"]["n"].as_u64().unwrap());
        }
        assert_eq!(
            numbers,
            (0..20).flat_map(|n| [n, n]).collect::<Vec<_>>(),
            "both drivers, in order"
        );
        let _ = bus.raw.queue_delete(queue.into(), Default::default()).await;
    }
    let unknown = OsloMessagingNotifications {
        driver: MultiString(vec!["kafka".into()]),
        ..OsloMessagingNotifications::default()
    };
    assert!(Notifier::new(&bus.transport, "x", &unknown, "p").is_err());
    notifier.close(PATIENCE).await;
    let _ = bus
        .raw
        .exchange_delete(bus.exchange().into(), Default::default())
        .await;
}

#[tokio::test]
async fn an_event_never_holds_up_the_work() {
    let Some(bus) = Bus::new(&[]).await else { return };
    let options = OsloMessagingNotifications {
        driver: MultiString(vec!["messagingv2".into()]),
        topics: vec![format!("{}-away", bus.name)],
        ..OsloMessagingNotifications::default()
    };
    let notifier = Notifier::new(&bus.transport, &bus.exchange(), &options, "container-infra.host").unwrap();
    bus.proxy.cut();
    let begun = Instant::now();
    for _ in 0..100 {
        notifier.emit(&Map::new(), Priority::Error, "magnum.test", Value::Null);
    }
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert!(
        !notifier.flush(Duration::from_millis(300)).await,
        "the broker is away"
    );
    bus.proxy.mend();
    assert!(notifier.flush(PATIENCE).await, "sent once it is back");
    let queue = format!("{}-away.error", bus.name);
    let declared = bus.raw.queue_declare(
        queue.clone().into(),
        lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        },
        Default::default(),
    );
    assert!(declared.await.unwrap().message_count() >= 100);
    let _ = bus.raw.queue_delete(queue.into(), Default::default()).await;
    let _ = bus
        .raw
        .exchange_delete(bus.exchange().into(), Default::default())
        .await;
}
