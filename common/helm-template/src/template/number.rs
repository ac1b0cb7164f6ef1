//! Numbers and their text, as Go's `strconv` reads and writes them.

use std::borrow::Cow;

/// `strconv.ParseUint(text, base, 64)`; base 0 means by prefix, `_` allowed.
pub(crate) fn parse_uint(text: &str, base: u32) -> Option<u64> {
    let (digits, radix) = if base == 0 {
        split_prefix(text)?
    } else {
        (Cow::Borrowed(text), base)
    };
    if digits.is_empty() || digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(&digits, radix).ok()
}

/// `strconv.ParseInt(text, base, 64)`.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = parse_uint(magnitude, base)?;
    if negative {
        if value == 1 << 63 {
            Some(i64::MIN)
        } else {
            i64::try_from(value).ok().map(|v| -v)
        }
    } else {
        i64::try_from(value).ok()
    }
}

/// Splits off `0x`, `0b`, `0o` or `0`, and takes out well-placed underscores.
fn split_prefix(text: &str) -> Option<(Cow<'_, str>, u32)> {
    let lower = text.as_bytes();
    let (body, radix) = match lower {
        [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
        [b'0', b'b' | b'B', _, ..] => (&text[2..], 2),
        [b'0', b'o' | b'O', _, ..] => (&text[2..], 8),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if body.contains('_') {
        // An underscore may follow the prefix, but else stands between digits.
        let prefixed = body.len() != text.len();
        let bytes = body.as_bytes();
        for (i, b) in bytes.iter().enumerate() {
            let before = if i == 0 {
                prefixed
            } else {
                bytes[i - 1].is_ascii_hexdigit()
            };
            let after = bytes.get(i + 1).is_some_and(u8::is_ascii_hexdigit);
            if *b == b'_' && !(before && after) {
                return None;
            }
        }
        return Some((body.replace('_', "").into(), radix));
    }
    Some((body.into(), radix))
}

/// What `strconv.ParseInt(text, base, 64)` gives beside an error: the nearest integer to a number that is too large.
pub(crate) fn nearest_int(text: &str, base: u32) -> i64 {
    parse_int(text, base).unwrap_or_else(|| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        match (
            digits.is_empty() || digits.chars().any(|c| !c.is_digit(base)),
            text.starts_with('-'),
        ) {
            (true, _) => 0,
            (false, true) => i64::MIN,
            (false, false) => i64::MAX,
        }
    })
}

/// Whether each underscore stands between digits, or between a prefix and a digit.
fn underscores_fit(text: &str) -> bool {
    let bytes = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let prefixed = matches!(bytes, [b'0', b'b' | b'B' | b'o' | b'O' | b'x' | b'X', ..]);
    let is_hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let is_digit = |b: &u8| b.is_ascii_digit() || is_hex && b.is_ascii_hexdigit();
    let start = if prefixed { 2 } else { 0 };
    (start..bytes.len()).filter(|at| bytes[*at] == b'_').all(|at| {
        let before = at == start && prefixed || at > start && is_digit(&bytes[at - 1]);
        before && bytes.get(at + 1).is_some_and(is_digit)
    })
}

/// `strconv.ParseFloat(text, 64)`; overflow is an error, as there.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') {
        return underscores_fit(text).then(|| parse_float(&text.replace('_', "")))?;
    }
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let lower = bare.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" if bare.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return parse_hex_float(hex).map(|v| sign * v);
    }
    if !bare
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        return None;
    }
    if bare.starts_with(['+', '-']) {
        return None;
    }
    let value: f64 = bare.parse().ok()?;
    value.is_finite().then_some(sign * value)
}

fn parse_hex_float(hex: &str) -> Option<f64> {
    let (mantissa, exponent) = hex.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(i32::try_from(part.len()).ok()?.checked_mul(4)?)?;
    Some(value * 2f64.powi(shift))
}

/// Shortest digits that read back as `value`, and the decimal exponent such
/// that the value is `0.d1d2d3... * 10^exponent`.
fn shortest_digits(value: f64) -> (String, i32) {
    let mut text = format!("{:e}", value.abs());
    let places = text.find('e').unwrap_or(0).saturating_sub(2);
    // Of two that are equally near and short, Go takes the one with an even digit at its end.
    let even = format!("{:.places$e}", value.abs());
    if even != text && even.parse() == Ok(value.abs()) {
        text = even;
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 {
        return ("0".into(), 1);
    }
    (digits, exponent + 1)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`, which is also `%v`.
pub(crate) fn format_float(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.into();
    }
    let (digits, point) = shortest_digits(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let exponent = point - 1;
    // The shortest form is decided with precision six, however many digits
    // there are: 1234567 is 1.234567e+06.
    if !(-4..6).contains(&exponent) {
        return format!("{sign}{}", exponent_form(&digits, exponent));
    }
    format!("{sign}{}", plain_form(&digits, point))
}

fn exponent_form(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}

fn plain_form(digits: &str, point: i32) -> String {
    let len = digits.len() as i32;
    if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= len {
        format!("{digits}{}", "0".repeat((point - len) as usize))
    } else {
        let (whole, part) = digits.split_at(point as usize);
        format!("{whole}.{part}")
    }
}

/// `strconv.FormatFloat(value, 'f', -1, 64)`.
pub(crate) fn format_float_plain(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.into();
    }
    let (digits, point) = shortest_digits(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", plain_form(&digits, point))
}

/// A float as `encoding/json` writes it.
pub(crate) fn format_float_json(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let (digits, point) = shortest_digits(value);
        let sign = if value.is_sign_negative() { "-" } else { "" };
        let text = exponent_form(&digits, point - 1);
        // e-09 becomes e-9
        let text = match text.rsplit_once("e-0") {
            Some((head, tail)) if tail.len() == 1 => format!("{head}e-{tail}"),
            _ => text,
        };
        return format!("{sign}{text}");
    }
    format_float_plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_by_prefix() {
        assert_eq!(parse_int("0x10", 0), Some(16));
        assert_eq!(parse_int("-0b11", 0), Some(-3));
        assert_eq!(parse_int("0755", 0), Some(493));
        assert_eq!(parse_int("08", 0), None);
        assert_eq!(parse_int("1_000", 0), Some(1000));
        assert_eq!(parse_int("1__0", 0), None);
        assert_eq!(parse_int("9223372036854775808", 0), None);
        assert_eq!(parse_uint("18446744073709551615", 0), Some(u64::MAX));
    }

    #[test]
    fn integers_beyond_the_range() {
        assert_eq!(nearest_int("99999999999999999999", 10), i64::MAX);
        assert_eq!(nearest_int("-99999999999999999999", 10), i64::MIN);
        assert_eq!(nearest_int("9x", 10), 0);
        assert_eq!(nearest_int("-", 10), 0);
        assert_eq!(nearest_int("+7", 10), 7);
    }

    #[test]
    fn floats_as_go_writes_them() {
        assert_eq!(format_float(1e6), "1e+06");
        assert_eq!(format_float(123456.0), "123456");
        assert_eq!(format_float(0.00001), "1e-05");
        assert_eq!(format_float(1e15 - 123_456.75), "9.999999998765432e+14");
        assert_eq!(format_float_json(1e-7), "1e-7");
        assert_eq!(format_float_json(1e21), "1e+21");
        assert_eq!(format_float_plain(1e22), "10000000000000000000000");
        assert_eq!(parse_float("0x1p-2"), Some(0.25));
        assert_eq!(parse_float("1e999"), None);
        assert_eq!(parse_float("1_000.5_0"), Some(1000.5));
        for text in ["1__0", "_1", "1_", "1_.5", "1._5", "-nan", "+-1", "1e_5"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }
}
