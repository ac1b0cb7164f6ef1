//! Coercion of values into fields, with Python's rules and error texts.
//!
//! Source of the rule: `oslo_versionedobjects/fields.py`. Strings become integers, anything
//! becomes a boolean by its truth (`"no"` is true), numbers become strings.

use serde_json::{Map, Number, Value};

use crate::class::{Field, FieldKind};
use crate::datetime;
use crate::exception::{MagnumError, python_repr};

/// What setting `value` on the field stores.
///
/// Nested objects are not coerced here; see [`crate::ovo`].
///
/// # Errors
/// `ValueError`, `TypeError` or `AttributeError` as Python raises them.
pub fn coerce(field: &Field, value: Value) -> Result<Value, MagnumError> {
    if value.is_null() {
        return if field.nullable {
            Ok(Value::Null)
        } else {
            field
                .default
                .map(Value::from)
                .ok_or_else(|| cannot_be_none(field.name))
        };
    }
    match field.kind {
        FieldKind::Integer => integer(&value),
        FieldKind::Text => text(field.name, value),
        FieldKind::Uuid => Ok(Value::from(python_str(&value))),
        FieldKind::Boolean => Ok(Value::Bool(truth(&value))),
        FieldKind::DateTime => datetime::normalise(&value).map(Value::from),
        FieldKind::Enum(allowed) => match &value {
            Value::String(given) if allowed.contains(&given.as_str()) => Ok(value),
            other => Err(value_error(format!(
                "Field value {} is invalid",
                python_str(other)
            ))),
        },
        FieldKind::TextMap => {
            let mut out = Map::new();
            for (key, element) in mapping(value)? {
                let place = format!("{}[{key}]", field.name);
                let element = element_text(&place, element)?;
                out.insert(key, element);
            }
            Ok(Value::Object(out))
        }
        FieldKind::TextList => list(field.name, value, |place, element| element_text(&place, element)),
        FieldKind::MapList => list(field.name, value, |place, element| {
            if element.is_null() {
                return Err(cannot_be_none(&place));
            }
            let map = mapping(element)?;
            match map.iter().find(|(_, item)| item.is_null()) {
                Some((key, _)) => Err(cannot_be_none(&format!("{place}[{key}]"))),
                None => Ok(Value::Object(map)),
            }
        }),
        FieldKind::Object(_) => Ok(value),
    }
}

fn value_error(message: impl Into<String>) -> MagnumError {
    MagnumError::builtin("ValueError", message)
}

fn cannot_be_none(place: &str) -> MagnumError {
    value_error(format!("Field `{place}' cannot be None"))
}

/// Python's name of the type of a JSON value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// Python's `str()` of a JSON value; containers come as JSON, which only shows in error texts.
pub(crate) fn python_str(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Python's `int()`.
fn integer(value: &Value) -> Result<Value, MagnumError> {
    match value {
        Value::Bool(flag) => Ok(Value::from(i64::from(*flag))),
        Value::Number(number) if number.is_f64() => {
            let truncated = number.as_f64().unwrap_or_default().trunc();
            // A double of that size has no fraction; Python goes on to big integers, we refuse.
            if truncated.abs() < 9.0e18 {
                #[allow(clippy::cast_possible_truncation, reason = "checked just above")]
                Ok(Value::from(truncated as i64))
            } else {
                Err(value_error("integer out of range"))
            }
        }
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => parse_int(text).map(Value::from).ok_or_else(|| {
            value_error(format!(
                "invalid literal for int() with base 10: {}",
                python_repr(text)
            ))
        }),
        other => Err(MagnumError::builtin(
            "TypeError",
            format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                type_name(other)
            ),
        )),
    }
}

/// Python's `int(text)`: surrounding space and single underscores between digits are allowed.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let trimmed = text.trim();
    let body = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if body.is_empty()
        || body
            .split('_')
            .any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    trimmed.replace('_', "").parse().ok()
}

fn text(place: &str, value: Value) -> Result<Value, MagnumError> {
    match value {
        Value::String(_) => Ok(value),
        Value::Bool(_) | Value::Number(_) => Ok(Value::from(number_text(&value))),
        other => Err(value_error(format!(
            "A string is required in field {place}, not a {}",
            type_name(&other)
        ))),
    }
}

fn number_text(value: &Value) -> String {
    match value {
        Value::Number(number) => float_text(number),
        other => python_str(other),
    }
}

/// Python's repr of a number; differs from JSON's for large and small floats only.
fn float_text(number: &Number) -> String {
    let text = number.to_string();
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent.trim_start_matches('+')),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

fn element_text(place: &str, element: Value) -> Result<Value, MagnumError> {
    if element.is_null() {
        Err(cannot_be_none(place))
    } else {
        text(place, element)
    }
}

/// What `from_primitive` of a dictionary accepts.
fn mapping(value: Value) -> Result<Map<String, Value>, MagnumError> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(MagnumError::builtin(
            "AttributeError",
            format!("'{}' object has no attribute 'items'", type_name(&other)),
        )),
    }
}

/// What `from_primitive` of a list accepts: anything that can be iterated, a string by characters.
fn list(
    name: &str,
    value: Value,
    element: impl Fn(String, Value) -> Result<Value, MagnumError>,
) -> Result<Value, MagnumError> {
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        Value::Object(map) => map.into_iter().map(|(key, _)| Value::from(key)).collect(),
        other => {
            return Err(MagnumError::builtin(
                "TypeError",
                format!("'{}' object is not iterable", type_name(&other)),
            ));
        }
    };
    let items = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| element(format!("{name}[{index}]"), item));
    items.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::Registry;

    fn set(class: &str, name: &str, value: Value) -> Result<Value, String> {
        let class = Registry::newest().class(class).unwrap();
        coerce(class.field(name).unwrap(), value)
            .map_err(|error| format!("{}: {}", error.class, error.message))
    }

    #[test]
    fn values_become_what_python_makes_of_them() {
        for (name, given, stored) in [
            ("create_timeout", json!("77"), json!(77)),
            ("create_timeout", json!(" 1_000 "), json!(1000)),
            ("create_timeout", json!(2.9), json!(2)),
            ("create_timeout", json!(true), json!(1)),
            ("name", json!(42), json!("42")),
            ("name", json!(1.5), json!("1.5")),
            ("name", json!(1e300), json!("1e+300")),
            ("master_lb_enabled", json!("no"), json!(true)),
            ("master_lb_enabled", json!(""), json!(false)),
            ("floating_ip_enabled", json!(null), json!(true)),
            (
                "labels",
                json!({"a": 5, "b": true}),
                json!({"a": "5", "b": "True"}),
            ),
            ("labels", json!(null), json!(null)),
            ("uuid", json!("not-a-uuid"), json!("not-a-uuid")),
        ] {
            assert_eq!(set("Cluster", name, given.clone()), Ok(stored), "{name} {given}");
        }
        assert_eq!(set("NodeGroup", "node_count", json!(null)), Ok(json!(1)));
        assert_eq!(
            set("NodeGroup", "node_addresses", json!("ab")),
            Ok(json!(["a", "b"]))
        );
    }

    #[test]
    fn refusals_have_pythons_words() {
        for (class, name, given, error) in [
            (
                "Cluster",
                "create_timeout",
                json!("x"),
                "ValueError: invalid literal for int() with base 10: 'x'",
            ),
            (
                "Cluster",
                "create_timeout",
                json!([1]),
                "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'list'",
            ),
            (
                "Cluster",
                "id",
                json!(null),
                "ValueError: Field `id' cannot be None",
            ),
            (
                "Cluster",
                "status",
                json!("EXPLODED"),
                "ValueError: Field value EXPLODED is invalid",
            ),
            (
                "Cluster",
                "name",
                json!([]),
                "ValueError: A string is required in field name, not a list",
            ),
            (
                "Cluster",
                "labels",
                json!("x"),
                "AttributeError: 'str' object has no attribute 'items'",
            ),
            (
                "Cluster",
                "labels",
                json!({"a": null}),
                "ValueError: Field `labels[a]' cannot be None",
            ),
            (
                "NodeGroup",
                "node_addresses",
                json!(5),
                "TypeError: 'int' object is not iterable",
            ),
            (
                "NodeGroup",
                "node_taints",
                json!([null]),
                "ValueError: Field `node_taints[0]' cannot be None",
            ),
        ] {
            assert_eq!(
                set(class, name, given.clone()),
                Err(error.to_owned()),
                "{name} {given}"
            );
        }
    }
}
