//! Many messages through a broker that is restarted while they flow.
//!
//! What each changes is counted in the database itself: a trigger notes every change of the cluster's
//! `health_status_reason`, and each update sets one of its own. Quorum queues and confirms keep every message, so each
//! change has to be there, and once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::rpc::{Answer, Client};
use e2e::{created, deleted, log_tail};
use serde_json::{Value, json};
use stack::stack::Stack;

use crate::{SHARED, VERSION};

/// Messages under way at once.
const AT_ONCE: usize = 32;
/// oslo.messaging's `rpc_response_timeout`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Volume: `STORM_MESSAGES` and `STORM_RESTARTS`, small if unset.
fn volume(name: &str, small: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(small)
}

#[derive(Default)]
struct Seen {
    /// Reply to each call.
    answers: parking_lot::Mutex<HashMap<String, Answer>>,
    sent: AtomicUsize,
}

/// Sends message number `n`: casts and calls with an effect, calls without.
async fn send(client: &Client, cluster: &Value, workers: i64, n: usize, seen: &Seen) -> Result<()> {
    let update = || {
        json!({"cluster": cluster, "node_count": workers, "health_status": "HEALTHY",
            "health_status_reason": {"n": n.to_string()}, "rollback": false})
    };
    let (method, args) = match n % 4 {
        0 => {
            client.cast("cluster_update", update()).await?;
            seen.sent.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        1 => ("cluster_update", update()),
        2 => ("ping_conductor", json!({})),
        _ => (
            "get_ca_certificate",
            json!({"cluster": cluster, "ca_cert_type": null}),
        ),
    };
    let (id, answer) = client.call(method, args, PATIENCE).await?;
    seen.answers.lock().insert(id, answer);
    seen.sent.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

async fn changes(stack: &Stack) -> Result<u64> {
    stack
        .rows()
        .count("SELECT COUNT(DISTINCT n) FROM magnum.storm WHERE n IS NOT NULL")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_through_a_broker_that_comes_and_goes_have_their_effect_once() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let (messages, restarts) = (volume("STORM_MESSAGES", 2000), volume("STORM_RESTARTS", 3));
    let life = created(stack, "storm", VERSION, 1).await?;
    let uuid = life.uuid().await?.context("no row")?;
    stack
        .rows()
        .execute(&format!(
            "CREATE TABLE magnum.storm (n INT, id INT AUTO_INCREMENT PRIMARY KEY); \
             CREATE TRIGGER magnum.storm AFTER UPDATE ON magnum.cluster FOR EACH ROW INSERT INTO magnum.storm (n) \
             SELECT JSON_VALUE(NEW.health_status_reason, '$.n') FROM DUAL WHERE NEW.uuid = '{uuid}' \
             AND NOT (NEW.health_status_reason <=> OLD.health_status_reason)"
        ))
        .await?;
    let client = Arc::new(Client::connect(&stack.broker_client().amqp_url()).await);
    let versions = json!({"Cluster": "1.23", "ClusterTemplate": "1.20", "NodeGroup": "1.1"});
    let cluster = json!({"objname": "Cluster", "objmethod": "get_by_uuid", "object_versions": versions,
        "args": [uuid], "kwargs": {}});
    let cluster = client.result("object_class_action_versions", cluster).await?;

    let seen = Arc::new(Seen::default());
    let began = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (client, cluster, seen, next) = (client.clone(), cluster.clone(), seen.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= messages {
                        return Ok::<_, anyhow::Error>(());
                    }
                    send(&client, &cluster, 1, n, &seen).await?;
                }
            })
        })
        .collect();
    let mut flowing = Vec::new();
    for restart in 1..=restarts {
        let due = messages * restart / (restarts + 1);
        while seen.sent.load(Ordering::SeqCst) < due && !senders.iter().all(|sender| sender.is_finished()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        flowing.push(messages - next.load(Ordering::SeqCst).min(messages));
        let mut broker = stack.broker.lock().await;
        // In good order and without a warning by turns.
        if restart % 2 == 0 {
            broker.kill().await?;
        } else {
            broker.stop().await?;
        }
        broker.start_again().await?;
    }
    for sender in senders {
        sender.await??;
    }
    let took = began.elapsed();

    // Casts may still be on their way.
    let effects = (0..messages).filter(|n| n % 4 < 2).count() as u64;
    let end = Instant::now() + PATIENCE;
    while changes(stack).await? < effects && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    // What is executed a second time would come now.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let answers = seen.answers.lock().clone();
    let failures: Vec<_> = answers
        .values()
        .filter_map(|answer| match answer {
            Answer::Failure(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    let timed_out = answers
        .values()
        .filter(|answer| **answer == Answer::TimedOut)
        .count();
    let twice = client.replies().values().filter(|count| **count > 1).count();
    let repeated = stack
        .rows()
        .count("SELECT COUNT(*) FROM (SELECT n FROM magnum.storm WHERE n IS NOT NULL GROUP BY n HAVING COUNT(*) > 1) r")
        .await?;
    let changed = changes(stack).await?;
    tracing::info!(
        "{messages} messages in {:.0} s, {restarts} restarts with {flowing:?} still to be sent: {} calls answered, \
         {timed_out} timed out, {twice} answered twice; {changed} of {effects} changes made, {repeated} made twice",
        took.as_secs_f64(),
        answers.len() - timed_out,
    );
    ensure!(
        failures.is_empty(),
        "{} failures, such as {}",
        failures.len(),
        failures[0]
    );
    ensure!(twice == 0, "{twice} calls were answered twice");
    if repeated > 0 {
        let rows = stack
            .rows()
            .execute(
                "SELECT s.id, s.n, MIN(before_it.id) FROM magnum.storm s JOIN magnum.storm before_it USING (n) \
                 GROUP BY s.id HAVING s.id > MIN(before_it.id)",
            )
            .await?;
        bail!(
            "{repeated} messages had their effect twice (row, message, first row):\n{rows}\n{}",
            log_tail(stack)
        );
    }
    ensure!(
        changed == effects,
        "{changed} of {effects} messages had their effect:\n{}",
        log_tail(stack)
    );
    ensure!(
        flowing.iter().all(|left| *left > 0),
        "the messages had all been sent before a restart"
    );
    stack
        .rows()
        .execute("DROP TRIGGER magnum.storm; DROP TABLE magnum.storm")
        .await?;
    deleted(&life).await
}
