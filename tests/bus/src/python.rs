//! Runs `python/exchanges.py` in an environment with a release of oslo.messaging.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

/// A release of oslo.messaging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 14.7, of Magnum 18 (2024.1).
    Oldest,
    /// 18.3, of Magnum 23 (2026.2).
    Newest,
}

/// Both.
pub const RELEASES: [Release; 2] = [Release::Oldest, Release::Newest];

/// What a thread of the program is to do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Names it in the results.
    pub name: String,
    /// `transport_url`.
    pub url: String,
    /// Options of `[oslo_messaging_rabbit]`.
    pub options: BTreeMap<String, String>,
    /// Topic of the servers.
    pub topic: String,
    /// Name of our server.
    pub server: String,
    /// Topic of notifications.
    pub notifications: String,
    /// Size of a big body.
    pub big_bytes: usize,
}

/// What came of a case.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    /// Name of the plan.
    pub set: String,
    /// Name of the case.
    pub case: String,
    /// What it saw.
    #[serde(default)]
    pub got: Value,
    /// The trace of an exception.
    pub error: Option<String>,
}

impl Release {
    /// For names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oldest => "oslo.messaging-14",
            Self::Newest => "oslo.messaging-18",
        }
    }

    /// Its environment, made if the cache does not have it.
    ///
    /// # Errors
    /// If it cannot be installed.
    pub async fn environment(self) -> Result<PathBuf> {
        let pins = match self {
            Self::Oldest => "oslo-messaging-14.7",
            Self::Newest => "oslo-messaging-18.3",
        };
        stack::python::pinned(pins, "").await
    }

    /// Runs a phase (`client` or `beside`) of all plans at once.
    ///
    /// # Errors
    /// If the program cannot be run, or says what is no finding.
    pub async fn run(self, phase: &str, plans: &[Plan]) -> Result<Vec<Finding>> {
        let environment = self.environment().await?;
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut command = std::process::Command::new(environment.join("bin/python"));
        stack::environment::clean_environment(&mut command);
        command
            .arg(folder.join("exchanges.py"))
            .arg(phase)
            // oslo.messaging's queue manager asks when the leader of its group began, and there has to be one.
            .process_group(0)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = tokio::process::Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("python cannot be run")?;
        let mut input = child.stdin.take().context("no input")?;
        input.write_all(&serde_json::to_vec(plans)?).await?;
        drop(input);
        let output = tokio::time::timeout(Duration::from_secs(300), child.wait_with_output())
            .await
            .with_context(|| format!("{}: no end of {phase}", self.name()))??;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let findings: Vec<Finding> = said
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
            .collect::<Result<_>>()?;
        if findings.is_empty() {
            anyhow::bail!(
                "{} said nothing: {}",
                self.name(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(findings)
    }
}
