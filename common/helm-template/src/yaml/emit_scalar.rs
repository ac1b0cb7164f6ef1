//! How go-yaml writes scalars.

use super::analyze::{analyze, escape, is_base60, is_break, is_printable};
use super::compose;
use super::emit::{Emitter, Place};
use super::resolve::{Scalar, resolve};
use super::text::{Text, kind};
use crate::functions::json;
use std::borrow::Cow;

/// Longer lines are folded at spaces.
const WIDTH: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    /// A string, its style by what it says and what stands in it.
    pub(super) fn string(&mut self, text: &str, place: Place) -> Result<(), String> {
        let text = Text::new(text);
        // What takes no way through JSON stays as it is.
        if text.has(kind::ODD) && !self.third {
            let carried = carried(text.text)?;
            self.text(Text::new(&carried), place);
        } else {
            self.text(text, place);
        }
        Ok(())
    }

    /// As [`Self::string`], of one that JSON carries as it is.
    pub(super) fn text(&mut self, text: Text<'_>, place: Place) {
        let style = if text.has(kind::LINE_FEED) {
            Style::Literal
        } else if matches!(resolve(text.text), Scalar::Str)
            && !(text.has(kind::COLON_OR_HASH) && is_base60(text.text))
        {
            Style::Plain
        } else {
            Style::Double
        };
        self.scalar(text, style, place);
    }

    /// What is no string.
    pub(super) fn word(&mut self, text: &str, place: Place) {
        self.scalar(Text::new(text), Style::Plain, place);
    }

    fn scalar(&mut self, text: Text<'_>, mut style: Style, place: Place) {
        let found = analyze(text);
        let simple_key = place == Place::SimpleKey;
        if simple_key && found.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!found.plain || text.text.is_empty() && simple_key) {
            style = Style::Single;
        }
        if style == Style::Single && !found.single {
            style = Style::Double;
        }
        let block = if self.third {
            found.block_with_tabs
        } else {
            found.block
        };
        if style == Style::Literal && (!block || simple_key) {
            style = Style::Double;
        }
        let indent = self.indent;
        self.increase_indent(true, false);
        match style {
            Style::Plain => self.write_plain(text, !simple_key),
            Style::Single => self.write_single(text, !simple_key),
            Style::Double => self.write_double(text, !simple_key),
            Style::Literal => self.write_literal(text),
        }
        self.indent = indent;
    }

    /// Folds at a space when the line is full; false leaves the space to write.
    fn fold(&mut self, allowed: bool) -> bool {
        if allowed && !self.third && self.column > WIDTH {
            self.write_indent();
            return true;
        }
        false
    }

    /// Whether it is one line of ASCII of which nothing is escaped and that is not folded.
    fn is_short(&self, text: Text<'_>, breaks: bool) -> bool {
        !text.has(kind::ODD | kind::LINE_FEED)
            && (!breaks || self.third || !text.has(kind::SPACE) || self.column + text.text.len() <= WIDTH)
    }

    /// Writes what is [short](Self::is_short).
    fn write_short(&mut self, text: Text<'_>) {
        self.put_str(text.text, text.text.len());
        self.whitespace = false;
        self.indention = false;
    }

    fn write_plain(&mut self, text: Text<'_>, breaks: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        if self.is_short(text, breaks) {
            return self.write_short(text);
        }
        let text = text.text;
        let mut spaces = false;
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == ' ' {
                if !self.fold(breaks && !spaces && rest.peek() != Some(&' ')) {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                self.indention = false;
                spaces = false;
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn write_single(&mut self, text: Text<'_>, breaks_allowed: bool) {
        self.indicator("'", true, false, false);
        if !text.has(kind::QUOTE_OR_BACKSLASH) && self.is_short(text, breaks_allowed) {
            self.write_short(text);
            return self.indicator("'", false, false, false);
        }
        let text = text.text;
        let (mut spaces, mut breaks) = (false, false);
        let chars: Vec<char> = text.chars().collect();
        for (i, c) in chars.iter().copied().enumerate() {
            if c == ' ' {
                let inside = i > 0 && i + 1 < chars.len() && chars[i + 1] != ' ';
                if !self.fold(breaks_allowed && !spaces && inside) {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_break(&mut self, c: char) {
        if c == '\n' {
            self.put_break();
        } else {
            self.out.push(c);
            self.column = 0;
        }
    }

    fn write_double(&mut self, text: Text<'_>, breaks: bool) {
        self.indicator("\"", true, false, false);
        if !text.has(kind::QUOTE_OR_BACKSLASH) && self.is_short(text, breaks) {
            self.write_short(text);
            return self.indicator("\"", false, false, false);
        }
        let text = text.text;
        let mut spaces = false;
        let chars: Vec<char> = text.chars().collect();
        // go-yaml looks for a byte order mark at the start for every character.
        let all = text.starts_with('\u{feff}');
        for (i, c) in chars.iter().copied().enumerate() {
            if all || !is_printable(c) || is_break(c) || c == '\u{feff}' || c == '"' || c == '\\' {
                for c in escape(c).chars() {
                    self.put(c);
                }
                spaces = false;
            } else if c == ' ' {
                if self.fold(breaks && !spaces && i > 0 && i + 1 < chars.len()) {
                    if chars[i + 1] == ' ' {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_literal(&mut self, text: Text<'_>) {
        self.indicator("|", true, false, false);
        let starts_blank = text
            .text
            .starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        if starts_blank {
            self.indicator("2", false, false, false);
        }
        let mut ends = text.text.chars().rev();
        match (ends.next(), ends.next()) {
            (Some(last), _) if !is_break(last) => self.indicator("-", false, false, false),
            (Some(_), None) => self.indicator("+", false, false, false),
            (Some(_), Some(before)) if is_break(before) => self.indicator("+", false, false, false),
            _ => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        if !text.has(kind::ODD) {
            for line in text.text.split_inclusive('\n') {
                let words = line.strip_suffix('\n');
                let ends = words.is_some();
                let words = words.unwrap_or(line);
                if !words.is_empty() {
                    self.write_indent();
                    self.put_str(words, words.len());
                    self.indention = false;
                }
                if ends {
                    self.put_break();
                    self.indention = true;
                }
            }
            return;
        }
        let mut rest = text.text;
        while let Some(first) = rest.chars().next() {
            if is_break(first) {
                self.write_break(first);
                self.indention = true;
                breaks = true;
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            if breaks {
                self.write_indent();
            }
            let (line, after) = rest.split_at(rest.find(is_break).unwrap_or(rest.len()));
            self.put_str(line, line.chars().count());
            self.indention = false;
            breaks = false;
            rest = after;
        }
    }
}

/// A string as it comes through JSON: go-yaml refuses control characters that
/// JSON does not escape, and folds what it takes for a line break.
pub(super) fn carried(text: &str) -> Result<Cow<'_, str>, String> {
    if text.is_ascii() && !text.as_bytes().contains(&0x7f) {
        return Ok(text.into());
    }
    let odd = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if !text.contains(odd) {
        return Ok(text.into());
    }
    let mut quoted = Vec::new();
    json::write_string(text.as_bytes(), true, &mut quoted);
    match compose::read(&quoted)? {
        serde_json::Value::String(text) => Ok(text.into()),
        _ => Ok(text.into()),
    }
}
