//! The values of a command line.

use std::cell::RefCell;
use std::io::Read;

use helm::{
    strvals,
    values::{self, Values},
    yaml,
};
use serde_json::{Map, Value};

/// Where values come from: files first, then `--set-json`, `--set`, `--set-string`, `--set-file`,
/// `--set-literal`, whatever their order on the command line.
#[derive(Clone, Debug, Default)]
pub struct ValueOptions {
    /// YAML file of values, `-` for standard input; later ones win.
    pub files: Vec<String>,
    /// Values, as `key1=val1,key2=val2`.
    pub set: Vec<String>,
    /// Values that are text.
    pub set_string: Vec<String>,
    /// Values that are JSON.
    pub set_json: Vec<String>,
    /// Values that are the text of files.
    pub set_file: Vec<String>,
    /// A value that is text, with commas and all.
    pub set_literal: Vec<String>,
}

impl ValueOptions {
    /// All values as one table, merged in Helm's order.
    ///
    /// # Errors
    /// In Helm's words.
    pub fn read(&self, stdin: &mut dyn Read) -> Result<Values, String> {
        let stdin = RefCell::new(stdin);
        let mut all = Map::new();
        for file in &self.files {
            values::overlay(&mut all, values_file(file, &stdin)?);
        }
        for line in &self.set_json {
            strvals::set_json(line, &mut all)
                .map_err(|_| format!("failed parsing --set-json data {line}"))?;
        }
        for line in &self.set {
            strvals::set(line, &mut all).map_err(|error| format!("failed parsing --set data: {error}"))?;
        }
        for line in &self.set_string {
            strvals::set_string(line, &mut all)
                .map_err(|error| format!("failed parsing --set-string data: {error}"))?;
        }
        for line in &self.set_file {
            strvals::set_file(line, &mut all, &|path| {
                let bytes = read(path, &stdin)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            })
            .map_err(|error| format!("failed parsing --set-file data: {error}"))?;
        }
        for line in &self.set_literal {
            strvals::set_literal(line, &mut all)
                .map_err(|error| format!("failed parsing --set-literal data: {error}"))?;
        }
        Ok(all)
    }
}

fn values_file(path: &str, stdin: &RefCell<&mut dyn Read>) -> Result<Values, String> {
    let bytes = read(path, stdin)?;
    let failed = |error: String| format!("failed to parse {path}: {error}");
    let mut value = yaml::from_yaml_bytes(&bytes).map_err(|error| failed(error.to_string()))?;
    values::numbers_as_floats(&mut value);
    let kind = match value {
        Value::Object(table) => return Ok(table),
        Value::Null => return Ok(Map::new()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(failed(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    )))
}

/// What stands at a path or a URL, or on standard input for `-`.
fn read(path: &str, stdin: &RefCell<&mut dyn Read>) -> Result<Vec<u8>, String> {
    if path.trim() == "-" {
        let mut bytes = Vec::new();
        stdin
            .borrow_mut()
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        return Ok(bytes);
    }
    if let Some(why) = helm::go_url_error(path) {
        return Err(why);
    }
    let scheme = path
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => helm::get_url(path),
        _ => std::fs::read(path).map_err(|error| helm::go_file_error(path, &error)),
    }
}
