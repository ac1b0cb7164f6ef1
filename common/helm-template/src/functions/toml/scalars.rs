//! Values out of their text, as int64, float64, string, bool and time.

use super::error::Fault;
use super::scan::Scalar;
use crate::functions::go_time_parse;
use crate::native::{Native, Zone};
use crate::template::number::parse_int;
use crate::value::Value;
use chrono::{FixedOffset, Local};

impl Scalar<'_> {
    pub fn value(self) -> Result<Value, Fault> {
        Ok(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(text) => integer(text)?,
            Self::Float(text) => float(text)?,
            Self::Datetime(text) => datetime(text)?,
            Self::Literal(text) => Value::str(text),
            Self::Basic(text) | Self::Lines(text) => Value::str(unescaped(text)?),
        })
    }

    /// The text of a part of a key.
    pub fn name(self) -> Result<String, Fault> {
        match self {
            Self::Literal(text) => Ok(text.to_owned()),
            Self::Basic(text) => unescaped(text),
            _ => Ok(String::new()),
        }
    }
}

/// Whether each underscore follows a digit of whatever base, and one stands at the end.
fn underscores_fit(text: &str) -> bool {
    let mut digit = false;
    for c in text.chars() {
        if c == '_' && !digit {
            return false;
        }
        digit = c.is_ascii_hexdigit();
    }
    digit || matches!(text, "nan" | "+nan" | "-nan" | "inf" | "+inf" | "-inf")
}

fn begins_with_zeroes(text: &str) -> bool {
    match text.as_bytes() {
        [b'0', b'b' | b'o' | b'x', ..] => false,
        [b'0', _, ..] | [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

fn integer(text: &str) -> Result<Value, Fault> {
    const KIND: &str = "integer";
    if !underscores_fit(text) {
        return Err(Fault::Underscore(KIND, text.into()));
    }
    if begins_with_zeroes(text) {
        return Err(Fault::Zeroes(KIND, text.into()));
    }
    let value = parse_int(text, 0).ok_or_else(|| Fault::Range(text.into(), "int64"))?;
    Ok(Value::int64(value))
}

fn float(text: &str) -> Result<Value, Fault> {
    const KIND: &str = "float";
    let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty());
    if parts.clone().any(|part| !underscores_fit(part)) {
        return Err(Fault::Underscore(KIND, text.into()));
    }
    if parts.next().is_some_and(begins_with_zeroes) {
        return Err(Fault::Zeroes(KIND, text.into()));
    }
    let mut behind_points = text.split('.').skip(1);
    if behind_points.any(|part| !part.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(Fault::Fraction(text.into()));
    }
    let plain = text.replace('_', "");
    let value: f64 = plain.parse().map_err(|_| Fault::Float(text.into()))?;
    if value.is_infinite() && !plain.ends_with("inf") {
        return Err(Fault::Range(text.into(), "float64"));
    }
    Ok(Value::Float(value))
}

/// A time; one without a zone has the present local offset under a name of its own.
fn datetime(text: &str) -> Result<Value, Fault> {
    const LAYOUTS: [(&str, &str); 4] = [
        ("2006-01-02T15:04:05.999999999Z07:00", ""),
        ("2006-01-02T15:04:05.999999999", "datetime-local"),
        ("2006-01-02", "date-local"),
        ("15:04:05.999999999", "time-local"),
    ];
    let text = text.replace([' ', 't'], "T").replace('z', "Z");
    let read = LAYOUTS.iter().find_map(|(layout, zone)| {
        let time = if zone.is_empty() {
            go_time_parse::parse(layout, text.as_bytes())
        } else {
            let zone = (present_offset(), Zone::Fixed((*zone).into()));
            go_time_parse::parse_in(layout, text.as_bytes(), Some(zone))
        };
        // The hour may not have one digit only.
        time.ok().filter(|_| text.find(':') == layout.find(':'))
    });
    match read {
        Some(time) => Ok(Native::Time(time).into_value()),
        None => Err(Fault::Datetime(text)),
    }
}

fn present_offset() -> FixedOffset {
    *Local::now().offset()
}

/// A text with its escapes replaced; a backslash before a newline takes all white space behind it away.
fn unescaped(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        let further = behind.trim_start_matches([' ', '\t', '\r', '\n']);
        let blank = &behind[..behind.len() - further.len()];
        if blank.contains('\n') {
            rest = further;
            continue;
        }
        let mut chars = behind.chars();
        let c = match chars.next() {
            Some(c @ (' ' | '\t')) => return Err(Fault::Blank(c)),
            Some('b') => '\u{8}',
            Some('t') => '\t',
            Some('n') => '\n',
            Some('f') => '\u{c}',
            Some('r') => '\r',
            Some('u') => character(&mut chars, 4)?,
            Some('U') => character(&mut chars, 8)?,
            other => other.unwrap_or('\\'),
        };
        out.push(c);
        rest = chars.as_str();
    }
    out.push_str(rest);
    Ok(out)
}

/// A character by so many hexadecimal digits.
fn character(chars: &mut std::str::Chars<'_>, digits: usize) -> Result<char, Fault> {
    let number: String = chars.by_ref().take(digits).collect();
    let code = u32::from_str_radix(&number, 16).ok();
    code.and_then(char::from_u32).ok_or(Fault::NoCharacter(number))
}
