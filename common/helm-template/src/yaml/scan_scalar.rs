//! Plain, quoted and block scalars.

use super::reader::Reader;
use super::scan::{Scan, Scanner};
use std::borrow::Cow;

/// White space met inside a scalar, until it is known what to do with it.
#[derive(Default)]
struct Gap {
    blanks: String,
    leading: Option<char>,
    breaks: String,
}

impl Gap {
    /// Writes the gap between two words: blanks as they are, one break as a
    /// space, more breaks without the first.
    fn flush(&mut self, out: &mut String) {
        match self.leading.take() {
            Some('\n') if self.breaks.is_empty() => out.push(' '),
            Some('\n') => out.push_str(&self.breaks),
            Some(other) => {
                out.push(other);
                out.push_str(&self.breaks);
            }
            None => out.push_str(&self.blanks),
        }
        self.blanks.clear();
        self.breaks.clear();
    }
}

/// The text of a plain scalar: where it stands on one line, no more than a part of what is read.
#[derive(Default)]
struct Words<'t> {
    text: Cow<'t, str>,
    /// Where in what is read the text began, as long as it stands there as it is.
    start: Option<usize>,
}

impl<'s> Scanner<'s> {
    /// The text, and whether a line break followed it or was in it.
    pub(super) fn plain_scalar(&mut self) -> Scan<(Cow<'s, str>, bool)> {
        let start = self.reader.mark;
        let indent = self.indent() + 1;
        let in_flow = self.flow_level > 0;
        let mut words = Words {
            start: Some(self.reader.place()),
            ..Words::default()
        };
        let mut gap = Gap::default();
        let mut leading_blanks = false;
        loop {
            if self.reader.at_document_indicator() || self.reader.peek(0) == '#' {
                break;
            }
            let word = self.reader.take_line(|rest| match rest.first() {
                Some(b' ' | b'\t') => true,
                Some(b':') => Reader::blank_after_first(rest),
                Some(b',' | b'?' | b'[' | b']' | b'{' | b'}') => in_flow,
                _ => false,
            });
            if !word.is_empty() {
                if leading_blanks {
                    words.start = None;
                }
                match words.start {
                    Some(place) => words.text = self.reader.since(place).into(),
                    None => {
                        let text = words.text.to_mut();
                        gap.flush(text);
                        text.push_str(word);
                    }
                }
                leading_blanks = false;
            }
            if !(self.reader.is_blank(0) || self.reader.is_break(0)) {
                break;
            }
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                if self.reader.is_blank(0) {
                    if leading_blanks
                        && (self.reader.mark.column as isize) < indent
                        && self.reader.peek(0) == '\t'
                    {
                        return self.problem(start, "found a tab character that violates indentation");
                    }
                    let c = self.reader.skip();
                    if !leading_blanks && words.start.is_none() {
                        gap.blanks.push(c);
                    }
                } else {
                    let c = self.reader.line_break();
                    if leading_blanks {
                        gap.breaks.push(c);
                    } else {
                        gap.blanks.clear();
                        gap.leading = Some(c);
                        leading_blanks = true;
                    }
                }
            }
            if self.flow_level == 0 && (self.reader.mark.column as isize) < indent {
                break;
            }
        }
        Ok((words.text, leading_blanks))
    }

    /// A quoted scalar on one line without escapes, if it is one: as it stands.
    fn simple_flow_scalar(&mut self, single: bool) -> Option<&'s str> {
        let (quote, escape) = if single { (b'\'', b'\'') } else { (b'"', b'\\') };
        let rest = self.reader.rest();
        let end = rest
            .bytes()
            .position(|b| b == quote || b == escape || matches!(b, b'\r' | b'\n') || !b.is_ascii())?;
        let bytes = rest.as_bytes();
        if bytes.get(end) != Some(&quote) || single && bytes.get(end + 1) == Some(&quote) {
            return None;
        }
        self.reader.skip_ascii(end + 1);
        rest.get(..end)
    }

    pub(super) fn flow_scalar(&mut self, single: bool) -> Scan<Cow<'s, str>> {
        let start = self.reader.mark;
        let quote = self.reader.skip();
        if let Some(text) = self.simple_flow_scalar(single) {
            return Ok(text.into());
        }
        let mut text = String::new();
        loop {
            if self.reader.at_document_indicator() {
                return self.problem(start, "found unexpected document indicator");
            }
            if self.reader.at_end(0) {
                return self.problem(start, "found unexpected end of stream");
            }
            let mut leading_blanks = false;
            let mut gap = Gap::default();
            while !self.reader.is_blank_or_end(0) {
                let c = self.reader.peek(0);
                if single && c == '\'' && self.reader.peek(1) == '\'' {
                    text.push('\'');
                    self.reader.skip_n(2);
                } else if c == quote {
                    break;
                } else if !single && c == '\\' && self.reader.is_break(1) {
                    self.reader.skip();
                    self.reader.line_break();
                    leading_blanks = true;
                    break;
                } else if !single && c == '\\' {
                    let c = self.escaped()?;
                    text.push(c);
                } else {
                    text.push(self.reader.skip());
                }
            }
            if self.reader.peek(0) == quote && !self.reader.at_end(0) {
                self.reader.skip();
                return Ok(text.into());
            }
            let escaped_break = leading_blanks;
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                if self.reader.is_blank(0) {
                    let c = self.reader.skip();
                    if !leading_blanks {
                        gap.blanks.push(c);
                    }
                } else {
                    let c = self.reader.line_break();
                    if leading_blanks {
                        gap.breaks.push(c);
                    } else {
                        gap.blanks.clear();
                        gap.leading = Some(c);
                        leading_blanks = true;
                    }
                }
            }
            if escaped_break {
                // An escaped break joins lines; empty lines after it stay.
                text.push_str(&gap.breaks);
            } else {
                gap.flush(&mut text);
            }
        }
    }

    fn escaped(&mut self) -> Scan<char> {
        let start = self.reader.mark;
        let digits = match self.reader.peek(1) {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c => {
                let simple = match c {
                    '0' => '\0',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    't' | '\t' => '\t',
                    'n' => '\n',
                    'v' => '\u{b}',
                    'f' => '\u{c}',
                    'r' => '\r',
                    'e' => '\u{1b}',
                    ' ' | '"' | '\'' | '\\' => c,
                    'N' => '\u{85}',
                    '_' => '\u{a0}',
                    'L' => '\u{2028}',
                    'P' => '\u{2029}',
                    _ => return self.problem(start, "found unknown escape character"),
                };
                self.reader.skip_n(2);
                return Ok(simple);
            }
        };
        self.reader.skip_n(2);
        let mut value = 0u32;
        for n in 0..digits {
            let Some(digit) = self.reader.peek(n).to_digit(16) else {
                return self.problem(start, "did not find expected hexdecimal number");
            };
            value = (value << 4) | digit;
        }
        let Some(c) = char::from_u32(value) else {
            return self.problem(start, "found invalid Unicode character escape code");
        };
        self.reader.skip_n(digits);
        Ok(c)
    }

    pub(super) fn block_scalar(&mut self, literal: bool) -> Scan<String> {
        let start = self.reader.mark;
        self.reader.skip();
        let (mut chomping, mut increment) = (None, 0isize);
        for _ in 0..2 {
            match self.reader.peek(0) {
                c @ ('+' | '-') if chomping.is_none() => {
                    chomping = Some(c);
                    self.reader.skip();
                }
                '0' if increment == 0 => {
                    return self.problem(start, "found an indentation indicator equal to 0");
                }
                c @ '1'..='9' if increment == 0 => {
                    increment = c.to_digit(10).unwrap_or(1) as isize;
                    self.reader.skip();
                }
                _ => {}
            }
        }
        while self.reader.is_blank(0) {
            self.reader.skip();
        }
        if self.reader.peek(0) == '#' {
            self.reader.take_line(|_| false);
        }
        if !self.reader.is_break_or_end(0) {
            return self.problem(start, "did not find expected comment or line break");
        }
        if self.reader.is_break(0) {
            self.reader.line_break();
        }
        let parent = self.indent();
        let mut indent = if increment > 0 {
            parent.max(0) + increment
        } else {
            0
        };
        let mut breaks = String::new();
        self.block_breaks(&mut indent, &mut breaks, start)?;
        let mut text = String::new();
        let mut leading: Option<char> = None;
        let mut leading_blank = false;
        while self.reader.mark.column as isize == indent && !self.reader.at_end(0) {
            let trailing_blank = self.reader.is_blank(0);
            if !literal && leading == Some('\n') && !leading_blank && !trailing_blank {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.extend(leading);
            }
            leading = None;
            text.push_str(&breaks);
            breaks.clear();
            leading_blank = self.reader.is_blank(0);
            text.push_str(self.reader.take_line(|_| false));
            if self.reader.is_break(0) {
                leading = Some(self.reader.line_break());
            }
            self.block_breaks(&mut indent, &mut breaks, start)?;
        }
        if chomping != Some('-') {
            text.extend(leading);
        }
        if chomping == Some('+') {
            text.push_str(&breaks);
        }
        Ok(text)
    }

    /// Passes indentation and empty lines, and finds the indent if unknown.
    fn block_breaks(
        &mut self,
        indent: &mut isize,
        breaks: &mut String,
        start: super::reader::Mark,
    ) -> Scan<()> {
        let mut widest = 0;
        loop {
            let column = |this: &Self| this.reader.mark.column as isize;
            let most = match *indent {
                0 => usize::MAX,
                indent => indent.unsigned_abs(),
            };
            self.reader.skip_spaces(most);
            widest = widest.max(column(self));
            if (*indent == 0 || column(self) < *indent) && self.reader.peek(0) == '\t' {
                return self.problem(
                    start,
                    "found a tab character where an indentation space is expected",
                );
            }
            if !self.reader.is_break(0) {
                break;
            }
            breaks.push(self.reader.line_break());
        }
        if *indent == 0 {
            *indent = widest.max(self.indent() + 1).max(1);
        }
        Ok(())
    }
}
