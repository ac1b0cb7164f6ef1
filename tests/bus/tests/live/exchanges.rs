//! Every set of options, on both brokers, with clients and servers of both releases.

use std::collections::{BTreeMap, BTreeSet};

use bus::brokers::{Broker, Brokers, as_conductor};
use bus::options::{OptionSet, SETS};
use bus::python::{Finding, Plan, RELEASES, Release};
use bus::server::{NAME, Server};
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::{Value, json};

const TOPIC: &str = "magnum-conductor";

fn beside(release: Release) -> String {
    format!("beside-{}", release.name())
}

fn notifications(release: Release) -> String {
    format!("notifications-{}", release.name())
}

fn plan(brokers: &Brokers, broker: &Broker, set: &OptionSet, release: Release, phase: &str) -> Plan {
    // Both phases run at once, and the queue manager's names are to differ.
    let process = &format!("{}-{phase}", release.name());
    Plan {
        name: format!("{} {}", broker.name, set.name),
        url: broker.url(set),
        options: broker
            .options(set, &brokers.certificates, process)
            .into_iter()
            .collect(),
        topic: if phase == "client" {
            TOPIC.to_owned()
        } else {
            beside(release)
        },
        server: NAME.to_owned(),
        notifications: notifications(release),
        big_bytes: if set.name == "defaults" { 10 << 20 } else { 1 << 20 },
    }
}

/// What a client of either release has to see.
fn expected(case: &str) -> Option<Value> {
    let remote = |class: &str, text: &str| json!({"class": "RemoteError", "remote": class, "text": format!("Remote error: {class} {text}"), "code": null});
    let unsupported = |version: &str| {
        let text = format!("Endpoint does not support RPC version {version}. Attempted method: echo");
        remote("UnsupportedVersion", &text)
    };
    Some(match case {
        "finished" | "cast" | "fanout" | "fanout_reaches_both" => json!(true),
        "call" | "big_body" => json!({"same": true}),
        "context" => json!({"user_id": "uü", "auth_token": "secret", "nested": {"a": [1]}}),
        "server" | "version_known" => json!(1),
        "version_above" => unsupported("1.1"),
        "version_other" => unsupported("2.0"),
        "namespace" => unsupported("1.0"),
        "no_such_method" => remote("NoSuchMethod", "Endpoint does not support RPC method nothing"),
        "private_method" => remote("NoSuchMethod", "Endpoint does not support RPC method _private"),
        "failures" => json!({
            "builtin": {"class": "ValueError", "remote": null, "text": "bad ü", "code": null},
            "allowed": {"class": "ObjectGone_Remote", "remote": null, "text": "Object 7 is gone.", "code": 404},
            "foreign": remote("Odd", "odd"),
            "unknown": remote("Missing", "no such class"),
            "silent": {"class": "RuntimeError", "remote": null, "text": "The request was not answered", "code": null},
        }),
        "heartbeats" => json!("late"),
        "timeout" => json!("MessagingTimeout"),
        "ping" => json!("pong"),
        "many" => json!({"calls": 100, "right": true}),
        "notifications" => json!({
            "context": {"user_id": "ü", "auth_token": null, "client_timeout": null}, "publisher": "container-infra.bus",
            "event": "magnum.cluster.test", "payload": {"text": "ü", "list": [1, null]},
            "keys": ["message_id", "timestamp"],
        }),
        "both_are_asked" => json!([NAME, "python"]),
        "each_is_reached" => json!(["python", NAME]),
        "ours_calls_python" => json!("python"),
        "ours_gets_pythons_failure" => {
            json!({"class": "ValueError", "remote": null, "text": "from Python", "code": null})
        }
        _ => return None,
    })
}

const CLIENT_CASES: usize = 19;
const BESIDE_CASES: usize = 6;

fn judge(release: Release, findings: &[Finding], cases: usize, plans: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in findings {
        let name = format!("{} {}: {}", release.name(), finding.set, finding.case);
        seen.entry(&finding.set).or_default().insert(&finding.case);
        match (&finding.error, expected(&finding.case)) {
            (Some(error), _) => wrong.push(format!("{name}: {error}")),
            (None, None) => wrong.push(format!("{name}: nobody knows this case")),
            (None, Some(expected)) if expected != finding.got => {
                wrong.push(format!("{name}: {} instead of {expected}", finding.got));
            }
            _ => {}
        }
    }
    if seen.len() != plans || seen.values().any(|found| found.len() != cases) {
        let counts: Vec<_> = seen.iter().map(|(set, found)| (set, found.len())).collect();
        wrong.push(format!(
            "{}: not every case came to its end: {counts:?}, {cases} of each of {plans} sets expected",
            release.name()
        ));
    }
    wrong
}

/// What no server may stumble over: sent before the clients come.
async fn malformed(broker: &Broker, set: &OptionSet) {
    if set.tls {
        return;
    }
    let uri = broker.server.client().in_virtual_host(set.name).amqp_url();
    let connection = Connection::connect(&uri, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let envelope = |inner: Value| {
        json!({"oslo.version": "2.0", "oslo.message": inner.to_string()})
            .to_string()
            .into_bytes()
    };
    for body in [
        Vec::new(),
        b"\xff\xfe".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        "[".repeat(200_000).into_bytes(),
        vec![b'x'; 10 << 20],
        json!({"oslo.version": "9.0", "oslo.message": "{}"})
            .to_string()
            .into_bytes(),
        envelope(json!({})),
        envelope(json!({"method": null, "args": 1, "_msg_id": "m", "_reply_q": "r".repeat(300)})),
        envelope(json!({"method": "echo", "args": [], "_msg_id": 1, "_reply_q": {}, "_timeout": []})),
        envelope(json!({"method": "echo", "args": {}, "_msg_id": "m", "_reply_q": "", "_timeout": 1e308})),
    ] {
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default().with_content_type("application/json".into());
        let sent = channel
            .basic_publish("".into(), TOPIC.into(), options, &body, properties)
            .await;
        sent.unwrap().await.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn python_and_we_understand_each_other_under_every_set_of_options() {
    // Shown when the test fails.
    let _ = tracing_subscriber::fmt().with_test_writer().try_init();
    let _alone = as_conductor().await;
    let brokers = Brokers::shared().await.unwrap();
    let mut servers = Vec::new();
    for broker in &brokers.all {
        for set in &SETS {
            let config = broker.transport(set, &brokers.certificates).unwrap();
            let mut topics: Vec<String> = RELEASES.iter().map(|release| beside(*release)).collect();
            topics.push(TOPIC.to_owned());
            let notified: Vec<String> = RELEASES.iter().map(|release| notifications(*release)).collect();
            let server = Server::start(config, &topics, set.driver, &notified).await;
            servers.push(server.unwrap_or_else(|error| panic!("{} {}: {error:#}", broker.name, set.name)));
            malformed(broker, set).await;
        }
    }
    let work = RELEASES.iter().flat_map(|release| {
        ["client", "beside"].map(|phase| async move {
            let plans: Vec<Plan> = brokers
                .all
                .iter()
                .flat_map(|broker| {
                    SETS.iter()
                        .map(move |set| plan(brokers, broker, set, *release, phase))
                })
                .collect();
            let cases = if phase == "client" {
                CLIENT_CASES
            } else {
                BESIDE_CASES
            };
            match release.run(phase, &plans).await {
                Ok(findings) => judge(*release, &findings, cases, plans.len()),
                Err(error) => vec![format!("{error:#}")],
            }
        })
    });
    let wrong = futures::future::join_all(work).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    futures::future::join_all(servers.into_iter().map(Server::stop)).await;
}
