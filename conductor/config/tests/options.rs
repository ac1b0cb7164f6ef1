//! `docs/options.md` against what the real Magnum, its Cluster API driver and their libraries list, in four releases.
//!
//! `options/RELEASE.json` is what `options/record.py` prints in a virtual environment with that release.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use conductor_config::Settings;
use oslo_config::{Opt, Section};
use serde_json::Value;

const DOCS: &str = include_str!("../../../docs/options.md");

const RECORDED: [(&str, &str); 4] = [
    ("18.0.1", include_str!("options/18.0.1.json")),
    ("20.0.2", include_str!("options/20.0.2.json")),
    ("22.0.0", include_str!("options/22.0.0.json")),
    ("23.0.0", include_str!("options/23.0.0.json")),
];

/// Defaults that depend on the machine, or that we have reason to read in another way: group, option, why.
const OTHER_DEFAULTS: [(&str, &str, &str); 7] = [
    (
        "DEFAULT",
        "default_log_levels",
        "names Python's loggers, and has no effect",
    ),
    (
        "DEFAULT",
        "log_rotate_interval_type",
        "oslo.log compares without case",
    ),
    (
        "DEFAULT",
        "control_exchange",
        "Magnum sets its own default over oslo's",
    ),
    ("certificates", "storage_path", "written with $state_path"),
    (
        "capi_helm",
        "api_resources",
        "nothing is the same as an empty object",
    ),
    (
        "oslo_messaging_rabbit",
        "hostname",
        "the machine's; recorded is an example",
    ),
    (
        "oslo_messaging_rabbit",
        "processname",
        "the program's; recorded is an example",
    ),
];

/// What the page says of one option.
#[derive(Debug, PartialEq)]
enum Effect {
    Used,
    None(String),
}

struct Page {
    options: BTreeMap<(String, String), Effect>,
    foreign: BTreeSet<String>,
}

/// The words between backticks.
fn names(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Page {
    fn read() -> Self {
        let mut page = Self {
            options: BTreeMap::new(),
            foreign: BTreeSet::new(),
        };
        for part in DOCS.split("\n## ").skip(1) {
            let (title, body) = part.split_once('\n').unwrap();
            let group = title.trim_start_matches('[').trim_end_matches(']');
            for block in body.replace("\n- ", "\n\n- ").split("\n\n") {
                let block = block.trim();
                if let Some(rest) = block.strip_prefix("- ") {
                    let end = rest
                        .rfind("`: ")
                        .unwrap_or_else(|| panic!("no reason in: {rest}"));
                    let (names_part, reason) = rest.split_at(end + 1);
                    assert!(reason.len() > 8, "no reason for {names_part}");
                    for name in names(names_part) {
                        if title.starts_with('[') {
                            page.add(group, &name, Effect::None(reason.to_owned()));
                        } else {
                            page.foreign.insert(name);
                        }
                    }
                } else if block.starts_with("Used") {
                    let list = block.split_once(": ").unwrap().1;
                    for name in names(list) {
                        page.add(group, &name, Effect::Used);
                    }
                }
            }
        }
        page
    }

    fn add(&mut self, group: &str, name: &str, effect: Effect) {
        let old = self.options.insert((group.to_owned(), name.to_owned()), effect);
        assert_eq!(old, None, "[{group}] {name} is there twice");
    }
}

/// Group, option, and what the release says of it.
fn recorded() -> Vec<(&'static str, String, String, Value)> {
    let mut all = Vec::new();
    for (release, text) in RECORDED {
        let groups: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(text).unwrap();
        for (group, options) in groups {
            for (option, entry) in options {
                all.push((release, group.clone(), option, entry));
            }
        }
    }
    assert!(all.len() > 1000, "only {} options", all.len());
    all
}

/// The option that is read from this place, under its own or an older name.
fn reader<'a>(sections: &'a [Section], group: &str, option: &str) -> Option<&'a Opt> {
    let same = |name: &str| name.replace('-', "_") == option;
    let own = sections
        .iter()
        .filter(|s| s.name == group)
        .flat_map(|s| &s.options)
        .find(|o| o.name == option);
    own.or_else(|| {
        sections
            .iter()
            .flat_map(|s| s.options.iter().map(move |o| (s, o)))
            .find(|(s, o)| {
                o.deprecated
                    .iter()
                    .any(|(g, n)| same(n) && (*g == group || g.is_empty() && s.name == group))
            })
            .map(|(_, o)| o)
    })
}

#[test]
fn every_option_is_used_or_has_a_reason() {
    let page = Page::read();
    let sections = Settings::sections();
    let mut wrong = BTreeSet::new();
    let mut real = BTreeSet::new();
    for (release, group, option, _) in recorded() {
        if page.foreign.contains(&group) {
            continue;
        }
        match page.options.get(&(group.clone(), option.clone())) {
            None => {
                wrong.insert(format!("[{group}] {option} of {release} is not on the page"));
            }
            Some(Effect::Used) if reader(&sections, &group, &option).is_none() => {
                wrong.insert(format!("[{group}] {option} is said to be used, but is not read"));
            }
            Some(_) => {}
        }
        real.insert((group, option));
    }
    // Nor does the page have what nobody has: not a release, nor a library that one of them may be run with.
    for (group, option) in page.options.keys() {
        let known =
            real.contains(&(group.clone(), option.clone())) || reader(&sections, group, option).is_some();
        if !known {
            wrong.insert(format!("[{group}] {option} is on the page, but in no release"));
        }
    }
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

#[test]
fn every_older_name_of_a_used_option_is_read() {
    let page = Page::read();
    let sections = Settings::sections();
    let mut wrong = BTreeSet::new();
    for (release, group, option, entry) in recorded() {
        if page.options.get(&(group.clone(), option.clone())) != Some(&Effect::Used) {
            continue;
        }
        for once in entry["once"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let (old_group, old) = once.as_str().unwrap().split_once('.').unwrap();
            let Some(reads) = reader(&sections, old_group, old) else {
                wrong.insert(format!(
                    "[{group}] {option} was [{old_group}] {old} in {release}, which is not read"
                ));
                continue;
            };
            let is_own = reads.name == option || reads.name == old;
            assert!(
                is_own,
                "[{old_group}] {old} is read as {} instead of {option}",
                reads.name
            );
        }
    }
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// A default as it would stand in a file.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(set) => Some(set.to_string()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(text).collect();
            Some(items.join(","))
        }
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[test]
fn defaults_are_those_of_the_newest_release() {
    let sections = Settings::sections();
    let mut wrong = Vec::new();
    for (release, group, option, entry) in recorded() {
        let own = sections.iter().find(|s| s.name == group);
        let Some(own) = own.and_then(|s| s.options.iter().find(|o| o.name == option)) else {
            continue;
        };
        let excepted = OTHER_DEFAULTS.iter().any(|(g, o, _)| *g == group && *o == option);
        let machines = entry["default"].is_null();
        if release != "23.0.0" || excepted || machines {
            continue;
        }
        let plain = |value: Option<String>| value.unwrap_or_default().to_lowercase().replace(", ", ",");
        let (ours, theirs) = (plain(own.default_text.clone()), plain(text(&entry["default"])));
        let same_number = ours.parse::<f64>().is_ok_and(|a| theirs.parse::<f64>() == Ok(a));
        if ours != theirs && !same_number {
            wrong.push(format!(
                "[{group}] {option}: {ours:?}, but {theirs:?} in {release}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
