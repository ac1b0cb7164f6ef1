//! What the characters of a scalar allow when it is printed, as go-yaml decides.

/// What a scalar's characters allow.
#[derive(Default)]
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

pub(super) fn analyze(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis {
            multiline: false,
            plain: true,
            single: true,
            block: false,
            block_with_tabs: false,
        };
    }
    let chars: Vec<char> = text.chars().collect();
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut line_breaks, mut special, mut tabs) = (false, false, false);
    let (mut edge_blank, mut trailing_space) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut after_blank = true;
    for (i, c) in chars.iter().copied().enumerate() {
        let last = i + 1 == chars.len();
        let before_blank = last || matches!(chars[i + 1], ' ' | '\t');
        indicators |= match c {
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                i == 0
            }
            '#' => i == 0 || after_blank,
            '?' | '-' => i == 0 && before_blank,
            ':' => before_blank,
            _ => false,
        };
        tabs |= c == '\t';
        special |= !is_printable(c) && c != '\t';
        if c == ' ' {
            edge_blank |= i == 0 || last;
            trailing_space |= last;
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(c) {
            line_breaks = true;
            edge_blank |= i == 0 || last;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
        after_blank = matches!(c, ' ' | '\t') || is_break(c);
    }
    let unprintable = space_break || special || tabs;
    Analysis {
        multiline: line_breaks,
        plain: !(edge_blank || break_space || unprintable || line_breaks || indicators),
        single: !(break_space || unprintable),
        block: !(trailing_space || unprintable),
        block_with_tabs: !(trailing_space || space_break || special),
    }
}

/// Sexagesimal numbers of YAML 1.1, which go-yaml quotes though it reads them
/// as strings: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
pub(super) fn is_base60(text: &str) -> bool {
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
