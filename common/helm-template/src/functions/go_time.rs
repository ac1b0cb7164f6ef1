//! Go's reference-time layouts: `2006-01-02 15:04:05`.

use chrono::{DateTime, Datelike, FixedOffset, Local, NaiveDate, TimeZone, Timelike};

type Time = DateTime<FixedOffset>;

/// Elements of a layout, longest first where one starts another.
const ELEMENTS: &[&str] = &[
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "__2",
    "_2006",
    "_2",
    "PM",
    "pm",
    "-07:00:00",
    "-07:00",
    "-070000",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z07:00",
    "Z070000",
    "Z0700",
    "Z07",
    "1",
    "2",
    "3",
    "4",
    "5",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The next element of `layout`: text before it, the element, the rest.
fn next(layout: &str) -> (&str, &str, &str) {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        // Fractions: a dot or comma, then zeros or nines, no digit after.
        if rest.starts_with(['.', ',']) {
            let digit = rest.as_bytes().get(1).copied().unwrap_or(0);
            if digit == b'0' || digit == b'9' {
                let end = 1 + rest.bytes().skip(1).take_while(|b| *b == digit).count();
                if !rest.as_bytes().get(end).is_some_and(u8::is_ascii_digit) {
                    return (&layout[..at], &rest[..end], &rest[end..]);
                }
            }
        }
        if let Some(element) = ELEMENTS.iter().find(|element| rest.starts_with(**element)) {
            // `Janet` holds no month, `_2006` no padded day.
            let follows = rest[element.len()..].chars().next();
            if matches!(*element, "Jan" | "Mon") && follows.is_some_and(|c| c.is_ascii_lowercase()) {
                continue;
            }
            if *element == "_2006" {
                return (&layout[..=at], "2006", &rest[5..]);
            }
            return (&layout[..at], element, &rest[element.len()..]);
        }
    }
    (layout, "", "")
}

/// The zone's abbreviation, or its offset when it has none.
pub(super) fn local_name(time: &DateTime<Local>) -> String {
    let offset = time.offset().local_minus_utc();
    if offset == 0 {
        return "UTC".into();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    if minutes % 60 == 0 {
        format!("{sign}{:02}", minutes / 60)
    } else {
        format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
    }
}

/// `time.Format`
pub(super) fn format(layout: &str, time: &Time, zone: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, element, after) = next(rest);
        out.push_str(before);
        if element.is_empty() {
            break;
        }
        out.push_str(&one(element, time, zone));
        rest = after;
    }
    out
}

fn one(element: &str, time: &Time, zone: &str) -> String {
    let month = MONTHS[time.month0() as usize];
    let day = DAYS[time.weekday().num_days_from_sunday() as usize];
    let (pm, hour12) = time.hour12();
    match element {
        "January" => month.into(),
        "Jan" => month[..3].into(),
        "Monday" => day.into(),
        "Mon" => day[..3].into(),
        "MST" => zone.into(),
        "2006" => format!("{:04}", time.year()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "01" => format!("{:02}", time.month()),
        "1" => time.month().to_string(),
        "02" => format!("{:02}", time.day()),
        "_2" => format!("{:2}", time.day()),
        "2" => time.day().to_string(),
        "002" => format!("{:03}", time.ordinal()),
        "__2" => format!("{:3}", time.ordinal()),
        "15" => format!("{:02}", time.hour()),
        "03" => format!("{hour12:02}"),
        "3" => hour12.to_string(),
        "04" => format!("{:02}", time.minute()),
        "4" => time.minute().to_string(),
        "05" => format!("{:02}", time.second()),
        "5" => time.second().to_string(),
        "PM" => if pm { "PM" } else { "AM" }.into(),
        "pm" => if pm { "pm" } else { "am" }.into(),
        fraction if fraction.starts_with(['.', ',']) => fraction_text(fraction, time.nanosecond()),
        offset => offset_text(offset, time.offset().local_minus_utc()),
    }
}

fn fraction_text(element: &str, nanoseconds: u32) -> String {
    let digits = format!("{nanoseconds:09}");
    let (lead, shape) = element.split_at(1);
    let cut = &digits[..shape.len().min(9)];
    if shape.starts_with('0') {
        return format!("{lead}{cut}");
    }
    let cut = cut.trim_end_matches('0');
    if cut.is_empty() {
        String::new()
    } else {
        format!("{lead}{cut}")
    }
}

fn offset_text(element: &str, seconds: i32) -> String {
    if element.starts_with('Z') && seconds == 0 {
        return "Z".into();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.abs();
    let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
    match &element[1..] {
        "07:00:00" => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        "070000" => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
        "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}"),
    }
}

#[derive(Default)]
struct Parts {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    pm: Option<bool>,
    offset: Option<i32>,
}

/// `time.ParseInLocation` in the local zone.
pub(super) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let quote = crate::gofmt::quote;
    let cannot = |value: &str, element: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text),
            quote(layout),
            quote(value),
            quote(element)
        )
    };
    let mut parts = Parts {
        year: 0,
        ..Parts::default()
    };
    let (mut rest_layout, mut value) = (layout, text);
    loop {
        let (before, element, after) = next(rest_layout);
        value = value.strip_prefix(before).ok_or_else(|| cannot(value, before))?;
        if element.is_empty() {
            if !value.is_empty() {
                return Err(format!(
                    "parsing time {}: extra text: {}",
                    quote(text),
                    quote(value)
                ));
            }
            break;
        }
        value = read(element, value, &mut parts).ok_or_else(|| cannot(value, element))?;
        // Seconds may carry a fraction that the layout does not mention.
        if matches!(element, "05" | "5") && value.starts_with('.') && !after.starts_with(['.', ',']) {
            value = read_fraction(value, &mut parts).unwrap_or(value);
        }
        rest_layout = after;
    }
    build(&parts).ok_or_else(|| format!("parsing time {}: day out of range", quote(text)))
}

fn build(parts: &Parts) -> Option<Time> {
    let hour = match parts.pm {
        Some(true) if parts.hour < 12 => parts.hour + 12,
        Some(false) if parts.hour == 12 => 0,
        _ => parts.hour,
    };
    let naive = NaiveDate::from_ymd_opt(parts.year, parts.month.unwrap_or(1), parts.day.unwrap_or(1))?
        .and_hms_nano_opt(hour, parts.minute, parts.second, parts.nanosecond)?;
    match parts.offset {
        Some(offset) => FixedOffset::east_opt(offset)?
            .from_local_datetime(&naive)
            .single(),
        None => Local
            .from_local_datetime(&naive)
            .earliest()
            .map(|time| time.fixed_offset()),
    }
}

fn digits(value: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = value.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    Some((value[..count].parse().ok()?, &value[count..]))
}

fn name<'v>(value: &'v str, names: &[&str], short: bool) -> Option<(u32, &'v str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = if short { &name[..3] } else { name };
        let head = value.get(..name.len())?;
        head.eq_ignore_ascii_case(name)
            .then(|| (i as u32 + 1, &value[name.len()..]))
    })
}

fn read_fraction<'v>(value: &'v str, parts: &mut Parts) -> Option<&'v str> {
    let rest = value.strip_prefix(['.', ','])?;
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    let padded: String = rest[..count].chars().chain("000000000".chars()).take(9).collect();
    parts.nanosecond = padded.parse().ok()?;
    Some(&rest[count..])
}

fn read_offset<'v>(element: &str, value: &'v str, parts: &mut Parts) -> Option<&'v str> {
    if element.starts_with('Z')
        && let Some(rest) = value.strip_prefix('Z')
    {
        parts.offset = Some(0);
        return Some(rest);
    }
    let sign = if value.starts_with('-') { -1 } else { 1 };
    let mut rest = value.strip_prefix(['+', '-'])?;
    let mut seconds = 0;
    for (i, unit) in [3600, 60, 1].iter().enumerate() {
        let width = element[1..].replace(':', "").len() / 2;
        if i >= width {
            break;
        }
        if i > 0 && element.contains(':') {
            rest = rest.strip_prefix(':')?;
        }
        let (number, after) = digits(rest, 2, 2)?;
        seconds += i32::try_from(number).ok()? * unit;
        rest = after;
    }
    parts.offset = Some(sign * seconds);
    Some(rest)
}

fn read<'v>(element: &str, value: &'v str, parts: &mut Parts) -> Option<&'v str> {
    let (number, rest) = match element {
        "January" => name(value, &MONTHS, false)?,
        "Jan" => name(value, &MONTHS, true)?,
        "Monday" => return name(value, &DAYS, false).map(|(_, rest)| rest),
        "Mon" => return name(value, &DAYS, true).map(|(_, rest)| rest),
        "MST" => {
            let count = value.bytes().take_while(u8::is_ascii_uppercase).count();
            if count < 3 {
                return None;
            }
            if &value[..count] == "UTC" {
                parts.offset = Some(0);
            }
            return Some(&value[count..]);
        }
        "2006" => digits(value, 4, 4)?,
        "PM" | "pm" => {
            let head = value.get(..2)?;
            parts.pm = Some(head.eq_ignore_ascii_case("pm"));
            return matches!(head.to_ascii_lowercase().as_str(), "am" | "pm").then(|| &value[2..]);
        }
        "002" | "__2" => return None,
        "1" | "2" | "3" | "4" | "5" => digits(value, 1, 2)?,
        "_2" => digits(value.trim_start_matches(' '), 1, 2)?,
        "15" => digits(value, 2, 2)?,
        fraction if fraction.starts_with(['.', ',']) => {
            return if fraction.contains('9') && !value.starts_with(['.', ',']) {
                Some(value)
            } else {
                read_fraction(value, parts)
            };
        }
        offset if offset.starts_with(['-', 'Z']) => return read_offset(offset, value, parts),
        _ => digits(value, 2, 2)?,
    };
    match element {
        "January" | "Jan" | "01" | "1" => parts.month = Some(number),
        "2006" => parts.year = i32::try_from(number).ok()?,
        "06" => parts.year = i32::try_from(number).ok()? + if number >= 69 { 1900 } else { 2000 },
        "02" | "_2" | "2" => parts.day = Some(number),
        "15" | "03" | "3" => parts.hour = number,
        "04" | "4" => parts.minute = number,
        _ => parts.second = number,
    }
    Some(rest)
}
