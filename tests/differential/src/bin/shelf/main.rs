//! Renders a folder of charts with the real helm and with our engine and compares what comes out, byte by byte.
//!
//! `shelf FOLDER --helm PROGRAM` takes every chart in the folder (folders with a `Chart.yaml`, and `.tgz`
//! archives), its defaults and the values files that lie in its `ci/`. `--layers FILE` takes values from a list
//! instead: a line `NAME: FILE FILE...` is one case. `--flags`, `--switches` and `--random N` ask more of each
//! chart, and `--program magnum-conductor` asks our command instead of the library. The result is a table in Markdown. It ends with an error
//! if anything differs.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cases;
mod compare;
mod engines;
mod table;
mod variations;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use helm::Chart;

use crate::cases::Case;
use crate::compare::Verdict;
use crate::engines::{Answer, Engines};

/// Compares our rendering with helm's over a folder of charts.
#[derive(Parser)]
struct Arguments {
    /// Folder with charts, at any depth; its first level names where they come from (`OWNER+REPOSITORY`).
    folder: PathBuf,
    /// The helm program.
    #[arg(long)]
    helm: PathBuf,
    /// List of cases, one `NAME: FILE FILE...` per line, files relative to the list.
    #[arg(long)]
    layers: Option<PathBuf>,
    /// A program with helm's `template` command to ask instead of the library.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Ask also with other flags; for a program.
    #[arg(long, requires = "program")]
    flags: bool,
    /// Turn also every switch of a chart on, and every one off.
    #[arg(long)]
    switches: bool,
    /// Change also a chart's values at random places, so many times.
    #[arg(long, default_value_t = 0)]
    random: u64,
    /// Where the random numbers start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave the defaults and the values files out.
    #[arg(long)]
    only_variations: bool,
    /// Kubernetes version; may be given more than once.
    #[arg(long, default_value = "1.30.4")]
    kube_version: Vec<String>,
    /// Only charts whose path contains this.
    #[arg(long)]
    only: Option<String>,
    /// Where to write the table; the standard output if absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder for both outputs of what differs.
    #[arg(long)]
    differences: Option<PathBuf>,
    /// Charts rendered at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let charts = cases::charts(&arguments.folder, arguments.only.as_deref())?;
    if charts.is_empty() {
        bail!("no charts in {}", arguments.folder.display());
    }
    let layers = arguments.layers.as_deref().map(cases::layers).transpose()?;
    let home = tempfile::tempdir().context("temporary folder")?;
    let engines = Engines::new(&arguments.helm, arguments.program.as_deref(), home.path());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(chart) = charts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdicts = examine(&engines, chart, layers.as_deref(), &arguments);
                    eprintln!("{}", table::progress(chart, &verdicts));
                    if let Ok(mut results) = results.lock() {
                        results.push((chart.clone(), verdicts));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    let text = table::write(&results, &arguments.kube_version);
    match &arguments.out {
        Some(path) => std::fs::write(path, text).with_context(|| path.display().to_string())?,
        None => print!("{text}"),
    }
    let differing = results
        .iter()
        .flat_map(|(_, verdicts)| verdicts)
        .filter(|(_, verdict)| verdict.is_difference())
        .count();
    if differing > 0 {
        bail!("{differing} cases differ");
    }
    Ok(())
}

fn examine(
    engines: &Engines,
    chart: &cases::Subject,
    layers: Option<&[(String, Vec<PathBuf>)]>,
    arguments: &Arguments,
) -> Vec<(String, Verdict)> {
    let loaded = Chart::from_path(&chart.path);
    let mut cases = Vec::new();
    if !arguments.only_variations {
        cases.extend(cases::of_chart(chart, layers, &arguments.kube_version));
    }
    let version = arguments.kube_version.first().map_or("1.30.4", String::as_str);
    if arguments.flags {
        cases.extend(variations::flags(version));
    }
    if let Ok(loaded) = &loaded {
        if arguments.switches {
            cases.extend(variations::switches(loaded, version));
        }
        let (seed, count) = (arguments.seed, arguments.random);
        cases.extend(variations::random(loaded, version, seed, count));
    }
    let judge = |case: Case| {
        let ours = engines.ours(&chart.path, &loaded, &case);
        let theirs = engines.helm(&chart.path, &case);
        let verdict = compare::compare(&ours, &theirs, || {
            // What is made of the time changes with the next second.
            std::thread::sleep(Duration::from_secs(1));
            engines.helm(&chart.path, &case)
        });
        if let Some(folder) = &arguments.differences
            && (verdict.is_difference() || matches!(verdict, Verdict::OtherWords { .. }))
        {
            keep(folder, chart, &case, &ours, &theirs);
        }
        (case.label, verdict)
    };
    cases.into_iter().map(judge).collect()
}

/// Puts both answers, and the values if they are not in a file, where a person can look at them.
fn keep(folder: &Path, chart: &cases::Subject, case: &Case, ours: &Answer, theirs: &Answer) {
    let stem = format!("{}--{}", chart.label().replace('/', "_"), case.label);
    let _ = std::fs::create_dir_all(folder);
    let _ = std::fs::write(folder.join(format!("{stem}.ours")), ours.text());
    let _ = std::fs::write(folder.join(format!("{stem}.helm")), theirs.text());
    if !case.more.is_empty() {
        let _ = std::fs::write(folder.join(format!("{stem}.values")), &case.more);
    }
}
