//! `time.ParseInLocation` in the local zone.

use super::go_time::{DAYS, MONTHS, next};
use crate::native::{Time, Zone};
use chrono::{Datelike as _, FixedOffset, Local, NaiveDate, NaiveDateTime, TimeZone as _, Utc};

/// Why an element of the layout did not take the text.
enum Misfit {
    /// It stands there in no form that the element has.
    Bad,
    /// It is too large.
    Range(&'static str),
}

type Read<'v, T> = Result<(T, &'v [u8]), Misfit>;

#[derive(Default)]
struct Parts {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    pm: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: String,
}

/// A time by a layout, or Go's complaint.
pub(super) fn parse(layout: &str, text: &[u8]) -> Result<Time, String> {
    parse_in(layout, text, None)
}

/// The same; a text without a zone is of the one that is given, if any, instead of the local one.
pub(super) fn parse_in(
    layout: &str,
    text: &[u8],
    default: Option<(FixedOffset, Zone)>,
) -> Result<Time, String> {
    let complaint = |message: &str| format!("parsing time {}: {message}", quote(text));
    let cannot = |value: &[u8], element: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text),
            quote(layout.as_bytes()),
            quote(value),
            quote(element.as_bytes())
        )
    };
    let mut parts = Parts::default();
    let (mut rest, mut value) = (layout, text);
    loop {
        let (before, element, after) = next(rest);
        value = skip(value, before.as_bytes()).map_err(|at| cannot(at, before))?;
        if element.is_empty() {
            break;
        }
        value = match read(element, after, value, &mut parts) {
            Ok(value) => value,
            Err(Misfit::Bad) => return Err(cannot(value, element)),
            Err(Misfit::Range(what)) => return Err(complaint(&format!("{what} out of range"))),
        };
        rest = after;
    }
    if !value.is_empty() {
        return Err(complaint(&format!("extra text: {}", quote(value))));
    }
    build(&parts, default).map_err(complaint)
}

/// As `time` quotes: what is not plain ASCII byte by byte.
pub(super) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=0x7f => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// The text behind a literal part of the layout; any number of blanks stands for any other.
fn skip<'v>(mut value: &'v [u8], mut literal: &[u8]) -> Result<&'v [u8], &'v [u8]> {
    let blanks = |text: &[u8]| text.iter().take_while(|b| **b == b' ').count();
    while let Some(first) = literal.first() {
        if *first == b' ' {
            if value.first().is_some_and(|b| *b != b' ') {
                return Err(value);
            }
            literal = &literal[blanks(literal)..];
            value = &value[blanks(value)..];
        } else if value.first() == Some(first) {
            (literal, value) = (&literal[1..], &value[1..]);
        } else {
            return Err(value);
        }
    }
    Ok(value)
}

fn is_digit(value: &[u8], at: usize) -> bool {
    value.get(at).is_some_and(u8::is_ascii_digit)
}

fn plain_number(digits: &[u8]) -> u32 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// One or two digits; two if `fixed`.
fn two_digits(value: &[u8], fixed: bool) -> Read<'_, u32> {
    let count = match (is_digit(value, 0), is_digit(value, 1)) {
        (true, true) => 2,
        (true, false) if !fixed => 1,
        _ => return Err(Misfit::Bad),
    };
    Ok((plain_number(&value[..count]), &value[count..]))
}

fn three_digits(value: &[u8], fixed: bool) -> Read<'_, u32> {
    let count = value.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || fixed && count != 3 {
        return Err(Misfit::Bad);
    }
    Ok((plain_number(&value[..count]), &value[count..]))
}

fn signed(text: &[u8]) -> Result<i32, Misfit> {
    let text = std::str::from_utf8(text).map_err(|_| Misfit::Bad)?;
    text.parse().map_err(|_| Misfit::Bad)
}

fn cut(value: &[u8], count: usize) -> Read<'_, &[u8]> {
    value.split_at_checked(count).ok_or(Misfit::Bad)
}

fn name<'v>(value: &'v [u8], names: &[&str], short: bool) -> Read<'v, u32> {
    let found = names.iter().zip(1..).find_map(|(name, number)| {
        let name = if short { &name[..3] } else { name };
        let (head, rest) = value.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name.as_bytes())
            .then_some((number, rest))
    });
    found.ok_or(Misfit::Bad)
}

/// A dot or comma and digits, `count` bytes in all, as nanoseconds.
fn fraction(value: &[u8], count: usize) -> Read<'_, u32> {
    let (text, rest) = cut(value, count)?;
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Err(Misfit::Bad);
    }
    let digits = &text[1..text.len().min(10)];
    let number = u32::try_from(signed(digits)?).map_err(|_| Misfit::Range("fractional second"))?;
    let scale = u32::try_from(9 - digits.len()).unwrap_or(0);
    Ok((number * 10u32.pow(scale), rest))
}

fn digits_after_point(value: &[u8]) -> usize {
    match value.first() {
        Some(b'.' | b',') => value[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    }
}

fn offset<'v>(element: &str, value: &'v [u8], parts: &mut Parts) -> Result<&'v [u8], Misfit> {
    if element.starts_with('Z') && value.first() == Some(&b'Z') {
        parts.utc = true;
        return Ok(&value[1..]);
    }
    let (text, rest) = cut(value, element.len())?;
    let places = match &element[1..] {
        "07:00" => [1, 4, 0],
        "07" => [1, 0, 0],
        "07:00:00" => [1, 4, 7],
        "070000" => [1, 3, 5],
        _ => [1, 3, 0],
    };
    let colons = element.bytes().zip(text).filter(|(wanted, _)| *wanted == b':');
    if colons.into_iter().any(|(_, found)| *found != b':') {
        return Err(Misfit::Bad);
    }
    let mut seconds = 0;
    let units = [
        (3600, 24, "time zone offset hour"),
        (60, 60, "time zone offset minute"),
        (1, 60, "time zone offset second"),
    ];
    let mut numbers = [0; 3];
    for (number, place) in numbers.iter_mut().zip(places).filter(|(_, place)| *place > 0) {
        *number = two_digits(&text[place..place + 2], true)?.0;
    }
    for (number, (unit, most, what)) in numbers.into_iter().zip(units) {
        if number > most {
            return Err(Misfit::Range(what));
        }
        seconds += i32::try_from(number).unwrap_or(0) * unit;
    }
    parts.offset = Some(match text.first() {
        Some(b'+') => seconds,
        Some(b'-') => -seconds,
        _ => return Err(Misfit::Bad),
    });
    Ok(rest)
}

/// The length of `+3` and the like, at most 23.
fn signed_offset(value: &[u8]) -> usize {
    if !matches!(value.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let count = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || count > 9 || plain_number(&value[1..=count]) > 23 {
        return 0;
    }
    count + 1
}

/// The length of what looks like the name of a zone.
fn zone_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if value.starts_with(b"GMT") {
        return Some(3 + signed_offset(&value[3..]));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_offset(value)).filter(|length| *length > 0);
    }
    let count = value
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_uppercase())
        .count();
    match count {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

fn zone_name<'v>(value: &'v [u8], parts: &mut Parts) -> Result<&'v [u8], Misfit> {
    if value.starts_with(b"UTC") {
        parts.utc = true;
        return Ok(&value[3..]);
    }
    let (name, rest) = cut(value, zone_length(value).ok_or(Misfit::Bad)?)?;
    parts.zone = String::from_utf8_lossy(name).into_owned();
    Ok(rest)
}

fn half_of_day<'v>(element: &str, value: &'v [u8], parts: &mut Parts) -> Result<&'v [u8], Misfit> {
    let (head, rest) = cut(value, 2)?;
    parts.pm = Some(match (element, head) {
        ("PM", b"PM") | ("pm", b"pm") => true,
        ("PM", b"AM") | ("pm", b"am") => false,
        _ => return Err(Misfit::Bad),
    });
    Ok(rest)
}

/// A number with its bounds.
fn bounded<'v>(read: (u32, &'v [u8]), least: u32, end: u32, what: &'static str) -> Read<'v, u32> {
    if read.0 < least || read.0 >= end {
        return Err(Misfit::Range(what));
    }
    Ok(read)
}

fn read<'v>(element: &str, after: &str, value: &'v [u8], parts: &mut Parts) -> Result<&'v [u8], Misfit> {
    let fixed = element.starts_with('0');
    let blank = |value: &'v [u8]| value.strip_prefix(b" ").unwrap_or(value);
    let (number, rest) = match element {
        "Monday" => return name(value, &DAYS, false).map(|(_, rest)| rest),
        "Mon" => return name(value, &DAYS, true).map(|(_, rest)| rest),
        "MST" => return zone_name(value, parts),
        "PM" | "pm" => return half_of_day(element, value, parts),
        "06" => {
            let (text, rest) = cut(value, 2)?;
            let number = signed(text)?;
            parts.year = number + if number >= 69 { 1900 } else { 2000 };
            return Ok(rest);
        }
        "2006" if is_digit(value, 0) => {
            let (text, rest) = cut(value, 4)?;
            parts.year = signed(text)?;
            return Ok(rest);
        }
        "2006" => return Err(Misfit::Bad),
        "05" | "5" => return seconds(fixed, after, value, parts),
        zeros if zeros.starts_with(['.', ',']) && zeros.contains('0') => {
            let (number, rest) = fraction(value, zeros.len())?;
            parts.nanosecond = number;
            return Ok(rest);
        }
        nines if nines.starts_with(['.', ',']) => {
            let count = digits_after_point(value);
            if count > 0 {
                parts.nanosecond = fraction(value, count + 1)?.0;
                return Ok(&value[count + 1..]);
            }
            return Ok(value);
        }
        "January" => name(value, &MONTHS, false)?,
        "Jan" => name(value, &MONTHS, true)?,
        "01" | "1" => bounded(two_digits(value, fixed)?, 1, 13, "month")?,
        "02" | "2" => two_digits(value, fixed)?,
        "_2" => two_digits(blank(value), false)?,
        "002" => three_digits(value, true)?,
        "__2" => three_digits(blank(blank(value)), false)?,
        "15" => bounded(two_digits(value, false)?, 0, 24, "hour")?,
        "03" | "3" => bounded(two_digits(value, fixed)?, 0, 13, "hour")?,
        "04" | "4" => bounded(two_digits(value, fixed)?, 0, 60, "minute")?,
        zone => return offset(zone, value, parts),
    };
    match element {
        "January" | "Jan" | "01" | "1" => parts.month = Some(number),
        "02" | "2" | "_2" => parts.day = Some(number),
        "002" | "__2" => parts.year_day = Some(number),
        "04" | "4" => parts.minute = number,
        _ => parts.hour = number,
    }
    Ok(rest)
}

/// Seconds may carry a fraction that the layout does not mention.
fn seconds<'v>(fixed: bool, after: &str, value: &'v [u8], parts: &mut Parts) -> Result<&'v [u8], Misfit> {
    let (number, rest) = bounded(two_digits(value, fixed)?, 0, 60, "second")?;
    parts.second = number;
    let count = digits_after_point(rest);
    if count == 0 || next(after).1.starts_with(['.', ',']) {
        return Ok(rest);
    }
    let (number, rest) = fraction(rest, count + 1)?;
    parts.nanosecond = number;
    Ok(rest)
}

/// Month and day out of the parts.
fn date(parts: &Parts) -> Result<NaiveDate, &'static str> {
    let Some(year_day) = parts.year_day else {
        return NaiveDate::from_ymd_opt(parts.year, parts.month.unwrap_or(1), parts.day.unwrap_or(1))
            .ok_or("day out of range");
    };
    let date = NaiveDate::from_yo_opt(parts.year, year_day).ok_or("day-of-year out of range")?;
    if parts.month.is_some_and(|month| month != date.month()) {
        return Err("day-of-year does not match month");
    }
    if parts.day.is_some_and(|day| day != date.day()) {
        return Err("day-of-year does not match day");
    }
    Ok(date)
}

fn build(parts: &Parts, default: Option<(FixedOffset, Zone)>) -> Result<Time, &'static str> {
    const RANGE: &str = "time out of range";
    let hour = match parts.pm {
        Some(true) if parts.hour < 12 => parts.hour + 12,
        Some(false) if parts.hour == 12 => 0,
        _ => parts.hour,
    };
    let time = date(parts)?
        .and_hms_nano_opt(hour, parts.minute, parts.second, parts.nanosecond)
        .ok_or(RANGE)?;
    if parts.utc {
        return Ok(Time::utc(Utc.from_utc_datetime(&time)));
    }
    match parts.offset {
        Some(seconds) => at_offset(time, seconds, &parts.zone).ok_or(RANGE),
        None if !parts.zone.is_empty() => {
            // A name says nothing of the offset, except behind GMT.
            let hours = parts
                .zone
                .strip_prefix("GMT")
                .and_then(|hours| hours.parse::<i32>().ok());
            let zone = FixedOffset::east_opt(hours.unwrap_or(0) * 3600).ok_or(RANGE)?;
            let at = Utc.from_utc_datetime(&time).with_timezone(&zone);
            Ok(Time {
                at,
                zone: Zone::Fixed(parts.zone.as_str().into()),
            })
        }
        None => {
            if let Some((offset, zone)) = default {
                let at = offset.from_local_datetime(&time).single().ok_or(RANGE)?;
                return Ok(Time { at, zone });
            }
            let local = Local.from_local_datetime(&time).earliest().ok_or(RANGE)?;
            Ok(Time::local(local))
        }
    }
}

/// The local zone, if it has that offset then.
fn at_offset(time: NaiveDateTime, seconds: i32, name: &str) -> Option<Time> {
    let at = FixedOffset::east_opt(seconds)?
        .from_local_datetime(&time)
        .single()?;
    let local = Time::local(at.with_timezone(&Local));
    if *local.at.offset() == *at.offset() && (name.is_empty() || name == local.zone_name()) {
        return Some(local);
    }
    Some(Time {
        at,
        zone: Zone::Fixed(name.into()),
    })
}
