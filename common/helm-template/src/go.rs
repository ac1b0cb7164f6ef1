//! What Go's standard library says of texts and values, for those who must agree with it outside templates.

use serde_json::Value as Json;

use crate::functions::{date, json, regexes, urls};
use crate::gofmt;
use crate::value::Value;

/// Text as Go quotes it (`%q`).
pub fn go_quote(text: &str) -> String {
    gofmt::quote(text)
}

/// A character as Go quotes it (`%q`).
pub fn go_quote_char(c: char) -> String {
    let mut out = String::from("'");
    gofmt::quote_char(&mut out, c, '\'', false);
    out.push('\'');
    out
}

/// A value as Go prints it (`%v`).
pub fn go_value(value: &Json) -> String {
    let mut out = Vec::new();
    gofmt::print_operand(&crate::yaml::exact(value), &mut out);
    crate::unicode::lossy(&out).into_owned()
}

/// `json.Marshal`, every number a float64.
pub fn to_json(value: &Json) -> String {
    let bytes = json::to_json(&Value::from_json(value), true).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `regexp.MatchString`; None if `pattern` is no regular expression.
pub fn go_regex_matches(pattern: &str, text: &str) -> Option<bool> {
    Some(regexes::parse(pattern)?.is_match(text.as_bytes()))
}

/// Whether `regexp.Compile` takes it.
pub fn is_go_regex(pattern: &str) -> bool {
    regexes::parse(pattern).is_some()
}

/// What `json.Unmarshal` has against a text.
pub fn go_json_error(text: &[u8]) -> Option<String> {
    json::parse_on(text).err()
}

/// What `time.ParseDuration` has against a text.
pub fn go_duration_error(text: &str) -> Option<String> {
    date::parse_duration(text).err()
}

/// What `url.Parse` has against a text.
pub fn go_url_error(text: &str) -> Option<String> {
    urls::error(text)
}

/// Whether `url.Parse` takes it.
pub fn is_go_url(text: &str) -> bool {
    urls::is_url(text)
}
