//! Both engines, with the same question.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use helm::print::{PrintOptions, print};
use helm::values::{self, Values};
use helm::{Capabilities, Chart, ChartError, TemplateOptions};
use helm_template::yaml;

use crate::cases::Case;

const NAME: &str = "kube-prod-a1b2c3d4e5f6";
const NAMESPACE: &str = "magnum-4f1d0c2f9d0a4a6f8f0e0a1b2c3d4e5f";

/// For one rendering, by the clock.
const PATIENCE: Duration = Duration::from_secs(600);

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
    ours: Option<PathBuf>,
    home: PathBuf,
}

impl Engines {
    /// `home` is a folder for the programs' own files; `ours` a program with helm's `template` command.
    pub fn new(helm: &Path, ours: Option<&Path>, home: &Path) -> Self {
        Self {
            helm: helm.to_owned(),
            ours: ours.map(Path::to_owned),
            home: home.to_owned(),
        }
    }

    /// Our engine's answer: from the program if there is one, else from the library.
    pub fn ours(&self, path: &Path, chart: &Result<Chart, ChartError>, case: &Case) -> Answer {
        if let Some(program) = &self.ours {
            return self.ask(program, path, case);
        }
        let chart = match chart {
            Ok(chart) => chart,
            Err(err) => return Answer::Failure(err.to_string()),
        };
        match catch_unwind(AssertUnwindSafe(|| render(chart, case))) {
            Ok(Ok(text)) => Answer::Text(text),
            // Of helm's words the end is cut off too.
            Ok(Err(message)) => Answer::Failure(message.trim_end().to_owned()),
            Err(_) => Answer::Failure("our engine panicked".to_owned()),
        }
    }

    /// The real helm's answer.
    pub fn helm(&self, chart: &Path, case: &Case) -> Answer {
        self.ask(&self.helm, chart, case)
    }

    fn ask(&self, program: &Path, chart: &Path, case: &Case) -> Answer {
        match self.run(program, chart, case) {
            Err(err) => Answer::Failure(format!("{} cannot be run: {err}", program.display())),
            Ok(output) if output.status.success() => {
                Answer::Text(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => {
                let message = error(&String::from_utf8_lossy(&output.stderr));
                Answer::Failure(match output.status.code() {
                    Some(1) => message,
                    code => format!("exit code {code:?}: {message}"),
                })
            }
        }
    }

    fn run(&self, program: &Path, chart: &Path, case: &Case) -> std::io::Result<Output> {
        let mut command = Command::new(program);
        command
            .args(["template", NAME])
            .arg(chart)
            .args(["-n", NAMESPACE]);
        if case.flags.is_empty() {
            command.arg("--include-crds");
        }
        if !case.flags.iter().any(|flag| flag.starts_with("--kube-version")) {
            command.args(["--kube-version", &case.kube_version]);
        }
        for file in &case.values {
            command.arg("-f").arg(file);
        }
        if !case.more.is_empty() {
            command.args(["-f", "-"]);
        }
        let mut child = command
            .args(&case.flags)
            .env_clear()
            .env("HOME", &self.home)
            .env("KUBECONFIG", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // A program that found an error elsewhere does not read.
        let _ = child
            .stdin
            .take()
            .map(|mut pipe| pipe.write_all(case.more.as_bytes()));
        child.wait_with_output()
    }
}

fn render(chart: &Chart, case: &Case) -> Result<String, String> {
    let mut user = Values::new();
    for file in &case.values {
        let text = std::fs::read_to_string(file).map_err(|err| err.to_string())?;
        values::overlay(&mut user, table(&text, &file.display().to_string())?);
    }
    values::overlay(&mut user, table(&case.more, "-")?);
    let capabilities = Capabilities {
        kube_version: helm::kube_version(&case.kube_version)?,
        ..helm::default_capabilities()
    };
    let mut options = TemplateOptions::new(NAME, NAMESPACE, &capabilities);
    // A busy machine is no difference.
    options.limits.time = PATIENCE;
    let rendered = helm::template(chart, &user, &options).map_err(|err| err.to_string())?;
    let shown = PrintOptions {
        include_crds: true,
        ..PrintOptions::default()
    };
    print(&rendered, &shown).map_err(|err| err.to_string())
}

fn table(text: &str, name: &str) -> Result<Values, String> {
    let read = yaml::from_yaml(text).map_err(|err| format!("failed to parse {name}: {err}"))?;
    let read: Option<Values> = serde_json::from_value(read).map_err(|err| err.to_string())?;
    Ok(read.unwrap_or_default())
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
