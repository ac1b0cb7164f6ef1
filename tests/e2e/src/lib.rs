//! What the end-to-end suites in `tests/` share.
//!
//! Each file there is one program with one stack, which its tests share and which ends with the program. Tests use
//! clusters of their own; one that stops servers has the stack to itself meanwhile ([`Shared::alone`]).

pub mod rpc;

pub mod commands;
pub mod credentials;

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stack::home::Home;
use stack::life::Life;
use stack::stack::{Options, Stack};
use stack::{demo, programs};
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A suite's stack, started by the first test that wants it.
#[derive(Debug)]
pub struct Shared {
    options: fn() -> Result<Options>,
    stack: OnceCell<Stack>,
    turn: RwLock<()>,
}

impl Shared {
    /// A stack to be started with these options.
    pub const fn new(options: fn() -> Result<Options>) -> Self {
        Self {
            options,
            stack: OnceCell::const_new(),
            turn: RwLock::const_new(()),
        }
    }

    /// The stack, for a test that disturbs no other.
    pub async fn together(&self) -> Result<(&Stack, RwLockReadGuard<'_, ()>)> {
        let turn = self.turn.read().await;
        Ok((self.get().await?, turn))
    }

    /// The stack, for a test that stops servers.
    pub async fn alone(&self) -> Result<(&Stack, RwLockWriteGuard<'_, ()>)> {
        let turn = self.turn.write().await;
        Ok((self.get().await?, turn))
    }

    async fn get(&self) -> Result<&Stack> {
        self.stack
            .get_or_try_init(async || {
                let filter = tracing_subscriber::EnvFilter::new(
                    "warn,lapin=off,stack=info,e2e=info,executable=info,wsgi=info,mixed=info,releases=info,takeover=info",
                );
                // Another stack of this program may have done it.
                let _ = tracing_subscriber::fmt()
                    .with_env_filter(filter)
                    .with_target(false)
                    .with_ansi(false)
                    .try_init();
                programs::build().await?;
                // Forgotten rather than dropped: the home's guard ends the servers when this program has ended.
                let home = Home::temporary()?;
                Stack::start(&home, (self.options)()?).await
            })
            .await
    }
}

/// Leads a cluster through its whole life (the demonstration's), with the conductor still there afterwards.
///
/// # Errors
/// The step that failed, after everything that was seen.
pub async fn story(stack: &Stack, cluster: &str) -> Result<()> {
    let mut seen = Vec::new();
    let outcome = demo::run(stack, cluster, &mut seen).await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    tracing::info!("{cluster}:\n{seen}");
    outcome.with_context(|| {
        format!(
            "{}\nthe end of the conductor's log:\n{}",
            cluster,
            log_tail(stack)
        )
    })?;
    if !stack.conductor_runs().await {
        bail!("the conductor has ended:\n{}", log_tail(stack));
    }
    Ok(())
}

/// The end of the conductor's log.
pub fn log_tail(stack: &Stack) -> String {
    stack::process::tail(&stack.home().log("magnum-conductor"), 8192)
}

/// Creates a cluster and waits until it is there.
pub async fn created<'a>(stack: &'a Stack, cluster: &str, version: &str, workers: u32) -> Result<Life<'a>> {
    Life::create_template(stack, version).await?;
    let life = Life::new(stack, cluster);
    life.create(version, 1, workers).await?;
    life.wait_created().await.with_context(|| log_tail(stack))?;
    Ok(life)
}

/// Deletes a cluster and waits until nothing is left of it.
pub async fn deleted(life: &Life<'_>) -> Result<()> {
    let traces = life.traces().await?;
    life.delete().await?;
    life.wait_deleted().await?;
    life.wait_no_traces(&traces).await
}

/// Tries until it works: for a user's requests after servers were stopped, which the services in between may have
/// to notice first.
///
/// # Errors
/// The last failure, after `limit`.
pub async fn patiently<T, F: Future<Output = Result<T>>>(
    limit: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() > end => return Err(error),
            Err(error) => tracing::info!("again in 2 s: {error:#}"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// What a request that must be refused said.
///
/// # Errors
/// When it was not refused.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T>) -> Result<String> {
    match outcome {
        Ok(value) => bail!("accepted, with {value:?}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// The folder of the official chart `openstack-cluster`, if the environment variable `OFFICIAL_CHART` names one.
pub fn official_chart() -> Option<PathBuf> {
    std::env::var_os("OFFICIAL_CHART")
        .map(PathBuf::from)
        .filter(|folder| folder.join("Chart.yaml").exists())
}
