//! sprig's `urlParse` and `urlJoin`, and Go's query escaping.

use super::go_url::Url;
use super::{Row, text_of};
use crate::template::exec::Fault;
use crate::value::{Entries, Value};

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("urlParse", "s", |_, a| url_parse(&text_of(&a[0]))),
    ("urlJoin", "m", |_, a| url_join(&a[0])),
];

/// `url.QueryEscape`
pub(super) fn query_escape(text: &[u8]) -> String {
    let mut out = String::new();
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte))
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What `url.Parse` has against it.
pub(crate) fn error(text: &str) -> Option<String> {
    Url::parse(text).err()
}

/// Whether `url.Parse` takes it.
pub(crate) fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok()
}

fn url_parse(text: &str) -> Result {
    let url = Url::parse(text).map_err(|why| Fault::of(format!("unable to parse url: {why}")))?;
    let hostname = url.hostname().to_owned();
    let entries = [
        ("scheme", url.scheme.into_bytes()),
        ("host", url.host.into_bytes()),
        ("hostname", hostname.into_bytes()),
        ("path", url.path),
        ("query", url.query.into_bytes()),
        ("opaque", url.opaque.into_bytes()),
        ("fragment", url.fragment),
        ("userinfo", url.user.unwrap_or_default().into_bytes()),
    ];
    let entries: Entries = entries
        .into_iter()
        .map(|(key, text)| (key.into(), Value::string_from(text)))
        .collect();
    Ok(Value::map(entries))
}

fn url_join(map: &Value) -> Result {
    let part = |key: &str| -> std::result::Result<String, Fault> {
        match map.as_map().and_then(|map| map.get(key)) {
            None => Ok(String::new()),
            Some(value) if value.string_bytes().is_some() => Ok(text_of(&value).into_owned()),
            Some(value) if value.is_nil() => {
                Fault::plain("runtime error: invalid memory address or nil pointer dereference")
            }
            Some(value) => Fault::plain(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                value.kind()
            )),
        }
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?.into_bytes(),
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?.into_bytes(),
        user: None,
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let whole = Url::parse(&format!("proto://{user}@host"))
            .map_err(|why| Fault::of(format!("unable to parse userinfo in dict: {why}")))?;
        url.user = whole.user;
    }
    Ok(Value::str(url.to_string()))
}
