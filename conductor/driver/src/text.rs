//! Text as Python reads it: the rules by which the Python driver cleans and parses what users write.
//!
//! Labels, names and image properties are untrusted input; what remains after these filters ends up in the values
//! of a Helm release, so a difference of one character would roll machines of clusters that the Python driver made.

/// Python's `str.strip()`: white space in the Unicode sense plus the four ASCII separators.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Keeps ASCII letters, digits and `extra`; everything else is dropped.
pub fn keep(text: &str, extra: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || extra.contains(*c))
        .collect()
}

/// `oslo_utils.strutils.bool_from_string` (not strict): the well-known words, else `default`.
pub fn parse_bool(text: &str, default: bool) -> bool {
    match strip(text).to_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => true,
        "0" | "f" | "false" | "off" | "n" | "no" => false,
        _ => default,
    }
}

/// Python's `int(text)`: surrounding white space, a sign, and single underscores between digits are allowed.
///
/// `None` for what `int()` refuses and for what no 64-bit integer holds (Python has no such bound, but nothing that
/// reads the value could use such a number).
pub fn parse_int(text: &str) -> Option<i64> {
    let text = strip(text);
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let well_formed = digits
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    format!("{sign}{}", digits.replace('_', "")).parse().ok()
}

/// `oslo_utils.uuidutils.is_uuid_like`: 32 hexadecimal digits once the usual decoration is gone.
pub fn is_uuid_like(text: &str) -> bool {
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let bare = bare.trim_matches(['{', '}']).replace('-', "");
    bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `oslo_utils.strutils.split_by_commas`: comma-separated words, each bare printable ASCII or in double quotes.
///
/// `None` where that function raises.
pub fn split_by_commas(text: &str) -> Option<Vec<String>> {
    let text = expand_tabs(text);
    let mut scanner = Scanner { rest: &text };
    let mut words = vec![scanner.word()?];
    loop {
        scanner.skip_space();
        match scanner.rest.strip_prefix(',') {
            Some(rest) => scanner.rest = rest,
            None if scanner.rest.is_empty() => return Some(words),
            None => return None,
        }
        words.push(scanner.word()?);
    }
}

/// Python's `str.expandtabs()`, which its parser applies to what it reads: blanks up to the next eighth column.
fn expand_tabs(text: &str) -> String {
    const WIDTH: usize = 8;
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let blanks = WIDTH - column % WIDTH;
                expanded.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            other => {
                expanded.push(other);
                column = if matches!(other, '\n' | '\r') {
                    0
                } else {
                    column + 1
                };
            }
        }
    }
    expanded
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn word(&mut self) -> Option<String> {
        self.skip_space();
        if self.rest.starts_with('"') {
            self.quoted()
        } else {
            self.bare()
        }
    }

    fn bare(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !is_bare(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut word = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(word);
                }
                '\n' | '\r' => return None,
                '\\' => word.push(match chars.next()?.1 {
                    't' => '\t',
                    'n' => '\n',
                    'f' => '\u{c}',
                    'r' => '\r',
                    other => other,
                }),
                other => word.push(other),
            }
        }
        None
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_graphic() && c != '"' && c != ','
}
