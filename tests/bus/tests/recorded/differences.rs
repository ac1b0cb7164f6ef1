//! What may differ, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// `data/differences.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Differences {
    everywhere: Vec<Entry>,
    exchanges: BTreeMap<String, Vec<Entry>>,
    /// Calls whose reply depends on the cloud that was recorded, with the place where that is tested.
    pub(crate) needs_the_cloud: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    /// JSON pointer into the decoded reply.
    path: String,
    /// Why it differs; there for readers.
    reason: String,
}

impl Differences {
    pub(crate) fn read() -> Self {
        let all: Self = serde_json::from_str(include_str!("../../data/differences.json")).unwrap();
        let reasons = all.exchanges.values().flatten().chain(&all.everywhere);
        assert!(
            reasons.clone().all(|entry| entry.reason.len() > 10),
            "every entry has its reason"
        );
        all
    }

    /// What is wrong with a reply; notes which entries were of use in `seen`.
    pub(crate) fn compare(
        &self,
        name: &str,
        mut ours: Value,
        mut theirs: Value,
        seen: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        sort_changes(&mut ours);
        sort_changes(&mut theirs);
        for entry in self.exchanges.get(name).into_iter().flatten() {
            if hide(&entry.path, &mut ours, &mut theirs) {
                seen.insert(format!("{name}{}", entry.path));
            } else {
                wrong.push(format!(
                    "{name}: {} does not differ any more: take the entry out",
                    entry.path
                ));
            }
        }
        for entry in &self.everywhere {
            if hide(&entry.path, &mut ours, &mut theirs) {
                seen.insert(entry.path.clone());
            }
        }
        differing("", &ours, &theirs, &mut |path, ours, theirs| {
            wrong.push(format!("{name}: {path} is {ours} instead of {theirs}"));
        });
        wrong
    }

    /// Entries that nothing needed.
    pub(crate) fn unused(&self, seen: &BTreeSet<String>) -> Vec<String> {
        let general = self.everywhere.iter().map(|entry| entry.path.clone());
        let particular = self
            .exchanges
            .iter()
            .flat_map(|(name, entries)| entries.iter().map(move |entry| format!("{name}{}", entry.path)));
        general
            .chain(particular)
            .filter(|entry| !seen.contains(entry))
            .map(|entry| format!("nothing differs at {entry}: take it out"))
            .collect()
    }
}

/// Takes a value out of both, where it is; whether it differed.
fn hide(path: &str, ours: &mut Value, theirs: &mut Value) -> bool {
    let differs = ours.pointer(path) != theirs.pointer(path);
    let (parent, name) = path.rsplit_once('/').unwrap_or_default();
    for side in [ours, theirs] {
        match side.pointer_mut(parent) {
            Some(Value::Object(map)) => drop(map.remove(name)),
            // The others keep their places.
            Some(Value::Array(items)) => {
                if let Some(item) = name.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                    *item = Value::Null;
                }
            }
            _ => {}
        }
    }
    differs
}

/// The changes of an object are a set: Python's order is that of its hashes.
fn sort_changes(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if matches!(key.as_str(), "magnum_object.changes" | "obj_what_changed")
                    && let Value::Array(items) = value
                {
                    items.sort_by_key(Value::to_string);
                } else {
                    sort_changes(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort_changes),
        _ => {}
    }
}

fn differing(path: &str, ours: &Value, theirs: &Value, tell: &mut impl FnMut(&str, String, String)) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let missing = Value::String("(missing)".into());
                differing(
                    &format!("{path}/{key}"),
                    a.get(key).unwrap_or(&missing),
                    b.get(key).unwrap_or(&missing),
                    tell,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differing(&format!("{path}/{index}"), a, b, tell);
            }
        }
        (a, b) if a != b => tell(path, a.to_string(), b.to_string()),
        _ => {}
    }
}
