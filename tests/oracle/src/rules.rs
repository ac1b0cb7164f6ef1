//! Rules: which differences from a recording are on purpose.

use serde_json::Value;

use crate::suite::Verdict;

/// What a rule judges: a case, the place of a difference and its text, our outcome and the recorded one.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// The recorded case.
    pub case: &'a Value,
    /// Where in the outcome, with dots.
    pub place: &'a str,
    /// The place, what is there and what was recorded.
    pub line: &'a str,
    /// Our whole outcome.
    pub ours: &'a Value,
    /// The recorded outcome.
    pub theirs: &'a Value,
}

/// A difference on purpose, named as in the file of differences.
#[derive(Debug)]
pub struct Rule {
    /// Its entry in the file.
    pub id: &'static str,
    /// Whether it is the reason of a difference.
    pub explains: fn(&Difference<'_>) -> bool,
}

/// Judges a case by the differences that were found in it; each needs a rule that explains it.
pub fn verdict(rules: &[Rule], case: &Value, ours: &Value, theirs: &Value, found: &[String]) -> Verdict {
    let (mut used, mut rest) = (Vec::new(), Vec::new());
    for line in found {
        let difference = Difference {
            case,
            place: line.split(": ").next().unwrap_or_default(),
            line,
            ours,
            theirs,
        };
        match rules.iter().find(|rule| (rule.explains)(&difference)) {
            Some(rule) => used.push(rule.id),
            None => rest.push(line.as_str()),
        }
    }
    used.sort_unstable();
    used.dedup();
    if !rest.is_empty() {
        Verdict::Wrong(format!("{used:?}\n    {}", rest.join("\n    ")))
    } else if used.is_empty() {
        Verdict::Equal
    } else {
        Verdict::Differs(used)
    }
}
