//! Both engines, with the same question.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use helm::print::{PrintOptions, print};
use helm::values::{self, Values};
use helm::{Chart, TemplateOptions, yaml};
use serde_json::{Map, Value};

/// What an engine answered: what it printed, or its error without `Error: `.
pub type Answer = Result<String, String>;

/// A chart on disk, values, and flags of `helm template`.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Folder of the chart.
    pub chart: PathBuf,
    /// A values file's text.
    pub values: String,
    /// `--is-upgrade`.
    pub is_upgrade: bool,
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// `--api-versions`.
    pub api_versions: Vec<String>,
    /// `--show-only`.
    pub show_only: Vec<String>,
}

/// Name and namespace of every release here.
pub const RELEASE: (&str, &str) = ("rel", "ns1");

/// What helm adds to an error of rendering.
pub const HINT: &str = "\n\nUse --debug flag to render out invalid YAML";

/// The zone that both engines take for local.
pub const ZONE: &str = "UTC";

/// The real helm.
#[derive(Clone, Debug)]
pub struct Helm(PathBuf);

impl Helm {
    /// From the environment; says loudly that `test` does nothing if it is not there.
    pub fn from_env(test: &str) -> Option<Self> {
        let program = std::env::var_os("HELM_TEST_PROGRAM").filter(|path| !path.is_empty());
        if program.is_none() {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("SKIPPED: {test}: HELM_TEST_PROGRAM names no helm 3.17.3");
            }
        }
        program.map(|path| Self(path.into()))
    }

    /// What helm answers.
    pub fn answer(&self, question: &Question) -> std::io::Result<Answer> {
        self.run(&flags(question), &question.values)
    }

    /// What `helm lint` says of charts, the silent ones left out. It renders each as far as it goes, only that
    /// `fail` and `required` do not fail there, and that the release has another name.
    pub fn lint(&self, charts: &[&Path], kube_version: Option<&str>) -> std::io::Result<String> {
        let mut command = Command::new(&self.0);
        command
            .args(["lint", "--quiet", "-n", RELEASE.1])
            .args(kube_version.map(|version| format!("--kube-version={version}")))
            .args(charts);
        Ok(finished(command, "")?.stdout)
    }

    /// `helm template` with these arguments and this standard input.
    pub fn run(&self, arguments: &[OsString], stdin: &str) -> std::io::Result<Answer> {
        let mut command = Command::new(&self.0);
        command.arg("template").args(arguments);
        let output = finished(command, stdin)?;
        Ok(if output.success {
            Ok(output.stdout)
        } else {
            Err(error_text(&output.stderr))
        })
    }
}

/// Longer than this no run of helm takes, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Said of a run that was ended because it did not end.
pub const NO_END: &str = "helm did not end";

/// What a process said.
struct Output {
    success: bool,
    stdout: String,
    stderr: String,
}

/// Runs helm to its end, or for as long as patience lasts.
fn finished(mut command: Command, stdin: &str) -> std::io::Result<Output> {
    let mut child = command
        .env_remove("KUBECONFIG")
        .env("TZ", ZONE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (input, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Helm that does not read on has found an error elsewhere.
            let _ = input.map(|mut pipe| pipe.write_all(stdin.as_bytes()));
        });
        let stdout = scope.spawn(move || text_of(stdout));
        let stderr = scope.spawn(move || text_of(stderr));
        let begin = Instant::now();
        let (status, note) = loop {
            match child.try_wait()? {
                Some(status) => break (status, ""),
                None if begin.elapsed() > PATIENCE => {
                    child.kill()?;
                    break (child.wait()?, NO_END);
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        Ok(Output {
            success: status.success(),
            stdout: stdout.join().unwrap_or_default(),
            stderr: stderr.join().unwrap_or_default() + note,
        })
    })
}

fn text_of(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What came before it broke is what there is.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What stands after `Error: `, whatever was warned of before it.
fn error_text(stderr: &str) -> String {
    let start = match stderr.strip_prefix("Error: ") {
        Some(rest) => rest,
        None => stderr.split_once("\nError: ").map_or(stderr, |(_, rest)| rest),
    };
    start.strip_suffix('\n').unwrap_or(start).to_owned()
}

/// The question as helm's arguments; the values come from standard input.
fn flags(question: &Question) -> Vec<OsString> {
    let mut flags: Vec<OsString> = vec![
        RELEASE.0.into(),
        question.chart.clone().into(),
        "-n".into(),
        RELEASE.1.into(),
        "-f".into(),
        "-".into(),
    ];
    for (set, flag) in [
        (question.is_upgrade, "--is-upgrade"),
        (question.include_crds, "--include-crds"),
        (question.no_hooks, "--no-hooks"),
        (question.skip_tests, "--skip-tests"),
    ] {
        if set {
            flags.push(flag.into());
        }
    }
    let lists = [
        ("--kube-version", question.kube_version.as_slice()),
        ("--api-versions", question.api_versions.as_slice()),
        ("--show-only", question.show_only.as_slice()),
    ];
    for (flag, values) in lists {
        for value in values {
            flags.extend([flag.into(), value.into()]);
        }
    }
    flags
}

/// What our engine answers; a panic is an answer that helm never gives.
pub fn ours(question: &Question) -> Answer {
    let loaded = Chart::from_path(&question.chart);
    catch_unwind(AssertUnwindSafe(|| {
        let chart = loaded.map_err(|error| error.to_string())?;
        answer(&chart, question)
    }))
    .unwrap_or_else(|_| Err("PANIC".to_owned()))
}

fn answer(chart: &Chart, question: &Question) -> Answer {
    let mut capabilities = helm::default_capabilities();
    if let Some(version) = &question.kube_version {
        capabilities.kube_version = helm::kube_version(version)
            .map_err(|error| format!("invalid kube version '{version}': {error}"))?;
    }
    capabilities
        .api_versions
        .extend(question.api_versions.iter().cloned());
    let values = read_values(&question.values)?;
    helm::check_installable(chart).map_err(|failure| failure.to_string())?;
    let options = TemplateOptions {
        is_upgrade: question.is_upgrade,
        ..TemplateOptions::new(RELEASE.0, RELEASE.1, &capabilities)
    };
    let rendered = helm::template(chart, &values, &options).map_err(|failure| {
        let hint = if failure.has_begun() { HINT } else { "" };
        format!("{failure}{hint}")
    })?;
    let print_options = PrintOptions {
        include_crds: question.include_crds,
        no_hooks: question.no_hooks,
        skip_tests: question.skip_tests,
        show_only: question.show_only.clone(),
    };
    print(&rendered, &print_options).map_err(|missing| missing.to_string())
}

fn read_values(text: &str) -> Result<Values, String> {
    let value = yaml::from_yaml(text).map_err(|error| format!("failed to parse -: {error}"))?;
    let mut all = Map::new();
    if let Value::Object(table) = value {
        values::overlay(&mut all, table);
    }
    Ok(all)
}

/// Writes a chart's files below `dir`.
pub fn write_chart(dir: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    for (name, data) in files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, data)?;
    }
    Ok(())
}
