//! Values set on the command line (`--set a.b[0]=1,c=x`), by the rules of `pkg/strvals` of Helm 3.17: dots
//! and indexes make paths, a comma ends a value, `{a,b}` is a list, a backslash takes the next character as
//! it is, `null` sets null.
//!
//! Whole numbers become integers ([`crate::TemplateOptions::keep_integers`]), everything from JSON floats.

mod json;
mod literal;
mod path;

use serde_json::{Map, Value};

use crate::values::Values;
use path::{Source, Stop};

/// A list set by index may grow to this many items.
const MAX_INDEX: i64 = 65_536;

/// A path may have this many dots.
const MAX_NESTING: usize = 30;

/// Why a line could not be taken; the words are Helm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetError(pub String);

/// What becomes of the text after `=`.
type Reader<'r> = &'r dyn Fn(&str) -> Result<Value, String>;

/// `--set`: `true`, `false`, `null` and whole numbers are typed, all else is text.
pub fn set(line: &str, values: &mut Values) -> Result<(), SetError> {
    parse(line, values, &|text| Ok(typed(text)))
}

/// `--set-string`: every value is text.
pub fn set_string(line: &str, values: &mut Values) -> Result<(), SetError> {
    parse(line, values, &|text| Ok(Value::String(text.to_owned())))
}

/// `--set-file`: what `read` gives for the path after `=`.
pub fn set_file(
    line: &str,
    values: &mut Values,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(), SetError> {
    parse(line, values, &|path| read(path).map(Value::String))
}

/// `--set-json`: values are JSON.
pub fn set_json(line: &str, values: &mut Values) -> Result<(), SetError> {
    json::parse(line, values)
}

/// `--set-literal`: all that follows `=` is the value, commas and backslashes included.
pub fn set_literal(line: &str, values: &mut Values) -> Result<(), SetError> {
    literal::parse(line, values)
}

fn parse(line: &str, values: &mut Values, read: Reader<'_>) -> Result<(), SetError> {
    let mut source = Source::new(line, true);
    path::all(
        &mut source,
        values,
        &['=', '[', ',', '.'],
        &|source, values, key| assign(source, read, &mut |value| set_key(values, key, value)),
    )
}

/// Takes the value after `=` and hands it to `put`.
fn assign(source: &mut Source, read: Reader<'_>, put: &mut dyn FnMut(Value)) -> Result<(), Stop> {
    match source.peek() {
        None => {
            put(Value::String(String::new()));
            return Err(Stop::End);
        }
        Some('{') => {
            source.next();
            put(Value::Array(list(source, read)?));
            return Ok(());
        }
        Some(_) => {}
    }
    let (text, _) = source.until(&[',']);
    put(read(&text).map_err(Stop::Failed)?);
    Ok(())
}

/// The items after `{`.
fn list(source: &mut Source, read: Reader<'_>) -> Result<Vec<Value>, Stop> {
    let mut items = Vec::new();
    loop {
        let (text, end) = source.until(&[',', '}']);
        let Some(end) = end else {
            return Err(Stop::Failed("list must terminate with '}'".to_owned()));
        };
        items.push(read(&text).map_err(Stop::Failed)?);
        if end == '}' {
            if source.peek() == Some(',') {
                source.next();
            }
            return Ok(items);
        }
    }
}

fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::from(0);
    }
    if !text.starts_with('0')
        && let Ok(number) = text.parse::<i64>()
    {
        return Value::from(number);
    }
    Value::String(text.to_owned())
}

/// An empty key is not set.
fn set_key(values: &mut Values, key: &str, value: Value) {
    if !key.is_empty() {
        values.insert(key.to_owned(), value);
    }
}

/// Puts `value` at `index`, filling up with nulls.
fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return Err(Stop::Failed(format!(
            "index of {index} is greater than maximum supported index of {MAX_INDEX}"
        )));
    }
    let at =
        usize::try_from(index).map_err(|_| Stop::Failed(format!("negative {index} index not allowed")))?;
    if list.len() <= at {
        list.resize(at + 1, Value::Null);
    }
    list[at] = value;
    Ok(())
}

/// What a value is called in Go, for the error when it is not what a path needs.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn mismatch(value: &Value, wanted: &str) -> Stop {
    Stop::Failed(format!(
        "unable to parse key: interface conversion: interface {{}} is {}, not {wanted}",
        go_type(value)
    ))
}

/// The table under `key`, empty if there is none.
fn table_at<'v>(values: &'v Values, key: &str) -> Result<Option<&'v Map<String, Value>>, Stop> {
    match values.get(key) {
        None => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(other) => Err(mismatch(other, "map[string]interface {}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(lines: &[&str]) -> Value {
        let mut values = Values::new();
        for line in lines {
            set(line, &mut values).unwrap();
        }
        Value::Object(values)
    }

    fn error(line: &str) -> String {
        set(line, &mut Values::new()).unwrap_err().to_string()
    }

    #[test]
    fn paths_types_and_lists() {
        assert_eq!(
            after(&["a.b=1,a.c=x\\,y,d=null,e=TRUE,f=0123,g=0,h=1.5,i="]),
            json!({"a": {"b": 1, "c": "x,y"}, "d": null, "e": true, "f": "0123", "g": 0, "h": "1.5", "i": ""})
        );
        assert_eq!(
            after(&["l={a,1,null},m[2].k=v,m[0][1]=z", "l[0]=b"]),
            json!({"l": ["b", 1, null], "m": [[null, "z"], null, {"k": "v"}]})
        );
        assert_eq!(after(&["a\\.b=c", "x="]), json!({"a.b": "c", "x": ""}));
    }

    #[test]
    fn errors_are_helms() {
        assert_eq!(error("a"), "key \"a\" has no value");
        assert_eq!(error("a,b=1"), "key \"a\" has no value (cannot end with ,)");
        assert_eq!(error("a={b"), "list must terminate with '}'");
        assert_eq!(
            error("a[x]=1"),
            "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"
        );
        assert_eq!(error("a[-1]=1"), "negative -1 index not allowed");
        assert_eq!(error("a[0]b=1"), "unexpected data at end of array index: ['b']");
        assert_eq!(
            error("a=1,a.b=2"),
            "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}"
        );
        assert_eq!(
            error("a[70000]=1"),
            "index of 70000 is greater than maximum supported index of 65536"
        );
    }

    #[test]
    fn the_other_forms() {
        let mut values = Values::new();
        set_string("a=1,b=true", &mut values).unwrap();
        set_json("c={\"x\":[1,null]},d=,e=\"s\"", &mut values).unwrap();
        set_literal("f.g=a,b\\c=d", &mut values).unwrap();
        set_file("h=p", &mut values, &|path| Ok(format!("text of {path}"))).unwrap();
        assert_eq!(
            Value::Object(values),
            json!({"a": "1", "b": "true", "c": {"x": [1.0, null]}, "d": null, "e": "s",
                   "f": {"g": "a,b\\c=d"}, "h": "text of p"})
        );
    }
}
