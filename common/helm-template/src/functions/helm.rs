//! Helm's own functions.

use super::{Context, Row, json, text_of};
use crate::engine::{ERROR_END, ERROR_START, MAX_RECURSION, strip_no_value};
use crate::gofmt;
use crate::template::exec::{self, Fault};
use crate::template::set::Set;
use crate::value::{Elem, Entries, MapKind, Value};
use crate::yaml;
use serde_json::Value as Json;
use std::sync::Arc;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("include", "sa", include),
    ("tpl", "sa", tpl),
    ("required", "sa", |_, a| required(a)),
    ("fail", "s", |_, a| {
        Fault::plain(format!("{ERROR_START}{}{ERROR_END}", text_of(&a[0])))
    }),
    ("lookup", "ssss", lookup),
    ("getHostByName", "s", |c, a| {
        match c.session.lookup.host(&text_of(&a[0])) {
            Ok(address) => Ok(Value::str(address)),
            Err(error) => Fault::plain(error.to_string()),
        }
    }),
    ("toYaml", "a", |c, a| Ok(to_yaml(c, &a[0]))),
    ("toYamlPretty", "a", |_, a| {
        Ok(Value::str(yaml::emit_pretty(&a[0]).unwrap_or_default()))
    }),
    ("fromYaml", "s", |c, a| Ok(from_yaml(read_yaml(c, &a[0])))),
    ("fromYamlArray", "s", |c, a| {
        Ok(from_yaml_array(read_yaml(c, &a[0])))
    }),
    ("toJson", "a", |_, a| {
        Ok(Value::string_from(json::to_json(&a[0], true).unwrap_or_default()))
    }),
    ("fromJson", "s", |_, a| {
        Ok(from_json(a[0].string_bytes().unwrap_or_default()))
    }),
    ("fromJsonArray", "s", |_, a| {
        Ok(from_json_array(a[0].string_bytes().unwrap_or_default()))
    }),
    ("toToml", "a", |_, a| {
        if a[0].is_nil() {
            return Fault::plain("reflect: call of reflect.Value.Type on zero Value");
        }
        Ok(Value::string_from(
            super::toml::to_toml(&a[0]).unwrap_or_else(String::into_bytes),
        ))
    }),
    ("fromToml", "s", |_, a| {
        let text = a[0].string_bytes().unwrap_or_default();
        Ok(super::toml::from_toml(text).unwrap_or_else(|message| error_map(&message)))
    }),
];

fn include(context: &Context<'_, '_>, args: &[Value]) -> Result {
    let Value::Str(name) = &args[0] else {
        return Fault::plain("template name is not UTF-8");
    };
    {
        let mut included = context.session.included.borrow_mut();
        let count = included.entry(name.clone()).or_insert(0);
        if *count > MAX_RECURSION {
            return Fault::plain(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            ));
        }
        *count += 1;
    }
    let result = match context.set.get(name) {
        Some(template) => exec::execute(
            context.session,
            context.set,
            &template,
            &args[1],
            Value::string_of,
        ),
        None => Fault::plain(format!(
            "template: no template {} associated with template \"gotpl\"",
            gofmt::quote(name)
        )),
    };
    if let Some(count) = context.session.included.borrow_mut().get_mut(name) {
        *count -= 1;
    }
    result
}

fn tpl(context: &Context<'_, '_>, args: &[Value]) -> Result {
    let text = text_of(&args[0]);
    if !text.contains("{{") {
        // Nothing to execute: spare the parse.
        return Ok(match &args[0] {
            raw @ Value::RawStr(_) => raw.clone(),
            _ => Value::str(strip_no_value(text.into_owned())),
        });
    }
    let set = Set::over(context.set);
    let template = match set.parse("gotpl", &text) {
        Ok(template) => template,
        Err(message) => {
            return Fault::plain(format!(
                "cannot parse template {}: {message}",
                gofmt::quote(&text)
            ));
        }
    };
    let finish = |bytes: &[u8]| match Value::string_of(bytes) {
        Value::Str(text) if text.contains("<no value>") => Value::str(strip_no_value(text.to_string())),
        text => text,
    };
    match exec::execute(context.session, &set, &template, &args[1], finish) {
        Ok(text) => Ok(text),
        // A panic goes through.
        Err(fault @ (Fault::Limit(_) | Fault::Plain(_))) => Err(fault),
        Err(fault) => Fault::plain(format!(
            "error during tpl function execution for {}: {}",
            gofmt::quote(&text),
            fault.message()
        )),
    }
}

fn required(args: &[Value]) -> Result {
    let value = &args[1];
    if value.is_nil() || value.string_bytes().is_some_and(<[u8]>::is_empty) {
        return Fault::plain(format!("{ERROR_START}{}{ERROR_END}", text_of(&args[0])));
    }
    Ok(value.clone())
}

fn lookup(context: &Context<'_, '_>, args: &[Value]) -> Result {
    let [version, kind, namespace, name] = args else {
        return Ok(Value::Nil);
    };
    let found = context.session.lookup.get(
        &text_of(version),
        &text_of(kind),
        &text_of(namespace),
        &text_of(name),
    );
    match found {
        Ok(object @ Json::Object(_)) => Ok(Value::from_json(&object)),
        Ok(_) => Ok(Value::map(Entries::new())),
        Err(error) => Fault::plain(error.to_string()),
    }
}

/// Without the final newline; what cannot be written is nothing.
fn to_yaml(context: &Context<'_, '_>, value: &Value) -> Value {
    let buffers = &context.session.buffers;
    let room = String::from_utf8(buffers.take()).unwrap_or_default();
    let (text, written) = yaml::emit_into(room, value);
    let shown = if written {
        text.strip_suffix('\n').unwrap_or(&text)
    } else {
        ""
    };
    let shown = Value::str(shown);
    buffers.put(text.into_bytes());
    shown
}

fn error_map(message: &str) -> Value {
    Value::map(Entries::from([(Arc::from("Error"), Value::str(message))]))
}

fn kind_name(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn cannot(json: &Json, wanted: &str) -> String {
    format!(
        "json: cannot unmarshal {} into Go value of type {wanted}",
        kind_name(json)
    )
}

fn read_yaml(context: &Context<'_, '_>, text: &Value) -> std::result::Result<Value, yaml::YamlError> {
    match text {
        Value::Str(text) => context.session.read.read(text),
        other => yaml::read_value(other.string_bytes().unwrap_or_default()),
    }
}

fn from_yaml(read: std::result::Result<Value, yaml::YamlError>) -> Value {
    match read {
        Ok(Value::Nil) => Value::map(Entries::new()),
        Ok(map @ Value::Map(_)) => map,
        Ok(other) => error_map(&format!(
            "error unmarshaling JSON: while decoding JSON: {}",
            cannot_be(&other, "map[string]interface {}")
        )),
        Err(error) => error_map(&error.to_string()),
    }
}

fn from_yaml_array(read: std::result::Result<Value, yaml::YamlError>) -> Value {
    let message = match read {
        Ok(Value::Nil) => return Value::list(Vec::new()),
        Ok(list @ Value::List(_)) => return list,
        Ok(other) => {
            format!(
                "error unmarshaling JSON: while decoding JSON: {}",
                cannot_be(&other, "[]interface {}")
            )
        }
        Err(error) => error.to_string(),
    };
    Value::list(vec![Value::str(message)])
}

/// As [`cannot`], of what was read from YAML.
fn cannot_be(value: &Value, wanted: &str) -> String {
    let kind = match value {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "null",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

fn from_json(text: &[u8]) -> Value {
    let (json, overflow) = match json::parse_on(text) {
        Ok(read) => read,
        Err(message) => return error_map(&message),
    };
    match json {
        Json::Null => Value::map_of(MapKind::Nil, Entries::new()),
        object @ Json::Object(_) => {
            let value = Value::from_json(&object);
            if let (Some(message), Some(map)) = (overflow, value.as_map()) {
                map.insert("Error", Value::str(message));
            }
            value
        }
        other => error_map(&cannot(&other, "map[string]interface {}")),
    }
}

fn from_json_array(text: &[u8]) -> Value {
    let message = match json::parse_on(text) {
        Ok((Json::Null, _)) => return Value::nil_list(Elem::Any),
        Ok((array @ Json::Array(_), None)) => return Value::from_json(&array),
        Ok((Json::Array(_), Some(message))) | Err(message) => message,
        Ok((other, _)) => cannot(&other, "[]interface {}"),
    };
    Value::list(vec![Value::str(message)])
}
