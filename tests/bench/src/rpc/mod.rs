//! Calls over the bus: our conductor and Python's, one after the other on the same broker, queue and database, beside a
//! bare echo on that queue, which is what the broker itself costs.

mod client;
mod echo;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use stack::home::Home;
use stack::magnum::{self, ConductorKind};
use stack::magnum_conf::{Chart, MagnumConf, RabbitOptions};
use stack::mariadb::MariaDb;
use stack::process::{Process, Spec};
use stack::rabbitmq::RabbitMq;
use stack::seed::Seed;
use stack::{packages, ports, programs, python};

use client::{Client, Load, Request};
use usage::Usage;

pub use echo::run as echo;

const TOPIC: &str = "magnum-conductor";

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Calls of one client in each round; sixty-four make four times as many.
    #[arg(long, default_value_t = 3000)]
    calls: usize,
    /// Rounds, of which the best counts: other work on the machine only makes things slower.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Without Python's conductor.
    #[arg(long)]
    ours_only: bool,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Echo,
    Ours,
    Python,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "bare echo",
            Self::Ours => "ours",
            Self::Python => "Python 23.0.0",
        }
    }
}

/// What one server did under one load.
#[derive(Clone, Debug)]
struct Figures {
    server: Server,
    request: Request,
    load: Load,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    cpu_per_call: Duration,
    memory_mib: f64,
}

/// What all servers share.
struct Place {
    home: Home,
    broker: RabbitMq,
    _database: MariaDb,
    environment: PathBuf,
    config: PathBuf,
}

impl Place {
    async fn make() -> Result<Self> {
        packages::ensure(&packages::PACKAGES).await?;
        let environments = python::environments().await?;
        let seed = Seed::get(&environments).await?;
        let home = Home::temporary()?;
        let data = seed.data();
        let (broker, database) =
            tokio::try_join!(RabbitMq::start(&home), MariaDb::start(&home, Some(&data)))?;
        database.execute(&client::rows()).await?;
        let folder = home.folder("magnum")?;
        let nowhere = folder.join("nowhere");
        let [keystone, api] = ports::free_many()?;
        let config = MagnumConf {
            folder: &folder,
            transport_url: &broker.transport_url(),
            database_port: database.port(),
            keystone_port: keystone,
            api_port: api,
            paste: &nowhere,
            kubeconfig: &nowhere,
            rabbit: RabbitOptions::Default,
            chart: &Chart::Builtin,
            // Nothing but the calls is to be measured: no log of each, no look at clusters that are not there.
            extra: "[DEFAULT]\ndebug = false\n[kubernetes]\nhealth_polling_interval = 86400",
        }
        .write()?;
        Ok(Self {
            home,
            broker,
            _database: database,
            environment: environments.magnum,
            config,
        })
    }

    async fn start(&self, server: Server) -> Result<Process> {
        let rabbit = self.broker.client();
        let kind = match server {
            Server::Echo => {
                let program = std::env::current_exe()?;
                let spec = Spec::new("echo", program).args(["echo", &rabbit.amqp_url(), TOPIC]);
                let mut process = Process::spawn(&self.home, spec)?;
                process
                    .wait_until("consume", Duration::from_secs(20), async || {
                        rabbit.consumers(TOPIC).await.is_some_and(|count| count > 0)
                    })
                    .await?;
                return Ok(process);
            }
            Server::Ours => ConductorKind::Rust(programs::ours("magnum-conductor")?),
            Server::Python => ConductorKind::Python,
        };
        let place = magnum::Place {
            home: &self.home,
            environment: &self.environment,
            configs: &[&self.config],
            rabbit: &rabbit,
        };
        magnum::start_conductor("conductor", &kind, (TOPIC, 0), &place)
            .await?
            .context("a conductor of no kind")
    }

    /// Ends a server and waits until the broker has noticed.
    async fn end(&self, process: Process) -> Result<()> {
        process.kill().await?;
        let rabbit = self.broker.client();
        while rabbit.consumers(TOPIC).await.is_some_and(|count| count > 0) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}

/// Measures, and prints the table.
///
/// # Errors
/// A server that cannot be started, a call that is answered with a failure.
pub async fn run(options: &Options, out: &mut (dyn std::io::Write + Send)) -> Result<()> {
    let place = Place::make().await?;
    // The queue is to be the conductor's own.
    let first = place.start(Server::Ours).await?;
    place.end(first).await?;
    let mut best: Vec<Figures> = Vec::new();
    for _ in 0..options.rounds {
        for server in [Server::Echo, Server::Ours, Server::Python] {
            if server == Server::Python && options.ours_only {
                continue;
            }
            for figures in measure(&place, server, options.calls).await? {
                keep_best(&mut best, figures);
            }
        }
    }
    print(&best, out)
}

async fn measure(place: &Place, server: Server, calls: usize) -> Result<Vec<Figures>> {
    let process = place.start(server).await?;
    let client = Client::connect(&place.broker.client().amqp_url(), TOPIC).await?;
    let mut all = Vec::new();
    for request in Request::ALL {
        for load in Load::ALL {
            let count = calls * load.share();
            client.run(request, load, (count / 10).max(100)).await?;
            let before = Usage::of(process.pid())?;
            let times = client.run(request, load, count).await?;
            let after = Usage::of(process.pid())?;
            all.push(Figures {
                server,
                request,
                load,
                per_second: count as f64 / times.wall.as_secs_f64(),
                p50: times.quantile(0.5),
                p99: times.quantile(0.99),
                cpu_per_call: after.cpu.saturating_sub(before.cpu) / u32::try_from(count)?,
                memory_mib: after.memory_mib,
            });
        }
    }
    client.close().await?;
    place.end(process).await?;
    Ok(all)
}

/// The quickest, the most and the cheapest of all rounds.
fn keep_best(best: &mut Vec<Figures>, new: Figures) {
    let same =
        |old: &&mut Figures| (old.server, old.request, old.load) == (new.server, new.request, new.load);
    match best.iter_mut().find(same) {
        None => best.push(new),
        Some(old) => {
            old.per_second = old.per_second.max(new.per_second);
            old.p50 = old.p50.min(new.p50);
            old.p99 = old.p99.min(new.p99);
            old.cpu_per_call = old.cpu_per_call.min(new.cpu_per_call);
            old.memory_mib = old.memory_mib.max(new.memory_mib);
        }
    }
}

fn print(all: &[Figures], out: &mut (dyn std::io::Write + Send)) -> Result<()> {
    writeln!(
        out,
        "| request | clients | server | calls/s | p50 ms | p99 ms | CPU µs per call | memory MiB |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    for (request, load) in Request::ALL.iter().flat_map(|r| Load::ALL.map(|l| (*r, l))) {
        for figures in all.iter().filter(|f| (f.request, f.load) == (request, load)) {
            writeln!(
                out,
                "| `{}` | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.1} |",
                request.method(),
                load.clients(),
                figures.server.name(),
                figures.per_second,
                ms(figures.p50),
                ms(figures.p99),
                figures.cpu_per_call.as_secs_f64() * 1e6,
                figures.memory_mib,
            )?;
        }
    }
    writeln!(out)?;
    for (request, load) in Request::ALL.iter().flat_map(|r| Load::ALL.map(|l| (*r, l))) {
        let of = |server| {
            all.iter()
                .find(|f| (f.server, f.request, f.load) == (server, request, load))
        };
        let (Some(ours), Some(echo)) = (of(Server::Ours), of(Server::Echo)) else {
            continue;
        };
        let slower = ours.p50.as_secs_f64() / echo.p50.as_secs_f64();
        let python = of(Server::Python).map_or_else(String::new, |python| {
            let calls = python.cpu_per_call.as_secs_f64() / ours.cpu_per_call.as_secs_f64();
            let throughput = ours.per_second / python.per_second;
            format!(
                ", {calls:.1} times Python's calls per CPU-second, {throughput:.1} times its calls per second"
            )
        });
        writeln!(
            out,
            "{} with {}: p50 {slower:.2} times the bare echo's{python}",
            request.method(),
            load.clients()
        )?;
    }
    Ok(())
}
