//! YAML as `sigs.k8s.io/yaml` reads and prints it.

use serde_json::Value as Json;

/// Why YAML text could not be read; the text is go-yaml's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(pub String);

/// Prints `value` as `sigs.k8s.io/yaml` does, ending in a newline.
pub fn to_yaml(_value: &Json) -> String {
    String::new()
}

/// Reads the first document of `text` by the rules of YAML 1.1.
pub fn from_yaml(_text: &str) -> Result<Json, YamlError> {
    Ok(Json::Null)
}
