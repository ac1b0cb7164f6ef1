//! Template snippets through both engines, many to one run of helm.
//!
//! What succeeds here is rendered by helm in batches, each snippet a partial of its own whose text comes back
//! in base64. What fails here, and every member of a batch on which the engines disagree, has a run of helm
//! for itself, because an error ends a run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::engines::{Answer, Helm, Question, ours, write_chart};
use crate::report::Difference;

/// A template and what it finds at `.Values`.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// What it is called in a report.
    pub name: String,
    /// The template.
    pub template: String,
    /// `.Values`, as YAML on one line.
    pub values: String,
}

/// What is common to the snippets of a suite.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// `Chart.yaml`.
    pub chart: String,
    /// More files of the chart.
    pub files: BTreeMap<String, Vec<u8>>,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// `--api-versions`.
    pub api_versions: Vec<String>,
}

/// How many snippets share a run of helm.
const BATCH: usize = 64;

/// What a snippet finds besides `.Values`.
const REST: &str = "\"Chart\" .Chart \"Files\" .Files \"Release\" .Release \"Capabilities\" .Capabilities \"Template\" .Template \"Subcharts\" .Subcharts";

/// Runs of helm at a time.
const WORKERS: usize = 2;

/// Compares the engines; the differences come in the order of the snippets.
pub fn compare(helm: &Helm, setting: &Setting, snippets: &[Snippet]) -> std::io::Result<Vec<Difference>> {
    let jobs: Vec<&[Snippet]> = snippets.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<BTreeMap<usize, std::io::Result<Vec<Difference>>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let outcome = compare_batch(helm, setting, job);
                    if let Ok(mut found) = found.lock() {
                        found.insert(at, outcome);
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_default();
    let mut all = Vec::new();
    for outcome in found.into_values() {
        all.extend(outcome?);
    }
    Ok(all)
}

fn compare_batch(helm: &Helm, setting: &Setting, snippets: &[Snippet]) -> std::io::Result<Vec<Difference>> {
    let dir = tempfile::tempdir()?;
    let mut together = Vec::new();
    let mut alone = Vec::new();
    for (at, snippet) in snippets.iter().enumerate() {
        let question = question(&dir.path().join(format!("one{at}")), setting, &[snippet])?;
        match ours(&question) {
            Ok(_) => together.push(snippet),
            Err(_) => alone.push(snippet),
        }
    }
    if !together.is_empty() {
        let all = question(&dir.path().join("all"), setting, &together)?;
        if helm.answer(&all)? != ours(&all) {
            alone.extend(together);
        }
    }
    let mut differences = Vec::new();
    for (at, snippet) in alone.into_iter().enumerate() {
        let question = question(&dir.path().join(format!("alone{at}")), setting, &[snippet])?;
        let (theirs, ours) = (helm.answer(&question)?, ours(&question));
        if theirs != ours {
            differences.push(Difference {
                case: snippet.name.clone(),
                input: format!("template: {}\nvalues: {}", snippet.template, snippet.values),
                helm: decoded(theirs),
                ours: decoded(ours),
            });
        }
    }
    Ok(differences)
}

/// A chart on disk that renders `snippets`.
fn question(dir: &Path, setting: &Setting, snippets: &[&Snippet]) -> std::io::Result<Question> {
    let mut files: Vec<(String, Vec<u8>)> = vec![("Chart.yaml".to_owned(), setting.chart.clone().into())];
    files.extend(setting.files.clone());
    let mut main = String::new();
    let mut values = String::from("cases:\n");
    for (at, snippet) in snippets.iter().enumerate() {
        files.push((format!("templates/_c{at}.tpl"), snippet.template.clone().into()));
        main.push_str(&format!(
            "c{at}: {{{{ include (print .Template.BasePath \"/_c{at}.tpl\") (dict \"Values\" (index .Values.cases {at}) {REST}) | b64enc }}}}\n"
        ));
        values.push_str(&format!("- {}\n", snippet.values));
    }
    files.push(("templates/z.yaml".to_owned(), main.into()));
    write_chart(dir, &files)?;
    Ok(Question {
        chart: dir.to_owned(),
        values,
        kube_version: setting.kube_version.clone(),
        api_versions: setting.api_versions.clone(),
        ..Question::default()
    })
}

/// The snippet's text out of the manifest.
fn decoded(answer: Answer) -> Answer {
    answer.map(|text| {
        let coded = text.lines().find_map(|line| line.strip_prefix("c0: "));
        let bytes = coded.and_then(|coded| STANDARD.decode(coded.trim()).ok());
        bytes.map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned())
    })
}
