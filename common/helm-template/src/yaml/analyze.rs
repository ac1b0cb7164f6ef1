//! What the characters of a scalar allow when it is printed, as go-yaml decides.

use super::text::{Text, kind};

/// What a scalar's characters allow.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Analysis {
    pub multiline: bool,
    pub plain: bool,
    pub single: bool,
    pub block: bool,
    /// As a literal block, for go-yaml 3, to which a tab is a character like others there.
    pub block_with_tabs: bool,
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

pub(super) fn escape(c: char) -> String {
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        c => {
            let value = u32::from(c);
            return match value {
                0..=0xff => format!("\\x{value:02X}"),
                0x100..=0xffff => format!("\\u{value:04X}"),
                _ => format!("\\U{value:08X}"),
            };
        }
    };
    format!("\\{letter}")
}

pub(super) fn analyze(text: Text<'_>) -> Analysis {
    if text.has(kind::ODD) {
        return analyze_any(text.text);
    }
    let bytes = text.text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Analysis {
            plain: true,
            single: true,
            ..Analysis::default()
        };
    };
    if text.has(kind::LINE_FEED) {
        let (mut space_break, mut break_space) = (false, false);
        for at in memchr::memchr_iter(b'\n', bytes) {
            space_break |= at > 0 && bytes[at - 1] == b' ';
            break_space |= bytes.get(at + 1) == Some(&b' ');
        }
        let block = *last != b' ' && !space_break;
        return Analysis {
            multiline: true,
            plain: false,
            single: !(break_space || space_break),
            block,
            block_with_tabs: block,
        };
    }
    let indicators = begins_with_indicator(bytes)
        || text.has(kind::COLON_OR_HASH) && (0..bytes.len()).any(|at| parts(bytes, at));
    Analysis {
        multiline: false,
        plain: !(indicators || *first == b' ' || *last == b' '),
        single: true,
        block: *last != b' ',
        block_with_tabs: *last != b' ',
    }
}

/// Whether one line of ASCII begins with what would not be read as part of a plain scalar.
fn begins_with_indicator(line: &[u8]) -> bool {
    let sign = matches!(
        line,
        [
            b',' | b'['
                | b']'
                | b'{'
                | b'}'
                | b'&'
                | b'*'
                | b'!'
                | b'|'
                | b'>'
                | b'\''
                | b'"'
                | b'%'
                | b'@'
                | b'`'
                | b'#',
            ..
        ]
    );
    let lone = matches!(line, [b'?' | b'-'] | [b'?' | b'-', b' ', ..]);
    sign || lone || line.starts_with(b"---") || line.starts_with(b"...")
}

/// Whether there is a colon that ends a key, or the start of a comment.
fn parts(line: &[u8], at: usize) -> bool {
    match line[at] {
        b':' => matches!(line.get(at + 1), None | Some(b' ')),
        b'#' => at == 0 || line[at - 1] == b' ',
        _ => false,
    }
}

/// As [`analyze`], whatever stands in the text.
fn analyze_any(text: &str) -> Analysis {
    let mut seen = Seen {
        indicators: text.starts_with("---") || text.starts_with("..."),
        ..Seen::default()
    };
    seen.look(text.chars());
    let unprintable = seen.space_break || seen.special || seen.tabs;
    Analysis {
        multiline: seen.line_breaks,
        plain: !(seen.edge_blank || seen.break_space || unprintable || seen.line_breaks || seen.indicators),
        single: !(seen.break_space || unprintable),
        block: !(seen.trailing_space || unprintable),
        block_with_tabs: !(seen.trailing_space || seen.space_break || seen.special),
    }
}

/// What stands in a text.
#[derive(Default)]
struct Seen {
    /// Something that would not be read as part of a plain scalar.
    indicators: bool,
    line_breaks: bool,
    special: bool,
    tabs: bool,
    edge_blank: bool,
    trailing_space: bool,
    /// A space behind a line break, and the other way round.
    break_space: bool,
    space_break: bool,
}

impl Seen {
    fn look(&mut self, text: impl Iterator<Item = char>) {
        let mut rest = text.peekable();
        let (mut first, mut after_blank) = (true, true);
        let (mut previous_space, mut previous_break) = (false, false);
        while let Some(c) = rest.next() {
            if c.is_ascii_alphanumeric() {
                (first, after_blank, previous_space, previous_break) = (false, false, false, false);
                continue;
            }
            let last = rest.peek().is_none();
            let before_blank = matches!(rest.peek(), None | Some(' ' | '\t'));
            self.indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    first
                }
                '#' => first || after_blank,
                '?' | '-' => first && before_blank,
                ':' => before_blank,
                _ => false,
            };
            self.tabs |= c == '\t';
            self.special |= !is_printable(c) && c != '\t';
            let breaks = is_break(c);
            if c == ' ' {
                self.edge_blank |= first || last;
                self.trailing_space |= last;
                self.break_space |= previous_break;
            } else if breaks {
                self.line_breaks = true;
                self.edge_blank |= first || last;
                self.space_break |= previous_space;
            }
            (previous_space, previous_break) = (c == ' ', breaks);
            after_blank = breaks || matches!(c, ' ' | '\t');
            first = false;
        }
    }
}

/// Sexagesimal numbers of YAML 1.1, which go-yaml quotes though it reads them
/// as strings: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
pub(super) fn is_base60(text: &str) -> bool {
    if !text.contains(':') {
        return false;
    }
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let text = match text.split_once('.') {
        Some((head, tail)) if tail.bytes().all(|b| b.is_ascii_digit() || b == b'_') => head,
        Some(_) => return false,
        None => text,
    };
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or("").as_bytes();
    let starts = first.first().is_some_and(u8::is_ascii_digit)
        && first.iter().all(|b| b.is_ascii_digit() || *b == b'_');
    let mut count = 0;
    let rest = parts.all(|part| {
        count += 1;
        match part.as_bytes() {
            [b] => b.is_ascii_digit(),
            [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
            _ => false,
        }
    });
    starts && rest && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_texts_are_no_exception() {
        const PARTS: [&str; 16] = [
            "a", "-", " ", "\n", ":", "#", "'", "?", "...", "---", "{", "x1", "/", "+", "\\", "!",
        ];
        for n in 0..PARTS.len().pow(4) {
            let digit = |place: u32| PARTS[n / PARTS.len().pow(place) % PARTS.len()];
            let text = format!("{}{}{}{}", digit(0), digit(1), digit(2), digit(3));
            assert_eq!(analyze(Text::new(&text)), analyze_any(&text), "{text:?}");
        }
    }
}
