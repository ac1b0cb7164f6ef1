//! sprig's `urlParse` and `urlJoin`, and Go's query escaping.

use super::{Row, text_of};
use crate::template::exec::Fault;
use crate::value::{Entries, Value};

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("urlParse", "s", |_, a| url_parse(&text_of(&a[0]))),
    ("urlJoin", "m", |_, a| url_join(&a[0])),
];

/// `url.QueryEscape`
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unescape(text: &str) -> std::result::Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'%' {
            let hex = text
                .get(i + 1..i + 3)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let Some(byte) = hex else {
                let end = (i + 3).min(bytes.len());
                let bad = crate::gofmt::quote(text.get(i..end).unwrap_or("%"));
                return Err(format!("invalid URL escape {bad}"));
            };
            out.push(byte);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn escape_path(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(byte as char),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                out.push(byte as char);
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The scheme, if `text` begins with one.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (head, rest) = text.split_once(':')?;
    let valid = head.starts_with(|c: char| c.is_ascii_alphabetic())
        && head
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    valid.then_some((head, rest))
}

/// Whether `url.Parse` takes it.
pub(crate) fn is_url(text: &str) -> bool {
    url_parse(text).is_ok()
}

fn url_parse(text: &str) -> Result {
    let failed = |why: &str| {
        let quoted = crate::gofmt::quote(text);
        Fault::Plain(format!("unable to parse url: parse {quoted}: {why}"))
    };
    let (body, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.starts_with(':') {
        return Err(failed("missing protocol scheme"));
    }
    let (scheme, rest) = scheme(body).unwrap_or(("", body));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut opaque, mut host, mut user, mut path) = ("", "", "", rest);
    if !scheme.is_empty() && !rest.starts_with('/') {
        (opaque, path) = (rest, "");
    } else if let Some(after) = rest.strip_prefix("//") {
        let end = after.find('/').unwrap_or(after.len());
        let authority = &after[..end];
        path = &after[end..];
        (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    } else if scheme.is_empty() && rest.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err(failed("first path segment in URL cannot contain colon"));
    }
    let hostname = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some((_, port)) if !host.ends_with(']') => {
            return Err(failed(&format!(
                "invalid port {} after host",
                crate::gofmt::quote(&format!(":{port}"))
            )));
        }
        _ => host,
    };
    let hostname = hostname.trim_start_matches('[').trim_end_matches(']');
    let path = unescape(path).map_err(|why| failed(&why))?;
    let fragment = unescape(fragment).map_err(|why| failed(&why))?;
    let entries = [
        ("scheme", scheme.to_ascii_lowercase()),
        ("host", host.to_owned()),
        ("hostname", hostname.to_owned()),
        ("path", path),
        ("query", query.to_owned()),
        ("opaque", opaque.to_owned()),
        ("fragment", fragment),
        ("userinfo", user.to_owned()),
    ];
    let entries: Entries = entries
        .into_iter()
        .map(|(key, text)| (key.into(), Value::str(text)))
        .collect();
    Ok(Value::map(entries))
}

fn url_join(map: &Value) -> Result {
    let part = |key: &str| -> std::result::Result<String, Fault> {
        match map.as_map().and_then(|map| map.get(key)) {
            None => Ok(String::new()),
            Some(value) if value.string_bytes().is_some() => Ok(text_of(&value).into_owned()),
            Some(value) => Fault::plain(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                value.kind()
            )),
        }
    };
    let (scheme, host, path, query) = (part("scheme")?, part("host")?, part("path")?, part("query")?);
    let (opaque, fragment, user) = (part("opaque")?, part("fragment")?, part("userinfo")?);
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&scheme);
        out.push(':');
    }
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || !user.is_empty() {
            if !host.is_empty() || !path.is_empty() || !user.is_empty() {
                out.push_str("//");
            }
            if !user.is_empty() {
                out.push_str(&user);
                out.push('@');
            }
            out.push_str(&host);
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        out.push_str(&escape_path(&path));
    } else {
        out.push_str(&opaque);
    }
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(&fragment);
    }
    Ok(Value::str(out))
}
