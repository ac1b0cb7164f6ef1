//! Benchmarks: what is measured, against what, and how is told by each sub-command. `make bench` runs them all.

mod rendering;
mod rpc;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// As in the conductor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A cluster's chart: our engine, and the helm process on the same inputs.
    Helm(rendering::Options),
    /// Calls over the bus: ours, Python's conductor, and a bare echo.
    Rpc(rpc::Options),
    /// Echoes messages, for `rpc`.
    #[command(hide = true)]
    Echo {
        /// The broker.
        url: String,
        /// The queue to take them from.
        queue: String,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "warn,stack=info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match Arguments::parse().command {
        Command::Helm(options) => rendering::run(&options, &mut std::io::stdout()),
        Command::Rpc(options) => rpc::run(&options, &mut std::io::stdout()).await,
        Command::Echo { url, queue } => rpc::echo(&url, &queue).await,
    }
}
