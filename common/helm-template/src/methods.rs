//! Methods that templates may call on Go types.

use crate::files::Files;
use crate::functions::date;
use crate::native::Native;
use crate::template::exec::Fault;
use crate::value::{Entries, Map, MapKind, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::rc::Rc;
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
            "YAML" => ("", |receiver, _| {
                Ok(Value::string_from(
                    crate::yaml::emit_value(receiver).unwrap_or_default().into_bytes(),
                ))
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
        Value::Map(map) => Value::Map(Rc::new(Map {
            kind: MapKind::Any,
            entries: map.entries.clone(),
        })),
        other => other.clone(),
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

/// The value at a dotted path, and the part of the path that is missing.
fn walk(receiver: &Value, path: &str) -> Result<Value, String> {
    path.split('.').try_fold(receiver.clone(), |value, part| {
        value
            .as_map()
            .and_then(|map| map.get(part))
            .ok_or_else(|| part.to_owned())
    })
}

fn table(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    match walk(receiver, &text(&args[0])) {
        Ok(map @ Value::Map(_)) => Ok(map),
        Ok(_) => Fault::plain(format!("{:?} is not a table", text(&args[0]))),
        Err(part) => Fault::plain(format!("{part:?} is not a table")),
    }
}

fn path_value(receiver: &Value, args: &[Value]) -> Result<Value, Fault> {
    let path = text(&args[0]);
    match walk(receiver, &path) {
        Ok(Value::Map(_)) | Err(_) => Fault::plain(format!("{path:?} is not a value")),
        Ok(value) => Ok(value),
    }
}
