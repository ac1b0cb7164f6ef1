//! Renders a folder of charts with the real helm and with our engine and compares what comes out, byte by byte.
//!
//! `shelf FOLDER --helm PROGRAM` takes every chart in the folder (folders with a `Chart.yaml`, and `.tgz`
//! archives), its defaults and the values files that lie in its `ci/`. `--layers FILE` takes values from a list
//! instead: a line `NAME: FILE FILE...` is one case. The result is a table in Markdown. It ends with an error
//! if anything differs.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cases;
mod compare;
mod engines;
mod table;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::cases::Case;
use crate::compare::Verdict;
use crate::engines::Engines;

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
    let engines = Engines::new(&arguments.helm, home.path());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(chart) = charts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cases = cases::of_chart(chart, layers.as_deref(), &arguments.kube_version);
                    let verdicts = examine(&engines, chart, &cases, arguments.differences.as_deref());
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
    cases: &[Case],
    differences: Option<&std::path::Path>,
) -> Vec<(String, Verdict)> {
    let loaded = engines.load(&chart.path);
    cases
        .iter()
        .map(|case| {
            let ours = engines.ours(&loaded, case);
            let theirs = engines.helm(&chart.path, case);
            let verdict = compare::compare(&ours, &theirs, || engines.helm(&chart.path, case));
            if let Some(folder) = differences
                && (verdict.is_difference() || matches!(verdict, Verdict::OtherWords { .. }))
            {
                let stem = format!("{}--{}", chart.label().replace('/', "_"), case.label);
                let _ = std::fs::create_dir_all(folder);
                let _ = std::fs::write(folder.join(format!("{stem}.ours")), ours.text());
                let _ = std::fs::write(folder.join(format!("{stem}.helm")), theirs.text());
            }
            (case.label.clone(), verdict)
        })
        .collect()
}
