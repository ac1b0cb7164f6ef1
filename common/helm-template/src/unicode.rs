//! Characters as Go's `unicode` classes and maps them: by general category where Rust's methods go by derived
//! properties, by Unicode 15.0, and each to one character.

use regex_syntax::hir::{Class, HirKind};
use std::sync::LazyLock;

/// The newest Unicode that Go 1.23 knows.
const AGE: &str = "15.0";

/// Characters of some general categories.
struct Category(Vec<(char, char)>);

impl Category {
    fn of(class: &str) -> Self {
        let hir = regex_syntax::parse(&format!(r"[{class}&&\p{{Age:{AGE}}}]"));
        let ranges = match hir.map(regex_syntax::hir::Hir::into_kind) {
            Ok(HirKind::Class(Class::Unicode(class))) => {
                class.ranges().iter().map(|r| (r.start(), r.end())).collect()
            }
            _ => Vec::new(),
        };
        Self(ranges)
    }

    fn has(&self, c: char) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= c);
        after.checked_sub(1).is_some_and(|at| c <= self.0[at].1)
    }
}

static LETTER: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{L}"));
static UPPER: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{Lu}"));
static LOWER: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{Ll}"));
static TITLE: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{Lt}"));
static DIGIT: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{Nd}"));
static NUMBER: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{N}"));
static PUNCTUATION: LazyLock<Category> = LazyLock::new(|| Category::of(r"\p{P}"));
static GRAPHIC: LazyLock<Category> = LazyLock::new(|| Category::of(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]"));

/// `unicode.IsLetter`
pub(crate) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        LETTER.has(c)
    }
}

/// `unicode.IsUpper`
pub(crate) fn is_upper(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_uppercase()
    } else {
        UPPER.has(c)
    }
}

/// `unicode.IsLower`
pub(crate) fn is_lower(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_lowercase()
    } else {
        LOWER.has(c)
    }
}

/// `unicode.IsTitle`
pub(crate) fn is_title(c: char) -> bool {
    !c.is_ascii() && TITLE.has(c)
}

/// `unicode.IsDigit`
pub(crate) fn is_digit(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        DIGIT.has(c)
    }
}

/// `unicode.IsNumber`
pub(crate) fn is_number(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        NUMBER.has(c)
    }
}

/// `unicode.IsPunct`
pub(crate) fn is_punctuation(c: char) -> bool {
    PUNCTUATION.has(c)
}

/// `unicode.IsPrint` beyond ASCII: letters, marks, numbers, punctuation and symbols.
pub(crate) fn is_graphic(c: char) -> bool {
    GRAPHIC.has(c)
}

/// `unicode.ToUpper`
pub(crate) fn to_upper(c: char) -> char {
    match c {
        'a'..='z' => c.to_ascii_uppercase(),
        c if c.is_ascii() => c,
        // Small letters with an iota below, whose capital is two characters where it may be.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
        c => known(c, c.to_uppercase()),
    }
}

/// `unicode.ToLower`
pub(crate) fn to_lower(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        c if c.is_ascii() => c,
        '\u{130}' => 'i',
        c => known(c, c.to_lowercase()),
    }
}

/// `unicode.ToTitle`: upper case, but for letters that are two in one and for the Georgian alphabet.
pub(crate) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => c,
        c => to_upper(c),
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// What a character becomes if that is one character, and one of Go's Unicode.
fn known(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(other), None) if other == c || GRAPHIC.has(c) && GRAPHIC.has(other) => other,
        _ => c,
    }
}

/// Bytes as text, each that is part of no character replaced: Rust would replace several at once.
pub(crate) fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let mut text = String::with_capacity(bytes.len() + 8);
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
            }
            text.into()
        }
    }
}

/// The first character as Go decodes it, and its bytes: one of them if they are no character.
pub(crate) fn first_char(text: &[u8]) -> (char, usize) {
    let Some(chunk) = text
        .get(..text.len().min(4))
        .and_then(|head| head.utf8_chunks().next())
    else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    match chunk.valid().chars().next() {
        Some(c) => (c, c.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// The last character, likewise.
pub(crate) fn last_char(text: &[u8]) -> (char, usize) {
    let start = text.len().saturating_sub(4);
    for at in start..text.len() {
        let (c, width) = first_char(&text[at..]);
        if at + width == text.len() && (width > 1 || text[at].is_ascii()) {
            return (c, width);
        }
    }
    (char::REPLACEMENT_CHARACTER, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_categories() {
        assert!(is_upper('É') && !is_upper('Ⅳ') && !is_upper('Ⓐ'));
        assert!(is_lower('ß') && !is_lower('ª') && !is_lower('ʰ'));
        assert!(is_letter('日') && is_letter('ª') && !is_letter('\u{345}') && !is_letter('Ⅳ'));
        assert!(is_title('ǅ') && !is_title('A'));
        assert!(is_digit('٣') && !is_digit('²') && is_number('²') && is_number('Ⅳ'));
        assert!(is_punctuation('¿') && is_punctuation('_') && !is_punctuation('+'));
        // Newer than Unicode 15.
        assert!(!is_upper('\u{1c89}') && !is_number('\u{10d40}'));
    }

    #[test]
    fn one_character_becomes_one() {
        assert_eq!(to_lower('İ'), 'i');
        assert_eq!(to_upper('ß'), 'ß');
        assert_eq!(to_upper('ᾳ'), 'ᾼ');
        assert_eq!(to_upper('ᾂ'), 'ᾊ');
        assert_eq!(to_title('ǆ'), 'ǅ');
        assert_eq!(to_lower('\u{1c89}'), '\u{1c89}');
        assert_eq!(to_upper('ɤ'), 'ɤ');
    }

    #[test]
    fn characters_at_both_ends() {
        assert_eq!(first_char("é!".as_bytes()), ('é', 2));
        assert_eq!(first_char(b"\xe2\x82!"), ('\u{fffd}', 1));
        assert_eq!(last_char("a😀".as_bytes()), ('😀', 4));
        assert_eq!(last_char(b"\xe2\x82"), ('\u{fffd}', 1));
        assert_eq!(last_char("\u{fffd}".as_bytes()), ('\u{fffd}', 3));
        assert_eq!(last_char(b"ab"), ('b', 1));
    }

    #[test]
    fn each_bad_byte_is_replaced() {
        assert_eq!(lossy(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
