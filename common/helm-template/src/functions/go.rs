//! Functions of Go's `text/template`.

use super::{Row, printf, text_of};
use crate::gofmt;
use crate::native::Native;
use crate::spare::Bytes;
use crate::template::exec::Fault;
use crate::value::{Seen, UintKind, Value};
use std::rc::Rc;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("and", "v*", |_, a| Ok(a[0].clone())),
    ("or", "v*", |_, a| Ok(a[0].clone())),
    ("not", "v", |_, a| Ok(Value::Bool(!a[0].is_true()))),
    ("call", "vv*", |_, a| call(a)),
    ("html", "a*", |_, a| Ok(Value::string_from(html(&joined(a))))),
    ("js", "a*", |_, a| Ok(Value::string_from(js(&joined(a))))),
    ("urlquery", "a*", |_, a| {
        Ok(Value::str(super::urls::query_escape(&joined(a))))
    }),
    ("index", "vv*", |_, a| index(a)),
    ("len", "v", |_, a| length(&a[0])),
    ("print", "a*", |_, a| Ok(Value::string_from(gofmt::sprint(a)))),
    ("println", "a*", |_, a| Ok(Value::string_from(gofmt::sprintln(a)))),
    ("printf", "sa*", |_, a| {
        Ok(Value::string_from(printf::sprintf(
            a[0].string_bytes().unwrap_or_default(),
            &a[1..],
        )))
    }),
    ("eq", "vv*", |_, a| eq(&a[0], &a[1..]).map(Value::Bool)),
    ("ne", "vv", |_, a| {
        eq(&a[0], &a[1..]).map(|equal| Value::Bool(!equal))
    }),
    ("lt", "vv", |_, a| lt(&a[0], &a[1]).map(Value::Bool)),
    ("le", "vv", |_, a| le(&a[0], &a[1]).map(Value::Bool)),
    ("gt", "vv", |_, a| le(&a[0], &a[1]).map(|le| Value::Bool(!le))),
    ("ge", "vv", |_, a| lt(&a[0], &a[1]).map(|lt| Value::Bool(!lt))),
];

fn call(args: &[Value]) -> Result {
    match args.first() {
        None => Fault::plain("wrong number of args for call: want at least 1 got 0"),
        Some(_) if args.get(1).is_none_or(Value::is_nil) => Fault::plain("call of nil"),
        Some(name) => Fault::plain(format!(
            "non-function {} of type {}",
            text_of(name),
            args[1].type_name()
        )),
    }
}

/// The text of the arguments: Go's `evalArgs`.
fn joined(args: &[Value]) -> Vec<u8> {
    if let [one] = args
        && let Some(bytes) = one.string_bytes()
    {
        return bytes.to_vec();
    }
    let is_text = |arg: &Value| arg.is_nil() || arg.string_bytes().is_some();
    let mut out = Vec::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 && !is_text(arg) && !is_text(&args[i - 1]) {
            out.push(b' ');
        }
        match arg {
            arg if arg.is_nil() => out.extend_from_slice(b"<no value>"),
            Value::Native(native) if native.kind() == "ptr" => gofmt::print(arg, &mut out),
            arg => gofmt::print_operand(arg, &mut out),
        }
    }
    out
}

fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'\0' => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    out
}

fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\'' => out.extend_from_slice(b"\\'"),
                '"' => out.extend_from_slice(b"\\\""),
                c if "<>&=".contains(c) || !gofmt::is_print(c) && c != '\u{7f}' => {
                    out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn bound(index: &Value, limit: usize) -> std::result::Result<usize, Fault> {
    let at = match index {
        Value::Int(at, _) => *at,
        Value::Uint(at, _) => i64::try_from(*at).unwrap_or(-1),
        index if index.is_nil() => return Fault::plain("cannot index slice/array with nil"),
        index => {
            return Fault::plain(format!(
                "cannot index slice/array with type {}",
                index.type_name()
            ));
        }
    };
    match usize::try_from(at) {
        Ok(at) if at <= limit => Ok(at),
        _ => Fault::plain(format!("index out of range: {at}")),
    }
}

fn index(args: &[Value]) -> Result {
    let Some((item, indexes)) = args.split_first() else {
        return Ok(Value::Invalid);
    };
    if item.is_nil() {
        return Fault::plain("index of untyped nil");
    }
    indexes
        .iter()
        .try_fold(item.clone(), |item, index| index_one(&item, index))
}

/// `index` may point just behind the end, where reflect panics.
const BEYOND: &str = "reflect: slice index out of range";

fn index_one(item: &Value, index: &Value) -> Result {
    match item {
        Value::List(list) => {
            let at = bound(index, list.items.len())?;
            list.items
                .get(at)
                .cloned()
                .map_or_else(|| Fault::plain(BEYOND), Ok)
        }
        Value::Bytes(bytes) => {
            let at = bound(index, bytes.len())?;
            let byte = bytes.get(at).map(|b| Value::Uint(u64::from(*b), UintKind::Uint8));
            byte.map_or_else(|| Fault::plain(BEYOND), Ok)
        }
        Value::Str(_) | Value::RawStr(_) => {
            let bytes = item.string_bytes().unwrap_or_default();
            let at = bound(index, bytes.len())?;
            match bytes.get(at) {
                Some(byte) => Ok(Value::Uint(u64::from(*byte), UintKind::Uint8)),
                None => Fault::plain("reflect: string index out of range"),
            }
        }
        Value::Map(map) => {
            let key = map_key(index)?;
            Ok(map.get(&key).unwrap_or_else(|| map.zero()))
        }
        Value::Native(native) => match (&**native, native.as_list()) {
            (Native::Files(files), _) => {
                let key = map_key(index)?;
                let found = files.get(&key).cloned().map(Bytes::from);
                Ok(Value::Bytes(found.unwrap_or_default()))
            }
            (_, Some(list)) => index_one(&list, index),
            _ => Fault::plain(format!(
                "can't index item of type {}",
                native.type_name().trim_start_matches('*')
            )),
        },
        Value::Invalid | Value::Nil => Fault::plain("index of nil pointer"),
        other => Fault::plain(format!("can't index item of type {}", other.type_name())),
    }
}

fn map_key(index: &Value) -> std::result::Result<String, Fault> {
    match index {
        Value::Str(_) | Value::RawStr(_) => Ok(text_of(index).into_owned()),
        index if index.is_nil() => Fault::plain("value is nil; should be of type string"),
        index => Fault::plain(format!("value has type {}; should be string", index.type_name())),
    }
}

fn length(item: &Value) -> Result {
    let length = match item {
        Value::Str(_) | Value::RawStr(_) => item.string_bytes().unwrap_or_default().len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.len(),
        Value::Native(native) => match &**native {
            Native::Files(files) => files.len(),
            Native::ApiVersions(versions) => versions.len(),
            other => {
                return Fault::plain(format!(
                    "len of type {}",
                    other.type_name().trim_start_matches('*')
                ));
            }
        },
        // What reflect says about no value at all.
        Value::Invalid => return Fault::plain("reflect: call of reflect.Value.Type on zero Value"),
        Value::Nil => return Fault::plain("len of nil pointer"),
        other => return Fault::plain(format!("len of type {}", other.type_name())),
    };
    Ok(Value::int(length as i64))
}

#[derive(PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Float,
    Str,
    Uint,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) => Basic::Int,
        Value::Uint(..) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Str(_) | Value::RawStr(_) => Basic::Str,
        _ => Basic::Other,
    }
}

fn eq(first: &Value, others: &[Value]) -> std::result::Result<bool, Fault> {
    if others.is_empty() {
        return Fault::plain("missing argument for comparison");
    }
    for other in others {
        if eq_two(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn eq_two(a: &Value, b: &Value) -> std::result::Result<bool, Fault> {
    match (a, b) {
        (Value::Int(a, _), Value::Uint(b, _)) | (Value::Uint(b, _), Value::Int(a, _)) => {
            return Ok(u64::try_from(*a).is_ok_and(|a| a == *b));
        }
        (Value::Bool(a), Value::Bool(b)) => return Ok(a == b),
        (Value::Int(a, _), Value::Int(b, _)) => return Ok(a == b),
        (Value::Uint(a, _), Value::Uint(b, _)) => return Ok(a == b),
        (Value::Float(a), Value::Float(b)) => return Ok(a == b),
        _ => {}
    }
    let (ka, kb) = (basic(a), basic(b));
    if ka != kb {
        if a.is_nil() || b.is_nil() {
            return Ok(false);
        }
        return incompatible();
    }
    if ka == Basic::Str {
        return Ok(a.string_bytes() == b.string_bytes());
    }
    let is_nil = |value: &Value| match value {
        Value::List(list) => list.nil,
        Value::Map(map) => map.is_nil(),
        value => value.is_nil(),
    };
    if (is_nil(a) || is_nil(b)) && (a.kind() == b.kind() || a.is_nil() || b.is_nil()) {
        return Ok(is_nil(a) == is_nil(b));
    }
    let shown = |value: &Value| {
        crate::unicode::lossy(&printf::sprintf(b"%s", std::slice::from_ref(value))).into_owned()
    };
    if a.kind() != b.kind() {
        let printed = crate::unicode::lossy(&gofmt::sprint(std::slice::from_ref(b))).into_owned();
        return Fault::plain(format!(
            "non-comparable types {}: {}, {}: {printed}",
            shown(a),
            a.type_name(),
            b.type_name(),
        ));
    }
    match (a, b) {
        (Value::Native(x), Value::Native(y)) if y.is_comparable() => {
            Ok(Rc::ptr_eq(x, y) || a.kind() != "ptr" && x.equal_in(y, &mut Seen::default()))
        }
        _ => Fault::plain(format!("non-comparable type {}: {}", shown(b), b.type_name())),
    }
}

fn incompatible<T>() -> std::result::Result<T, Fault> {
    Fault::plain("incompatible types for comparison")
}

fn lt(a: &Value, b: &Value) -> std::result::Result<bool, Fault> {
    const BAD: &str = "invalid type for comparison";
    let (ka, kb) = (basic(a), basic(b));
    if ka == Basic::Other || kb == Basic::Other {
        return Fault::plain(BAD);
    }
    match (a, b) {
        (Value::Int(a, _), Value::Uint(b, _)) => Ok(u64::try_from(*a).is_ok_and(|a| a < *b) || *a < 0),
        (Value::Uint(a, _), Value::Int(b, _)) => Ok(u64::try_from(*b).is_ok_and(|b| *a < b)),
        (Value::Int(a, _), Value::Int(b, _)) => Ok(a < b),
        (Value::Uint(a, _), Value::Uint(b, _)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Bool(_), Value::Bool(_)) => Fault::plain(BAD),
        _ if ka == Basic::Str && kb == Basic::Str => Ok(a.string_bytes() < b.string_bytes()),
        _ => incompatible(),
    }
}

fn le(a: &Value, b: &Value) -> std::result::Result<bool, Fault> {
    Ok(lt(a, b)? || eq_two(a, b)?)
}
