//! Starts and ends a stack by hand, and runs the demonstration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use stack::home::Home;
use stack::magnum::{ApiKind, ConductorKind};
use stack::magnum_conf::{Chart, RabbitOptions};
use stack::release::Release;
use stack::stack::{Options, Stack};
use stack::{cache, demo, lifetime};

/// The whole of Magnum on this machine, on loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the stack lives; by default a folder of its own in the cache.
    #[arg(long, global = true)]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Installs and builds whatever a stack needs and the machine does not have.
    Prepare,
    /// Starts a stack, says how to use it, and leaves it running.
    Up(Up),
    /// As `up`, and leads a cluster through its whole life.
    Demo(Up),
    /// Ends what `up` or `demo` left running, and deletes its folder.
    Down,
    /// Runs a command with broker, database and management cluster up, and their addresses in its environment.
    WithServers {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Up {
    /// The release of Magnum.
    #[arg(long, value_enum, default_value = "23")]
    release: Release,
    /// How magnum-api runs.
    #[arg(long, value_enum, default_value = "executable")]
    api: Api,
    /// RabbitMQ's options as kolla-ansible sets them.
    #[arg(long)]
    kolla: bool,
    /// Magnum's own conductor instead of ours; needs `--chart`.
    #[arg(long)]
    python: bool,
    /// No conductor.
    #[arg(long, conflicts_with = "python")]
    no_conductor: bool,
    /// A folder with the chart `openstack-cluster`, in place of the built-in one.
    #[arg(long)]
    chart: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Api {
    Executable,
    Wsgi,
}

impl Up {
    fn options(&self) -> Result<Options> {
        let mut options = if self.python || self.no_conductor {
            let conductor = if self.python {
                ConductorKind::Python
            } else {
                ConductorKind::None
            };
            Options::with_conductor(conductor)
        } else {
            Options::new()?
        };
        options.release = self.release;
        options.api = match self.api {
            Api::Executable => ApiKind::Executable,
            Api::Wsgi => ApiKind::Wsgi,
        };
        if self.kolla {
            options.rabbit = RabbitOptions::Kolla;
        }
        if let Some(folder) = &self.chart {
            options.chart = Chart::Folder(folder.clone());
        }
        Ok(options)
    }

    /// Starts a stack that stays.
    async fn start(&self, root: &Path) -> Result<Stack> {
        if root.exists() {
            bail!(
                "a stack runs in {} already; `make demo-down` ends it",
                root.display()
            );
        }
        let began = Instant::now();
        let options = self.options()?;
        let home = Home::permanent(root)?;
        let stack = match Stack::start(&home, options).await {
            Ok(stack) => stack,
            Err(error) => {
                tracing::error!("the logs are in {}", home.root().join("log").display());
                return Err(error);
            }
        };
        tracing::info!("everything is up after {:.0} s", began.elapsed().as_secs_f64());
        stack.leave_running().await;
        Ok(stack)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "stack=info".into()),
        )
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
    let outcome = tokio::runtime::Runtime::new()
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let root = match arguments.home {
        Some(home) => home,
        None => cache::folder()?.join("demo"),
    };
    match arguments.command {
        Command::Prepare => {
            let home = Home::temporary()?;
            for release in Release::ALL {
                stack::stack::prepare_release(&home, release).await?;
            }
            Ok(())
        }
        Command::Up(up) => {
            let stack = up.start(&root).await?;
            lifetime::explain(&stack, &mut std::io::stdout().lock())
        }
        Command::Demo(up) => {
            let began = Instant::now();
            let stack = up.start(&root).await?;
            let mut out = std::io::stdout().lock();
            let outcome = demo::run(&stack, "demo", &mut out).await;
            lifetime::explain(&stack, &mut out)?;
            outcome?;
            tracing::info!("the demonstration took {:.0} s", began.elapsed().as_secs_f64());
            Ok(())
        }
        Command::Down => lifetime::end(&root).await,
        Command::WithServers { command } => {
            let home = Home::temporary()?;
            let status = stack::servers::with_servers(&home, &command).await?;
            if !status.success() {
                bail!("{} ended with {status}", command.join(" "));
            }
            Ok(())
        }
    }
}
