//! What Go does on the way from YAML into a structure: numbers and booleans become text where text is wanted, keys are
//! found whatever their case, `null` is as good as nothing, and everything else that does not fit is refused.

use serde_json::{Map, Value};

use crate::schema::shown;

/// What a field may hold.
pub(super) enum Kind {
    Text,
    Bool,
    /// A list of text.
    Texts,
    /// A list of anything.
    List,
    /// A table of text.
    Table,
    /// A list of structures.
    Structures(&'static Structure),
}

/// A structure of Helm's package `chart`.
pub(super) struct Structure {
    name: &'static str,
    fields: &'static [(&'static str, Kind)],
}

pub(super) static METADATA: Structure = Structure {
    name: "Metadata",
    fields: &[
        ("name", Kind::Text),
        ("home", Kind::Text),
        ("sources", Kind::Texts),
        ("version", Kind::Text),
        ("description", Kind::Text),
        ("keywords", Kind::Texts),
        ("maintainers", Kind::Structures(&MAINTAINER)),
        ("icon", Kind::Text),
        ("apiVersion", Kind::Text),
        ("condition", Kind::Text),
        ("tags", Kind::Text),
        ("appVersion", Kind::Text),
        ("deprecated", Kind::Bool),
        ("annotations", Kind::Table),
        ("kubeVersion", Kind::Text),
        ("dependencies", Kind::Structures(&DEPENDENCY)),
        ("type", Kind::Text),
    ],
};

static MAINTAINER: Structure = Structure {
    name: "Maintainer",
    fields: &[("name", Kind::Text), ("email", Kind::Text), ("url", Kind::Text)],
};

static DEPENDENCY: Structure = Structure {
    name: "Dependency",
    fields: &[
        ("name", Kind::Text),
        ("version", Kind::Text),
        ("repository", Kind::Text),
        ("condition", Kind::Text),
        ("tags", Kind::Texts),
        ("enabled", Kind::Bool),
        ("import-values", Kind::List),
        ("alias", Kind::Text),
    ],
};

impl Kind {
    /// Go's name of the type.
    fn go(&self) -> String {
        match self {
            Self::Text => "string".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Texts => "[]string".to_owned(),
            Self::List => "[]interface {}".to_owned(),
            Self::Table => "map[string]string".to_owned(),
            Self::Structures(of) => format!("[]*chart.{}", of.name),
        }
    }
}

/// Words of `encoding/json`, as sigs.k8s.io/yaml hands them on.
pub(super) fn mismatch(value: &Value, place: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go {place}")
}

/// The fields of `structure` among what was read, each of its type.
pub(super) fn fit(structure: &Structure, value: Value) -> Result<Value, String> {
    match value {
        Value::Object(table) => Ok(Value::Object(fields(structure, table, "")?)),
        Value::Null => Ok(Value::Object(Map::new())),
        other => Err(mismatch(
            &other,
            &format!("value of type chart.{}", structure.name),
        )),
    }
}

fn fields(
    structure: &Structure,
    table: Map<String, Value>,
    path: &str,
) -> Result<Map<String, Value>, String> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut found = Map::new();
    for (key, value) in entries {
        let exact = structure.fields.iter().find(|(name, _)| *name == key);
        let field = exact.or_else(|| {
            let mut fields = structure.fields.iter();
            fields.find(|(name, _)| name.eq_ignore_ascii_case(&key))
        });
        let (Some((name, kind)), false) = (field, value.is_null()) else {
            continue;
        };
        let place = format!("{}.{path}{name}", structure.name);
        found.insert(
            (*name).to_owned(),
            one(kind, value, &place, &format!("{path}{name}."))?,
        );
    }
    Ok(found)
}

fn one(kind: &Kind, value: Value, place: &str, below: &str) -> Result<Value, String> {
    let refuse =
        |value: &Value, kind: &str| Err(mismatch(value, &format!("struct field {place} of type {kind}")));
    match (kind, value) {
        (Kind::Bool, value @ Value::Bool(_)) | (Kind::List, value @ Value::Array(_)) => Ok(value),
        (Kind::Text, value) => text(value, place),
        (Kind::Texts, Value::Array(items)) => items.into_iter().map(|item| text(item, place)).collect(),
        (Kind::Table, Value::Object(table)) => {
            let entries = table.into_iter();
            let texts = entries.map(|(key, value)| Ok((key, text(value, place)?)));
            texts.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        (Kind::Structures(of), Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(table) => Ok(Value::Object(fields(of, table, below)?)),
                // A pointer to nothing, which is refused later.
                Value::Null => Ok(Value::Null),
                other => refuse(&other, &format!("chart.{}", of.name)),
            })
            .collect(),
        (kind, value) => refuse(&value, &kind.go()),
    }
}

fn text(value: Value, place: &str) -> Result<Value, String> {
    Ok(Value::String(match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => shown(number.as_f64().unwrap_or_default()),
        Value::Number(number) => number.to_string(),
        other => return Err(mismatch(&other, &format!("struct field {place} of type string"))),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use helm_template::yaml;

    fn read(text: &str) -> Result<Value, String> {
        fit(&METADATA, yaml::from_yaml(text).unwrap())
    }

    #[test]
    fn scalars_become_text() {
        let read = read(
            "NAME: 1.10\nappVersion: 7244500.0\nversion: 2\nhome: true\nannotations: {a: 1, b: null}\nkeywords: [1.50, null]\nstray: {}\nicon: null\n",
        );
        let wanted = serde_json::json!({
            "name": "1.1", "appVersion": "7.2445e+06", "version": "2", "home": "true",
            "annotations": {"a": "1", "b": ""}, "keywords": ["1.5", ""],
        });
        assert_eq!(read.unwrap(), wanted);
    }

    #[test]
    fn complaints_are_gos() {
        for (text, wanted) in [
            ("[]", "array into Go value of type chart.Metadata"),
            (
                "name: [c]",
                "array into Go struct field Metadata.name of type string",
            ),
            (
                "maintainers: [{name: {}}]",
                "object into Go struct field Maintainer.maintainers.name of type string",
            ),
            (
                "maintainers: [x]",
                "string into Go struct field Metadata.maintainers of type chart.Maintainer",
            ),
            (
                "dependencies: {}",
                "object into Go struct field Metadata.dependencies of type []*chart.Dependency",
            ),
            (
                "dependencies: [{enabled: 3}]",
                "number into Go struct field Dependency.dependencies.enabled of type bool",
            ),
            (
                "annotations: {a: []}",
                "array into Go struct field Metadata.annotations of type string",
            ),
        ] {
            let wanted =
                format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {wanted}");
            assert_eq!(read(text).unwrap_err(), wanted, "{text}");
        }
    }
}
