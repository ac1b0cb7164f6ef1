//! The Python conductor's recorded answers: `handlers` are whole requests, from the message to the rows; `functions` its
//! driver's pure functions.
//!
//! Each is put to our handlers over a real database, with the rest of the world played at its rim, and carried out by
//! our steps. What Python does before it answers, we do partly after, so the ends are compared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod certificates;
mod deletions;
mod differences;
mod expect;
mod functions;
mod kubernetes;
mod outcome;
mod rig;
mod rim;
mod rows;
mod side_by_side;
mod world;

use std::sync::Arc;

use futures::StreamExt;
use oracle::{Suite, Verdict};
use serde_json::Value;

/// Cases at work side by side, each with a database of its own.
const LANES: usize = 3;

/// Runs a suite on threads with room for the futures of an unoptimised build.
fn with_room(suite: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(LANES + 1)
        .thread_stack_size(16 << 20)
        .enable_all()
        .build();
    runtime.unwrap().block_on(suite);
}

#[test]
fn requests_end_as_in_python() {
    with_room(requests());
}

async fn requests() {
    let Some(server) = rows::server("handlers") else {
        return;
    };
    let common = Arc::new(oracle::common());
    let mut suite = Suite::new("handlers", differences::ids());
    let cases = oracle::records("handlers").into_iter().enumerate();
    let cases: Vec<(usize, Value)> = cases
        .filter(|(_, case)| suite.wants(case["name"].as_str().unwrap()))
        .collect();
    let lanes = (0..LANES).map(|lane| {
        let mine: Vec<Value> = cases
            .iter()
            .filter(|(n, _)| n % LANES == lane)
            .map(|(_, case)| case.clone())
            .collect();
        let (server, common) = (server.clone(), common.clone());
        tokio::spawn(async move {
            let mut rig = rig::Rig::new(&server, lane, common).await;
            let mut verdicts = Vec::new();
            for case in mine {
                let ours = rig.replay(&case).await;
                verdicts.push((case["name"].as_str().unwrap().to_owned(), judge(&case, ours)));
            }
            rig.end().await;
            verdicts
        })
    });
    let verdicts: Vec<_> = futures::stream::iter(lanes).buffered(LANES).collect().await;
    for (name, verdict) in verdicts.into_iter().flat_map(Result::unwrap) {
        suite.count(&name, verdict);
    }
    suite.end();
}

fn judge(case: &Value, ours: Value) -> Verdict {
    let theirs = expect::expected(case);
    let found = expect::compare(case, &ours, &theirs);
    oracle::verdict(differences::RULES, case, &ours, &theirs, &found)
}
