//! The configuration of a case as the text of a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// `magnum.conf` from `{group: {option: value}}`, later ones over earlier ones.
pub fn ini(layers: &[&Value]) -> String {
    let mut groups: BTreeMap<&str, BTreeMap<&str, &Value>> = BTreeMap::new();
    for (group, options) in layers.iter().filter_map(|layer| layer.as_object()).flatten() {
        let known = groups.entry(group).or_default();
        let options = options.as_object().expect("a group of options");
        known.extend(options.iter().map(|(name, value)| (name.as_str(), value)));
    }
    let mut text = String::new();
    for (group, options) in groups {
        writeln!(text, "[{group}]").expect("a text takes everything");
        for (name, value) in options {
            writeln!(text, "{name} = {}", option(value)).expect("a text takes everything");
        }
    }
    text
}

fn option(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(option).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
