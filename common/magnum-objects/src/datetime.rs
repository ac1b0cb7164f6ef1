//! Datetimes as oslo.versionedobjects reads and writes them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use serde_json::Value;

use crate::exception::{MagnumError, python_repr};

/// A point in time with the name of its zone as it was given: the wire form repeats it.
struct Parsed {
    local: NaiveDateTime,
    offset_seconds: i32,
    zone: String,
}

/// The wire form (`isotime`) of a datetime that came from the wire: seconds precision, the zone
/// kept, `Z` for none and for UTC.
///
/// # Errors
/// `ValueError` with oslo.utils' text.
pub fn normalise(value: &Value) -> Result<String, MagnumError> {
    let parsed = parse_value(value)?;
    Ok(format!(
        "{}{}",
        parsed.local.format("%Y-%m-%dT%H:%M:%S"),
        parsed.zone
    ))
}

/// The same point in time as UTC without zone, as the database holds it.
///
/// # Errors
/// `ValueError` with oslo.utils' text.
pub fn to_utc(text: &str) -> Result<NaiveDateTime, MagnumError> {
    let parsed = parse_value(&Value::from(text))?;
    FixedOffset::east_opt(parsed.offset_seconds)
        .and_then(|offset| parsed.local.and_local_timezone(offset).single())
        .map(|time: DateTime<FixedOffset>| time.naive_utc())
        .ok_or_else(|| unparsable(text))
}

/// The wire form of a datetime from the database.
pub fn from_utc(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn unparsable(text: &str) -> MagnumError {
    MagnumError::builtin(
        "ValueError",
        format!("Unable to parse date string {}", python_repr(text)),
    )
}

fn parse_value(value: &Value) -> Result<Parsed, MagnumError> {
    match value {
        Value::String(text) => parse(text).ok_or_else(|| unparsable(text)),
        other => Err(MagnumError::builtin(
            "ValueError",
            format!("Expecting a string {other}"),
        )),
    }
}

/// iso8601's grammar, as far as it needs at least a full date.
fn parse(text: &str) -> Option<Parsed> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let year = digits(bytes, &mut at, 4)?;
    skip(bytes, &mut at, b'-');
    let month = digits(bytes, &mut at, 2)?;
    skip(bytes, &mut at, b'-');
    let day = digits(bytes, &mut at, 2)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    if matches!(bytes.get(at), Some(b'T' | b' ')) {
        at += 1;
        hour = digits(bytes, &mut at, 2)?;
        skip(bytes, &mut at, b':');
        minute = digits(bytes, &mut at, 2)?;
        if matches!(bytes.get(at), Some(b':' | b'0'..=b'9')) {
            skip(bytes, &mut at, b':');
            second = digits(bytes, &mut at, 2)?;
            micros = fraction(bytes, &mut at)?;
        }
    }
    let (offset_seconds, zone) = zone(text.get(at..)?)?;
    let local = date.and_hms_micro_opt(hour, minute, second, micros)?;
    Some(Parsed {
        local,
        offset_seconds,
        zone,
    })
}

fn digits(bytes: &[u8], at: &mut usize, count: usize) -> Option<u32> {
    let part = bytes.get(*at..*at + count)?;
    if !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    *at += count;
    std::str::from_utf8(part).ok()?.parse().ok()
}

fn skip(bytes: &[u8], at: &mut usize, byte: u8) {
    if bytes.get(*at) == Some(&byte) {
        *at += 1;
    }
}

/// Fraction of a second in microseconds, further digits cut.
fn fraction(bytes: &[u8], at: &mut usize) -> Option<u32> {
    if !matches!(bytes.get(*at), Some(b'.' | b',')) {
        return Some(0);
    }
    *at += 1;
    let start = *at;
    while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
        *at += 1;
    }
    let given = bytes.get(start..*at)?;
    let mut micros = 0;
    for place in 0..6 {
        micros = micros * 10 + given.get(place).map_or(0, |digit| u32::from(digit - b'0'));
    }
    (!given.is_empty()).then_some(micros)
}

/// Offset in seconds and how isotime prints the zone.
fn zone(text: &str) -> Option<(i32, String)> {
    if text.is_empty() || text == "Z" {
        return Some((0, "Z".into()));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut at = 1;
    let bytes = text.as_bytes();
    let hours = digits(bytes, &mut at, 2)?;
    skip(bytes, &mut at, b':');
    let minutes = if at < bytes.len() {
        digits(bytes, &mut at, 2)?
    } else {
        0
    };
    if at != bytes.len() || hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    let mark = if sign > 0 { '+' } else { '-' };
    Some((sign * seconds, format!("{mark}{hours:02}:{minutes:02}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_keeps_the_zone_and_drops_the_fraction() {
        for (given, wire) in [
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05.678901Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05", "2024-01-02T03:04:05Z"),
            ("2024-01-02 03:04:05+02:00", "2024-01-02T03:04:05+02:00"),
            ("2024-01-02T03:04:05-0730", "2024-01-02T03:04:05-07:30"),
            ("2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05+00:00"),
            ("20240102T030405Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02", "2024-01-02T00:00:00Z"),
        ] {
            assert_eq!(normalise(&Value::from(given)).unwrap(), wire, "{given}");
        }
    }

    #[test]
    fn the_database_gets_utc() {
        assert_eq!(
            to_utc("2024-01-02T03:04:05.5+02:00").unwrap().to_string(),
            "2024-01-02 01:04:05.500"
        );
    }

    #[test]
    fn garbage_is_a_value_error_with_oslos_text() {
        let error = normalise(&Value::from("yesterday")).unwrap_err();
        assert_eq!(
            (error.class.as_str(), error.message.as_str()),
            ("ValueError", "Unable to parse date string 'yesterday'")
        );
        assert_eq!(
            normalise(&Value::from(5)).unwrap_err().message,
            "Expecting a string 5"
        );
        for text in [
            "2024-13-01",
            "2024-01-02T03:04:05UTC+05:00",
            "2024-01-02T25:00:00Z",
            "",
            "2024-01-02T03:04:05+99",
        ] {
            assert!(normalise(&Value::from(text)).is_err(), "{text}");
        }
    }
}
