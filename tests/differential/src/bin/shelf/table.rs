//! The results in Markdown.

use std::fmt::Write;

use helm::Chart;

use crate::cases::Subject;
use crate::compare::Verdict;

type Results = [(Subject, Vec<(String, Verdict)>)];

#[derive(Default)]
struct Count {
    cases: usize,
    equal: usize,
    random: usize,
    same_failure: usize,
    other_words: usize,
    differing: usize,
}

impl Count {
    fn of(verdicts: &[(String, Verdict)]) -> Self {
        let mut count = Self::default();
        for (_, verdict) in verdicts {
            count.cases += 1;
            match verdict {
                Verdict::Equal => count.equal += 1,
                Verdict::EqualButRandom { .. } | Verdict::RandomOrder => count.random += 1,
                Verdict::SameFailure => count.same_failure += 1,
                Verdict::OtherWords { .. } => count.other_words += 1,
                Verdict::Differs { .. } | Verdict::OnlyWeFail(_) | Verdict::OnlyHelmFails(_) => {
                    count.differing += 1;
                }
            }
        }
        count
    }

    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.equal += other.equal;
        self.random += other.random;
        self.same_failure += other.same_failure;
        self.other_words += other.other_words;
        self.differing += other.differing;
    }

    fn row(&self) -> String {
        format!(
            "{} | {} | {} | {} | {} | {}",
            self.cases, self.equal, self.random, self.same_failure, self.other_words, self.differing
        )
    }
}

/// One line about one chart.
pub fn progress(chart: &Subject, verdicts: &[(String, Verdict)]) -> String {
    let count = Count::of(verdicts);
    let mut text = format!("{}: {}", chart.label(), count.row());
    for (case, verdict) in verdicts {
        if let Some(what) = difference(verdict) {
            let _ = write!(text, "\n  {case}: {what}");
        }
    }
    text
}

/// The whole table.
pub fn write(results: &Results, versions: &[String]) -> String {
    let mut text = format!("Kubernetes {}.\n\n", versions.join(", "));
    text.push_str("| chart | version | from | cases | equal | equal but random | same error | other words | differs |\n");
    text.push_str("|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    let mut total = Count::default();
    for (chart, verdicts) in results {
        let count = Count::of(verdicts);
        total.add(&count);
        let (name, version) = match Chart::from_path(&chart.path) {
            Ok(loaded) => (loaded.name().to_owned(), loaded.version().to_owned()),
            Err(_) => (chart.name.clone(), String::new()),
        };
        let _ = writeln!(
            text,
            "| {name} | {version} | {} | {} |",
            chart.origin,
            count.row()
        );
    }
    let _ = writeln!(text, "| **all {}** | | | {} |", results.len(), total.row());
    notes(&mut text, results);
    text
}

fn notes(text: &mut String, results: &Results) {
    for (chart, _) in results.iter().filter(|(chart, _)| !chart.without.is_empty()) {
        let _ = write!(text, "\n* {} without {}", chart.label(), chart.without);
    }
    for (chart, verdicts) in results {
        for (case, verdict) in verdicts {
            match verdict {
                Verdict::OtherWords { ours, helm } => {
                    let _ = write!(
                        text,
                        "\n* {}, {case}: ours `{}`, helm `{}`",
                        chart.label(),
                        short(ours),
                        short(helm)
                    );
                }
                verdict => {
                    if let Some(what) = difference(verdict) {
                        let _ = write!(text, "\n* **{}, {case}**: {}", chart.label(), short(&what));
                    }
                }
            }
        }
    }
    text.push('\n');
}

fn difference(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Differs { first } => Some(format!("differs: {first}")),
        Verdict::OnlyWeFail(message) => Some(format!("only we fail: {message}")),
        Verdict::OnlyHelmFails(message) => Some(format!("only helm fails: {message}")),
        _ => None,
    }
}

fn short(text: &str) -> String {
    let line = text.replace(['\n', '|'], " ");
    if line.chars().count() > 240 {
        format!("{}…", line.chars().take(240).collect::<String>())
    } else {
        line
    }
}
