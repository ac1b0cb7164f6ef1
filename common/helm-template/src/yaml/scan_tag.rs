//! Anchors, aliases, tags and directives.

use super::reader::Mark;
use super::scan::{Scan, Scanner, Token};

impl Scanner<'_> {
    fn is_alpha(c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_' || c == '-'
    }

    pub(super) fn anchor(&mut self, indicator: char) -> Scan<()> {
        let mark = self.reader.mark;
        self.reader.skip();
        let mut name = String::new();
        while Self::is_alpha(self.reader.peek(0)) {
            name.push(self.reader.skip());
        }
        let ends = matches!(self.reader.peek(0), '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`');
        if name.is_empty() || !(self.reader.is_blank_or_end(0) || ends) {
            return self.problem(mark, "did not find expected alphabetic or numeric character");
        }
        let token = if indicator == '*' {
            Token::Alias
        } else {
            Token::Anchor
        };
        self.push_text(token, mark, name.into(), None);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        let (handle, suffix) = if self.reader.peek(1) == '<' {
            self.reader.skip_n(2);
            let suffix = self.tag_uri(mark, "")?;
            if self.reader.peek(0) != '>' {
                return self.problem(mark, "did not find the expected '>'");
            }
            self.reader.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(mark, false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri(mark, "")?;
                (handle, suffix)
            } else {
                // No handle after all, but the beginning of the rest; `!` alone is all suffix.
                match self.tag_uri(mark, &handle)? {
                    suffix if suffix.is_empty() => (String::new(), "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        if !self.reader.is_blank_or_end(0) {
            return self.problem(mark, "did not find expected whitespace or line break");
        }
        self.push_text(Token::Tag, mark, handle.into(), Some(suffix.into()));
        Ok(())
    }

    /// `!`, `!word!`, or in a tag `!word`, which is none.
    fn tag_handle(&mut self, start: Mark, directive: bool) -> Scan<String> {
        if self.reader.peek(0) != '!' {
            return self.problem(start, "did not find expected '!'");
        }
        let mut handle = String::from(self.reader.skip());
        while Self::is_alpha(self.reader.peek(0)) {
            handle.push(self.reader.skip());
        }
        if self.reader.peek(0) == '!' {
            handle.push(self.reader.skip());
        } else if directive && handle != "!" {
            return self.problem(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    /// A URI behind `head`, of which the `!` is left out.
    fn tag_uri(&mut self, start: Mark, head: &str) -> Scan<String> {
        let mut found = !head.is_empty();
        let mut uri: Vec<u8> = head.bytes().skip(1).collect();
        loop {
            let c = self.reader.peek(0);
            if c == '%' {
                self.uri_escape(start, &mut uri)?;
            } else if (Self::is_alpha(c) || ";/?:@&=+$,.!~*'()[]".contains(c)) && !self.reader.at_end(0) {
                uri.extend(c.encode_utf8(&mut [0; 4]).bytes());
                self.reader.skip();
            } else {
                break;
            }
            found = true;
        }
        if !found {
            return self.problem(start, "did not find expected tag URI");
        }
        Ok(crate::unicode::lossy(&uri).into_owned())
    }

    /// The bytes of one character, each as `%` and two digits.
    fn uri_escape(&mut self, start: Mark, uri: &mut Vec<u8>) -> Scan<()> {
        let mut left = None;
        while left != Some(0) {
            let digits = (self.reader.peek(1).to_digit(16), self.reader.peek(2).to_digit(16));
            let (true, (Some(high), Some(low))) = (self.reader.peek(0) == '%', digits) else {
                return self.problem(start, "did not find URI escaped octet");
            };
            let byte = (high * 16 + low) as u8;
            let width = match (left, byte) {
                (Some(left), 0x80..=0xbf) => left,
                (Some(_), _) => return self.problem(start, "found an incorrect trailing UTF-8 octet"),
                (None, 0..=0x7f) => 1,
                (None, 0xc0..=0xdf) => 2,
                (None, 0xe0..=0xef) => 3,
                (None, 0xf0..=0xf7) => 4,
                (None, _) => return self.problem(start, "found an incorrect leading UTF-8 octet"),
            };
            uri.push(byte);
            self.reader.skip_n(3);
            left = Some(width - 1);
        }
        Ok(())
    }

    pub(super) fn directive(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        self.reader.skip();
        let mut name = String::new();
        while Self::is_alpha(self.reader.peek(0)) {
            name.push(self.reader.skip());
        }
        if name.is_empty() {
            return self.problem(mark, "could not find expected directive name");
        }
        if !self.reader.is_blank_or_end(0) {
            return self.problem(mark, "found unexpected non-alphabetical character");
        }
        match name.as_str() {
            "YAML" => {
                self.skip_blanks();
                let major = self.version_number(mark)?;
                if self.reader.peek(0) != '.' {
                    return self.problem(mark, "did not find expected digit or '.' character");
                }
                self.reader.skip();
                let minor = self.version_number(mark)?;
                let version = format!("{major}.{minor}");
                self.push_text(Token::VersionDirective, mark, version.into(), None);
            }
            "TAG" => {
                self.skip_blanks();
                let handle = self.tag_handle(mark, true)?;
                if !self.reader.is_blank(0) {
                    return self.problem(mark, "did not find expected whitespace");
                }
                self.skip_blanks();
                let prefix = self.tag_uri(mark, "")?;
                if !self.reader.is_blank_or_end(0) {
                    return self.problem(mark, "did not find expected whitespace or line break");
                }
                self.push_text(Token::TagDirective, mark, handle.into(), Some(prefix.into()));
            }
            _ => return self.problem(mark, "found unknown directive name"),
        }
        self.skip_blanks();
        if self.reader.peek(0) == '#' {
            self.reader.take_line(|_| false);
        }
        if !self.reader.is_break_or_end(0) {
            return self.problem(mark, "did not find expected comment or line break");
        }
        if self.reader.is_break(0) {
            self.reader.line_break();
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while self.reader.is_blank(0) {
            self.reader.skip();
        }
    }

    /// One or two digits.
    fn version_number(&mut self, start: Mark) -> Scan<u32> {
        let (mut number, mut length) = (0, 0);
        while let Some(digit) = self.reader.peek(0).to_digit(10) {
            length += 1;
            if length > 2 {
                return self.problem(start, "found extremely long version number");
            }
            number = number * 10 + digit;
            self.reader.skip();
        }
        if length == 0 {
            return self.problem(start, "did not find expected version number");
        }
        Ok(number)
    }
}
