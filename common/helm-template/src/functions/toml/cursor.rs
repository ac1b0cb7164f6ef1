//! A place in a document, character by character.

use super::error::{Fault, Found, Lapse};
use crate::unicode::first_char;

pub(super) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

impl<'t> Cursor<'t> {
    /// At the beginning, behind a byte order mark.
    pub fn new(text: &'t [u8]) -> Found<Self> {
        const MARKS: [&[u8]; 3] = [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"];
        const LOOKED_AT: usize = 6;
        let text = MARKS
            .iter()
            .find_map(|mark| text.strip_prefix(*mark))
            .unwrap_or(text);
        let cursor = Self { text, at: 0, line: 1 };
        if text.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
            return Err(cursor.lapse(Fault::Utf16));
        }
        Ok(cursor)
    }

    pub fn line(&self) -> usize {
        self.line
    }

    /// Where the next character stands, for [`Self::since`].
    pub fn place(&self) -> usize {
        self.at
    }

    /// The text from a place up to here, all of which has been read.
    pub fn since(&self, place: usize) -> &'t str {
        let bytes = self.text.get(place..self.at).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The next character, if it may stand in a document at all; nothing at the end.
    pub fn peek(&self) -> Found<Option<char>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(first) = rest.first() else {
            return Ok(None);
        };
        let (c, width) = first_char(rest);
        if c == char::REPLACEMENT_CHARACTER && width == 1 {
            return Err(self.lapse(Fault::Utf8(*first)));
        }
        let allowed = match c {
            '\t' | '\n' => true,
            '\r' => rest.get(1) == Some(&b'\n'),
            c => !c.is_ascii_control(),
        };
        if allowed {
            Ok(Some(c))
        } else {
            Err(self.lapse(Fault::Control(c)))
        }
    }

    /// The next character, passed.
    pub fn take(&mut self) -> Found<Option<char>> {
        let next = self.peek()?;
        if let Some(c) = next {
            self.at += c.len_utf8();
            self.line += usize::from(c == '\n');
        }
        Ok(next)
    }

    /// Passes the next character if it is this one.
    pub fn eat(&mut self, wanted: char) -> Found<bool> {
        let there = self.peek()? == Some(wanted);
        if there {
            self.take()?;
        }
        Ok(there)
    }

    /// Passes what fits, and looks at what follows.
    pub fn run(&mut self, fits: impl Fn(char) -> bool) -> Found<Option<char>> {
        loop {
            match self.peek()? {
                Some(c) if fits(c) => self.take()?,
                next => return Ok(next),
            };
        }
    }

    /// Back before the last character, which is of ASCII and no newline.
    pub fn step_back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    pub fn blanks(&mut self) -> Found<Option<char>> {
        self.run(is_blank)
    }

    /// The rest of a comment, up to its newline.
    pub fn comment(&mut self) -> Found<()> {
        self.run(|c| !is_newline(c)).map(drop)
    }

    /// A fault on this line.
    pub fn lapse(&self, fault: Fault) -> Lapse {
        Lapse {
            line: self.line,
            fault,
        }
    }

    /// A fault on the line before.
    pub fn lapse_before(&self, fault: Fault) -> Lapse {
        Lapse {
            line: self.line - 1,
            fault,
        }
    }

    /// A fault of the character that was passed; the end is reported on the line before.
    pub fn lapse_of(&self, taken: Option<char>, fault: Fault) -> Lapse {
        match taken {
            Some(_) => self.lapse(fault),
            None => self.lapse_before(fault),
        }
    }
}
