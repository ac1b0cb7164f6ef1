//! What we read and write against what magnum-api and magnum-conductor 23.0.0 with oslo.messaging 18.3.1 sent each
//! other over RabbitMQ (`tests/data/wire.jsonl`), and our queues against theirs under each set of options.

use lapin::types::AMQPValue;
use oslo_config::SectionDef;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::envelope::{self, Request};
use crate::publisher::packed;
use crate::{OsloMessagingRabbit, RemoteError, topology};

#[derive(Deserialize)]
struct Recorded {
    name: String,
    exchange: String,
    routing_key: String,
    properties: Value,
    payload: String,
}

fn recorded(name: &str) -> Recorded {
    include_str!("../tests/data/wire.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Recorded>(line).unwrap())
        .find(|recorded| recorded.name == name)
        .unwrap()
}

fn message(name: &str) -> Map<String, Value> {
    envelope::open(recorded(name).payload.as_bytes()).unwrap()
}

/// Puts the recorded value in place of what is random.
fn with(mut ours: Map<String, Value>, theirs: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    for key in keys {
        ours.insert((*key).to_owned(), theirs[*key].clone());
    }
    ours
}

fn sealed(message: &Map<String, Value>) -> String {
    String::from_utf8(envelope::seal(message)).unwrap()
}

#[test]
fn a_call_is_read() {
    let request = Request::parse(message("080-cluster_create.heartbeat-request"));
    assert_eq!(request.method, Some("cluster_create".into()));
    assert_eq!(
        request.msg_id.as_deref(),
        Some("9a487960e4ed466898d65660ffc7eff3")
    );
    assert_eq!(
        request.reply_q.as_deref(),
        Some("reply_d86a9d3a54bb45ddb3a9733e6dcc3090")
    );
    assert_eq!(
        request.unique_id.as_deref(),
        Some("aaaadc384778481f86ff4a35e230518c")
    );
    assert_eq!(request.timeout, Some(2.0));
    assert_eq!((request.namespace, request.version), (None, None));
    assert_eq!(request.args["cluster"]["magnum_object.name"], "Cluster");
    assert_eq!(request.context["auth_token"], "a-token");
    assert_eq!(
        request.context["request_id"],
        "req-7efc487a-99d1-4e78-9ed4-26ca85bb5063"
    );
    assert!(request.context.keys().all(|key| !key.starts_with('_')));
}

#[test]
fn requests_are_written_byte_for_byte() {
    for name in [
        "057-ping_conductor-request",
        "058-ping_conductor.server-request",
        "059-ping_conductor.fanout.cast-request",
        "060-ping_conductor.v1.0-request",
        "061-ping_conductor.UnsupportedVersion.v2.0-request",
        "062-ping_conductor.UnsupportedVersion.ns-request",
        "064-ping_conductor.TypeError-request",
        "080-cluster_create.heartbeat-request",
    ] {
        let theirs = message(name);
        let request = Request::parse(theirs.clone());
        let timeout = theirs.get("_timeout").and_then(Value::as_u64);
        let reply = request
            .msg_id
            .as_deref()
            .zip(request.reply_q.as_deref())
            .map(|(id, q)| (id, q, timeout));
        let ours = envelope::request(
            request.method.as_ref().and_then(Value::as_str).unwrap(),
            request.args.as_object().unwrap(),
            request.namespace.as_deref(),
            request.version.as_deref(),
            reply,
            &request.context,
        );
        assert_eq!(
            sealed(&with(ours, &theirs, &["_unique_id"])),
            recorded(name).payload,
            "{name}"
        );
    }
}

#[test]
fn results_and_heartbeats_are_written_byte_for_byte() {
    for (name, result, ending) in [
        ("057-ping_conductor-reply", json!(true), true),
        (
            "080-cluster_create.heartbeat-reply-heartbeat1",
            Value::Null,
            false,
        ),
    ] {
        let theirs = message(name);
        let ours = envelope::reply(theirs["_msg_id"].as_str().unwrap(), Ok(&result), ending);
        assert_eq!(
            sealed(&with(ours, &theirs, &["_unique_id"])),
            recorded(name).payload,
            "{name}"
        );
    }
}

#[test]
fn failures_are_written_as_recorded_but_for_the_trace() {
    let not_found = RemoteError {
        kwargs: json!({"cluster": "145cfd6a-3816-4316-93a7-77bd510691c0", "code": 404})
            .as_object()
            .unwrap()
            .clone(),
        ..RemoteError::new(
            "ClusterNotFound",
            "magnum.common.exception",
            "Cluster 145cfd6a-3816-4316-93a7-77bd510691c0 could not be found.",
        )
    };
    let ping = Some("ping_conductor");
    for (name, failure) in [
        (
            "061-ping_conductor.UnsupportedVersion.v2.0-reply",
            RemoteError::unsupported_version("2.0", ping),
        ),
        (
            "062-ping_conductor.UnsupportedVersion.ns-reply",
            RemoteError::unsupported_version("1.0", ping),
        ),
        (
            "063-no_such_method.NoSuchMethod-reply",
            RemoteError::no_such_method("no_such_method"),
        ),
        (
            "064-ping_conductor.TypeError-reply",
            RemoteError::type_error("Handler.ping_conductor() got an unexpected keyword argument 'bogus'"),
        ),
        ("078-cluster_delete.ClusterNotFound-reply", not_found),
    ] {
        let theirs = message(name);
        let recorded_failure = RemoteError::from_wire(&theirs["failure"]);
        assert_eq!(
            recorded_failure.tb.last(),
            failure.tb.last(),
            "{name}: the line that names the exception"
        );
        let failure = RemoteError {
            tb: recorded_failure.tb,
            ..failure
        };
        let ours = envelope::reply(theirs["_msg_id"].as_str().unwrap(), Err(&failure), true);
        assert_eq!(
            sealed(&with(ours, &theirs, &["_unique_id"])),
            recorded(name).payload,
            "{name}"
        );
    }
}

#[test]
fn properties_are_those_of_kombu() {
    let (_, properties) = packed(Vec::new(), None);
    let ours = json!({
        "priority": properties.priority(),
        "delivery_mode": properties.delivery_mode(),
        "content_encoding": properties.content_encoding().as_ref().map(|s| s.as_str()),
        "content_type": properties.content_type().as_ref().map(|s| s.as_str()),
    });
    let reply = recorded("057-ping_conductor-reply");
    assert_eq!(ours, reply.properties);
    assert!(properties.headers().is_none() && properties.message_id().is_none());
    assert_eq!(
        (reply.exchange.as_str(), reply.routing_key.starts_with("reply_")),
        ("", true)
    );
}

#[test]
fn notifications_have_the_recorded_shape() {
    for (name, priority) in [
        (
            "017-notification.magnum.cluster.create.pending",
            crate::Priority::Info,
        ),
        (
            "018-notification.magnum.cluster.create.failure",
            crate::Priority::Error,
        ),
    ] {
        let theirs = message(name);
        let context = Request::parse(theirs.clone()).context;
        let publisher = theirs["publisher_id"].as_str().unwrap();
        let event_type = theirs["event_type"].as_str().unwrap();
        let mut ours = crate::notifier::message(publisher, priority, event_type, theirs["payload"].clone());
        ours.insert("_unique_id".to_owned(), Value::Null);
        envelope::add_context(&mut ours, &context);
        let ours = with(ours, &theirs, &["message_id", "timestamp", "_unique_id"]);
        let recorded = recorded(name);
        assert_eq!(sealed(&ours), recorded.payload, "{name}");
        assert_eq!(
            recorded.routing_key,
            format!("notifications.{}", priority.as_str().to_lowercase())
        );
    }
}

/// Exchange, then queue, as `rabbitmqctl` lists them: name, durable, auto-delete, arguments.
fn lines(options: &OsloMessagingRabbit) -> Vec<String> {
    let queues = [
        topology::topic_queue(options, "magnum", "magnum-conductor"),
        topology::topic_queue(options, "magnum", "magnum-conductor.server"),
        topology::fanout_queue(options, "magnum-conductor", "unique"),
        topology::topic_queue(options, "magnum", "notifications.info"),
        topology::reply_queue(options, "unique"),
    ];
    let exchanges = [
        queues[0].exchange.clone().unwrap(),
        queues[2].exchange.clone().unwrap(),
    ];
    let mut lines: Vec<String> = exchanges
        .iter()
        .map(|e| {
            format!(
                "exchange {} {} {} {}",
                e.name,
                format!("{:?}", e.kind).to_lowercase(),
                e.durable,
                e.auto_delete
            )
        })
        .collect();
    lines.extend(queues.iter().map(|queue| {
        let arguments: Vec<String> = queue
            .arguments
            .inner()
            .iter()
            .map(|(name, value)| match value {
                AMQPValue::LongString(text) => format!("{name}={text}"),
                AMQPValue::LongInt(number) => format!("{name}={number}"),
                other => format!("{name}={other:?}"),
            })
            .collect();
        format!(
            "{} {} {} {}",
            queue.name,
            queue.durable,
            queue.auto_delete,
            arguments.join(",")
        )
        .trim_end()
        .to_owned()
    }));
    lines
}

fn options(set: &[(&str, &str)]) -> OsloMessagingRabbit {
    let mut options = OsloMessagingRabbit::default();
    for (name, value) in set {
        assert!(options.set(name, value).unwrap(), "{name}");
    }
    options
}

#[test]
fn queues_as_declared_by_default() {
    assert_eq!(
        lines(&options(&[])),
        [
            "exchange magnum topic false false",
            "exchange magnum-conductor_fanout fanout false true",
            "magnum-conductor false false",
            "magnum-conductor.server false false",
            "magnum-conductor_fanout_unique false false x-expires=1800000",
            "notifications.info false false",
            "reply_unique false false x-expires=1800000",
        ]
    );
}

#[test]
fn queues_as_declared_with_durable_queues() {
    assert_eq!(
        lines(&options(&[("amqp_durable_queues", "true")])),
        [
            "exchange magnum topic true false",
            "exchange magnum-conductor_fanout fanout false true",
            "magnum-conductor true false",
            "magnum-conductor.server true false",
            "magnum-conductor_fanout_unique false false x-expires=1800000",
            "notifications.info true false",
            "reply_unique false false x-expires=1800000",
        ]
    );
}

#[test]
fn queues_as_declared_with_quorum_queues() {
    assert_eq!(
        lines(&options(&[("rabbit_quorum_queue", "true")])),
        [
            "exchange magnum topic true false",
            "exchange magnum-conductor_fanout fanout false true",
            "magnum-conductor true false x-queue-type=quorum",
            "magnum-conductor.server true false x-queue-type=quorum",
            "magnum-conductor_fanout_unique false false x-expires=1800000",
            "notifications.info true false x-queue-type=quorum",
            "reply_unique false false x-expires=1800000",
        ]
    );
}

#[test]
fn queues_as_declared_with_kollas_options() {
    let kolla = [
        ("rabbit_quorum_queue", "true"),
        ("rabbit_transient_quorum_queue", "true"),
        ("rabbit_stream_fanout", "true"),
        ("use_queue_manager", "true"),
        ("rabbit_qos_prefetch_count", "1"),
    ];
    assert_eq!(
        lines(&options(&kolla)),
        [
            "exchange magnum topic true false",
            "exchange magnum-conductor_fanout fanout true true",
            "magnum-conductor true false x-queue-type=quorum",
            "magnum-conductor.server true false x-queue-type=quorum",
            "magnum-conductor_fanout true false x-max-age=1800s,x-queue-type=stream",
            "notifications.info true false x-queue-type=quorum",
            "reply_unique true false x-expires=1800000,x-queue-type=quorum",
        ]
    );
    assert_eq!(
        lines(&options(&kolla[1..]))[2..4],
        [
            "magnum-conductor false false",
            "magnum-conductor.server false false"
        ],
        "transient options alone leave topic queues classic"
    );
}

#[test]
fn queues_as_declared_with_auto_delete() {
    assert_eq!(
        lines(&options(&[("amqp_auto_delete", "true")])),
        [
            "exchange magnum topic false true",
            "exchange magnum-conductor_fanout fanout false true",
            "magnum-conductor false true",
            "magnum-conductor.server false true",
            "magnum-conductor_fanout_unique false false x-expires=1800000",
            "notifications.info false true",
            "reply_unique false false x-expires=1800000",
        ]
    );
}

#[test]
fn limits_of_quorum_queues_and_no_ttl() {
    let lines = lines(&options(&[
        ("rabbit_quorum_queue", "true"),
        ("rabbit_quorum_delivery_limit", "3"),
        ("rabbit_quorum_max_memory_length", "10"),
        ("rabbit_quorum_max_memory_bytes", "3000000000"),
        ("rabbit_transient_queues_ttl", "0"),
    ]));
    assert_eq!(
        lines[2],
        "magnum-conductor true false x-delivery-limit=3,x-max-in-memory-bytes=LongLongInt(3000000000),\
         x-max-in-memory-length=10,x-queue-type=quorum"
    );
    assert_eq!(lines[6], "reply_unique false false");
}
