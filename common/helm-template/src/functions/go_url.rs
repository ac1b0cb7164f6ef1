//! URLs as `net/url` takes them apart and puts them together.

use crate::gofmt::quote;

/// Where a text stands, which decides what must be escaped there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// The parts of a URL, unescaped but for the query.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub scheme: String,
    pub opaque: String,
    /// As it is printed: escaped, with the password.
    pub user: Option<String>,
    pub host: String,
    pub path: Vec<u8>,
    pub query: String,
    pub fragment: Vec<u8>,
}

fn is_plain(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return true;
    }
    let allowed: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    allowed.contains(&byte)
}

fn escape(text: &[u8], part: Part) -> String {
    let mut out = String::new();
    for byte in text {
        if is_plain(*byte, part) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let is_host = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            let bad = || {
                let shown = &bytes[at..bytes.len().min(at + 3)];
                Err(format!(
                    "invalid URL escape {}",
                    crate::gofmt::quote_bytes(shown, false)
                ))
            };
            let Some(value) = hex(&bytes[at..]) else {
                return bad();
            };
            let refused = match part {
                Part::Host => value < 0x80 && value != b'%',
                Part::Zone => value != b'%' && value != b' ' && !is_plain(value, Part::Host),
                _ => false,
            };
            if refused {
                return bad();
            }
            out.push(value);
            at += 3;
            continue;
        }
        if is_host && byte.is_ascii() && !is_plain(*byte, part) {
            let shown = quote(&char::from(*byte).to_string());
            return Err(format!("invalid character {shown} in host name"));
        }
        out.push(*byte);
        at += 1;
    }
    Ok(out)
}

/// The scheme, if the text begins with one.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let end = text.find(|c| !in_scheme(c)).unwrap_or(text.len());
    let Some(rest) = text[end..].strip_prefix(':') else {
        return Ok(("", text));
    };
    match text.chars().next() {
        Some(':') => Err("missing protocol scheme".to_owned()),
        Some(c) if c.is_ascii_alphabetic() => Ok((&text[..end], rest)),
        _ => Ok(("", text)),
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn host(text: &str) -> Result<Vec<u8>, String> {
    let port = if text.starts_with('[') {
        let end = text.rfind(']').ok_or("missing ']' in host")?;
        &text[end + 1..]
    } else {
        text.rfind(':').map_or("", |at| &text[at..])
    };
    if !is_port(port) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    let close = text.rfind(']').filter(|_| text.starts_with('['));
    let zone = close.and_then(|close| Some((text[..close].find("%25")?, close)));
    match zone {
        None => unescape(text, Part::Host),
        Some((zone, close)) => Ok([
            unescape(&text[..zone], Part::Host)?,
            unescape(&text[zone..close], Part::Zone)?,
            unescape(&text[close..], Part::Host)?,
        ]
        .concat()),
    }
}

fn user(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !text.chars().all(allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let again = |text: &str| Ok::<_, String>(escape(&unescape(text, Part::User)?, Part::User));
    match text.split_once(':') {
        None => again(text),
        Some((name, password)) => Ok(format!("{}:{}", again(name)?, again(password)?)),
    }
}

impl Url {
    /// `url.Parse`
    pub fn parse(text: &str) -> Result<Self, String> {
        let (body, fragment) = text.split_once('#').unwrap_or((text, ""));
        let failed = |text: &str, why: String| format!("parse {}: {why}", quote(text));
        let mut url = Self::without_fragment(body).map_err(|why| failed(body, why))?;
        url.fragment = unescape(fragment, Part::Fragment).map_err(|why| failed(text, why))?;
        Ok(url)
    }

    fn without_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            query: query.to_owned(),
            ..Self::default()
        };
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                url.opaque = rest.to_owned();
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|first| first.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let mut path = rest;
        let has_authority = !scheme.is_empty() || !rest.starts_with("///");
        if let Some(after) = rest.strip_prefix("//").filter(|_| has_authority) {
            let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
            path = rest;
            let at = authority.rfind('@');
            let name = host(at.map_or(authority, |at| &authority[at + 1..]))?;
            url.host = String::from_utf8_lossy(&name).into_owned();
            url.user = at.map(|at| user(&authority[..at])).transpose()?;
        }
        url.path = unescape(path, Part::Path)?;
        Ok(url)
    }

    /// The host without port and brackets.
    pub fn hostname(&self) -> &str {
        let end = self.host.rfind(':').filter(|at| is_port(&self.host[*at..]));
        let name = &self.host[..end.unwrap_or(self.host.len())];
        let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        inner.unwrap_or(name)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            let user = self.user.as_deref();
            if !self.host.is_empty() || user.is_some() || !self.scheme.is_empty() && !self.path.is_empty() {
                out.push_str("//");
            }
            if let Some(user) = user {
                out.push_str(user);
                out.push('@');
            }
            out.push_str(&escape(self.host.as_bytes(), Part::Host));
            let path = if self.path == b"*" {
                "*".to_owned()
            } else {
                escape(&self.path, Part::Path)
            };
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        } else {
            out.push_str(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&escape(&self.fragment, Part::Fragment));
        }
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn faults_are_named_as_go_names_them() {
        for (text, wanted) in [
            (
                "http://a b/",
                "parse \"http://a b/\": invalid character \" \" in host name",
            ),
            ("a\n", "parse \"a\\n\": net/url: invalid control character in URL"),
            (":x", "parse \":x\": missing protocol scheme"),
            (
                "http://h:x/",
                "parse \"http://h:x/\": invalid port \":x\" after host",
            ),
            (
                "http://h/%zz#f",
                "parse \"http://h/%zz\": invalid URL escape \"%zz\"",
            ),
            (
                "http://h/#%z",
                "parse \"http://h/#%z\": invalid URL escape \"%z\"",
            ),
            (
                "http://u ser@h",
                "parse \"http://u ser@h\": net/url: invalid userinfo",
            ),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), wanted, "{text}");
        }
    }

    #[test]
    fn urls_are_put_together_again() {
        for text in [
            "https://u:p@h:80/p%20q?a=1#f",
            "mailto:a@b.c",
            "//h/p",
            "?q",
            "http://[::1]:80/x",
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), text);
        }
    }
}
