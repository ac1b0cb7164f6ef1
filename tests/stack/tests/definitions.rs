//! Our custom resource definitions against those of the real providers, in a folder that `STACK_REAL_CRDS` names:
//! every field of a spec is there, with the same type, limits, defaults and rules.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Map, Value};

const OURS: [&str; 2] = [
    include_str!("../../crds/infrastructure.cluster.x-k8s.io.yaml"),
    include_str!("../../crds/addons.stackhpc.com.yaml"),
];

/// What nothing here writes or reads.
const NOT_COVERED: [&str; 4] = [
    ".status.bastion.resolved",
    ".status.bastion.resources",
    ".status.resolved",
    ".status.resources",
];

/// Keys that say nothing about which values are valid, or that are compared by themselves.
const APART: [&str; 6] = [
    "description",
    "properties",
    "items",
    "additionalProperties",
    "required",
    "x-kubernetes-validations",
];

fn by_name(definitions: Vec<Value>) -> BTreeMap<String, Value> {
    let name = |definition: &Value| definition["metadata"]["name"].as_str().unwrap().to_owned();
    definitions
        .into_iter()
        .map(|definition| (name(&definition), definition))
        .collect()
}

fn ours() -> BTreeMap<String, Value> {
    let lists = OURS
        .iter()
        .map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    by_name(
        lists
            .flat_map(|list| list["items"].as_array().unwrap().clone())
            .collect(),
    )
}

fn real(folder: &str) -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("STACK_REAL_CRDS={folder}: {error}"));
    let texts = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    by_name(
        texts
            .map(|path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
            .collect(),
    )
}

fn version<'a>(definition: &'a Value, name: &Value) -> &'a Value {
    let versions = definition["spec"]["versions"].as_array().unwrap();
    versions
        .iter()
        .find(|version| version["name"] == *name)
        .unwrap_or_else(|| panic!("no version {name}"))
}

fn empty() -> &'static Map<String, Value> {
    static EMPTY: std::sync::OnceLock<Map<String, Value>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(Map::new)
}

fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().unwrap_or(empty())
}

fn names(schema: &Value) -> BTreeSet<String> {
    schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

/// The rules, without spaces and outer parentheses.
fn rules(schema: &Value) -> BTreeSet<String> {
    let text = |rule: &Value| {
        rule["rule"]
            .as_str()
            .unwrap()
            .split_whitespace()
            .collect::<String>()
    };
    let plain = |rule: String| match rule.strip_prefix("((").and_then(|rest| rest.strip_suffix("))")) {
        Some(inner) => format!("({inner})"),
        None => rule,
    };
    let bare = |rule: String| {
        let simple = rule.matches('(').count() == rule.matches("has(").count() + 1;
        match rule.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) if simple => inner.to_owned(),
            _ => rule,
        }
    };
    let list = schema["x-kubernetes-validations"].as_array();
    list.into_iter()
        .flatten()
        .map(|rule| bare(plain(text(rule))))
        .collect()
}

/// What is left of a schema once what only explains, or repeats what stands elsewhere, is taken away.
fn limits(schema: &Value) -> Map<String, Value> {
    let mut kept = schema.as_object().unwrap().clone();
    kept.retain(|key, _| !APART.contains(&key.as_str()));
    if let Some(Value::Array(alternatives)) = kept.get_mut("anyOf") {
        for alternative in alternatives {
            // The addon provider repeats the properties' own limits here.
            alternative.as_object_mut().unwrap().remove("properties");
        }
    }
    if let Some(Value::String(pattern)) = kept.get_mut("pattern") {
        // Quantities: the same expression, with and without groups.
        *pattern = pattern.replace(r"(\+|-)", "[+-]").replace(['(', ')'], "");
    }
    if schema["type"] == "object" && schema["additionalProperties"].is_object() {
        kept.remove("x-kubernetes-preserve-unknown-fields");
    }
    kept
}

fn compare(ours: &Value, real: &Value, at: &str, differences: &mut Vec<String>) {
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            differences.push(format!("{at}: {what} is {a}, in the real one {b}"));
        }
    };
    let text = |map: Map<String, Value>| format!("{:?}", map.into_iter().collect::<BTreeMap<_, _>>());
    differ("definition", text(limits(ours)), text(limits(real)));
    differ(
        "required",
        format!("{:?}", names(ours)),
        format!("{:?}", names(real)),
    );
    differ(
        "validation",
        format!("{:?}", rules(ours)),
        format!("{:?}", rules(real)),
    );
    for (name, schema) in properties(ours) {
        match properties(real).get(name) {
            Some(other) => compare(schema, other, &format!("{at}.{name}"), differences),
            // These three are in every object, said or not.
            None if at.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) => {}
            None => differences.push(format!("{at}.{name} is not in the real one")),
        }
    }
    for name in properties(real)
        .keys()
        .filter(|name| !properties(ours).contains_key(*name))
    {
        let path = format!("{at}.{name}");
        if !NOT_COVERED.contains(&path.as_str()) {
            differences.push(format!("{path} is missing"));
        }
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        match (ours.get(key), real.get(key)) {
            (Some(a), Some(b)) if a.is_object() && b.is_object() => {
                compare(a, b, &format!("{at}{mark}"), differences)
            }
            (a, b) if a != b => differences.push(format!("{at}: {key} differ")),
            _ => {}
        }
    }
}

#[test]
fn our_definitions_are_those_of_the_real_providers() {
    let Ok(folders) = std::env::var("STACK_REAL_CRDS") else {
        // Not through the macros, whose output the test runner hides.
        let skipped =
            "SKIPPED: set STACK_REAL_CRDS to the folders of the real definitions (separated by colons)\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let real: BTreeMap<String, Value> = folders.split(':').flat_map(real).collect();
    let mut differences = Vec::new();
    for (name, ours) in ours() {
        let real = real
            .get(&name)
            .unwrap_or_else(|| panic!("{folders} have no {name}"));
        for key in ["group", "scope"] {
            assert_eq!(ours["spec"][key], real["spec"][key], "{name}");
        }
        for key in ["kind", "plural", "singular", "categories"] {
            assert_eq!(ours["spec"]["names"][key], real["spec"]["names"][key], "{name}");
        }
        for ours in ours["spec"]["versions"].as_array().unwrap() {
            let real = version(real, &ours["name"]);
            assert_eq!(ours["subresources"], real["subresources"], "{name}");
            let mut found = Vec::new();
            let root = "openAPIV3Schema";
            compare(&ours["schema"][root], &real["schema"][root], "", &mut found);
            differences.extend(found.into_iter().map(|difference| format!("{name}{difference}")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
