//! Magnum's own code, told what to do by `python/magnum_certificates.py`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// Longest time for one thing, on machines that have much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running program.
#[derive(Debug)]
pub struct Python {
    _child: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Python {
    /// Starts it; what Magnum logs goes to the file `log`.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn start(environment: &Path, config: &Path, log: PathBuf) -> Result<Self> {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("python/magnum_certificates.py");
        let mut command = std::process::Command::new(environment.join("bin/python"));
        stack::environment::clean_environment(&mut command);
        command
            .arg(program)
            .arg(config)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let errors =
            std::fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut child = tokio::process::Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .context("python cannot be run")?;
        let input = child.stdin.take().context("no input")?;
        let output = child.stdout.take().context("no output")?;
        Ok(Self {
            _child: child,
            input,
            answers: BufReader::new(output).lines(),
            log,
        })
    }

    /// What the program answers to one command.
    ///
    /// # Errors
    /// If it ends or takes too long; the end of its log is part of the text.
    pub async fn answer(&mut self, command: &Value) -> Result<Value> {
        self.input.write_all(format!("{command}\n").as_bytes()).await?;
        let line = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        match line {
            Ok(Ok(Some(line))) => serde_json::from_str(&line).context(line),
            other => bail!("no answer to {}: {other:?}\n{}", command["do"], self.log_tail()),
        }
    }

    /// What comes of a command that has to succeed.
    ///
    /// # Errors
    /// As [`Python::answer`], and whatever the command raised.
    pub async fn done(&mut self, command: &Value) -> Result<Value> {
        let mut answer = self.answer(command).await?;
        if answer.get("failed").is_some() {
            bail!(
                "{}: {}: {}\n{}",
                command["do"],
                answer["failed"],
                answer["text"],
                self.log_tail()
            );
        }
        Ok(answer["done"].take())
    }

    /// The class of the exception that a command has to raise.
    ///
    /// # Errors
    /// As [`Python::answer`], and if it raised none.
    pub async fn refused(&mut self, command: &Value) -> Result<String> {
        let answer = self.answer(command).await?;
        let class = answer["failed"].as_str();
        class
            .map(str::to_owned)
            .with_context(|| format!("{} went well: {answer}", command["do"]))
    }

    fn log_tail(&self) -> String {
        stack::process::tail(&self.log, 4000)
    }
}
