//! magnum-api, in both of its forms, and the conductor behind it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;

use crate::home::Home;
use crate::identity::Token;
use crate::process::{Process, Spec};
use crate::python;

const START_LIMIT: Duration = Duration::from_secs(120);

/// How magnum-api runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKind {
    /// Its own executable: reads and writes rows through the conductor (object indirection).
    Executable,
    /// Under a WSGI server: reads and writes the database itself.
    Wsgi,
}

/// Starts magnum-api and waits until it answers.
pub async fn start_api(
    home: &Home,
    kind: ApiKind,
    environment: &Path,
    config: &Path,
    port: u16,
) -> Result<Process> {
    let spec = match kind {
        ApiKind::Executable => Spec::new("magnum-api", environment.join("bin/magnum-api"))
            .arg("--config-file")
            .arg(config),
        ApiKind::Wsgi => Spec::new("magnum-api", environment.join("bin/gunicorn"))
            .args([
                "--workers",
                "2",
                "--threads",
                "1",
                "--timeout",
                "120",
                "--access-logfile",
                "-",
            ])
            .args(["--bind", &format!("127.0.0.1:{port}"), "--pythonpath"])
            .arg(python::sources())
            .arg("magnum_wsgi:application")
            .env("MAGNUM_CONFIG_FILE", config),
    };
    let mut server = Process::spawn(home, spec.env("PYTHONDONTWRITEBYTECODE", "1"))?;
    let http = crate::process::http_client(10)?;
    let url = format!("http://127.0.0.1:{port}/");
    server
        .wait_until("answer", START_LIMIT, async || {
            http.get(&url).send().await.is_ok_and(|r| r.status().is_success())
        })
        .await?;
    Ok(server)
}

/// Asks magnum-api at a port something under `/v1/`; its status and answer, whichever that is.
pub async fn request(
    port: u16,
    token: &Token,
    method: reqwest::Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, Value)> {
    let http = crate::process::http_client(120)?;
    let mut request = http
        .request(method, format!("http://127.0.0.1:{port}/v1/{path}"))
        .header("X-Auth-Token", &token.id)
        .header("OpenStack-API-Version", "container-infra latest");
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.context("cannot reach magnum-api")?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((status, body))
}

/// Which conductor a stack runs.
#[derive(Clone, Debug)]
pub enum ConductorKind {
    /// Ours: the program at this path.
    Rust(PathBuf),
    /// Magnum's own, with the Cluster API driver.
    Python,
    /// None; a test starts its own, or plays it.
    None,
}

/// Where a conductor runs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its log and pid file go there.
    pub home: &'a Home,
    /// Python's programs and helm.
    pub environment: &'a Path,
    /// Its configuration; what stands in a later file counts.
    pub configs: &'a [&'a Path],
    /// Asked for its queue.
    pub rabbit: &'a crate::rabbitmq::Client,
}

/// Starts a conductor and waits until more than `others` take requests of a topic; `None` when there is to be none.
/// `name` is its log's and its pid file's.
pub async fn start_conductor(
    name: &str,
    kind: &ConductorKind,
    (topic, others): (&str, u32),
    place: &Place<'_>,
) -> Result<Option<Process>> {
    let mut spec = match kind {
        ConductorKind::None => return Ok(None),
        ConductorKind::Rust(program) => {
            if !program.exists() {
                bail!(
                    "{} is not there; run: cargo build --bin magnum-conductor",
                    program.display()
                );
            }
            Spec::new(name, program).env("RUST_BACKTRACE", "1")
        }
        ConductorKind::Python => {
            let programs = place.environment.join("bin");
            // It calls helm, which the environment has.
            let path = std::env::var_os("PATH").unwrap_or_default();
            let path =
                std::env::join_paths([programs.clone()].into_iter().chain(std::env::split_paths(&path)));
            Spec::new(name, programs.join("magnum-conductor"))
                .env("PATH", path.context("PATH cannot be set")?)
                .env("PYTHONDONTWRITEBYTECODE", "1")
        }
    };
    for config in place.configs {
        spec = spec.arg("--config-file").arg(config);
    }
    let mut server = Process::spawn(place.home, spec)?;
    server
        .wait_until("take requests", START_LIMIT, async || {
            place
                .rabbit
                .consumers(topic)
                .await
                .is_some_and(|count| count > others)
        })
        .await?;
    Ok(Some(server))
}

impl crate::rabbitmq::Client {
    /// How many consume from a queue; `None` if there is no such queue, or no broker. A consumer of a killed process
    /// counts until the broker has noticed.
    pub async fn consumers(&self, queue: &str) -> Option<u32> {
        let ask = async {
            let connection = Connection::connect(&self.amqp_url(), ConnectionProperties::default())
                .await
                .ok()?;
            let channel = connection.create_channel().await.ok()?;
            let options = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let count = channel
                .queue_declare(queue.into(), options, FieldTable::default())
                .await
                .map(|q| q.consumer_count());
            // After a failure the channel is closed, the connection is not.
            let _ = connection.close(200, "done".into()).await;
            count.ok()
        };
        tokio::time::timeout(Duration::from_secs(10), ask)
            .await
            .ok()
            .flatten()
    }
}
