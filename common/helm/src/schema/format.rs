//! The formats of strings that the validator knows; any other is met by every string.

use std::net::IpAddr;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, NaiveTime};
use regex::Regex;

use super::mail;
use super::reference::is_scheme;

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const LABEL: &str = r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])";
    pattern(&format!(r"^{LABEL}(\.{LABEL})*$"))
});
static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^(?i)[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$"));
static POINTER: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^(?:/(?:[^~/]|~0|~1)*)*$"));
static RELATIVE_POINTER: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)$"));
static URI_TEMPLATE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^([^{]*({[^}]*})?)*$"));

fn fits(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// Whether `text` is of the format called `format`.
pub(super) fn is_met(format: &str, text: &str) -> bool {
    match format {
        "date" => is_date(text),
        "time" => is_time(text),
        "date-time" => is_date(text) || is_time(text) || DateTime::parse_from_rfc3339(text).is_ok(),
        "hostname" => text.len() < 256 && fits(&HOST, text),
        "email" | "idn-email" => mail::is_address(text),
        "ipv4" => text.contains('.') && text.parse::<IpAddr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<IpAddr>().is_ok(),
        "uri" | "iri" => is_reference(text) && has_scheme(text),
        "uri-reference" | "iri-reference" => is_reference(text),
        "uri-template" => is_reference(text) && fits(&URI_TEMPLATE, text),
        "uuid" => fits(&UUID, text),
        "regex" => helm_template::is_go_regex(text),
        "json-pointer" => fits(&POINTER, text),
        "relative-json-pointer" => fits(&RELATIVE_POINTER, text),
        _ => true,
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_time(text: &str) -> bool {
    NaiveTime::parse_from_str(text, "%H:%M:%S").is_ok()
        || DateTime::parse_from_rfc3339(&format!("2000-01-01T{text}")).is_ok()
}

fn is_reference(text: &str) -> bool {
    !text.contains('\\') && helm_template::is_go_url(text)
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}
