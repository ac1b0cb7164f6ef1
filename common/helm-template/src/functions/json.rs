//! JSON as `encoding/json` writes and reads it.

use crate::native::Native;
use crate::template::number::{format_float, format_float_json};
use crate::value::Value;
use base64::Engine as _;
use chrono::Datelike as _;

/// Values nested deeper than this are refused: only cycles are.
const MAX_DEPTH: usize = 5_000;

/// `json.Marshal`; `html` escapes `<`, `>` and `&` as Go does by default.
///
/// # Errors
/// NaN, infinities, and maps that contain themselves.
pub(crate) fn to_json(value: &Value, html: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    write(value, html, None, 0, &mut out)?;
    Ok(out)
}

/// `json.MarshalIndent` with two spaces.
pub(crate) fn to_pretty(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    write(value, true, Some(0), 0, &mut out)?;
    Ok(out)
}

fn newline(indent: Option<usize>, out: &mut Vec<u8>) {
    if let Some(level) = indent {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 2 * level));
    }
}

fn write(
    value: &Value,
    html: bool,
    indent: Option<usize>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("json: unsupported value: encountered a cycle".into());
    }
    match value {
        Value::Invalid | Value::Nil => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value, _) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Uint(value, _) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) if !value.is_finite() => {
            return Err(format!("json: unsupported value: {}", format_float(*value)));
        }
        Value::Float(value) => out.extend_from_slice(format_float_json(*value).as_bytes()),
        Value::Str(text) => write_string(text.as_bytes(), html, out),
        Value::RawStr(bytes) => write_string(bytes, html, out),
        Value::Bytes(bytes) => {
            write_string(
                base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes(),
                html,
                out,
            );
        }
        Value::List(list) if list.nil => out.extend_from_slice(b"null"),
        Value::Map(map) if map.is_nil() => out.extend_from_slice(b"null"),
        Value::List(list) => return crate::stack::grow(|| array(&list.items, html, indent, depth, out)),
        Value::Map(map) => {
            let entries: Vec<_> = map
                .entries
                .borrow()
                .iter()
                .map(|(k, v)| (k.to_string(), v.clone()))
                .collect();
            return crate::stack::grow(|| object(&entries, html, indent, depth, out));
        }
        Value::Native(found) => match &**found {
            Native::Struct(s) => {
                let fields: Vec<_> = s
                    .fields
                    .iter()
                    .filter(|field| !field.omit_empty || field.value.is_true())
                    .map(|field| (field.json.to_owned(), field.value.clone()))
                    .collect();
                return object(&fields, html, indent, depth, out);
            }
            Native::Files(files) => {
                let files: Vec<_> = files
                    .iter()
                    .map(|(n, d)| (n.clone(), Value::Bytes(d.clone().into())))
                    .collect();
                return object(&files, html, indent, depth, out);
            }
            other => return write(&native(other)?, html, indent, depth + 1, out),
        },
    }
    Ok(())
}

/// What types that marshal themselves become.
///
/// # Errors
/// Times before the year 0 and after 9999.
pub(crate) fn native(native: &Native) -> Result<Value, String> {
    Ok(match native {
        Native::Time(time) if !(0..=9999).contains(&time.at.year()) => {
            let why = "Time.MarshalJSON: year outside of range [0,9999]";
            return Err(format!(
                "json: error calling MarshalJSON for type time.Time: {why}"
            ));
        }
        Native::Time(time) => Value::str(super::date::rfc3339(time)),
        Native::Version(version) => Value::str(version.to_string()),
        Native::ApiVersions(versions) => Value::strings(versions.iter().map(String::as_str)),
        Native::Struct(_) | Native::Files(_) => Value::Nil,
    })
}

fn array(
    items: &[Value],
    html: bool,
    indent: Option<usize>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let inner = indent.map(|level| level + 1);
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        newline(inner, out);
        write(item, html, inner, depth + 1, out)?;
    }
    if !items.is_empty() {
        newline(indent, out);
    }
    out.push(b']');
    Ok(())
}

fn object(
    entries: &[(String, Value)],
    html: bool,
    indent: Option<usize>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let inner = indent.map(|level| level + 1);
    out.push(b'{');
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        newline(inner, out);
        write_string(key.as_bytes(), html, out);
        out.extend_from_slice(if indent.is_some() { b": " } else { b":" });
        write(value, html, inner, depth + 1, out)?;
    }
    if !entries.is_empty() {
        newline(indent, out);
    }
    out.push(b'}');
    Ok(())
}

/// A string literal; what is not UTF-8 becomes `\ufffd`.
pub(crate) fn write_string(text: &[u8], html: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                '<' | '>' | '&' if html => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes())
                }
                '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            for _ in chunk.invalid() {
                out.extend_from_slice(b"\\ufffd");
            }
        }
    }
    out.push(b'"');
}

pub(crate) use super::go_json::{parse, parse_on};
