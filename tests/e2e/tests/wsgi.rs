//! magnum-api as WSGI (its own database access), RabbitMQ with kolla's options (quorum queues, streams, queue
//! manager): the whole life of a cluster, also while servers are stopped and the conductor is killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use e2e::{Shared, created, deleted, log_tail, patiently, story};
use stack::life::Life;
use stack::magnum::ApiKind;
use stack::magnum_conf::RabbitOptions;
use stack::stack::{Options, Stack};

static SHARED: Shared = Shared::new(|| {
    let mut options = Options::new()?;
    options.api = ApiKind::Wsgi;
    options.rabbit = RabbitOptions::Kolla;
    Ok(options)
});

/// How long a server stays away.
const AWAY: Duration = Duration::from_secs(5);
/// How long the services between a user and the conductor may take to notice that a server is back.
const NOTICE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn whole_life() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    story(stack, "life").await
}

/// A user's look at the clusters works again.
async fn reachable(stack: &Stack) -> Result<()> {
    patiently(NOTICE, || stack.openstack(&["coe", "cluster", "list"]))
        .await
        .map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_servers_are_survived() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let [first, next] = stack::demo::VERSIONS;
    Life::create_template(stack, first).await?;
    Life::create_template(stack, next).await?;
    let life = Life::new(stack, "stopped");

    life.create(first, 1, 1).await?;
    life.wait_for("have begun", "c.status = 'CREATE_IN_PROGRESS'")
        .await?;
    stack.broker.lock().await.stop().await?;
    tokio::time::sleep(AWAY).await;
    stack.broker.lock().await.start_again().await?;
    life.wait_created().await.with_context(|| log_tail(stack))?;
    reachable(stack).await?;

    patiently(NOTICE, || life.resize(2)).await?;
    stack.database.lock().await.stop().await?;
    tokio::time::sleep(AWAY).await;
    stack.database.lock().await.start_again().await?;
    life.wait_resized(2).await.with_context(|| log_tail(stack))?;
    reachable(stack).await?;

    life.upgrade(next).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stack.management.lock().await.stop_api_server().await?;
    tokio::time::sleep(AWAY).await;
    stack.management.lock().await.start_api_server().await?;
    life.wait_upgraded(next).await.with_context(|| log_tail(stack))?;

    // And killed rather than stopped, the broker with messages in its queues.
    life.create_nodegroup("extra", 1).await?;
    stack.broker.lock().await.kill().await?;
    stack.database.lock().await.kill().await?;
    stack.management.lock().await.kill_api_server().await?;
    tokio::time::sleep(AWAY).await;
    stack.database.lock().await.start_again().await?;
    stack.management.lock().await.start_api_server().await?;
    stack.broker.lock().await.start_again().await?;
    life.wait_nodegroup("extra")
        .await
        .with_context(|| log_tail(stack))?;
    reachable(stack).await?;

    assert!(
        stack.conductor_runs().await,
        "the conductor has ended:\n{}",
        log_tail(stack)
    );
    deleted(&life).await
}

/// Kills the conductor once it has taken up a request about `cluster` since the operation `since`, and starts another.
async fn kill_in_the_middle(stack: &Stack, cluster: &str, since: u64) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    let query = format!(
        "SELECT COUNT(*) FROM magnum.capi_operation o JOIN magnum.cluster c ON c.uuid = o.cluster_uuid \
         WHERE c.name = '{cluster}' AND o.id > {since}"
    );
    while stack.rows().count(&query).await? == 0 {
        if Instant::now() > end {
            bail!("the conductor has not taken up the request:\n{}", log_tail(stack));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stack.kill_conductor().await?;
    let query = format!("{query} AND o.state IN ('accepting', 'accepted')");
    tracing::info!(
        "killed with {} operations of {cluster} unfinished",
        stack.rows().count(&query).await?
    );
    stack.start_conductor().await
}

async fn newest_operation(stack: &Stack) -> Result<u64> {
    stack
        .rows()
        .count("SELECT COALESCE(MAX(id), 0) FROM magnum.capi_operation")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conductor_killed_in_the_middle_of_each_operation_is_survived() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let [first, next] = stack::demo::VERSIONS;
    Life::create_template(stack, first).await?;
    Life::create_template(stack, next).await?;
    let life = Life::new(stack, "killed");
    let name = life.name();

    let since = newest_operation(stack).await?;
    tokio::try_join!(life.create(first, 1, 1), kill_in_the_middle(stack, name, since))?;
    life.wait_created().await.with_context(|| log_tail(stack))?;

    let since = newest_operation(stack).await?;
    tokio::try_join!(life.resize(2), kill_in_the_middle(stack, name, since))?;
    life.wait_resized(2).await.with_context(|| log_tail(stack))?;

    let since = newest_operation(stack).await?;
    tokio::try_join!(
        life.create_nodegroup("extra", 1),
        kill_in_the_middle(stack, name, since)
    )?;
    life.wait_nodegroup("extra")
        .await
        .with_context(|| log_tail(stack))?;

    let since = newest_operation(stack).await?;
    tokio::try_join!(
        life.delete_nodegroup("extra"),
        kill_in_the_middle(stack, name, since)
    )?;
    life.wait_no_nodegroup("extra")
        .await
        .with_context(|| log_tail(stack))?;

    let since = newest_operation(stack).await?;
    // An upgrade is a call: the user waits for the answer, which the next conductor gives.
    tokio::try_join!(life.upgrade(next), kill_in_the_middle(stack, name, since))?;
    life.wait_upgraded(next).await.with_context(|| log_tail(stack))?;

    let traces = life.traces().await?;
    let since = newest_operation(stack).await?;
    tokio::try_join!(life.delete(), kill_in_the_middle(stack, name, since))?;
    life.wait_deleted().await.with_context(|| log_tail(stack))?;
    life.wait_no_traces(&traces).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conductor_ends_when_asked_and_takes_up_where_it_was() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let life = created(stack, "paused", "1.30.4", 1).await?;
    let took = stack.stop_conductor(Duration::from_secs(60)).await?;
    assert!(took < Duration::from_secs(15), "SIGTERM took {took:?}");
    life.resize(2).await?;
    stack.start_conductor().await?;
    life.wait_resized(2).await.with_context(|| log_tail(stack))?;
    deleted(&life).await
}
