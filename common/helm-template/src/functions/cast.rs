//! Conversions of `github.com/spf13/cast`, as sprig uses them.

use crate::template::number::{parse_float, parse_int};
use crate::value::Value;

/// `cast.ToInt64`: what cannot be converted is 0.
pub(crate) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(int, _) => *int,
        Value::Uint(uint, _) => *uint as i64,
        Value::Float(float) => float_to_int(*float),
        Value::Bool(value) => i64::from(*value),
        Value::Str(text) => parse_int(trim_zero_decimal(text), 0).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest integer.
pub(crate) fn float_to_int(float: f64) -> i64 {
    if float.is_nan() || !(-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&float) {
        return i64::MIN;
    }
    float as i64
}

/// `12.00` is read as `12`.
fn trim_zero_decimal(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((head, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => head,
        _ => text,
    }
}

/// `cast.ToFloat64`
pub(crate) fn to_float64(value: &Value) -> f64 {
    match value {
        Value::Float(float) => *float,
        Value::Int(int, _) => *int as f64,
        Value::Uint(uint, _) => *uint as f64,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Str(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}
