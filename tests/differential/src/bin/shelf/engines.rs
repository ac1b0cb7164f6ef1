//! Both engines, with the same question.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use helm::print::{PrintOptions, print};
use helm::values::{self, Values};
use helm::{Capabilities, Chart, ChartError, TemplateOptions};
use helm_template::yaml;

use crate::cases::Case;

const NAME: &str = "kube-prod-a1b2c3d4e5f6";
const NAMESPACE: &str = "magnum-4f1d0c2f9d0a4a6f8f0e0a1b2c3d4e5f";

/// What an engine answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The text it printed.
    Text(String),
    /// The error, without `Error: `.
    Failure(String),
}

impl Answer {
    /// Text or error, for people.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Failure(message) => format!("Error: {message}\n"),
        }
    }
}

/// The real helm, and what both are asked.
pub struct Engines {
    helm: PathBuf,
    home: PathBuf,
}

impl Engines {
    /// `home` is a folder for helm's own files.
    pub fn new(helm: &Path, home: &Path) -> Self {
        Self {
            helm: helm.to_owned(),
            home: home.to_owned(),
        }
    }

    /// A chart, for our engine.
    pub fn load(&self, path: &Path) -> Result<Chart, ChartError> {
        Chart::from_path(path)
    }

    /// Our engine's answer.
    pub fn ours(&self, chart: &Result<Chart, ChartError>, case: &Case) -> Answer {
        let chart = match chart {
            Ok(chart) => chart,
            Err(err) => return Answer::Failure(err.to_string()),
        };
        match catch_unwind(AssertUnwindSafe(|| render(chart, case))) {
            Ok(Ok(text)) => Answer::Text(text),
            Ok(Err(message)) => Answer::Failure(message),
            Err(_) => Answer::Failure("our engine panicked".to_owned()),
        }
    }

    /// The real helm's answer.
    pub fn helm(&self, chart: &Path, case: &Case) -> Answer {
        let mut command = Command::new(&self.helm);
        command
            .args(["template", NAME])
            .arg(chart)
            .args([
                "-n",
                NAMESPACE,
                "--include-crds",
                "--kube-version",
                &case.kube_version,
            ])
            .env_clear()
            .env("HOME", &self.home)
            .env("KUBECONFIG", "/dev/null");
        for file in &case.values {
            command.arg("-f").arg(file);
        }
        match command.output() {
            Err(err) => Answer::Failure(format!("helm cannot be run: {err}")),
            Ok(output) if output.status.success() => {
                Answer::Text(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => Answer::Failure(error(&String::from_utf8_lossy(&output.stderr))),
        }
    }
}

fn render(chart: &Chart, case: &Case) -> Result<String, String> {
    let mut user = Values::new();
    for file in &case.values {
        let text = std::fs::read_to_string(file).map_err(|err| err.to_string())?;
        let read =
            yaml::from_yaml(&text).map_err(|err| format!("failed to parse {}: {err}", file.display()))?;
        let read: Option<Values> = serde_json::from_value(read).map_err(|err| err.to_string())?;
        values::overlay(&mut user, read.unwrap_or_default());
    }
    let capabilities = Capabilities {
        kube_version: helm::kube_version(&case.kube_version)?,
        ..helm::default_capabilities()
    };
    let options = TemplateOptions::new(NAME, NAMESPACE, &capabilities);
    let rendered = helm::template(chart, &user, &options).map_err(|err| err.to_string())?;
    let shown = PrintOptions {
        include_crds: true,
        ..PrintOptions::default()
    };
    print(&rendered, &shown).map_err(|err| err.to_string())
}

/// The error among what helm wrote, its advice cut off.
fn error(stderr: &str) -> String {
    let start = stderr
        .find("\nError: ")
        .map(|at| at + 1)
        .or(stderr.starts_with("Error: ").then_some(0));
    let text = start.map_or(stderr, |at| &stderr[at + "Error: ".len()..]);
    let text = text.split("\n\nUse --debug flag").next().unwrap_or(text);
    text.trim_end().to_owned()
}
