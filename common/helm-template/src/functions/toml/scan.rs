//! Names, and values that are neither arrays nor tables, as they stand in the text.

use super::cursor::{Cursor, is_newline};
use super::error::{Fault, Found, quoted};
use crate::{gofmt, unicode};

/// A value as it is written; numbers and times are only roughly what they should be.
pub(super) enum Scalar<'t> {
    Bool(bool),
    Integer(&'t str),
    Float(&'t str),
    Datetime(&'t str),
    /// A text without escapes.
    Literal(&'t str),
    /// A text whose escapes are still to be read.
    Basic(&'t str),
    /// The same of several lines.
    Lines(&'t str),
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Without the newline at its start.
fn unled(text: &str) -> &str {
    let rest = text.strip_prefix('\n').or_else(|| text.strip_prefix("\r\n"));
    rest.unwrap_or(text)
}

impl<'t> Cursor<'t> {
    /// One part of a key, quoted or bare; a bare one may be empty, which what follows tells.
    pub fn name(&mut self) -> Found<Scalar<'t>> {
        match self.peek()? {
            Some('"') => {
                self.take()?;
                self.basic()
            }
            Some('\'') => {
                self.take()?;
                self.literal()
            }
            _ => {
                let start = self.place();
                self.run(is_name)?;
                Ok(Scalar::Literal(self.since(start)))
            }
        }
    }

    /// A value that does not begin with a bracket or brace.
    pub fn scalar(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        let first = self.peek()?;
        match first {
            Some(c) if is_digit(c) => return self.number_or_date(start),
            Some('i' | 'n') => return self.special_or_word(start),
            Some(c) if unicode::is_letter(c) => return self.word(),
            _ => self.take()?,
        };
        match first {
            Some('"') if self.opens_lines('"')? => self.lines(),
            Some('"') => self.basic(),
            Some('\'') if self.opens_lines('\'')? => self.literal_lines(),
            Some('\'') => self.literal(),
            Some('-' | '+') => self.signed(start),
            Some('.') => Err(self.lapse(Fault::Point)),
            None => Err(self.lapse_before(Fault::NoValue)),
            other => Err(self.lapse(Fault::Value(quoted(&other)))),
        }
    }

    /// Whether two more quotes stand behind the first, which are passed.
    fn opens_lines(&mut self, quote: char) -> Found<bool> {
        if !self.eat(quote)? {
            return Ok(false);
        }
        let opens = self.eat(quote)?;
        if !opens {
            self.step_back();
        }
        Ok(opens)
    }

    fn literal(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        loop {
            match self.take()? {
                Some('\'') => return Ok(Scalar::Literal(self.until_quotes(start, 1))),
                None => return Err(self.lapse_before(Fault::Unclosed("\"'\""))),
                Some(c) if is_newline(c) => return Err(self.lapse_before(Fault::Newline)),
                Some(_) => {}
            }
        }
    }

    fn basic(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        loop {
            match self.take()? {
                Some('"') => return Ok(Scalar::Basic(self.until_quotes(start, 1))),
                Some('\\') => self.escape(start)?,
                None => return Err(self.lapse_before(Fault::Unclosed("'\"'"))),
                Some(c) if is_newline(c) => return Err(self.lapse_before(Fault::Newline)),
                Some(_) => {}
            }
        }
    }

    fn literal_lines(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        loop {
            match self.take()? {
                Some('\'') if self.closes_lines('\'', start)? => {
                    return Ok(Scalar::Literal(unled(self.until_quotes(start, 3))));
                }
                None => return Err(self.lapse_before(Fault::Unclosed("\"'''\""))),
                Some(_) => {}
            }
        }
    }

    fn lines(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        loop {
            match self.take()? {
                Some('"') if self.closes_lines('"', start)? => {
                    return Ok(Scalar::Lines(unled(self.until_quotes(start, 3))));
                }
                Some('\\') if self.peek()?.is_some_and(is_newline) => {}
                Some('\\') => self.escape(start)?,
                None => return Err(self.lapse_before(Fault::Unclosed("'\"\"\"'"))),
                Some(_) => {}
            }
        }
    }

    /// The text from `start` without the quotes behind it.
    fn until_quotes(&self, start: usize, count: usize) -> &'t str {
        let text = self.since(start);
        text.get(..text.len() - count).unwrap_or_default()
    }

    /// Whether the quote just passed begins the three that close; only then are the others passed, too. Up to two
    /// quotes may stand before these.
    fn closes_lines(&mut self, quote: char, start: usize) -> Found<bool> {
        if !self.eat(quote)? {
            return Ok(false);
        }
        if !self.eat(quote)? {
            self.step_back();
            return Ok(false);
        }
        if self.peek()? != Some(quote) {
            return Ok(true);
        }
        let read = self.since(start);
        // An escaped quote does not count; a backslash of any kind is taken for its escape.
        if quote == '"' && read.ends_with(r#"""""""#) && !read.ends_with(r#"\""""""#) {
            return Err(self.lapse(Fault::TooManyQuotes(r#"'""""""'"#)));
        }
        if quote == '\'' && read.ends_with("'''''") {
            return Err(self.lapse(Fault::TooManyQuotes("\"''''''\"")));
        }
        self.step_back();
        self.step_back();
        Ok(false)
    }

    /// What follows a backslash in the text that began at `start`.
    fn escape(&mut self, start: usize) -> Found<()> {
        let kind = self.take()?;
        let (digits, count) = match kind {
            Some('b' | 't' | 'n' | 'f' | 'r' | '"' | '\\' | ' ' | '\t') => return Ok(()),
            Some('u') => (4, "four"),
            Some('U') => (8, "eight"),
            other => return Err(self.lapse_of(other, Fault::Escape(other))),
        };
        for _ in 0..digits {
            let digit = self.take()?;
            if !digit.is_some_and(|c| c.is_ascii_hexdigit()) {
                let read = self.since(start).to_owned();
                return Err(self.lapse_of(digit, Fault::Hex(count, kind.unwrap_or_default(), read)));
            }
        }
        Ok(())
    }

    /// `true` or `false`.
    fn word(&mut self) -> Found<Scalar<'t>> {
        let start = self.place();
        self.run(unicode::is_letter)?;
        match self.since(start) {
            "true" => Ok(Scalar::Bool(true)),
            "false" => Ok(Scalar::Bool(false)),
            other => Err(self.lapse(Fault::Value(gofmt::quote(other)))),
        }
    }

    /// `inf` or `nan`, and what mixes the two; a complaint about anything else begins with its last letter that fitted.
    fn special_or_word(&mut self, start: usize) -> Found<Scalar<'t>> {
        self.take()?;
        let fits = self.eat('n')? && self.eat('f')? || self.eat('a')? && self.eat('n')?;
        if fits {
            return Ok(Scalar::Float(self.since(start)));
        }
        self.step_back();
        self.word()
    }

    /// What follows a sign.
    fn signed(&mut self, start: usize) -> Found<Scalar<'t>> {
        let first = self.take()?;
        let rest = match first {
            Some('i') => ['n', 'f'],
            Some('n') => ['a', 'n'],
            Some('.') => return Err(self.lapse(Fault::Point)),
            Some(c) if is_digit(c) => {
                return match self.peek()? {
                    Some(base @ ('b' | 'o' | 'x')) if c == '0' => {
                        let read = self.since(start).to_owned();
                        Err(self.lapse(Fault::SignedBase(read, base)))
                    }
                    _ => self.decimal(start),
                };
            }
            other => return Err(self.lapse_of(other, Fault::Digit(other))),
        };
        for wanted in rest {
            if !self.eat(wanted)? {
                return Err(self.lapse(Fault::Special(self.since(start).to_owned())));
            }
        }
        Ok(Scalar::Float(self.since(start)))
    }

    /// What begins with a digit.
    fn number_or_date(&mut self, start: usize) -> Found<Scalar<'t>> {
        let next = self.run(is_digit)?;
        let zero = self.since(start) == "0";
        match next {
            Some('-' | ':') if !zero => {
                self.run(|c| is_digit(c) || "-:Tt .Zz+".contains(c))?;
                Ok(Scalar::Datetime(self.since(start).trim_end_matches(' ')))
            }
            Some('b') if zero => self.based(start, "a binary", |c| matches!(c, '0' | '1')),
            Some('o') if zero => self.based(start, "an octal", |c| matches!(c, '0'..='7')),
            Some('x') if zero => self.based(start, "a hexidecimal", |c| c.is_ascii_hexdigit()),
            _ => self.decimal(start),
        }
    }

    /// The digits of another base than ten.
    fn based(&mut self, start: usize, kind: &'static str, fits: fn(char) -> bool) -> Found<Scalar<'t>> {
        self.take()?;
        let first = self.peek()?;
        if !first.is_some_and(fits) {
            let read = self.since(start).to_owned();
            return Err(self.lapse(Fault::Base(kind, read, first.unwrap_or_default())));
        }
        self.run(|c| fits(c) || c == '_')?;
        Ok(Scalar::Integer(self.since(start)))
    }

    /// The rest of an integer or a float.
    fn decimal(&mut self, start: usize) -> Found<Scalar<'t>> {
        let next = self.run(|c| is_digit(c) || c == '_')?;
        if !matches!(next, Some('.' | 'e' | 'E')) {
            return Ok(Scalar::Integer(self.since(start)));
        }
        self.run(|c| is_digit(c) || "_.-+eE".contains(c))?;
        Ok(Scalar::Float(self.since(start)))
    }
}
