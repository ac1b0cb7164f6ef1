//! The default cluster and one of 21 node groups, rendered by our engine and by the helm process, in one run.
//!
//! Both get the same chart folder and the same values: those that Magnum's Cluster API driver sends (recorded).
//! Ours is measured warm, as the conductor is after its first cluster: chart loaded, templates parsed.
//! What counts is the time on a processor, which others on the machine do not lengthen much.

use std::alloc::System;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use helm::print::{PrintOptions, print};
use helm::values::Values;
use helm::{Capabilities, Chart, TemplateOptions};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Values by case, as the driver sends them.
const RECORDED: &str = include_str!("../../../common/helm/tests/values/driver.json");
const CASE: &str = "d01-default";
const NODE_GROUPS: usize = 21;
const NAME: &str = "kube-prod-a1b2c3d4e5f6";
const NAMESPACE: &str = "magnum-4f1d0c2f9d0a4a6f8f0e0a1b2c3d4e5f";
const KUBE_VERSION: &str = "1.30.4";

/// What to render, and how often.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder of the chart; the built-in one if absent.
    #[arg(long, env = "OFFICIAL_CHART")]
    chart: Option<PathBuf>,
    /// The helm program; without it only ours is measured.
    #[arg(long, env = "HELM_TEST_PROGRAM")]
    helm: Option<PathBuf>,
    /// Renderings of ours per case.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Runs of helm per case.
    #[arg(long, default_value_t = 10)]
    helm_rounds: usize,
}

/// Measures and prints a table in Markdown.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conductor/chart");
    let folder = options.chart.clone().unwrap_or(builtin);
    let started = Instant::now();
    let chart = Chart::from_path(&folder).with_context(|| folder.display().to_string())?;
    let loading = started.elapsed();
    writeln!(
        out,
        "{} {}, loaded in {:.1} ms\n",
        chart.name(),
        chart.version(),
        milliseconds(loading)
    )?;
    writeln!(
        out,
        "| cluster | bytes | first | CPU each, warm | allocations | allocated | helm: CPU each | ratio |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    let default = default_cluster()?;
    let large = with_node_groups(&default, NODE_GROUPS)?;
    for (label, values) in [("default", default), ("21 node groups", large)] {
        measure(options, &folder, &chart, label, &values, out)?;
    }
    Ok(())
}

fn measure(
    options: &Options,
    folder: &Path,
    chart: &Chart,
    label: &str,
    values: &Values,
    out: &mut dyn Write,
) -> Result<()> {
    let capabilities = Capabilities {
        kube_version: helm::kube_version(KUBE_VERSION).map_err(anyhow::Error::msg)?,
        ..helm::default_capabilities()
    };
    let render = || -> Result<String> {
        let rendered = helm::template(
            chart,
            values,
            &TemplateOptions::new(NAME, NAMESPACE, &capabilities),
        )?;
        Ok(print(&rendered, &PrintOptions::default())?)
    };
    let started = Instant::now();
    let text = render()?;
    let first = started.elapsed();
    let region = Region::new(ALLOCATOR);
    black_box(render()?);
    let heap = region.change();
    let rounds = options.rounds.max(1);
    let before = thread_time()?;
    for _ in 0..rounds {
        black_box(render()?);
    }
    let ours = (thread_time()? - before) / u32::try_from(rounds)?;
    let (helm, ratio) = match &options.helm {
        None => ("-".to_owned(), "-".to_owned()),
        Some(program) => {
            let helm = helm_process(program, folder, values, options.helm_rounds, &text)?;
            let ratio = helm.as_secs_f64() / ours.as_secs_f64();
            (format!("{:.1} ms", milliseconds(helm)), format!("{ratio:.0}"))
        }
    };
    writeln!(
        out,
        "| {label} | {} | {:.2} ms | {:.2} ms | {} | {:.2} MiB | {helm} | {ratio} |",
        text.len(),
        milliseconds(first),
        milliseconds(ours),
        heap.allocations + heap.reallocations,
        heap.bytes_allocated as f64 / f64::from(1 << 20),
    )?;
    Ok(())
}

/// The processor time of one of helm's runs; its output must be ours.
fn helm_process(
    program: &Path,
    folder: &Path,
    values: &Values,
    rounds: usize,
    expected: &str,
) -> Result<Duration> {
    let home = tempfile::tempdir()?;
    let file = home.path().join("values.json");
    std::fs::write(&file, serde_json::to_vec(values)?)?;
    let rounds = rounds.max(1);
    let before = children_time()?;
    for _ in 0..rounds {
        let output = Command::new(program)
            .args(["template", NAME])
            .arg(folder)
            .args(["-n", NAMESPACE, "--kube-version", KUBE_VERSION, "-f"])
            .arg(&file)
            .env_clear()
            .env("HOME", home.path())
            .env("KUBECONFIG", "/dev/null")
            .output()
            .with_context(|| program.display().to_string())?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "helm: {stderr}");
        ensure!(output.stdout == expected.as_bytes(), "helm prints something else");
    }
    Ok((children_time()? - before) / u32::try_from(rounds)?)
}

/// How long this thread ran on a processor, as Linux tells it.
fn thread_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// How long the processes that this one started and waited for ran on a processor, to a hundredth of a second.
fn children_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the program's name, which may have blanks; the 16th and 17th fields of all.
    let (_, fields) = text.rsplit_once(')').context("stat")?;
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn default_cluster() -> Result<Values> {
    let mut recorded: serde_json::Map<String, serde_json::Value> = serde_json::from_str(RECORDED)?;
    let values = recorded.remove(CASE).context(CASE)?;
    Ok(serde_json::from_value(values)?)
}

/// The same cluster with its first node group `count` times.
fn with_node_groups(values: &Values, count: usize) -> Result<Values> {
    let mut values = values.clone();
    let groups = values.get_mut("nodeGroups").context("nodeGroups")?;
    let first = groups.get(0).context("a node group")?.clone();
    let many = (0..count).map(|number| {
        let mut group = first.clone();
        group["name"] = format!("group-{number:02}").into();
        group
    });
    *groups = many.collect::<Vec<_>>().into();
    Ok(values)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
