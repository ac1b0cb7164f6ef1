//! The characters of a YAML text, with line and column.

use std::cell::Cell;

/// A place in the text, lines and columns counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub index: usize,
    pub line: usize,
    pub column: usize,
}

/// A problem, and the line that go-yaml names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    pub text: &'static str,
    /// From 1; 0 when go-yaml names none.
    pub line: usize,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "yaml: {}", self.text),
            line => write!(f, "yaml: line {line}: {}", self.text),
        }
    }
}

pub(super) struct Reader<'t> {
    text: &'t str,
    /// In bytes, where the mark's index counts characters.
    at: usize,
    pub mark: Mark,
    /// What is wrong with what follows the text,
    fault: Option<Problem>,
    /// and whether somebody looked there.
    at_limit: Cell<bool>,
}

/// The bytes of the character that begins with this one.
fn width(first: u8) -> usize {
    match first {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
    }
}

fn is_break_char(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        || c > '\u{ffff}'
}

/// go-yaml reads so many bytes at a time, fewer if a character would be cut.
const CHUNK: usize = 512;

/// The end of the chunks in front of the one that holds byte `bad`, in a text whose characters are whole up to there.
fn chunks_before(text: &str, bad: usize) -> usize {
    let mut start = 0;
    loop {
        let mut end = start + CHUNK;
        if end > bad {
            return start;
        }
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        start = end;
    }
}

/// What go-yaml says of bytes that are no character.
fn no_character(bytes: &[u8]) -> &'static str {
    let width = match bytes.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    match bytes.get(1..width) {
        None => "incomplete UTF-8 octet sequence",
        Some(rest) if rest.iter().any(|b| b & 0xc0 != 0x80) => "invalid trailing UTF-8 octet",
        Some(rest) => match (bytes.first(), rest.first()) {
            (Some(0xc0 | 0xc1), _) | (Some(0xe0), Some(0x80..=0x9f)) | (Some(0xf0), Some(0x80..=0x8f)) => {
                "invalid length of a UTF-8 sequence"
            }
            _ => "invalid Unicode character",
        },
    }
}

impl<'t> Reader<'t> {
    /// A text that may hold what YAML does not: control characters, bytes that are no characters. As in libyaml's
    /// reader, these only show when the text is read as far as to the chunk that holds them.
    pub fn new(bytes: &'t [u8]) -> Self {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let (text, mut fault) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                let text = std::str::from_utf8(good).unwrap_or_default();
                (text, Some((text.len(), no_character(bad))))
            }
        };
        // Piece by piece and without a way out of it, this is done for many bytes at once.
        let common = |piece: &[u8]| {
            piece
                .iter()
                .fold(true, |ok, b| ok & matches!(b, b'\n' | b' '..=b'~'))
        };
        if !text.as_bytes().chunks(256).all(common)
            && let Some((at, _)) = text.char_indices().find(|(_, c)| !is_allowed(*c))
        {
            fault = Some((at, "control characters are not allowed"));
        }
        let end = fault.map_or(text.len(), |(at, _)| chunks_before(text, at));
        Self {
            text: text.get(..end).unwrap_or_default(),
            at: 0,
            mark: Mark::default(),
            fault: fault.map(|(_, text)| Problem { text, line: 0 }),
            at_limit: Cell::new(false),
        }
    }

    /// What stands behind the text, if reading got there.
    pub fn fault(&self) -> Option<Problem> {
        self.fault.filter(|_| self.at_limit.get())
    }

    /// Sees to it that so many characters may be looked at.
    pub fn need(&self, characters: usize) {
        self.at_end(characters - 1);
    }

    fn byte(&self, n: usize) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at + n).copied();
        if byte.is_none() {
            self.at_limit.set(true);
        }
        byte
    }

    /// Where the character `n` ahead begins, in bytes from here.
    fn offset(&self, n: usize) -> usize {
        let mut offset = 0;
        for _ in 0..n {
            offset += self.byte(offset).map_or(1, width);
        }
        offset
    }

    /// The character `n` ahead; `\0` behind the end.
    pub fn peek(&self, n: usize) -> char {
        let offset = self.offset(n);
        match self.byte(offset) {
            Some(b) if b.is_ascii() => char::from(b),
            Some(_) => {
                let rest = self.text.get(self.at + offset..).unwrap_or_default();
                rest.chars().next().unwrap_or('\0')
            }
            None => '\0',
        }
    }

    pub fn at_end(&self, n: usize) -> bool {
        self.byte(self.offset(n)).is_none()
    }

    pub fn skip(&mut self) -> char {
        let c = self.peek(0);
        self.at += self.byte(0).map_or(0, width);
        self.mark.index += 1;
        self.mark.column += 1;
        c
    }

    pub fn skip_n(&mut self, n: usize) {
        for _ in 0..n {
            self.skip();
        }
    }

    /// Passes the text up to the first place that `stops`, at the latest a line break or the end. `stops` gets the bytes
    /// from each place on.
    pub fn take_line(&mut self, stops: impl Fn(&[u8]) -> bool) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let bytes = rest.as_bytes();
        let (mut length, mut characters) = (0, 0);
        while let Some(b) = bytes.get(length).copied() {
            let breaks = match b {
                b'\n' | b'\r' => true,
                // NEL and the two separators of Unicode begin with these.
                0xc2 | 0xe2 => rest
                    .get(length..)
                    .is_some_and(|rest| rest.starts_with(is_break_char)),
                _ => false,
            };
            if breaks || stops(bytes.get(length..).unwrap_or_default()) {
                break;
            }
            length += width(b);
            characters += 1;
        }
        if length >= bytes.len() {
            self.at_limit.set(true);
        }
        self.at += length;
        self.mark.index += characters;
        self.mark.column += characters;
        rest.get(..length).unwrap_or_default()
    }

    /// Passes spaces, as long as the column is below `column`.
    pub fn skip_spaces(&mut self, column: usize) {
        while self.byte(0) == Some(b' ') && self.mark.column < column {
            self.at += 1;
            self.mark.index += 1;
            self.mark.column += 1;
        }
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes that many characters, all of one byte and none a line break.
    pub fn skip_ascii(&mut self, n: usize) {
        self.at += n;
        self.mark.index += n;
        self.mark.column += n;
    }

    /// Where the reader stands, in bytes.
    pub fn place(&self) -> usize {
        self.at
    }

    /// The text from a place to where the reader stands.
    pub fn since(&self, place: usize) -> &'t str {
        self.text.get(place..self.at).unwrap_or_default()
    }

    /// Whether what follows the first of these bytes is white space, a line break or the end.
    pub fn blank_after_first(bytes: &[u8]) -> bool {
        match bytes.get(1) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => true,
            Some(0xc2) => bytes.get(2) == Some(&0x85),
            Some(0xe2) => matches!(bytes.get(2..4), Some([0x80, 0xa8 | 0xa9])),
            Some(_) => false,
        }
    }

    /// Passes a line break and gives it as text: CR LF, CR, LF, NEL become LF.
    pub fn line_break(&mut self) -> char {
        let c = self.peek(0);
        let two = c == '\r' && self.peek(1) == '\n';
        self.at += if two { 2 } else { self.byte(0).map_or(0, width) };
        self.mark.index += if two { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
        if matches!(c, '\r' | '\n' | '\u{85}') {
            '\n'
        } else {
            c
        }
    }

    pub fn is_blank(&self, n: usize) -> bool {
        matches!(self.peek(n), ' ' | '\t')
    }

    pub fn is_break(&self, n: usize) -> bool {
        is_break_char(self.peek(n))
    }

    pub fn is_break_or_end(&self, n: usize) -> bool {
        self.is_break(n) || self.at_end(n)
    }

    pub fn is_blank_or_end(&self, n: usize) -> bool {
        self.is_blank(n) || self.is_break_or_end(n)
    }

    /// `---` or `...` at the start of a line.
    pub fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!(
                (self.peek(0), self.peek(1), self.peek(2)),
                ('-', '-', '-') | ('.', '.', '.')
            )
            && self.is_blank_or_end(3)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_bytes;

    fn refused(bytes: &[u8]) -> String {
        read_bytes::<serde_json::Value>(bytes).unwrap_err().to_string()
    }

    #[test]
    fn the_fault_that_is_read_first_is_told() {
        let prefix = "error converting YAML to JSON: yaml: ";
        let long = format!("a: [\n]]\n# {}\n", "x".repeat(600));
        let control = format!("{long}\u{1}");
        assert_eq!(
            refused(control.as_bytes()),
            format!("{prefix}line 1: did not find expected key")
        );
        let control = format!("a: 1\n# {}\n\u{1}", "x".repeat(600));
        assert_eq!(
            refused(control.as_bytes()),
            format!("{prefix}control characters are not allowed")
        );
        assert_eq!(
            refused(b"a: [\n]]\n\x01"),
            format!("{prefix}control characters are not allowed")
        );
        // A second document is not read.
        let second = format!("a: 1\n---\n# {}\n\u{1}", "x".repeat(600));
        assert!(read_bytes::<serde_json::Value>(second.as_bytes()).is_ok());
    }

    #[test]
    fn what_follows_the_first_node_is_let_be() {
        for (text, json) in [
            ("[1] b", "[1]"),
            ("{}: a", "{}"),
            ("'a' b", "\"a\""),
            ("[1]]", "[1]"),
        ] {
            let read = read_bytes::<serde_json::Value>(text.as_bytes()).unwrap();
            assert_eq!(read.to_string(), json, "{text}");
        }
        assert!(refused(b"- a\nb").ends_with("yaml: line 3: could not find expected ':'"));
        for text in [": a", "- : a", "? : x\n"] {
            assert!(
                refused(text.as_bytes()).ends_with("yaml: did not find expected key"),
                "{text}"
            );
        }
        assert!(refused(b"? a\n: b\n: c").ends_with("yaml: line 2: did not find expected key"));
        assert!(refused(b"[a]: b: c").ends_with("yaml: mapping values are not allowed in this context"));
        assert!(refused(b"- {}: a").ends_with("yaml: did not find expected '-' indicator"));
    }

    #[test]
    fn bytes_that_are_no_characters() {
        for (bytes, said) in [
            (&b"a: \xff"[..], "invalid leading UTF-8 octet"),
            (b"a: \xe2\x82", "incomplete UTF-8 octet sequence"),
            (b"a: \xe2x\x82 ", "invalid trailing UTF-8 octet"),
            (b"a: \xc0\x80 ", "invalid length of a UTF-8 sequence"),
            (b"a: \xed\xa0\x80 ", "invalid Unicode character"),
        ] {
            assert_eq!(
                refused(bytes),
                format!("error converting YAML to JSON: yaml: {said}")
            );
        }
    }
}
