//! `.Files`: what a chart holds besides templates.

use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Arc<[u8]>>);

impl Files {
    pub fn new(files: impl Iterator<Item = (String, Arc<[u8]>)>) -> Self {
        Self(files.collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Arc<[u8]>)> {
        self.0.iter()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<[u8]>> {
        self.0.get(name)
    }

    /// Those whose path matches `pattern`; a pattern that cannot be read
    /// matches all, as in Helm.
    pub fn glob(&self, pattern: &str) -> Self {
        match glob_regex(pattern) {
            Some(regex) => Self(
                self.0
                    .iter()
                    .filter(|(name, _)| regex.is_match(name))
                    .map(|(n, d)| (n.clone(), d.clone()))
                    .collect(),
            ),
            None => self.clone(),
        }
    }
}

/// The rules of gobwas/glob with `/` as separator: `*` within a path element,
/// `**` across, `?`, `[a-z]`, `[!a]`, `{a,b}`, `\` escapes.
fn glob_regex(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                loop {
                    match chars.next()? {
                        ']' => break,
                        '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
                        '-' => out.push('-'),
                        c => out.push_str(&regex::escape(&c.to_string())),
                    }
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    if depth > 0 {
        return None;
    }
    out.push('$');
    Regex::new(&out).ok()
}
