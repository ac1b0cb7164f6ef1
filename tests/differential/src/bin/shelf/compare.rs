//! Two answers to one question.

use crate::engines::Answer;

/// How often helm is asked again to find out which of its lines are random.
const ASKED_AGAIN: usize = 3;

/// How two answers compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes.
    Equal,
    /// The same bytes but for lines in which helm differs from itself from run to run (keys, passwords, times).
    EqualButRandom {
        /// Number of such lines.
        lines: usize,
    },
    /// helm's own runs differ in the order of their lines; ours has the same lines.
    RandomOrder,
    /// Both fail with the same message.
    SameFailure,
    /// Both fail, the words differ.
    OtherWords {
        /// Ours.
        ours: String,
        /// helm's.
        helm: String,
    },
    /// Both render, the texts differ.
    Differs {
        /// First line that differs, ours and helm's.
        first: String,
    },
    /// Only we fail.
    OnlyWeFail(String),
    /// Only helm fails.
    OnlyHelmFails(String),
}

impl Verdict {
    /// Whether this is an error of ours.
    pub fn is_difference(&self) -> bool {
        matches!(
            self,
            Self::Differs { .. } | Self::OnlyWeFail(_) | Self::OnlyHelmFails(_)
        )
    }
}

/// Compares; `again` asks helm once more.
pub fn compare(ours: &Answer, helm: &Answer, again: impl Fn() -> Answer) -> Verdict {
    match (ours, helm) {
        (Answer::Text(ours), Answer::Text(helm)) if ours == helm => Verdict::Equal,
        (Answer::Text(ours), Answer::Text(helm)) => beyond_chance(ours, helm, &again),
        (Answer::Failure(ours), Answer::Failure(helm))
            if ours == helm || same_in_another_order(ours, helm, &again) =>
        {
            Verdict::SameFailure
        }
        (Answer::Failure(ours), Answer::Failure(helm)) => Verdict::OtherWords {
            ours: ours.clone(),
            helm: helm.clone(),
        },
        (Answer::Failure(message), Answer::Text(_)) => Verdict::OnlyWeFail(message.clone()),
        (Answer::Text(_), Answer::Failure(message)) => Verdict::OnlyHelmFails(message.clone()),
    }
}

/// Whether both complain of the same things, which helm lists now in one order and now in another.
fn same_in_another_order(ours: &str, helm: &str, again: &impl Fn() -> Answer) -> bool {
    let complaints = |text: &str| {
        let mut complaints: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        complaints.retain(|line| !line.is_empty());
        complaints.sort_unstable();
        complaints
    };
    complaints(ours) == complaints(helm)
        && (0..ASKED_AGAIN)
            .any(|_| matches!(again(), Answer::Failure(other) if other != helm && complaints(&other) == complaints(helm)))
}

/// The lines of a text; what stands between the first and the last line of a key or certificate is one, because random
/// ones are now a line longer and now a line shorter.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.split('\n') {
        let ends = line.contains("-----END ");
        match lines.last_mut() {
            Some(body) if inside && !ends => {
                body.push('\n');
                body.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
        if inside && ends {
            inside = false;
        } else if line.contains("-----BEGIN ") && !ends {
            inside = true;
            lines.push(String::new());
        }
    }
    lines
}

fn beyond_chance(ours: &str, helm: &str, again: &impl Fn() -> Answer) -> Verdict {
    let (ours, helm) = (lines(ours), lines(helm));
    let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
    let helm: Vec<&str> = helm.iter().map(String::as_str).collect();
    // What all of helm's runs have in common, line by line: the whole line, or its beginning.
    let mut common: Vec<Option<usize>> = vec![None; helm.len()];
    let mut shuffled = false;
    for _ in 0..ASKED_AGAIN {
        let Answer::Text(other) = again() else { continue };
        let other = lines(&other);
        let other: Vec<&str> = other.iter().map(String::as_str).collect();
        if other.len() != helm.len() {
            shuffled = true;
            continue;
        }
        for ((first, second), common) in helm.iter().zip(&other).zip(&mut common) {
            if first != second {
                let shared = shared_beginning(first, second);
                *common = Some(common.map_or(shared, |known| known.min(shared)));
            }
        }
        shuffled |= other != helm && sorted(&other) == sorted(&helm);
    }
    if shuffled && sorted(&ours) == sorted(&helm) {
        return Verdict::RandomOrder;
    }
    let differing = helm
        .iter()
        .zip(&ours)
        .zip(&common)
        .find(|((helm, ours), common)| match common {
            None => helm != ours,
            // A random value has no meaning, but it must stand under the same key.
            Some(shared) => {
                let key = helm.get(..*shared).and_then(|text| text.find(": ")).unwrap_or(0);
                helm.get(..key) != ours.get(..key)
            }
        });
    match differing {
        Some(((helm, ours), _)) => Verdict::Differs {
            first: format!("ours `{}`, helm `{}`", ours.trim(), helm.trim()),
        },
        None if ours.len() != helm.len() => Verdict::Differs {
            first: format!("{} lines, helm {}", ours.len(), helm.len()),
        },
        None => Verdict::EqualButRandom {
            lines: common.iter().flatten().count(),
        },
    }
}

fn shared_beginning(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

fn sorted<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let mut lines = lines.to_vec();
    lines.sort_unstable();
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn text(text: &str) -> Answer {
        Answer::Text(text.to_owned())
    }

    /// helm answers `runs` in turn.
    fn verdict(ours: &str, runs: &[&str]) -> Verdict {
        let turn = Cell::new(0);
        compare(&text(ours), &text(runs[0]), || {
            turn.set(turn.get() + 1);
            text(runs[turn.get() % runs.len()])
        })
    }

    #[test]
    fn chance_is_told_from_difference() {
        assert_eq!(verdict("a: 1", &["a: 1"]), Verdict::Equal);
        assert!(verdict("a: 2", &["a: 1"]).is_difference());
        let runs = ["a: 1\np: xyz", "a: 1\np: qrs"];
        assert_eq!(
            verdict("a: 1\np: mno", &runs),
            Verdict::EqualButRandom { lines: 1 }
        );
        assert!(verdict("a: 2\np: mno", &runs).is_difference());
        assert!(verdict("a: 1\nq: mno", &runs).is_difference());
        assert!(verdict("a: 1\np: mno\n", &runs).is_difference());
        assert_eq!(verdict("b\nc\na", &["a\nb\nc", "c\nb\na"]), Verdict::RandomOrder);
    }

    #[test]
    fn random_certificates_may_have_different_numbers_of_lines() {
        let certificate = |body: &str| {
            format!("c: |\n  -----BEGIN CERTIFICATE-----\n{body}\n  -----END CERTIFICATE-----\nd: 1")
        };
        let (one, two) = (certificate("  MII\n  abc"), certificate("  MII\n  xyz\n  w=="));
        let three = certificate("  MII");
        assert_eq!(
            verdict(&three, &[&one, &two]),
            Verdict::EqualButRandom { lines: 1 }
        );
        assert!(verdict(&three.replace("d: 1", "d: 2"), &[&one, &two]).is_difference());
        assert!(verdict(&one.replace("  abc", " abc"), &[&one]).is_difference());
    }

    #[test]
    fn failures_are_compared_by_their_words() {
        let failure = |text: &str| Answer::Failure(text.to_owned());
        let one = |ours: &Answer, helm: &Answer| compare(ours, helm, || text(""));
        assert_eq!(one(&failure("x"), &failure("x")), Verdict::SameFailure);
        assert!(!one(&failure("x"), &failure("y")).is_difference());
        assert!(one(&failure("x"), &text("y")).is_difference());
        assert!(one(&text("x"), &failure("y")).is_difference());
        let again = |helm: &str| {
            compare(&failure("x\n- b\n- a"), &failure("x\n- a\n- b\n"), || {
                failure(helm)
            })
        };
        assert_eq!(again("x\n- b\n- a"), Verdict::SameFailure);
        assert_ne!(again("x\n- a\n- b\n"), Verdict::SameFailure);
    }
}
