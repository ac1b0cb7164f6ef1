//! `toToml`, as `github.com/BurntSushi/toml` writes it, and `fromToml`.

use crate::template::number::format_float;
use crate::value::{Entries, Map, Value};
use std::rc::Rc;

/// The TOML text of a map, tables indented by two spaces per level.
pub(super) fn to_toml(value: &Value) -> Result<String, String> {
    let Some(map) = value.as_map() else {
        return Err("toml: top-level values must be Go maps or structs".into());
    };
    let mut out = String::new();
    table(map, &[], &mut out)?;
    Ok(out)
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Map(_) => true,
        Value::List(list) => {
            !list.items.is_empty() && list.items.iter().all(|item| matches!(item, Value::Map(_)))
        }
        _ => false,
    }
}

fn indent(path: &[String]) -> String {
    "  ".repeat(path.len().saturating_sub(1))
}

fn key_text(key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.into() } else { string(key) }
}

fn table(map: &Rc<Map>, path: &[String], out: &mut String) -> Result<(), String> {
    let entries: Vec<_> = map
        .entries
        .borrow()
        .iter()
        .map(|(k, v)| (k.to_string(), v.clone()))
        .collect();
    let (tables, plain): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, value)| is_table(value));
    let lead = "  ".repeat(path.len());
    for (key, value) in plain {
        if value.is_nil() {
            continue;
        }
        out.push_str(&format!("{lead}{} = {}\n", key_text(&key), inline(&value)?));
    }
    for (key, value) in tables {
        let mut inner = path.to_vec();
        inner.push(key_text(&key));
        let name = inner.join(".");
        match &value {
            Value::Map(map) => {
                if path.is_empty() && !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&format!("{}[{name}]\n", indent(&inner)));
                crate::stack::grow(|| table(map, &inner, out))?;
            }
            Value::List(list) => {
                for item in &list.items {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    out.push_str(&format!("{}[[{name}]]\n", indent(&inner)));
                    if let Some(map) = item.as_map() {
                        crate::stack::grow(|| table(map, &inner, out))?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn inline(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value, _) => value.to_string(),
        Value::Uint(value, _) => value.to_string(),
        Value::Float(value) if value.is_nan() => "nan".into(),
        Value::Float(value) if value.is_infinite() => if *value > 0.0 { "inf" } else { "-inf" }.into(),
        Value::Float(value) => {
            let text = format_float(*value);
            if text.contains(['.', 'e']) {
                text
            } else {
                format!("{text}.0")
            }
        }
        Value::Str(text) => string(text),
        Value::List(list) => {
            let items: Result<Vec<_>, _> = list
                .items
                .iter()
                .map(|item| {
                    if item.is_nil() {
                        Err("toml: cannot encode array with nil element".into())
                    } else {
                        inline(item)
                    }
                })
                .collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<_> = map
                .entries
                .borrow()
                .iter()
                .map(|(k, v)| (k.to_string(), v.clone()))
                .collect();
            let parts: Result<Vec<_>, String> = entries
                .iter()
                .map(|(k, v)| Ok(format!("{} = {}", key_text(k), inline(v)?)))
                .collect();
            format!("{{{}}}", parts?.join(", "))
        }
        other => return Err(format!("toml: unsupported type: {}", other.type_name())),
    })
}

fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML document as a map; integers are int64, as Go's decoder gives them.
pub(super) fn from_toml(text: &str) -> Result<Value, String> {
    let table: ::toml::Table = text
        .parse()
        .map_err(|error: ::toml::de::Error| format!("toml: {}", error.message()))?;
    Ok(Value::map(entries(table)))
}

fn entries(table: ::toml::Table) -> Entries {
    table
        .into_iter()
        .map(|(key, value)| (key.into(), decoded(value)))
        .collect()
}

fn decoded(value: ::toml::Value) -> Value {
    use ::toml::Value as Toml;
    match value {
        Toml::String(text) => Value::str(text),
        Toml::Integer(int) => Value::int64(int),
        Toml::Float(float) => Value::Float(float),
        Toml::Boolean(value) => Value::Bool(value),
        Toml::Datetime(time) => Value::str(time.to_string()),
        Toml::Array(items) => Value::list(items.into_iter().map(decoded).collect()),
        Toml::Table(table) => Value::map(entries(table)),
    }
}
