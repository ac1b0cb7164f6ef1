//! `%#v`: values as Go source would write them.

use crate::gofmt::{self, Depth};
use crate::native::{Field, Native, Struct};
use crate::template::number::format_float;
use crate::value::Value;
use chrono::{Datelike as _, Timelike as _};

/// The type of `.Chart`, which embeds the metadata and adds a field.
const CHART: &str = "struct { chart.Metadata; IsRoot bool }";

pub(crate) fn print(value: &Value, out: &mut Vec<u8>) {
    if value.is_nil() {
        out.extend_from_slice(b"<nil>");
    } else if let Value::Bytes(bytes) = value {
        numbers("[]byte", bytes, out);
    } else {
        element(value, out, Depth::start(out));
    }
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn element(value: &Value, out: &mut Vec<u8>, depth: Depth) {
    if depth.is_over(out) {
        return push(out, "...");
    }
    match value {
        Value::Invalid | Value::Nil => push(out, "interface {}(nil)"),
        Value::Bool(value) => push(out, &value.to_string()),
        Value::Int(value, _) => push(out, &value.to_string()),
        Value::Uint(value, _) => push(out, &format!("{value:#x}")),
        Value::Float(value) => push(out, &format_float(*value)),
        Value::Str(_) | Value::RawStr(_) => {
            let text = value.string_bytes().unwrap_or_default();
            push(out, &gofmt::quote_bytes(text, false));
        }
        Value::Bytes(bytes) => numbers("[]uint8", bytes, out),
        Value::List(list) if list.nil => push(out, &format!("{}(nil)", value.type_name())),
        Value::Map(map) if map.is_nil() => push(out, &format!("{}(nil)", value.type_name())),
        Value::List(list) => {
            push(out, &value.type_name());
            listed(list.items.iter(), out, |item, out| {
                crate::stack::grow(|| element(item, out, depth.deeper()));
            });
        }
        Value::Map(map) => {
            push(out, &value.type_name());
            listed(map.entries.borrow().iter(), out, |(key, value), out| {
                push(out, &format!("{}:", gofmt::quote(key)));
                crate::stack::grow(|| element(value, out, depth.deeper()));
            });
        }
        Value::Native(native) => print_native(native, out, depth),
    }
}

fn listed<T>(items: impl Iterator<Item = T>, out: &mut Vec<u8>, write: impl Fn(T, &mut Vec<u8>)) {
    out.push(b'{');
    for (i, item) in items.enumerate() {
        if i > 0 {
            push(out, ", ");
        }
        write(item, out);
    }
    out.push(b'}');
}

fn numbers(type_name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    push(out, type_name);
    listed(bytes.iter(), out, |byte, out| push(out, &format!("{byte:#x}")));
}

fn print_native(native: &Native, out: &mut Vec<u8>, depth: Depth) {
    match native {
        Native::Struct(fields) => structure(fields, out, depth),
        Native::Files(files) => {
            push(out, "engine.files");
            listed(files.iter(), out, |(name, data), out| {
                push(out, &format!("{}:", gofmt::quote(name)));
                numbers("[]uint8", data, out);
            });
        }
        Native::ApiVersions(versions) => {
            push(out, "chartutil.VersionSet");
            listed(versions.iter(), out, |version, out| {
                push(out, &gofmt::quote(version))
            });
        }
        Native::Time(time) => {
            use crate::native::Zone;
            let at = &time.at;
            let zone = match &time.zone {
                Zone::Utc => "time.UTC".to_owned(),
                Zone::Local => "time.Local".to_owned(),
                Zone::Fixed(name) => format!("time.Location({})", gofmt::quote(name)),
            };
            let month = super::go_time::MONTHS[at.month0() as usize];
            let (year, day, nanosecond) = (at.year(), at.day(), at.nanosecond());
            let (hour, minute, second) = (at.hour(), at.minute(), at.second());
            let text = format!(
                "time.Date({year}, time.{month}, {day}, {hour}, {minute}, {second}, {nanosecond}, {zone})"
            );
            push(out, &text);
        }
        Native::Version(_) if depth.is_inside() => push(out, "(*semver.Version)(0xc000000000)"),
        Native::Version(version) => push(out, &version.go_syntax()),
    }
}

fn structure(fields: &Struct, out: &mut Vec<u8>, depth: Depth) {
    if fields.pointer && depth.is_inside() {
        // Go prints an address here; any will do.
        return push(out, &format!("(*{})(0xc000000000)", fields.type_name));
    }
    if fields.pointer {
        out.push(b'&');
    }
    push(out, fields.type_name);
    let field = |field: &Field, out: &mut Vec<u8>| {
        push(out, &format!("{}:", field.name));
        crate::stack::grow(|| element(&field.value, out, depth.deeper()));
    };
    match fields.fields.split_last() {
        Some((last, embedded)) if fields.type_name == CHART => {
            push(out, "{Metadata:chart.Metadata");
            listed(embedded.iter(), out, field);
            push(out, ", ");
            field(last, out);
            out.push(b'}');
        }
        _ => listed(fields.fields.iter(), out, field),
    }
}
