//! YAML as `sigs.k8s.io/yaml` reads and prints it: JSON data, YAML 1.1 text,
//! the words and habits of go-yaml 2.

mod analyze;
mod compose;
mod emit;
mod emit_scalar;
mod go_syntax;
mod head;
mod kept;
mod lines;
mod order;
mod parse;
mod reader;
mod resolve;
mod scan;
mod scan_scalar;
mod scan_tag;
mod text;

use crate::value::Value;
use serde_json::Value as Json;

pub(crate) use emit::{emit_into, emit_pretty, emit_value};
pub(crate) use kept::YamlRead;

/// Why YAML text could not be read; the text is go-yaml's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(pub String);

/// Prints `value` as `sigs.k8s.io/yaml` does, keys sorted its way, ending in a
/// newline. Where Go fails, because of characters that YAML cannot carry (U+FFFE, say), nothing is printed, as by
/// Helm's `toYaml`.
pub fn to_yaml(value: &Json) -> String {
    print(value).unwrap_or_default()
}

/// As [`to_yaml`], with what Go fails at.
///
/// # Errors
/// Characters that YAML cannot carry, in go-yaml's words.
pub fn print(value: &Json) -> Result<String, YamlError> {
    emit_value(&exact(value)).map_err(YamlError)
}

/// Reads the first document of `text` by the rules of YAML 1.1, keys turned
/// into strings; nothing gives null.
///
/// # Errors
/// What go-yaml refuses, in its words: `error converting YAML to JSON: yaml:
/// line 2: ...`.
pub fn from_yaml(text: &str) -> Result<Json, YamlError> {
    read_bytes(text.as_bytes())
}

/// As [`from_yaml`], of bytes that may be no text.
///
/// # Errors
/// As [`from_yaml`].
pub fn from_yaml_bytes(bytes: &[u8]) -> Result<Json, YamlError> {
    read_bytes(bytes)
}

/// As [`from_yaml`], but of a map only `apiVersion`, `kind` and `metadata`, of a list nothing: what Helm sorts documents by.
///
/// # Errors
/// Those of [`from_yaml`].
pub fn document_head(text: &str) -> Result<Json, YamlError> {
    read_bytes(text.as_bytes()).map(|head::Head(head)| head)
}

/// As [`from_yaml`], but as the values of templates.
pub(crate) fn read_value(bytes: &[u8]) -> Result<Value, YamlError> {
    read_bytes(bytes)
}

fn read_bytes<D: compose::Data>(bytes: &[u8]) -> Result<D, YamlError> {
    compose::read(bytes).map_err(|message| YamlError(format!("error converting YAML to JSON: {message}")))
}

/// Keeps integers as integers, which template values are not.
pub(crate) fn exact(json: &Json) -> Value {
    match json {
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::int64(int),
            (_, Some(uint)) => Value::Uint(uint, crate::value::UintKind::Uint64),
            _ => Value::from_json(json),
        },
        Json::Array(items) => Value::grown(crate::value::Elem::Any, items.iter().map(exact).collect()),
        Json::Object(map) => Value::map(map.iter().map(|(k, v)| (k.as_str().into(), exact(v))).collect()),
        other => Value::from_json(other),
    }
}
