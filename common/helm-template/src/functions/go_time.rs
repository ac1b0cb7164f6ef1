//! Go's reference-time layouts: `2006-01-02 15:04:05`.

use chrono::{DateTime, Datelike, FixedOffset, Local, Timelike};

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

pub(super) const MONTHS: [&str; 12] = [
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
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The next element of `layout`: text before it, the element, the rest.
pub(super) fn next(layout: &str) -> (&str, &str, &str) {
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
pub(crate) fn local_name(time: &DateTime<Local>) -> String {
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

/// What stands for the name of a zone that has none.
pub(crate) fn unnamed(offset: FixedOffset) -> String {
    offset_text("-0700", offset.local_minus_utc())
}

/// `time.Format`
pub(super) fn format(layout: &str, time: &DateTime<FixedOffset>, zone: &str) -> String {
    format_later(layout, time, zone, 0)
}

/// The same of a moment so many years later.
pub(super) fn format_later(layout: &str, time: &DateTime<FixedOffset>, zone: &str, later: i64) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, element, after) = next(rest);
        out.push_str(before);
        if element.is_empty() {
            break;
        }
        out.push_str(&one(element, time, zone, later));
        rest = after;
    }
    out
}

fn one(element: &str, time: &DateTime<FixedOffset>, zone: &str, later: i64) -> String {
    let year = i64::from(time.year()) + later;
    let month = MONTHS[time.month0() as usize];
    let day = DAYS[time.weekday().num_days_from_sunday() as usize];
    let (pm, hour12) = time.hour12();
    match element {
        "January" => month.into(),
        "Jan" => month[..3].into(),
        "Monday" => day.into(),
        "Mon" => day[..3].into(),
        "MST" => zone.into(),
        "2006" if year < 0 => format!("-{:04}", year.unsigned_abs()),
        "2006" => format!("{year:04}"),
        "06" => format!("{:02}", year.unsigned_abs() % 100),
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
