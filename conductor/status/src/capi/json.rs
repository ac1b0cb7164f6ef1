//! Reading of untyped JSON that may lack anything: explicit `null`, wrong types and absent fields all read as "not there".

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The value at `path`, if every step of the way is an object that has it and the end is not `null`.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter()
        .try_fold(value, |here, key| here.get(key))
        .filter(|found| !found.is_null())
}

/// The string at `path`; the empty string counts as absent.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)
        .and_then(Value::as_str)
        .filter(|found| !found.is_empty())
}

/// An owned copy of [`text`].
pub(crate) fn string(value: &Value, path: &[&str]) -> Option<String> {
    text(value, path).map(str::to_owned)
}

/// The integer at `path`.
pub(crate) fn integer(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).and_then(Value::as_i64)
}

/// The boolean at `path`.
pub(crate) fn boolean(value: &Value, path: &[&str]) -> Option<bool> {
    at(value, path).and_then(Value::as_bool)
}

/// The array at `path`, empty when there is none.
pub(crate) fn array<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The RFC 3339 time at `path`.
pub(crate) fn time(value: &Value, path: &[&str]) -> Option<DateTime<Utc>> {
    let text = text(value, path)?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.with_timezone(&Utc))
}
