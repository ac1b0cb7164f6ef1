//! Letter cases of `github.com/huandu/xstrings`: snake, kebab and Pascal case.

use crate::unicode::{self, is_number, is_punctuation, is_upper};

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// A letter, Chinese characters aside.
fn is_letter(c: char) -> bool {
    let is_han = matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}');
    unicode::is_letter(c) && !is_han
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// A run of characters of one kind.
#[derive(Clone, Copy)]
struct Word<'t> {
    kind: Kind,
    text: &'t str,
}

/// Words from the left; `rest` is what has not been cut off yet.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Word<'t> {
        let Some(first) = self.rest.chars().next() else {
            return Word {
                kind: Kind::None,
                text: "",
            };
        };
        let run = |holds: fn(char) -> bool| self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        let small = |c: char| is_letter(c) && !is_upper(c);
        let (kind, end) = if is_connector(first) {
            (Kind::Connector, run(is_connector))
        } else if is_punctuation(first) {
            (Kind::Punctuation, run(is_punctuation))
        } else if is_upper(first) {
            (Kind::Upper, self.upper_end(first, small))
        } else if is_letter(first) {
            (Kind::Letters, run(small))
        } else if is_number(first) {
            (Kind::Number, run(is_number))
        } else {
            let ends = |c: char| is_connector(c) || is_letter(c) || is_number(c) || is_punctuation(c);
            let first = first.len_utf8();
            let more = self.rest[first..].find(ends);
            (Kind::Other, more.map_or(self.rest.len(), |at| first + at))
        };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Word { kind, text }
    }

    /// The end of a word that begins in upper case: `HTTP` of `HTTPStatus`, `Status` of `StatusOk`.
    fn upper_end(&self, first: char, small: fn(char) -> bool) -> usize {
        let text = self.rest;
        let second = first.len_utf8();
        match text[second..].chars().next() {
            Some(c) if is_upper(c) => {
                let end = text.find(|c: char| !is_upper(c)).unwrap_or(text.len());
                let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
                let follows = text[end..].chars().next();
                if follows.is_some_and(is_letter) {
                    end - last
                } else {
                    end
                }
            }
            Some(c) if is_letter(c) => {
                let more = text[second..].find(|c| !small(c));
                more.map_or(text.len(), |at| second + at)
            }
            _ => second,
        }
    }
}

struct Joined {
    out: String,
    connector: char,
}

impl Joined {
    fn word(&mut self, word: Word<'_>) {
        if !matches!(word.kind, Kind::Upper | Kind::Connector) {
            self.out.push_str(word.text);
            return;
        }
        for c in word.text.chars() {
            self.out.push(match c {
                c if is_connector(c) => self.connector,
                c if is_upper(c) => unicode::to_lower(c),
                c => c,
            });
        }
    }

    /// Letters and numbers that belong to the number before them; the first word that does not.
    fn swallow<'t>(&mut self, mut word: Word<'t>, words: &mut Words<'t>) -> Word<'t> {
        while matches!(word.kind, Kind::Letters | Kind::Number) {
            self.word(word);
            word = words.next();
        }
        if !matches!(word.kind, Kind::None | Kind::Punctuation | Kind::Connector) {
            self.out.push(self.connector);
        }
        word
    }

    /// A number behind a word: part of it (`bld4`), unless letters in lower case follow (`http_20x`).
    fn number<'t>(&mut self, number: Word<'t>, words: &mut Words<'t>) -> Word<'t> {
        let next = words.next();
        if next.kind == Kind::Letters {
            self.out.push(self.connector);
            self.word(number);
            return self.swallow(next, words);
        }
        self.word(number);
        if !matches!(next.kind, Kind::Connector | Kind::Punctuation) {
            self.out.push(self.connector);
        }
        next
    }
}

/// `ToSnakeCase` and `ToKebabCase`.
pub(super) fn delimited(text: &str, connector: char) -> String {
    let mut joined = Joined {
        out: String::with_capacity(text.len() + 8),
        connector,
    };
    let mut words = Words { rest: text };
    let mut word = words.next();
    while !words.rest.is_empty() {
        if word.kind != Kind::Connector {
            joined.word(word);
        }
        let before = word;
        word = words.next();
        match before.kind {
            Kind::Number => word = joined.swallow(word, &mut words),
            Kind::Connector => joined.word(before),
            Kind::Punctuation => {}
            _ if word.kind != Kind::Number => {
                if !matches!(word.kind, Kind::Connector | Kind::Punctuation) {
                    joined.out.push(connector);
                }
            }
            _ if words.rest.is_empty() => {}
            _ => word = joined.number(word, &mut words),
        }
    }
    joined.word(word);
    joined.out
}

/// `ToPascalCase`: connectors go, except leading ones and all but the last of a run; what began in upper case
/// goes on in lower case for as long as it was in upper case.
pub(super) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let body = text.trim_start_matches(is_connector);
    out.push_str(&text[..text.len() - body.len()]);
    let mut chars = body.chars();
    let Some(first) = chars.next() else {
        // A text of connectors alone loses none, but its last stands twice.
        out.extend(text.chars().next_back());
        return out;
    };
    let mut all_upper = is_upper(first);
    let mut last = unicode::to_upper(first);
    for c in chars {
        let before = std::mem::replace(&mut last, c);
        if is_connector(before) {
            if is_connector(c) {
                out.push(before);
            } else {
                all_upper = is_upper(c);
                last = unicode::to_upper(c);
            }
            continue;
        }
        if all_upper && is_upper(c) {
            last = unicode::to_lower(c);
        } else {
            all_upper = false;
        }
        out.push(before);
    }
    out.push(last);
    out
}

#[cfg(test)]
mod tests {
    use super::{delimited, pascal};

    #[test]
    fn words_are_cut_as_xstrings_cuts_them() {
        for (text, wanted) in [
            ("FirstName", "first_name"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("a1b2C3", "a_1b2_c3"),
            ("\"1e3\"", "\"1e3\""),
            ("LMYSYMS5&lt;<no value>", "lmysyms5&lt;<_no_value_>"),
            ("日本語Foo", "日本語_foo"),
        ] {
            assert_eq!(delimited(text, '_'), wanted, "{text}");
        }
    }

    #[test]
    fn pascal_case_lowers_runs_of_upper_case() {
        for (text, wanted) in [
            ("LMYSYMS5&lt;<no value>", "Lmysyms5&lt;<noValue>"),
            ("FOO-BAR_baz", "FooBarBaz"),
            ("_a__b_", "_A_B_"),
            ("-", "--"),
            ("foo bar\n", "FooBar\n"),
            ("FooBAR", "FooBAR"),
        ] {
            assert_eq!(pascal(text), wanted, "{text}");
        }
    }
}
