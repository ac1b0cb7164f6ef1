//! Every request that a real magnum-api 23.0 sent, byte for byte, to our real conductor; each answered as Python's
//! conductor answered it. What is random or different on purpose stands in `data/differences.json`, with the reason.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests"
)]

mod conductor;
mod differences;
mod recording;
mod rows;

use std::collections::BTreeSet;

use conductor::Conductor;
use differences::Differences;
use recording::{Exchange, decoded};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_are_answered_as_recorded() {
    let exchanges = recording::all();
    let differences = Differences::read();
    let conductor = Conductor::start().await;
    let mut wrong = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let (mut compared, mut taken) = (0, 0);
    let (now, later): (Vec<&Exchange>, Vec<&Exchange>) = exchanges.iter().partition(|exchange| {
        exchange.reply.is_some() && !differences.needs_the_cloud.contains_key(&exchange.name)
    });
    for exchange in now {
        let theirs = exchange.reply.as_ref().unwrap();
        conductor.prepare(&rows::of(exchange, &exchanges)).await;
        let Some(ours) = conductor.call(exchange).await else {
            wrong.push(format!("{}: no reply", exchange.name));
            continue;
        };
        if ours.properties != theirs.properties {
            wrong.push(format!(
                "{}: properties {} instead of {}",
                exchange.name, ours.properties, theirs.properties
            ));
        }
        let (ours, theirs) = (decoded(&ours.payload), decoded(&theirs.payload));
        wrong.extend(differences.compare(&exchange.name, ours, theirs, &mut seen));
        compared += 1;
    }
    wrong.extend(differences.unused(&seen));
    // What nobody answers, or what is only answered with the cloud of the recording: taken, and nothing breaks.
    let heartbeats = exchanges
        .iter()
        .find(|exchange| exchange.heartbeats > 0 && later.iter().any(|l| l.name == exchange.name));
    let templates: Vec<_> = heartbeats
        .iter()
        .flat_map(|exchange| rows::template_of(exchange, &exchanges))
        .collect();
    conductor.prepare(&templates).await;
    for exchange in &later {
        conductor.send(exchange).await;
        taken += 1;
    }
    if let Some(exchange) = heartbeats {
        let beat = conductor
            .next_reply(exchange)
            .await
            .map(|beat| decoded(&beat.payload))
            .unwrap_or_default();
        let of = |key: &str| beat.get(key).cloned().unwrap_or_default();
        // While it waits for Keystone, which is away.
        if (of("ending"), of("result"), of("failure")) != (Value::Bool(false), Value::Null, Value::Null) {
            wrong.push(format!("{}: {beat} instead of a heartbeat", exchange.name));
        }
    }
    let ping = exchanges
        .iter()
        .find(|exchange| exchange.name == "057-ping_conductor");
    // As a new request: the same one again would be a duplicate, which nobody answers.
    let ping = ping.unwrap().with_another_id();
    match conductor.call(&ping).await {
        Some(pong) if decoded(&pong.payload)["result"] == true => {}
        other => wrong.push(format!("no answer after all others: {other:?}")),
    }
    assert!(
        wrong.is_empty(),
        "{} differences in {compared} replies:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let total = compared + taken;
    assert_eq!(total, 85, "requests in the recording");
    assert!(compared >= 48, "only {compared} replies were compared");
}
