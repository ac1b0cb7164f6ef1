//! Comparing with recordings, in which what is new each time has a placeholder.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Map, Value};

/// What the placeholders of one case stand for in our answer.
#[derive(Debug)]
pub struct Placeholders {
    known: BTreeMap<String, String>,
    pattern: Regex,
}

impl Default for Placeholders {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            pattern: Regex::new("<(UUID-[0-9]+|TS)>").expect("a pattern"),
        }
    }
}

/// What a uuid and a new timestamp look like.
const UUID: &str = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})";
const TIME: &str = r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(?:\+00:?00|Z)?)";

impl Placeholders {
    /// All places where `ours` is not what `theirs` says.
    pub fn differences(&mut self, place: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
        match (ours, theirs) {
            (Value::Object(ours), Value::Object(theirs)) => self.objects(place, ours, theirs, found),
            (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
                for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    self.differences(&format!("{place}[{index}]"), ours, theirs, found);
                }
            }
            (Value::String(ours), Value::String(theirs)) if self.same_text(ours, theirs) => {}
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => {
                let short = |value: &Value| value.to_string().chars().take(600).collect::<String>();
                found.push(format!("{place}: {} instead of {}", short(ours), short(theirs)));
            }
        }
    }

    fn objects(
        &mut self,
        place: &str,
        ours: &Map<String, Value>,
        theirs: &Map<String, Value>,
        found: &mut Vec<String>,
    ) {
        // Keys may hold uuids that are new, too.
        let name_of = |key: &String| self.known.get(key).cloned().unwrap_or_else(|| key.clone());
        let theirs: BTreeMap<String, &Value> =
            theirs.iter().map(|(key, value)| (name_of(key), value)).collect();
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let absent = Value::from("(absent)");
        for key in keys {
            let ours = ours.get(key).unwrap_or(&absent);
            let theirs = theirs.get(key).copied().unwrap_or(&absent);
            self.differences(&format!("{place}.{key}"), ours, theirs, found);
        }
    }

    fn same_text(&mut self, ours: &str, theirs: &str) -> bool {
        if ours == theirs {
            return true;
        }
        let names: Vec<String> = self
            .pattern
            .find_iter(theirs)
            .map(|found| found.as_str().to_owned())
            .collect();
        if names.is_empty() {
            return false;
        }
        let mut wanted = String::from("^");
        let mut rest = theirs;
        for name in &names {
            let (before, after) = rest.split_once(name.as_str()).expect("it was found");
            wanted += &regex::escape(before);
            wanted += if name == "<TS>" { TIME } else { UUID };
            rest = after;
        }
        wanted += &regex::escape(rest);
        wanted.push('$');
        let Some(captures) = Regex::new(&wanted).expect("a pattern").captures(ours) else {
            return false;
        };
        names.iter().zip(1..).all(|(name, index)| {
            let text = captures[index].to_owned();
            name == "<TS>" || self.known.entry(name.clone()).or_insert_with(|| text.clone()) == &text
        })
    }
}

/// With what is a set in Python (`magnum_object.changes`, `obj_what_changed`) in order.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.into_iter().map(|(key, value)| match value {
                Value::Array(mut names) if key == "magnum_object.changes" || key == "obj_what_changed" => {
                    names.sort_by_key(|name| name.as_str().unwrap_or_default().to_owned());
                    (key, Value::Array(names))
                }
                value => (key, sorted(value)),
            });
            entries.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
