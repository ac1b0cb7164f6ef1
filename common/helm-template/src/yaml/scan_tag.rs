//! Anchors, aliases, tags and directives.

use super::reader::Problem;
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
        let (mut handle, mut suffix) = (String::new(), String::new());
        if self.reader.peek(1) == '<' {
            self.reader.skip_n(2);
            self.tag_uri(&mut suffix);
            if suffix.is_empty() {
                return self.problem(mark, "did not find expected tag URI");
            }
            if self.reader.peek(0) != '>' {
                return self.problem(mark, "did not find the expected '>'");
            }
            self.reader.skip();
        } else {
            handle.push(self.reader.skip());
            while Self::is_alpha(self.reader.peek(0)) {
                handle.push(self.reader.skip());
            }
            if self.reader.peek(0) == '!' {
                handle.push(self.reader.skip());
                self.tag_uri(&mut suffix);
                if suffix.is_empty() {
                    return self.problem(mark, "did not find expected tag URI");
                }
            } else {
                suffix = handle.split_off(1);
                self.tag_uri(&mut suffix);
                if suffix.is_empty() {
                    std::mem::swap(&mut handle, &mut suffix);
                }
            }
        }
        if !self.reader.is_blank_or_end(0) {
            return self.problem(mark, "did not find expected whitespace or line break");
        }
        self.push_text(Token::Tag, mark, handle.into(), Some(suffix.into()));
        Ok(())
    }

    fn tag_uri(&mut self, out: &mut String) {
        loop {
            let c = self.reader.peek(0);
            if !(Self::is_alpha(c) || ";/?:@&=+$.!~*'()%".contains(c)) || self.reader.at_end(0) {
                return;
            }
            out.push(self.reader.skip());
        }
    }

    pub(super) fn directive(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        let mut line = String::new();
        self.reader.skip();
        while !self.reader.is_break_or_end(0) && self.reader.peek(0) != '#' {
            line.push(self.reader.skip());
        }
        while !self.reader.is_break_or_end(0) {
            self.reader.skip();
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match words.as_slice() {
            _ if !line.starts_with(is_name) => {
                return self.problem(mark, "could not find expected directive name");
            }
            [name, ..] if !name.chars().all(is_name) => {
                return self.problem(mark, "found unexpected non-alphabetical character");
            }
            ["YAML", version] if *version == "1.1" => self.push(Token::VersionDirective, mark),
            ["YAML", _] => {
                return Err(Problem {
                    text: "found incompatible YAML document",
                    line: mark.line,
                });
            }
            ["TAG", handle, prefix] => {
                let handle = (*handle).to_owned();
                self.push_text(Token::TagDirective, mark, handle.into(), Some((*prefix).into()));
            }
            _ => return self.problem(mark, "found unknown directive name"),
        }
        Ok(())
    }
}
