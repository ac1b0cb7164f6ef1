//! The INI dialect of oslo.config (its `iniparser`): `key = value` or `key: value`, whichever separator comes
//! first; lines that begin with white space continue the value; `#` and `;` begin a comment in column 1; a blank
//! line ends a value; one pair of matching quotes around the first line of a value is dropped.

use std::path::Path;

use crate::Error;

/// One assignment, where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) group: String,
    pub(crate) key: String,
    /// Lines of the value joined by a line feed.
    pub(crate) value: String,
    /// Line of the key, from 1.
    pub(crate) line: usize,
}

/// Reads one file's text; `path` is for messages only.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, Error> {
    let mut assignments: Vec<Assignment> = Vec::new();
    let mut group: Option<String> = None;
    // Whether the last assignment may still be continued.
    let mut open = false;
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        let fail = |reason| Error::Syntax {
            path: path.to_owned(),
            line: number,
            reason,
        };
        let line = raw.trim_end();
        if line.is_empty() {
            open = false;
        } else if line.starts_with([' ', '\t']) {
            let Some(last) = assignments.last_mut().filter(|_| open) else {
                return Err(fail("continuation line without an option before it"));
            };
            last.value.push('\n');
            last.value.push_str(line.trim_start());
        } else if let Some(rest) = line.strip_prefix('[') {
            open = false;
            let name = rest
                .strip_suffix(']')
                .ok_or_else(|| fail("section header must end with ]"))?;
            if name.is_empty() {
                return Err(fail("empty section name"));
            }
            group = Some(normalise_group(name));
        } else if line.starts_with(['#', ';']) {
            open = false;
        } else {
            let (key, value) = line
                .split_once(['=', ':'])
                .ok_or_else(|| fail("no '=' or ':' in this line"))?;
            let key = key.trim();
            if key.is_empty() {
                return Err(fail("option name is empty"));
            }
            let group = group
                .clone()
                .ok_or_else(|| fail("option before the first [section]"))?;
            assignments.push(Assignment {
                group,
                key: key.to_owned(),
                value: unquote(value.trim()).to_owned(),
                line: number,
            });
            open = true;
        }
    }
    Ok(assignments)
}

/// Group names are case-insensitive, but for `DEFAULT`, as in oslo.config.
pub(crate) fn normalise_group(name: &str) -> String {
    if name == "DEFAULT" {
        name.to_owned()
    } else {
        name.to_lowercase()
    }
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            // A lone quote is its own first and last character; it is dropped too.
            return inner
                .strip_suffix(quote)
                .unwrap_or(if inner.is_empty() { "" } else { value });
        }
    }
    value
}
