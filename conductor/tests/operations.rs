//! Journal, leases and executor on a real database: needs `MARIADB_URL`, a server on which databases may be made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use magnum_conductor::{
    migrations,
    operation::{
        Intent, Journal, Operation, State, StepError,
        executor::{Executor, Progress, Worker},
        intent::{Asker, Change},
        journal::NewOperation,
        lease::{Lease, Leases},
    },
};
use parking_lot::Mutex;
use sqlx::MySqlPool;

const CLUSTER: &str = "c1000000-0000-4000-8000-000000000001";
const OTHER: &str = "c1000000-0000-4000-8000-000000000002";
const LIFETIME: Duration = Duration::from_secs(2);

async fn database(test: &str) -> Option<MySqlPool> {
    let server = test_database::server(test)?;
    let name = format!("conductor_{}_{test}", std::process::id());
    test_database::create(&server, &name, "").await;
    let pool = MySqlPool::connect(&format!("{server}/{name}")).await.unwrap();
    // Twice, as conductors that start one after the other do.
    migrations::run(&pool).await.unwrap();
    migrations::run(&pool).await.unwrap();
    Some(pool)
}

async fn accept(journal: &Journal, message: &str, cluster: &str, state: State, change: Change) -> u64 {
    let intent = Intent {
        change,
        facts: None,
        credential: None,
        asker: Asker::default(),
    };
    let new = NewOperation {
        message_id: message,
        cluster_uuid: cluster,
        state,
        intent: &intent,
        sealed: Some("s3cret"),
        request_id: None,
    };
    let mut conn = journal.pool().acquire().await.unwrap();
    journal.insert(&mut conn, &new).await.unwrap()
}

fn scale(to: i64) -> Change {
    Change::Scale {
        update: false,
        nodegroup: "n".to_owned(),
        from: 1,
        to,
        remove: Vec::new(),
    }
}

/// A worker that notes what it is given and answers as the test says.
struct Play {
    journal: Journal,
    seen: Mutex<Vec<(u64, &'static str)>>,
    answers: Mutex<HashMap<u64, Vec<Result<Progress, StepError>>>>,
    /// How long each run takes.
    takes: Mutex<Duration>,
}

impl Play {
    fn of(journal: &Journal) -> Arc<Self> {
        Arc::new(Self {
            journal: journal.clone(),
            seen: Mutex::default(),
            answers: Mutex::default(),
            takes: Mutex::default(),
        })
    }

    fn seen(&self) -> Vec<(u64, &'static str)> {
        self.seen.lock().clone()
    }

    async fn end(&self, operation: &Operation, state: State) {
        let mut conn = self.journal.pool().acquire().await.unwrap();
        self.journal
            .finish(&mut conn, operation.id, state, None)
            .await
            .unwrap();
    }
}

#[async_trait]
impl Worker for Play {
    async fn run(&self, operation: &Operation, _: &Lease) -> Result<Progress, StepError> {
        self.seen.lock().push((operation.id, "run"));
        let (answer, takes) = {
            let answer = self.answers.lock().get_mut(&operation.id).and_then(Vec::pop);
            (answer, *self.takes.lock())
        };
        tokio::time::sleep(takes).await;
        match answer {
            Some(answer) => answer,
            None => {
                self.end(operation, State::Done).await;
                Ok(Progress::Finished)
            }
        }
    }

    async fn fail(&self, operation: &Operation, _: &Lease, _: &str) -> Result<(), StepError> {
        self.seen.lock().push((operation.id, "fail"));
        self.end(operation, State::Failed).await;
        Ok(())
    }
}

fn executor(journal: &Journal, worker: &Arc<Play>, owner: &str) -> Arc<Executor> {
    let leases = Leases::new(journal.pool().clone(), owner.to_owned(), LIFETIME);
    let executor = Executor::new(journal.clone(), leases, worker.clone(), 8);
    tokio::spawn(executor.clone().run());
    executor
}

/// A stop that nothing holds up.
async fn stopped(executor: &Executor) {
    let began = Instant::now();
    executor.stop(Duration::from_secs(10)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "the stop waited");
}

/// Waits until the worker was given something.
async fn until_begun(worker: &Play) {
    let begun = async {
        while worker.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), begun)
        .await
        .unwrap();
}

async fn until_idle(journal: &Journal, cluster: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while journal.is_busy(cluster).await.unwrap() {
        assert!(Instant::now() < end, "operations of {cluster} do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn state(journal: &Journal, id: u64) -> (String, Option<String>) {
    sqlx::query_as("SELECT state, sealed FROM capi_operation WHERE id = ?")
        .bind(id)
        .fetch_one(journal.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn one_holder_at_a_time_and_the_next_one_after_expiry() {
    let Some(pool) = database("leases").await else {
        return;
    };
    let one = Leases::new(pool.clone(), "one".to_owned(), LIFETIME);
    let two = Leases::new(pool.clone(), "two".to_owned(), LIFETIME);
    let held = one.take(CLUSTER).await.unwrap().unwrap();
    assert!(two.take(CLUSTER).await.unwrap().is_none(), "two holders");
    assert!(
        two.take(OTHER).await.unwrap().is_some(),
        "another cluster is free"
    );

    // It is renewed for as long as it is held.
    tokio::time::sleep(LIFETIME * 2).await;
    assert!(two.take(CLUSTER).await.unwrap().is_none(), "not renewed");
    let mut conn = pool.acquire().await.unwrap();
    assert!(held.holds(&mut conn).await.unwrap());

    // A holder that dies stops renewing; after expiry the next one has it, and the dead one's checks fail.
    let lost = held.lost();
    sqlx::query("UPDATE capi_lease SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, fence = fence + 1")
        .execute(&pool)
        .await
        .unwrap();
    let next = two.take(CLUSTER).await.unwrap().unwrap();
    assert!(
        !held.holds(&mut conn).await.unwrap(),
        "the old holder may still write"
    );
    assert!(next.holds(&mut conn).await.unwrap());
    tokio::time::timeout(LIFETIME, lost.cancelled()).await.unwrap();

    two.release(next).await.unwrap();
    assert!(
        one.take(CLUSTER).await.unwrap().is_some(),
        "given back, yet not free"
    );
}

#[tokio::test]
async fn a_redelivered_message_is_the_same_operation() {
    let Some(pool) = database("redelivered").await else {
        return;
    };
    let journal = Journal::new(pool);
    let id = accept(&journal, "m1", CLUSTER, State::Accepting, Change::Create).await;
    let mut conn = journal.pool().acquire().await.unwrap();
    let known = journal
        .by_message(&mut conn, "m1", CLUSTER)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((known.id, known.state), (id, State::Accepting));
    assert!(
        known.due_in > 60.0,
        "an acceptance under way is given time: {}",
        known.due_in
    );
    assert!(
        journal
            .by_message(&mut conn, "m2", CLUSTER)
            .await
            .unwrap()
            .is_none()
    );

    // Given up in between, it cannot be accepted any more; its secret is gone.
    journal
        .finish(&mut conn, id, State::Superseded, None)
        .await
        .unwrap();
    assert!(
        !journal
            .accepted(&mut conn, id, &known.intent, Some("s3cret"))
            .await
            .unwrap()
    );
    assert_eq!(state(&journal, id).await, ("superseded".to_owned(), None));
}

#[tokio::test]
async fn operations_of_a_cluster_are_carried_out_in_order() {
    let Some(pool) = database("order").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    let mut wanted = Vec::new();
    for n in 0..5 {
        let id = accept(&journal, &format!("m{n}"), CLUSTER, State::Accepted, scale(n)).await;
        wanted.push((id, "run"));
    }
    // The second one has to be tried twice; those behind it wait for it.
    worker
        .answers
        .lock()
        .insert(wanted[1].0, vec![Err(StepError::transient("the server is away"))]);
    let executor = executor(&journal, &worker, "one");
    until_idle(&journal, CLUSTER).await;
    wanted.insert(1, wanted[1]);
    assert_eq!(worker.seen(), wanted);
    stopped(&executor).await;
}

#[tokio::test]
async fn what_is_refused_fails_and_the_next_goes_on() {
    let Some(pool) = database("refused").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    let first = accept(&journal, "m1", CLUSTER, State::Accepted, scale(2)).await;
    let second = accept(&journal, "m2", CLUSTER, State::Accepted, scale(3)).await;
    worker
        .answers
        .lock()
        .insert(first, vec![Err(StepError::permanent("denied"))]);
    let executor = executor(&journal, &worker, "one");
    until_idle(&journal, CLUSTER).await;
    assert_eq!(worker.seen(), [(first, "run"), (first, "fail"), (second, "run")]);
    assert_eq!(state(&journal, first).await, ("failed".to_owned(), None));
    stopped(&executor).await;
}

#[tokio::test]
async fn a_deletion_makes_what_waits_pointless() {
    let Some(pool) = database("deletion").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    let create = accept(&journal, "m1", CLUSTER, State::Accepted, Change::Create).await;
    let waiting = (0..1000)
        .map(|_| Ok(Progress::Waiting(Duration::from_secs(3600))))
        .collect();
    worker.answers.lock().insert(create, waiting);
    let executor = executor(&journal, &worker, "one");
    until_begun(&worker).await;
    let resize = accept(&journal, "m2", CLUSTER, State::Accepted, scale(3)).await;
    let delete = accept(
        &journal,
        "m3",
        CLUSTER,
        State::Accepted,
        Change::Delete { cluster: None },
    )
    .await;
    executor.wake(CLUSTER);
    until_idle(&journal, CLUSTER).await;
    assert_eq!(worker.seen().last(), Some(&(delete, "run")));
    assert!(
        !worker.seen().contains(&(resize, "run")),
        "a cluster was resized before it was deleted"
    );
    for id in [create, resize] {
        assert_eq!(state(&journal, id).await, ("superseded".to_owned(), None));
    }
    stopped(&executor).await;
}

#[tokio::test]
async fn another_conductor_takes_up_the_work_of_one_that_died() {
    let Some(pool) = database("takeover").await else {
        return;
    };
    let journal = Journal::new(pool);
    let dead = Leases::new(journal.pool().clone(), "dead".to_owned(), LIFETIME);
    let id = accept(&journal, "m1", CLUSTER, State::Accepted, scale(2)).await;
    // Holds the cluster and is gone without giving it back: dropping the lease ends its renewals.
    drop(dead.take(CLUSTER).await.unwrap().unwrap());
    let worker = Play::of(&journal);
    let executor = executor(&journal, &worker, "alive");
    executor.wake(CLUSTER);
    tokio::time::sleep(LIFETIME / 2).await;
    assert_eq!(worker.seen(), [], "two conductors work on one cluster");
    until_idle(&journal, CLUSTER).await;
    assert_eq!(worker.seen(), [(id, "run")]);
    stopped(&executor).await;
}

#[tokio::test]
async fn an_acceptance_that_nobody_finishes_ends_as_failed() {
    let Some(pool) = database("abandoned").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    let id = accept(&journal, "m1", CLUSTER, State::Accepting, Change::Create).await;
    let executor = executor(&journal, &worker, "one");
    executor.wake(CLUSTER);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        worker.seen(),
        [],
        "an acceptance under way was taken from its conductor"
    );
    sqlx::query("UPDATE capi_operation SET not_before = UTC_TIMESTAMP(6)")
        .execute(journal.pool())
        .await
        .unwrap();
    until_idle(&journal, CLUSTER).await;
    assert_eq!(worker.seen(), [(id, "fail")]);
    stopped(&executor).await;
}

#[tokio::test]
async fn what_is_accepted_is_begun_before_a_stop() {
    let Some(pool) = database("begun_before_a_stop").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    *worker.takes.lock() = Duration::from_millis(500);
    let executor = executor(&journal, &worker, "one");
    let first = accept(&journal, "m1", CLUSTER, State::Accepted, scale(2)).await;
    let second = accept(&journal, "m2", CLUSTER, State::Accepted, scale(3)).await;
    let deletion = Change::Delete { cluster: None };
    let other = accept(&journal, "m3", OTHER, State::Accepted, deletion).await;
    executor.wake(CLUSTER);
    executor.wake(OTHER);
    stopped(&executor).await;
    for id in [first, second, other] {
        assert_eq!(state(&journal, id).await.0, "done");
    }
    // Not so what nobody told it of before.
    let late = accept(&journal, "m4", CLUSTER, State::Accepted, scale(4)).await;
    executor.wake(CLUSTER);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(state(&journal, late).await.0, "accepted");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_waits_or_failed() {
    let Some(pool) = database("waits_at_a_stop").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    let waits = accept(&journal, "m1", CLUSTER, State::Accepted, scale(2)).await;
    let fails = accept(&journal, "m2", OTHER, State::Accepted, scale(2)).await;
    let patience = Duration::from_secs(3600);
    worker.answers.lock().extend([
        (
            waits,
            vec![Ok(Progress::Waiting(patience)), Ok(Progress::Waiting(patience))],
        ),
        (
            fails,
            (0..99)
                .map(|_| Err(StepError::transient("the server is away")))
                .collect(),
        ),
    ]);
    let executor = executor(&journal, &worker, "one");
    while !(worker.seen().contains(&(waits, "run")) && worker.seen().contains(&(fails, "run"))) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stopped(&executor).await;
    for id in [waits, fails] {
        assert_eq!(state(&journal, id).await.0, "accepted");
    }
    // The next conductor does not have to wait for leases to expire.
    let next = Leases::new(journal.pool().clone(), "two".to_owned(), LIFETIME);
    for cluster in [CLUSTER, OTHER] {
        assert!(next.take(cluster).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_stop_gives_up_what_does_not_end_and_its_lease() {
    let Some(pool) = database("given_up_at_a_stop").await else {
        return;
    };
    let journal = Journal::new(pool);
    let worker = Play::of(&journal);
    *worker.takes.lock() = Duration::from_secs(3600);
    let id = accept(&journal, "m1", CLUSTER, State::Accepted, scale(2)).await;
    let executor = executor(&journal, &worker, "one");
    until_begun(&worker).await;
    executor.stop(Duration::from_millis(300)).await;
    let next = Leases::new(journal.pool().clone(), "two".to_owned(), Duration::from_secs(60));
    let taken = async {
        while next.take(CLUSTER).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIFETIME / 2, taken).await.unwrap();
    assert_eq!(state(&journal, id).await.0, "accepted");
}
