//! The list of deliberate differences, and what of it was seen.

use helm_template::yaml;
use serde_json::Value;

const LIST: &str = include_str!("differences.yaml");

struct Entry {
    step: String,
    place: String,
    seen: bool,
}

/// The list, for the steps of one test.
pub struct Differences {
    entries: Vec<Entry>,
    unlisted: Vec<String>,
}

impl Differences {
    /// The entries for these steps.
    pub fn of(steps: impl Fn(&str) -> bool) -> Self {
        let list = yaml::from_yaml(LIST).unwrap();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        let entries = list.as_array().unwrap().iter().map(|entry| {
            assert!(text(entry, "why").len() > 20, "a reason is wanted: {entry}");
            Entry {
                step: text(entry, "step"),
                place: text(entry, "where"),
                seen: false,
            }
        });
        Self {
            entries: entries.filter(|entry| steps(&entry.step)).collect(),
            unlisted: Vec::new(),
        }
    }

    /// Those of the differences that are not listed for the step.
    pub fn surprises<'d>(&self, step: &str, found: &'d [String]) -> Vec<&'d String> {
        let listed = |line: &String| self.entries.iter().any(|entry| entry.covers(step, line));
        found.iter().filter(|line| !listed(line)).collect()
    }

    /// Whether something differed that is not listed.
    pub fn any_surprise(&self) -> bool {
        !self.unlisted.is_empty()
    }

    /// Notes what a step showed.
    pub fn note(&mut self, step: &str, found: &[String]) {
        let surprises = self.surprises(step, found);
        let surprises: Vec<String> = surprises.iter().map(|line| format!("{step}: {line}")).collect();
        self.unlisted.extend(surprises);
        for entry in &mut self.entries {
            entry.seen |= found.iter().any(|line| entry.covers(step, line));
        }
    }

    /// Fails if something differs that is not listed, or is listed and does not differ.
    pub fn settle(self) {
        assert!(
            self.unlisted.is_empty(),
            "differences (helm | ours):\n{}",
            self.unlisted.join("\n")
        );
        for entry in self.entries {
            let Entry { step, place, seen } = entry;
            assert!(seen, "{step} {place} no longer differs: strike it off the list");
        }
    }
}

impl Entry {
    fn covers(&self, step: &str, line: &str) -> bool {
        let path = line.split(": ").next().unwrap_or_default();
        let mut parts = path.split('/');
        if self.step != step {
            return false;
        }
        for wanted in self.place.split('/') {
            match (wanted, parts.next()) {
                ("**", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(part)) if wanted == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}
