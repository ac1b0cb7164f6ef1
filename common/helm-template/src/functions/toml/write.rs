//! Values as TOML.

use super::MAX_DEPTH;
use crate::functions::{date, go_time, json};
use crate::gofmt;
use crate::native::{Native, Struct, Time, Zone};
use crate::value::{UintKind, Value};

/// Tables may nest this deep: each names all that it stands in, and one that contains itself has no end.
const MAX_PATH: usize = 1_000;

type Pairs = Vec<(String, Value)>;

/// The TOML text of a value: a table with its sub-tables, or any other value by itself.
///
/// # Errors
/// A nil inside of a list, a list of tables at the top.
pub(in crate::functions) fn to_toml(value: &Value) -> Result<Vec<u8>, String> {
    // A list that is nil is left out of a table, and empty by itself.
    if matches!(value, Value::List(list) if list.nil) {
        return Ok(b"[]".to_vec());
    }
    let mut writer = Writer {
        out: Vec::new(),
        depth: 0,
    };
    writer.item(&[], value)?;
    Ok(writer.out)
}

#[derive(PartialEq, Eq)]
enum Shape {
    Nil,
    Plain,
    Table,
    Tables,
}

/// What a value will be, which also looks into lists for nils.
fn shape(value: &Value) -> Result<Shape, String> {
    Ok(match value {
        Value::Invalid | Value::Nil => Shape::Nil,
        Value::Map(map) if map.is_nil() => Shape::Nil,
        Value::List(list) if list.nil => Shape::Nil,
        Value::Map(_) => Shape::Table,
        Value::List(list) => {
            let mut tables = !list.items.is_empty();
            for item in &list.items {
                match crate::stack::grow(|| shape(item))? {
                    Shape::Nil => return Err("toml: cannot encode array with nil element".into()),
                    found => tables &= found == Shape::Table,
                }
            }
            if tables { Shape::Tables } else { Shape::Plain }
        }
        Value::Native(native) => match &**native {
            Native::Struct(_) | Native::Files(_) => Shape::Table,
            _ => Shape::Plain,
        },
        _ => Shape::Plain,
    })
}

/// The members of a table in the order of writing: plain ones, then tables.
fn members(value: &Value) -> Result<(Pairs, Pairs), String> {
    let all: Pairs = match value {
        Value::Map(map) => {
            let entries = map.entries.borrow();
            entries.iter().map(|(k, v)| (k.to_string(), v.clone())).collect()
        }
        Value::Native(native) => match &**native {
            Native::Struct(fields) => struct_members(fields),
            Native::Files(files) => files
                .iter()
                .map(|(name, data)| (name.clone(), Value::Bytes(data.clone().into())))
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let (mut plain, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in all {
        match shape(&value)? {
            Shape::Table | Shape::Tables => tables.push((key, value)),
            Shape::Plain | Shape::Nil => plain.push((key, value)),
        }
    }
    Ok((plain, tables))
}

fn struct_members(fields: &Struct) -> Pairs {
    let fields = fields.fields.iter();
    fields
        .map(|field| (field.name.to_owned(), field.value.clone()))
        .collect()
}

fn is_nil(value: &Value) -> Result<bool, String> {
    Ok(shape(value)? == Shape::Nil)
}

/// One part of a key, in quotes if it needs them.
pub(super) fn key_text(key: &str) -> Vec<u8> {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !key.is_empty() && key.bytes().all(is_bare) {
        return key.into();
    }
    let mut out = Vec::new();
    string(key.as_bytes(), &mut out);
    out
}

struct Writer {
    out: Vec<u8>,
    /// Of the arrays and inline tables that are open.
    depth: usize,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A line break, unless nothing stands before it.
    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b'\n');
        }
    }

    fn indent(&mut self, path: &[Vec<u8>]) {
        let depth = path.len().saturating_sub(1);
        self.out.extend(std::iter::repeat_n(b' ', 2 * depth));
    }

    fn header(&mut self, path: &[Vec<u8>], open: &str, close: &str) {
        self.indent(path);
        self.text(open);
        self.out.extend(path.join(&b'.'));
        self.text(close);
        self.newline();
    }

    fn item(&mut self, path: &[Vec<u8>], value: &Value) -> Result<(), String> {
        self.bounded(path.len(), MAX_PATH)?;
        match shape(value)? {
            Shape::Nil => Ok(()),
            Shape::Plain => self.pair(path, value),
            Shape::Tables => {
                if path.is_empty() {
                    return Err("toml: top-level values must be Go maps or structs".into());
                }
                let Value::List(list) = value else { return Ok(()) };
                for item in &list.items {
                    self.newline();
                    self.header(path, "[[", "]]");
                    self.table(path, item)?;
                }
                Ok(())
            }
            Shape::Table => {
                if path.len() == 1 {
                    self.newline();
                }
                if !path.is_empty() {
                    self.header(path, "[", "]");
                }
                self.table(path, value)
            }
        }
    }

    fn table(&mut self, path: &[Vec<u8>], value: &Value) -> Result<(), String> {
        let (plain, tables) = members(value)?;
        for (key, value) in plain.into_iter().chain(tables) {
            let mut inner = path.to_vec();
            inner.push(key_text(&key));
            crate::stack::grow(|| self.item(&inner, &value))?;
        }
        Ok(())
    }

    fn pair(&mut self, path: &[Vec<u8>], value: &Value) -> Result<(), String> {
        let Some(key) = path.last() else {
            return self.inline(value);
        };
        self.indent(path);
        self.out.extend_from_slice(key);
        self.text(" = ");
        self.inline(value)?;
        self.newline();
        Ok(())
    }

    fn inline(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Bool(value) => self.text(&value.to_string()),
            Value::Int(value, _) => self.text(&value.to_string()),
            Value::Uint(value, _) => self.text(&value.to_string()),
            Value::Float(value) => self.text(&float(*value)),
            Value::Str(_) | Value::RawStr(_) => {
                string(value.string_bytes().unwrap_or_default(), &mut self.out);
            }
            Value::Bytes(bytes) => {
                let numbers = bytes.iter().map(|b| Value::Uint(u64::from(*b), UintKind::Uint8));
                self.array(&numbers.collect::<Vec<_>>())?;
            }
            Value::List(list) => self.inside(|this| this.array(&list.items))?,
            Value::Map(_) => self.inside(|this| this.inline_table(value))?,
            Value::Native(native) => match &**native {
                Native::Time(time) => self.text(&time_text(time)),
                Native::Struct(_) | Native::Files(_) => self.inline_table(value)?,
                other => self.inline(&json::native(other)?)?,
            },
            Value::Invalid | Value::Nil => {}
        }
        Ok(())
    }

    /// One level further in.
    fn inside(&mut self, write: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.bounded(self.depth, MAX_DEPTH)?;
        self.depth += 1;
        let done = crate::stack::grow(|| write(self));
        self.depth -= 1;
        done
    }

    /// Refuses what a value that contains itself would come to.
    fn bounded(&self, depth: usize, limit: usize) -> Result<(), String> {
        if depth > limit || self.out.len() > gofmt::MAX_LENGTH {
            return Err("toml: value nests too deeply".into());
        }
        Ok(())
    }

    fn array(&mut self, items: &[Value]) -> Result<(), String> {
        self.text("[");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.text(", ");
            }
            self.inline(item)?;
        }
        self.text("]");
        Ok(())
    }

    /// Nils are left out, but not the commas before them.
    fn inline_table(&mut self, value: &Value) -> Result<(), String> {
        let (plain, tables) = members(value)?;
        let (last_plain, last_table) = (plain.len(), tables.len());
        let plain = plain
            .into_iter()
            .zip(1..)
            .map(|(pair, n)| (pair, n < last_plain || last_table > 0));
        let tables = tables
            .into_iter()
            .zip(1..)
            .map(|(pair, n)| (pair, n < last_table));
        self.text("{");
        for ((key, value), comma) in plain.chain(tables) {
            if is_nil(&value)? {
                continue;
            }
            self.out.extend(key_text(&key));
            self.text(" = ");
            self.inline(&value)?;
            self.text(if comma { ", " } else { "" });
        }
        self.text("}");
        Ok(())
    }
}

/// A time; those read from TOML without a zone or a date are written so.
fn time_text(time: &Time) -> String {
    let layout = match &time.zone {
        Zone::Fixed(name) if **name == *"datetime-local" => "2006-01-02T15:04:05.999999999",
        Zone::Fixed(name) if **name == *"date-local" => "2006-01-02",
        Zone::Fixed(name) if **name == *"time-local" => "15:04:05.999999999",
        _ => return date::rfc3339(time),
    };
    go_time::format(layout, &time.at.with_timezone(&chrono::Utc).fixed_offset(), "UTC")
}

fn float(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_nan() {
        return format!("{sign}nan");
    }
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..0x20 | 0x7f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
}
