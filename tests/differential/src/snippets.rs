//! Template snippets through both engines, many to one run of helm.
//!
//! An error ends a run of `helm template`, and a process costs more than a hundred snippets. So what succeeds
//! here is rendered by helm in batches, each snippet a partial of its own whose text comes back in base64.
//! What fails here becomes a chart of its own, and one `helm lint` renders them all, each up to its error.
//! Only what does not come out the same there has a run of helm for itself, whose answer is the one that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::engines::{Answer, HINT, Helm, NO_END, Question, ours, write_chart};
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
const BATCH: usize = 256;

/// A text as long as this comes from a value that contains itself, of which helm may die.
const HUGE: usize = 1 << 15;

/// Our errors where helm knows no bound: long lists and texts, values that contain themselves.
const LIMITS: [&str; 3] = ["a list of more than", "nests too deeply", "bytes of output"];

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
    let (mut together, mut failing, mut alone) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, snippet) in snippets.iter().enumerate() {
        let question = question(&dir.path().join(format!("one{at}")), setting, &[snippet])?;
        match ours(&question) {
            Ok(text) if text.len() > HUGE || merges_root(snippet) => {
                alone.insert(at);
            }
            Ok(_) => together.push(at),
            // Where we stop at a limit of our own, helm fills the memory or never ends.
            Err(error) if LIMITS.iter().any(|limit| error.contains(limit)) => {}
            Err(error) => failing.push((at, question, error)),
        }
    }
    alone.extend(linted_otherwise(helm, setting, &failing)?);
    alone.extend(rendered_otherwise(helm, setting, snippets, together, dir.path())?);
    let mut differences = Vec::new();
    for at in alone {
        let snippet = &snippets[at];
        let question = question(&dir.path().join(format!("one{at}")), setting, &[snippet])?;
        let (theirs, ours) = (decoded(helm.answer(&question)?), decoded(ours(&question)));
        if theirs == ours || is_crash(&theirs) {
            continue;
        }
        // What changes from run to run, as addresses and the time of day do, cannot agree.
        let again = decoded(helm.answer(&question)?);
        if theirs != again && masked(&theirs) == masked(&ours) {
            continue;
        }
        if says_it_at_times(helm, &question, &ours)? {
            continue;
        }
        differences.push(Difference {
            case: snippet.name.clone(),
            input: format!("template: {}\nvalues: {}", snippet.template, snippet.values),
            helm: theirs,
            ours,
        });
    }
    Ok(differences)
}

/// A merge of everything there is, which may go round in circles.
fn merges_root(snippet: &Snippet) -> bool {
    let mut merges = snippet
        .template
        .split("{{")
        .filter(|action| action.contains("erge"));
    merges.any(|action| {
        action
            .split([' ', '(', ')', '}'])
            .any(|word| word == "$" || word == ".")
    })
}

/// A map merged into itself is more than helm can print: it dies of a full stack, where we end with an error
/// or a cut text.
fn is_crash(answer: &Answer) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error.contains("goroutine stack exceeds") || error.contains(NO_END))
}

/// Whether helm, which says one thing and another (of several faults in a table Go finds any), also says this.
fn says_it_at_times(helm: &Helm, question: &Question, ours: &Answer) -> std::io::Result<bool> {
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        if decoded(helm.answer(question)?) == *ours {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The answer with each run of hexadecimal digits replaced.
fn masked(answer: &Answer) -> Answer {
    let mask = |text: &str| {
        let mut out = String::new();
        for c in text.chars() {
            let shown = if c.is_ascii_hexdigit() { '0' } else { c };
            if shown != '0' || !out.ends_with('0') {
                out.push(shown);
            }
        }
        out
    };
    answer.as_ref().map(|text| mask(text)).map_err(|text| mask(text))
}

/// Those of `failing` for which `helm lint` does not report the same error.
fn linted_otherwise(
    helm: &Helm,
    setting: &Setting,
    failing: &[(usize, Question, String)],
) -> std::io::Result<BTreeSet<usize>> {
    if failing.is_empty() {
        return Ok(BTreeSet::new());
    }
    for (_, question, _) in failing {
        // Lint shares its values among the charts; inside of a list a chart's own values are the same.
        std::fs::write(question.chart.join("values.yaml"), &question.values)?;
    }
    let charts: Vec<&Path> = failing
        .iter()
        .map(|(_, question, _)| question.chart.as_path())
        .collect();
    let report = helm.lint(&charts, setting.kube_version.as_deref())?;
    let mut blocks: BTreeMap<&str, &str> = BTreeMap::new();
    for block in report.split("==> Linting ") {
        if let Some((path, rest)) = block.split_once('\n') {
            blocks.insert(path, rest);
        }
    }
    if blocks.len() < 2 && failing.len() > 1 {
        // It crashed and said nothing.
        let (first, second) = failing.split_at(failing.len() / 2);
        let mut otherwise = linted_otherwise(helm, setting, first)?;
        otherwise.extend(linted_otherwise(helm, setting, second)?);
        return Ok(otherwise);
    }
    let mut otherwise = BTreeSet::new();
    for (at, question, error) in failing {
        std::fs::remove_file(question.chart.join("values.yaml"))?;
        let error = error.strip_suffix(HINT).unwrap_or(error);
        let block = blocks.get(&*question.chart.to_string_lossy()).copied();
        if block != Some(&format!("[ERROR] templates/: {error}\n\n")) {
            otherwise.insert(*at);
        }
    }
    Ok(otherwise)
}

/// Those of `members` that helm, rendering them all at once, does not render as we do.
fn rendered_otherwise(
    helm: &Helm,
    setting: &Setting,
    snippets: &[Snippet],
    mut members: Vec<usize>,
    dir: &Path,
) -> std::io::Result<BTreeSet<usize>> {
    let mut otherwise = BTreeSet::new();
    let all = dir.join("all");
    while !members.is_empty() {
        let chosen: Vec<&Snippet> = members.iter().map(|at| &snippets[*at]).collect();
        let question = question(&all, setting, &chosen)?;
        let answers = (helm.answer(&question)?, ours(&question));
        std::fs::remove_dir_all(&all)?;
        let error = match &answers {
            (Ok(theirs), Ok(ours)) => {
                let (theirs, ours) = (lines(theirs), lines(ours));
                let differing = (0..members.len()).filter(|at| {
                    let known = theirs.get(at);
                    known.is_none() || known != ours.get(at)
                });
                otherwise.extend(differing.map(|at| members[at]));
                break;
            }
            (Err(error), _) | (_, Err(error)) => error,
        };
        // The one that failed is judged by itself, the rest without it.
        match culprit(error).filter(|at| *at < members.len()) {
            Some(at) => {
                otherwise.insert(members.remove(at));
            }
            // A crash names nobody.
            None if members.len() > 1 => {
                for half in members.chunks(members.len().div_ceil(2)) {
                    otherwise.extend(rendered_otherwise(helm, setting, snippets, half.to_vec(), dir)?);
                }
                break;
            }
            None => {
                otherwise.extend(members);
                break;
            }
        }
    }
    Ok(otherwise)
}

/// The number of the partial in which a batch failed.
fn culprit(error: &str) -> Option<usize> {
    let (_, rest) = error.split_once("templates/_c")?;
    rest.split_once('.')?.0.parse().ok()
}

/// The lines of a batch, by the number of their snippet.
fn lines(text: &str) -> BTreeMap<usize, &str> {
    let numbered = |line: &str| line.strip_prefix('c')?.split_once(':')?.0.parse().ok();
    text.lines()
        .filter_map(|line| Some((numbered(line)?, line)))
        .collect()
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
