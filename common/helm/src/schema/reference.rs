//! References as `xeipuuv/gojsonreference` takes them: URLs that may lack everything but a fragment, relative to each
//! other by the rules of Go's `net/url`.

/// A URL, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reference {
    scheme: String,
    /// What stands after a scheme without a slash.
    opaque: String,
    /// What stands after two slashes.
    host: Option<String>,
    path: String,
    query: Option<String>,
    fragment: String,
}

impl Reference {
    /// Takes a text apart.
    ///
    /// # Errors
    /// In Go's words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(why) = helm_template::go_url_error(text) {
            return Err(why);
        }
        let (body, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (scheme, rest) = match body.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), body),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        let mut url = Self {
            scheme,
            query,
            fragment: fragment.to_owned(),
            ..Self::default()
        };
        if !rest.starts_with('/') && !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        let has_authority = !url.scheme.is_empty() || !rest.starts_with("///");
        url.path = match rest.strip_prefix("//").filter(|_| has_authority) {
            Some(after) => {
                let (host, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                url.host = Some(host.to_owned());
                path.to_owned()
            }
            None => rest.to_owned(),
        };
        Ok(url)
    }

    /// What `child` means where this is the base.
    pub(super) fn join(&self, child: &Self) -> Self {
        let mut url = child.clone();
        if child.scheme.is_empty() {
            url.scheme.clone_from(&self.scheme);
        }
        if !child.scheme.is_empty() || child.has_host() {
            url.path = without_dots("", &child.path);
            return url;
        }
        if child.path.is_empty() && child.query.as_deref().unwrap_or_default().is_empty() {
            url.query.clone_from(&self.query);
        }
        if child.path.is_empty() && !self.opaque.is_empty() {
            url.opaque.clone_from(&self.opaque);
            return url;
        }
        url.host.clone_from(&self.host);
        url.path = without_dots(&self.path, &child.path);
        url
    }

    fn has_host(&self) -> bool {
        self.host.as_deref().is_some_and(|host| !host.is_empty())
    }

    /// Whether it says all that is needed to get the document.
    pub(super) fn is_canonical(&self) -> bool {
        if self.scheme == "file" {
            return self.path.starts_with('/');
        }
        !self.scheme.is_empty() && self.has_host()
    }

    /// The document that it points into.
    pub(super) fn document(&self) -> String {
        Self {
            fragment: String::new(),
            ..self.clone()
        }
        .to_string()
    }

    /// The keys that lead through the document; none for the whole of it, and for what is no JSON pointer.
    pub(super) fn keys(&self) -> Vec<String> {
        let fragment = percent_encoding::percent_decode_str(&self.fragment).decode_utf8_lossy();
        fragment.strip_prefix('/').map_or_else(Vec::new, |pointer| {
            pointer
                .split('/')
                .map(|key| key.replace("~1", "/").replace("~0", "~"))
                .collect()
        })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if !self.opaque.is_empty() {
            f.write_str(&self.opaque)?;
        } else if let Some(host) = &self.host {
            write!(f, "//{host}")?;
        }
        f.write_str(&self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.fragment)?;
        }
        Ok(())
    }
}

/// What may stand before the colon of a URL.
pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// `resolvePath`: dots are followed, and what is not empty begins with a slash.
fn without_dots(base: &str, path: &str) -> String {
    let full = match path {
        "" => base.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{}{path}", &base[..base.rfind('/').map_or(0, |at| at + 1)]),
    };
    if full.is_empty() {
        return full;
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut last = "";
    for part in full.strip_prefix('/').unwrap_or(&full).split('/') {
        last = part;
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if matches!(last, "." | "..") && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, child: &str) -> String {
        let parsed = |text| Reference::parse(text).unwrap();
        parsed(base).join(&parsed(child)).to_string()
    }

    #[test]
    fn references_are_relative_as_in_go() {
        let base = "http://h:1/a/b.json#/x";
        for (child, whole) in [
            ("", "http://h:1/a/b.json"),
            ("#/d", "http://h:1/a/b.json#/d"),
            ("c.json", "http://h:1/a/c.json"),
            ("../c.json#/e", "http://h:1/c.json#/e"),
            ("./", "http://h:1/a/"),
            ("/c", "http://h:1/c"),
            ("//i/c", "http://i/c"),
            ("file:///c/../d", "file:///d"),
            ("?q", "http://h:1/a/b.json?q"),
        ] {
            assert_eq!(joined(base, child), whole);
        }
        assert_eq!(joined("", "#/d"), "#/d");
        assert_eq!(joined("", "c.json"), "/c.json");
        assert_eq!(joined("urn:x", "#a"), "urn:x#a");
        assert!(Reference::parse("%zz").is_err());
    }
}
