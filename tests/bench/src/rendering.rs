//! The default cluster and one of 21 node groups, rendered by our engine and by the helm process, in one run.
//!
//! Both get the same chart folder and the same values: those that Magnum's Cluster API driver sends (recorded).
//! Ours is measured warm, as the conductor is after its first cluster: chart loaded, templates parsed.
//! What counts is the time on a processor, which others on the machine do not lengthen much.

use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::{KUBE_VERSION, NAME, NAMESPACE};
use clap::Args;
use helm::Chart;
use helm::values::Values;

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
    let folder = options.chart.clone().unwrap_or_else(bench::builtin);
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
    let heap = allocations(&folder)?;
    for ((label, values), heap) in bench::clusters()?.into_iter().zip(heap) {
        measure(options, &folder, &chart, (label, &values), heap, out)?;
    }
    Ok(())
}

/// Allocations and allocated bytes of one rendering of each cluster, counted by the program `allocations` beside this one:
/// counting takes time, and the conductor does not do it.
fn allocations(folder: &Path) -> Result<Vec<(u64, u64)>> {
    let program = std::env::current_exe()?.with_file_name("allocations");
    let output = Command::new(&program)
        .arg(folder)
        .output()
        .with_context(|| program.display().to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {stderr}", program.display());
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure(
    options: &Options,
    folder: &Path,
    chart: &Chart,
    (label, values): (&str, &Values),
    (allocations, allocated): (u64, u64),
    out: &mut dyn Write,
) -> Result<()> {
    let render = bench::renderer(chart, values)?;
    let started = Instant::now();
    let text = render()?;
    let first = started.elapsed();
    black_box(render()?);
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
        allocations,
        allocated as f64 / f64::from(1 << 20),
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

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
