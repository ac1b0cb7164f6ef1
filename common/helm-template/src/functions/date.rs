//! Dates and durations of sprig, in Go's layouts.

use super::{Row, text_of};
use crate::methods::Method;
use crate::native::{Native, Time};
use crate::template::exec::Fault;
use crate::value::Value;
use chrono::{DateTime, Datelike, FixedOffset, Local, TimeZone, Timelike, Utc};

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("now", "", |_, _| Ok(value(now()))),
    ("date", "sa", |_, a| {
        Ok(formatted(&text_of(&a[0]), &a[1], "Local"))
    }),
    ("dateInZone", "sas", |_, a| {
        Ok(formatted(&text_of(&a[0]), &a[1], &text_of(&a[2])))
    }),
    ("date_in_zone", "sas", |_, a| {
        Ok(formatted(&text_of(&a[0]), &a[1], &text_of(&a[2])))
    }),
    ("htmlDate", "a", |_, a| {
        Ok(formatted("2006-01-02", &a[0], "Local"))
    }),
    ("htmlDateInZone", "as", |_, a| {
        Ok(formatted("2006-01-02", &a[0], &text_of(&a[1])))
    }),
    ("dateModify", "st", |_, a| {
        Ok(modify(a).unwrap_or_else(|_| a[1].clone()))
    }),
    ("date_modify", "st", |_, a| {
        Ok(modify(a).unwrap_or_else(|_| a[1].clone()))
    }),
    ("mustDateModify", "st", |_, a| modify(a)),
    ("must_date_modify", "st", |_, a| modify(a)),
    ("ago", "a", |_, a| {
        let elapsed = now().at.signed_duration_since(time_of(&a[0]).at).num_seconds();
        Ok(Value::str(duration_string(elapsed.saturating_mul(1_000_000_000))))
    }),
    ("toDate", "ss", |_, a| {
        Ok(value(parse(a).unwrap_or_else(|_| zero())))
    }),
    ("mustToDate", "ss", |_, a| parse(a).map(value).map_err(Fault::of)),
    ("unixEpoch", "t", |_, a| {
        Ok(Value::str(time_of(&a[0]).at.timestamp().to_string()))
    }),
    ("duration", "a", |_, a| {
        let seconds = match &a[0] {
            Value::Str(text) => crate::template::number::nearest_int(text, 10),
            Value::Int(n, crate::value::IntKind::Int64) => *n,
            _ => 0,
        };
        Ok(Value::str(duration_string(seconds.wrapping_mul(1_000_000_000))))
    }),
    ("durationRound", "a", |_, a| Ok(Value::str(duration_round(&a[0])))),
];

fn parse(args: &[Value]) -> std::result::Result<Time, String> {
    super::go_time_parse::parse(&text_of(&args[0]), args[1].string_bytes().unwrap_or_default())
}

fn value(time: Time) -> Value {
    Native::Time(time).into_value()
}

fn now() -> Time {
    Time::local(Local::now())
}

/// Go's zero time.
pub(super) fn zero() -> Time {
    Time::utc(
        Utc.with_ymd_and_hms(1, 1, 1, 0, 0, 0)
            .single()
            .unwrap_or_default(),
    )
}

/// A moment so many seconds after 1970, in a year that is short of the true one by this many: the calendar repeats,
/// and `chrono` knows only its 260,000 years, where Go knows 292 milliards.
fn far(seconds: i64) -> (DateTime<Utc>, i64) {
    const PERIOD: i64 = 146_097 * 86_400;
    const YEARS: i64 = 400;
    if let Some(at) = DateTime::from_timestamp(seconds, 0) {
        return (at, 0);
    }
    let at = DateTime::from_timestamp(seconds.rem_euclid(PERIOD), 0).unwrap_or_default();
    (at, seconds.div_euclid(PERIOD) * YEARS)
}

fn time_of(value: &Value) -> Time {
    let unix = |seconds: i64| Time::local(far(seconds).0.with_timezone(&Local));
    match value {
        Value::Native(native) => match &**native {
            Native::Time(time) => time.clone(),
            _ => now(),
        },
        Value::Int(seconds, _) => unix(*seconds),
        _ => now(),
    }
}

/// In `zone`: `Local`, `UTC`, or a name of the system's time zone database. What that does not know is taken
/// as UTC, as sprig does.
fn formatted(layout: &str, time: &Value, zone: &str) -> Value {
    let later = match time {
        Value::Int(seconds, _) => far(*seconds).1,
        _ => 0,
    };
    let time = time_of(time).at;
    let (time, name) = if zone == "Local" {
        let local = time.with_timezone(&Local);
        (local.fixed_offset(), super::go_time::local_name(&local))
    } else {
        in_zone(&time, zone).unwrap_or_else(|| (time.with_timezone(&Utc).fixed_offset(), "UTC".to_owned()))
    };
    Value::str(super::go_time::format_later(layout, &time, &name, later))
}

/// The time as clocks show it there, and what the zone is called at that time.
fn in_zone(time: &DateTime<FixedOffset>, zone: &str) -> Option<(DateTime<FixedOffset>, String)> {
    let found = jiff::tz::TimeZone::get(zone).ok()?;
    // Go finds files by their exact names.
    if found.iana_name() != Some(zone) {
        return None;
    }
    let info = found.to_offset_info(jiff::Timestamp::from_second(time.timestamp()).ok()?);
    let offset = FixedOffset::east_opt(info.offset().seconds())?;
    Some((time.with_timezone(&offset), info.abbreviation().to_owned()))
}

fn modify(args: &[Value]) -> Result {
    let text = text_of(&args[0]);
    let nanoseconds = parse_duration(&text).map_err(Fault::of)?;
    let time = time_of(&args[1]);
    let moved = time
        .at
        .checked_add_signed(chrono::Duration::nanoseconds(nanoseconds));
    Ok(value(moved.map_or(time.clone(), |at| time.moved(at))))
}

/// `time.ParseDuration`, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> std::result::Result<i64, String> {
    let quoted = |text: &str| super::go_time_parse::quote(text.as_bytes());
    let invalid = || format!("time: invalid duration {}", quoted(text));
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    const LIMIT: u64 = 1 << 63;
    let mut total = 0u64;
    while !rest.is_empty() {
        let (whole, fraction);
        (whole, rest) = digits(rest);
        (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        let mut number = match whole {
            "" => 0,
            whole => whole.parse().ok().filter(|n| *n <= LIMIT).ok_or_else(invalid)?,
        };
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quoted(text)));
        }
        let unit = unit(name)
            .ok_or_else(|| format!("time: unknown unit {} in duration {}", quoted(name), quoted(text)))?;
        number = u64::checked_mul(number, unit)
            .filter(|n| *n <= LIMIT)
            .ok_or_else(invalid)?;
        let (part, scale) = fraction_of(fraction);
        number += (part as f64 * (unit as f64 / scale)) as u64;
        total = total.saturating_add(number);
        if number > LIMIT || total > LIMIT {
            return Err(invalid());
        }
    }
    match (text.starts_with('-'), i64::try_from(total)) {
        (true, Ok(size)) => Ok(-size),
        (true, Err(_)) => Ok(i64::MIN),
        (false, size) => size.map_err(|_| invalid()),
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Nanoseconds of a unit.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Digits behind a point as a number and what it is to be divided by; those that are too many are left out.
fn fraction_of(digits: &str) -> (u64, f64) {
    let (mut number, mut scale) = (0u64, 1.0);
    for digit in digits.bytes() {
        if number > i64::MAX as u64 / 10 {
            break;
        }
        number = number * 10 + u64::from(digit - b'0');
        scale *= 10.0;
    }
    (number, scale)
}

/// `time.Duration.String`
fn duration_string(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let fraction = |value: u64, unit: u64, width: usize| {
        let part = format!("{:0width$}", value % unit);
        let part = part.trim_end_matches('0');
        let dot = if part.is_empty() { "" } else { "." };
        format!("{}{dot}{part}", value / unit)
    };
    let text = match size {
        0 => return "0s".into(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(size, 1_000, 3)),
        1_000_000..1_000_000_000 => format!("{}ms", fraction(size, 1_000_000, 6)),
        _ => {
            let seconds = format!("{}s", fraction(size % 60_000_000_000, 1_000_000_000, 9));
            match size / 60_000_000_000 {
                0 => seconds,
                minutes @ 1..60 => format!("{minutes}m{seconds}"),
                minutes => format!("{}h{}m{seconds}", minutes / 60, minutes % 60),
            }
        }
    };
    format!("{sign}{text}")
}

fn duration_round(given: &Value) -> String {
    let nanoseconds = match given {
        Value::Str(text) => parse_duration(text).unwrap_or(0),
        Value::Int(n, crate::value::IntKind::Int64) => *n,
        Value::Native(native) => match &**native {
            Native::Time(time) => now()
                .at
                .signed_duration_since(time.at)
                .num_nanoseconds()
                .unwrap_or(i64::MAX),
            _ => 0,
        },
        _ => 0,
    };
    let size = nanoseconds.unsigned_abs();
    const SECOND: u64 = 1_000_000_000;
    let units = [
        (365 * 24 * 3600 * SECOND, "y"),
        (30 * 24 * 3600 * SECOND, "mo"),
        (24 * 3600 * SECOND, "d"),
        (3600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    units
        .iter()
        .find(|(unit, _)| size > *unit)
        .map_or_else(|| "0s".into(), |(unit, name)| format!("{}{name}", size / unit))
}

/// `time.Time.String`
pub(crate) fn go_string(time: &Time) -> String {
    let layout = "2006-01-02 15:04:05.999999999 -0700 MST";
    super::go_time::format(layout, &time.at, &time.zone_name())
}

/// As `encoding/json` writes a time.
pub(crate) fn rfc3339(time: &Time) -> String {
    super::go_time::format("2006-01-02T15:04:05.999999999Z07:00", &time.at, "UTC")
}

fn with(value: &Value, f: impl FnOnce(&Time) -> Value) -> Result {
    Ok(f(&time_of(value)))
}

/// Methods of `time.Time`.
pub(crate) fn time_method(name: &str) -> Option<Method> {
    type Body = fn(&Value, &[Value]) -> Result;
    let (signature, call): (&'static str, Body) = match name {
        "Unix" => ("", |r, _| with(r, |t| Value::int64(t.at.timestamp()))),
        "UnixNano" => ("", |r, _| {
            with(r, |t| Value::int64(t.at.timestamp_nanos_opt().unwrap_or(0)))
        }),
        "UnixMilli" => ("", |r, _| with(r, |t| Value::int64(t.at.timestamp_millis()))),
        "Year" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.year())))),
        "Day" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.day())))),
        "YearDay" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.ordinal())))),
        "Hour" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.hour())))),
        "Minute" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.minute())))),
        "Second" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.second())))),
        "Nanosecond" => ("", |r, _| with(r, |t| Value::int(i64::from(t.at.nanosecond())))),
        "UTC" => ("", |r, _| with(r, |t| value(Time::utc(t.at.with_timezone(&Utc))))),
        "Local" => ("", |r, _| {
            with(r, |t| value(Time::local(t.at.with_timezone(&Local))))
        }),
        "String" => ("", |r, _| with(r, |t| Value::str(go_string(t)))),
        "IsZero" => ("", |r, _| with(r, |t| Value::Bool(t.at == zero().at))),
        "Format" => ("s", |r, a| Ok(formatted_as_is(&text_of(&a[0]), &time_of(r)))),
        "AddDate" => ("iii", add_date),
        _ => return None,
    };
    Some(Method { signature, call })
}

fn formatted_as_is(layout: &str, time: &Time) -> Value {
    Value::str(super::go_time::format(layout, &time.at, &time.zone_name()))
}

fn add_date(receiver: &Value, args: &[Value]) -> Result {
    let time = time_of(receiver);
    let months = super::int_of(&args[0])
        .saturating_mul(12)
        .saturating_add(super::int_of(&args[1]));
    let total = i64::from(time.at.year()) * 12 + i64::from(time.at.month0()) + months;
    let year = i32::try_from(total.div_euclid(12)).unwrap_or(time.at.year());
    let month = total.rem_euclid(12) as u32 + 1;
    // Go lets the 31st of a short month run over into the next.
    let first = time
        .at
        .with_day(1)
        .and_then(|t| t.with_year(year))
        .and_then(|t| t.with_month(month));
    let days = i64::from(time.at.day0()).saturating_add(super::int_of(&args[2]));
    let moved = first.and_then(|t| t.checked_add_signed(chrono::Duration::try_days(days)?));
    Ok(value(moved.map_or(time.clone(), |at| time.moved(at))))
}
