//! Methods that templates may call on Go types.

use crate::files::Files;
use crate::functions::date;
use crate::native::Native;
use crate::template::exec::Fault;
use crate::value::{Entries, MapKind, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

type Call = fn(&Value, &[Value]) -> Result<Value, Fault>;

/// A method: its parameters (see `Signature`) and code.
pub(crate) struct Method {
    pub signature: &'static str,
    pub call: Call,
}

/// The method `name` of `receiver`, if its type has one.
pub(crate) fn find(receiver: &Value, name: &str) -> Option<Method> {
    let (signature, call): (&'static str, Call) = match receiver {
        Value::Map(map) if map.kind == MapKind::Values => match name {
            "AsMap" => ("", |receiver, _| Ok(as_map(receiver))),
            "YAML" => ("", yaml),
            // No template has anything to write to.
            "Encode" => ("w", |_, _| {
                Fault::plain("runtime error: invalid memory address or nil pointer dereference")
            }),
            "Table" => ("s", table),
            "PathValue" => ("s", path_value),
            _ => return None,
        },
        Value::Native(native) => match (&**native, name) {
            (Native::Files(_), "Get") => ("s", |r, a| Ok(Value::string_from(bytes_of(r, &a[0]).to_vec()))),
            (Native::Files(_), "GetBytes") => ("s", |r, a| Ok(Value::Bytes(bytes_of(r, &a[0]).into()))),
            (Native::Files(_), "Glob") => ("s", glob),
            (Native::Files(_), "Lines") => ("s", lines),
            (Native::Files(_), "AsConfig") => {
                ("", |r, _| by_base(r, |data| Value::string_from(data.to_vec())))
            }
            (Native::Files(_), "AsSecrets") => {
                ("", |r, _| by_base(r, |data| Value::str(STANDARD.encode(data))))
            }
            (Native::ApiVersions(_), "Has") => ("s", has_version),
            (Native::Struct(s), "GitVersion" | "String") if s.type_name == "chartutil.KubeVersion" => {
                ("", |r, _| Ok(r.native_field("Version")))
            }
            (Native::Struct(s), "Copy") if s.type_name == "chartutil.Capabilities" => {
                ("", |r, _| Ok(r.clone()))
            }
            (Native::Version(_), _) => return crate::functions::version::method(name),
            (Native::Time(_), _) => return date::time_method(name),
            _ => return None,
        },
        _ => return None,
    };
    Some(Method { signature, call })
}

/// The same map under the type that sprig's functions ask for.
fn as_map(receiver: &Value) -> Value {
    match receiver {
        // Go makes a new one of an empty one.
        Value::Map(map) if map.len() == 0 => Value::map(Entries::new()),
        other => other.map_as(MapKind::Any),
    }
}

fn files(receiver: &Value) -> Option<&Files> {
    match receiver {
        Value::Native(native) => match &**native {
            Native::Files(files) => Some(files),
            _ => None,
        },
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value
        .string_bytes()
        .map(|b| crate::unicode::lossy(b).into_owned())
        .unwrap_or_default()
}

fn bytes_of(receiver: &Value, name: &Value) -> Arc<[u8]> {
    files(receiver)
        .and_then(|files| files.get(&text(name)).cloned())
        .unwrap_or_else(|| [].into())
}

fn glob(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    let found = files(receiver)
        .map(|files| files.glob(&text(&args[0])))
        .unwrap_or_default();
    Ok(Native::Files(found).into_value())
}

fn lines(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    let Some(data) = files(receiver).and_then(|files| files.get(&text(&args[0]))) else {
        return Ok(Value::strings(Vec::<&str>::new()));
    };
    if data.is_empty() {
        return Fault::plain("runtime error: index out of range [-1]");
    }
    let content = crate::unicode::lossy(data);
    Ok(Value::strings(
        content.strip_suffix('\n').unwrap_or(&content).split('\n'),
    ))
}

fn by_base(receiver: &Value, value: impl Fn(&[u8]) -> Value) -> Result<Value, Fault> {
    let mut entries = Entries::new();
    for (name, data) in files(receiver).into_iter().flat_map(Files::iter) {
        entries.insert(name.rsplit('/').next().unwrap_or(name).into(), value(data));
    }
    let yaml = crate::yaml::emit_value(&Value::map_of(MapKind::Str, entries)).unwrap_or_default();
    Ok(Value::str(yaml.strip_suffix('\n').unwrap_or(&yaml)))
}

fn has_version(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    let wanted = text(&args[0]);
    Ok(Value::Bool(match receiver {
        Value::Native(native) => match &**native {
            Native::ApiVersions(versions) => versions.contains(&wanted),
            _ => false,
        },
        _ => false,
    }))
}

/// The table at a dotted path, or the part of the path that names none.
pub(crate) fn table_at(values: &Value, path: &str) -> Result<Value, String> {
    path.split('.')
        .try_fold(values.map_as(MapKind::Values), |table, part| {
            match table.as_map().and_then(|map| map.get(part)) {
                Some(found @ Value::Map(_)) if is_table(&found) => Ok(found.map_as(MapKind::Values)),
                _ => Err(part.to_owned()),
            }
        })
}

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(map) if matches!(map.kind, MapKind::Any | MapKind::Nil | MapKind::Values))
}

/// Go makes JSON of the map and reads it as YAML, which has no place for some characters and numbers.
fn yaml(receiver: &Value, _: &[Value]) -> Result<Value, Fault> {
    let text = crate::yaml::emit_value(receiver).map_err(Fault::of)?;
    Ok(Value::string_from(text.into_bytes()))
}

fn table(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    table_at(receiver, &text(&args[0]))
        .map_err(|part| Fault::of(format!("{} is not a table", crate::gofmt::quote(&part))))
}

fn path_value(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    let path = text(&args[0]);
    if path.is_empty() {
        return Fault::plain("YAML path cannot be empty");
    }
    let (table, key) = match path.rsplit_once('.') {
        Some((tables, key)) => (table_at(receiver, tables).ok(), key),
        None => (Some(receiver.clone()), &*path),
    };
    let found = table.and_then(|table| table.as_map().and_then(|map| map.get(key)));
    match found {
        // Here Go looks for nothing but plain maps.
        Some(Value::Map(map)) if map.kind == MapKind::Any => None,
        found => found,
    }
    .ok_or_else(|| Fault::of(format!("{} is not a value", crate::gofmt::quote(key))))
}
