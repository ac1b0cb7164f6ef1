//! What five releases of Magnum put on the wire, object for object: each is read, written again, and built anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use magnum_objects::class::{Fallback, FieldKind};
use magnum_objects::ovo::check_entities;
use magnum_objects::{Object, Registry, Release, RequestContext};
use oracle::{Suite, Verdict};
use serde_json::{Map, Value, json};

/// Differences on purpose, in the order of their file.
const DIFFERENCES: [&str; 2] = ["times-are-utc", "notifications-carry-no-token"];

const DATA: &str = "magnum_object.data";
const CHANGES: &str = "magnum_object.changes";

#[test]
fn objects_are_those_of_five_releases() {
    let mut suite = Suite::new("wire", DIFFERENCES.to_vec());
    let mut releases = BTreeSet::new();
    for (path, case) in oracle::recordings("wire") {
        if !suite.wants(&path) {
            continue;
        }
        let version = case["magnum_version"].as_str().unwrap();
        releases.insert(version.to_owned());
        let registry = Registry::of(match version.split('.').next().unwrap() {
            "23" => Release::V23,
            _ => Release::V18,
        });
        suite.count(&path, judge(registry, case["name"].as_str().unwrap(), &case));
    }
    assert!(
        oracle::is_fresh() || suite.is_part() || releases.len() == 5,
        "{releases:?}"
    );
    suite.end();
}

fn judge(registry: &'static Registry, name: &str, case: &Value) -> Verdict {
    match name.split('-').next().unwrap() {
        "schema" => same(
            &schema(registry, &case["objects"]),
            &recorded_schema(&case["objects"]),
        ),
        "context" => {
            let context = RequestContext::from_map(case["primitive"].as_object().unwrap());
            same(&context.to_map().into(), &case["after_from_dict_to_dict"])
        }
        "envelope" => envelope(name, &case["oslo.message.decoded"]),
        "arg" => match check_entities(registry, case["primitive"].clone()) {
            Ok(ours) => same(&ours, &case["primitive"]),
            Err(error) => Verdict::Wrong(error.to_string()),
        },
        _ => {
            let one = std::slice::from_ref(&case["primitive"]);
            let all = case["primitive"].as_array().map_or(one, Vec::as_slice);
            let verdicts = all.iter().map(|primitive| object(registry, primitive));
            verdicts
                .reduce(|first, next| {
                    if matches!(first, Verdict::Equal) {
                        next
                    } else {
                        first
                    }
                })
                .unwrap()
        }
    }
}

fn same(ours: &Value, theirs: &Value) -> Verdict {
    let (ours, theirs) = (oracle::sorted(ours.clone()), oracle::sorted(theirs.clone()));
    if ours == theirs {
        Verdict::Equal
    } else {
        Verdict::Wrong(format!("{ours}\n   instead of {theirs}"))
    }
}

fn object(registry: &'static Registry, primitive: &Value) -> Verdict {
    let object = match Object::from_wire(registry, primitive) {
        Ok(object) => object,
        // A service that writes such a time cannot read it back either, and says so in the same way.
        Err(error) if primitive.to_string().contains("UTC+") && error.class == "ValueError" => {
            return Verdict::Differs(vec!["times-are-utc"]);
        }
        Err(error) => return Verdict::Wrong(error.to_string()),
    };
    match (
        same(&object.to_wire(), primitive),
        same(&built(registry, primitive), primitive),
    ) {
        (Verdict::Equal, built) => built,
        (read, _) => read,
    }
}

/// The same object, made field by field as our own code makes them.
fn built(registry: &'static Registry, primitive: &Value) -> Value {
    let mut object = Object::new(registry, primitive["magnum_object.name"].as_str().unwrap()).unwrap();
    let empty = Map::new();
    let data = primitive[DATA].as_object().unwrap_or(&empty);
    let changes: Vec<&str> = primitive[CHANGES]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (changed, loaded): (Vec<_>, Vec<_>) = data
        .iter()
        .partition(|(name, _)| changes.contains(&name.as_str()));
    for (name, value) in loaded {
        object.set(name, value.clone()).unwrap();
    }
    object.reset_changes();
    for (name, value) in changed {
        object.set(name, value.clone()).unwrap();
    }
    object.to_wire()
}

/// A message's context, there and back. The envelope around it is oslo.messaging's, see our crate of that name.
fn envelope(name: &str, message: &Value) -> Verdict {
    let theirs: Map<String, Value> = message
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("_context_")?.to_owned(), value.clone())))
        .collect();
    let context = RequestContext::from_map(&theirs);
    if !name.ends_with("notification") {
        return same(&context.to_map().into(), &theirs.into());
    }
    let mut without = theirs.clone();
    for key in ["auth_token", "auth_token_info"] {
        without.insert(key.to_owned(), Value::Null);
    }
    if without.contains_key("password") {
        without.insert("password".to_owned(), Value::Null);
    }
    match same(&context.to_notification_map().into(), &without.into()) {
        Verdict::Equal => Verdict::Differs(vec!["notifications-carry-no-token"]),
        other => other,
    }
}

/// Version and fields of the classes, each field as type, whether it may be null, and its default.
fn schema(registry: &'static Registry, recorded: &Value) -> Value {
    let classes = recorded.as_object().unwrap().keys().map(|name| {
        let class = registry.class(name).unwrap_or_else(|| panic!("no class {name}"));
        let fields: BTreeMap<&str, Value> = class
            .fields
            .iter()
            .map(|field| {
                let default = match field.default {
                    None => Value::Null,
                    Some(Fallback::Int(number)) => number.into(),
                    Some(Fallback::Bool(flag)) => flag.into(),
                };
                let is_default = field.default.is_some();
                (
                    field.name,
                    json!([kind(field.kind), field.nullable, default, is_default]),
                )
            })
            .collect();
        (name.clone(), json!({"version": class.version, "fields": fields}))
    });
    classes.collect::<Map<_, _>>().into()
}

fn recorded_schema(recorded: &Value) -> Value {
    let classes = recorded.as_object().unwrap().iter().map(|(name, class)| {
        let fields: BTreeMap<&String, Value> = class["fields"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, field)| {
                (
                    name,
                    json!([
                        field["type"],
                        field["nullable"],
                        field["default"],
                        field["has_default"]
                    ]),
                )
            })
            .collect();
        (
            name.clone(),
            json!({"version": class["version"], "fields": fields}),
        )
    });
    classes.collect::<Map<_, _>>().into()
}

/// Python's name of a field's type.
fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer => "IntegerField",
        FieldKind::Text => "StringField",
        FieldKind::Uuid => "UUIDField",
        FieldKind::Boolean => "BooleanField",
        FieldKind::DateTime => "DateTimeField",
        FieldKind::TextMap => "DictOfStringsField",
        FieldKind::TextList => "ListOfStringsField",
        FieldKind::MapList => "ListOfDictsField",
        FieldKind::Object(_) => "ObjectField",
        FieldKind::Enum(values) if values.contains(&"HEALTHY") => "ClusterHealthStatusField",
        FieldKind::Enum(values) if values.contains(&"kubernetes") => "ClusterTypeField",
        FieldKind::Enum(values) if values.contains(&"ADOPT_COMPLETE") => "ClusterStatusField",
        FieldKind::Enum(_) => "FederationStatusField",
    }
}
