//! Splits YAML text into tokens by libyaml's rules.

use super::reader::{Mark, Problem, Reader};
use std::borrow::Cow;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    StreamEnd,
    VersionDirective,
    /// Its handle is the text, its prefix the rest.
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    /// Its handle is the text, its suffix the rest.
    Tag,
    Scalar {
        plain: bool,
    },
}

/// A token with its place and what was written.
#[derive(Debug)]
pub(super) struct Lexeme<'t> {
    pub token: Token,
    pub mark: Mark,
    pub text: Cow<'t, str>,
    pub rest: Option<Box<str>>,
}

/// Flow collections and block indents may nest this deep, as in go-yaml.
const MAX_LEVEL: usize = 10_000;

#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner<'t> {
    pub(super) reader: Reader<'t>,
    tokens: VecDeque<Lexeme<'t>>,
    /// Tokens handed out so far.
    taken: usize,
    indent: isize,
    indents: Vec<isize>,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    /// Tokens that may be keys, with their level.
    keys_by_token: Vec<(usize, usize)>,
    pub(super) flow_level: usize,
    done: bool,
}

pub(super) type Scan<T> = Result<T, Problem>;

impl<'t> Scanner<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            reader: Reader::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            keys_by_token: Vec::new(),
            flow_level: 0,
            done: false,
        }
    }

    pub fn peek(&mut self) -> Scan<(Token, Mark)> {
        self.fill()?;
        let end = Problem {
            text: "did not find expected token",
            line: 0,
        };
        let next = self.tokens.front().ok_or(end)?;
        Ok((next.token, next.mark))
    }

    /// The column of the block collection that is open; -1 outside.
    pub(super) fn indent(&self) -> isize {
        self.indent
    }

    pub fn skip(&mut self) {
        self.take();
    }

    /// The token that was peeked at.
    pub fn take(&mut self) -> Option<Lexeme<'t>> {
        self.taken += 1;
        self.tokens.pop_front()
    }

    /// A scanner error: go-yaml counts its line from the place reached.
    pub(super) fn problem<T>(&self, context: Mark, text: &'static str) -> Scan<T> {
        let line = match (self.reader.mark.line, context.line) {
            (0, context) => context,
            (line, _) => line + 1,
        };
        Err(Problem { text, line })
    }

    fn fill(&mut self) -> Scan<()> {
        loop {
            if !self.tokens.is_empty() {
                // One that may be a key has to wait for what follows it.
                let known = self.keys_by_token.iter().find(|(token, _)| *token == self.taken);
                let Some((_, level)) = known.copied() else { break };
                if !self.is_key_valid(level)? {
                    break;
                }
            }
            if self.done {
                break;
            }
            self.fetch()?;
        }
        Ok(())
    }

    /// Whether what may be a key still may: on one line, within 1,024 characters.
    fn is_key_valid(&mut self, level: usize) -> Scan<bool> {
        let Some(key) = self.simple_keys.get(level).copied().filter(|key| key.possible) else {
            return Ok(false);
        };
        if key.mark.line == self.reader.mark.line && key.mark.index + 1024 >= self.reader.mark.index {
            return Ok(true);
        }
        if key.required {
            return self.problem(key.mark, "could not find expected ':'");
        }
        self.simple_keys[level].possible = false;
        Ok(false)
    }

    pub(super) fn push(&mut self, token: Token, mark: Mark) {
        self.push_text(token, mark, Cow::Borrowed(""), None);
    }

    pub(super) fn push_text(&mut self, token: Token, mark: Mark, text: Cow<'t, str>, rest: Option<Box<str>>) {
        self.tokens.push_back(Lexeme {
            token,
            mark,
            text,
            rest,
        });
    }

    fn insert(&mut self, number: usize, token: Token, mark: Mark) {
        let lexeme = Lexeme {
            token,
            mark,
            text: Cow::Borrowed(""),
            rest: None,
        };
        match number.checked_sub(self.taken) {
            Some(at) if at <= self.tokens.len() => self.tokens.insert(at, lexeme),
            // What it should stand before was handed out already.
            _ => self.tokens.push_back(lexeme),
        }
    }

    fn push_scalar(&mut self, text: Cow<'t, str>, plain: bool, mark: Mark) {
        self.push_text(Token::Scalar { plain }, mark, text, None);
    }

    fn fetch(&mut self) -> Scan<()> {
        self.pass_to_token();
        self.unroll(self.reader.mark.column as isize);
        self.reader.need(4);
        let mark = self.reader.mark;
        if self.reader.at_end(0) {
            return self.fetch_stream_end();
        }
        let c = self.reader.peek(0);
        if mark.column == 0 && c == '%' {
            self.unroll(-1);
            self.remove_simple_key()?;
            self.simple_key_allowed = false;
            return self.directive();
        }
        if self.reader.at_document_indicator() {
            self.unroll(-1);
            self.remove_simple_key()?;
            self.simple_key_allowed = false;
            self.reader.skip_n(3);
            self.push(
                if c == '-' {
                    Token::DocumentStart
                } else {
                    Token::DocumentEnd
                },
                mark,
            );
            return Ok(());
        }
        let blank_next = self.reader.is_blank_or_end(1);
        let in_flow = self.flow_level > 0;
        match c {
            '[' => self.flow_start(Token::FlowSequenceStart),
            '{' => self.flow_start(Token::FlowMappingStart),
            ']' => self.flow_end(Token::FlowSequenceEnd),
            '}' => self.flow_end(Token::FlowMappingEnd),
            ',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.single(Token::FlowEntry)
            }
            '-' if blank_next => self.block_entry(),
            '?' if in_flow || blank_next => self.key(),
            ':' if in_flow || blank_next => self.value(),
            '*' | '&' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.anchor(c)
            }
            '!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.tag()
            }
            '|' | '>' if !in_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let text = self.block_scalar(c == '|')?;
                self.push_scalar(text.into(), false, mark);
                Ok(())
            }
            '\'' | '"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let text = self.flow_scalar(c == '\'')?;
                self.push_scalar(text, false, mark);
                Ok(())
            }
            _ if self.starts_plain(c, blank_next) => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let (text, crossed_line) = self.plain_scalar()?;
                if crossed_line {
                    self.simple_key_allowed = true;
                }
                self.push_scalar(text, true, mark);
                Ok(())
            }
            _ => self.problem(mark, "found character that cannot start any token"),
        }
    }

    fn starts_plain(&self, c: char, blank_next: bool) -> bool {
        let indicator = matches!(
            c,
            '-' | '?'
                | ':'
                | ','
                | '['
                | ']'
                | '{'
                | '}'
                | '#'
                | '&'
                | '*'
                | '!'
                | '|'
                | '>'
                | '\''
                | '"'
                | '%'
                | '@'
                | '`'
        );
        let blank = self.reader.is_blank_or_end(0);
        !(blank || indicator)
            || (c == '-' && !self.reader.is_blank(1))
            || (self.flow_level == 0 && matches!(c, '?' | ':') && !blank_next)
    }

    fn pass_to_token(&mut self) {
        loop {
            if self.reader.mark.index == 0 && self.reader.peek(0) == '\u{feff}' {
                self.reader.skip();
            }
            self.reader.skip_spaces(usize::MAX);
            while self.reader.peek(0) == ' '
                || ((self.flow_level > 0 || !self.simple_key_allowed) && self.reader.peek(0) == '\t')
            {
                self.reader.skip();
            }
            if self.reader.peek(0) == '#' {
                self.reader.take_line(|_| false);
            }
            if !self.reader.is_break(0) {
                return;
            }
            self.reader.line_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    pub(super) fn save_simple_key(&mut self) -> Scan<()> {
        let required = self.flow_level == 0 && self.indent == self.reader.mark.column as isize;
        if self.simple_key_allowed {
            let key = SimpleKey {
                possible: true,
                required,
                token: self.taken + self.tokens.len(),
                mark: self.reader.mark,
            };
            self.remove_simple_key()?;
            // Nobody asks for a token that was handed out.
            let taken = self.taken;
            self.keys_by_token
                .retain(|(token, _)| *token >= taken && *token != key.token);
            self.keys_by_token.push((key.token, self.simple_keys.len() - 1));
            if let Some(last) = self.simple_keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scan<()> {
        let Some(key) = self.simple_keys.last().copied() else {
            return Ok(());
        };
        if key.possible && key.required {
            return self.problem(key.mark, "could not find expected ':'");
        }
        if key.possible {
            self.forget(key.token);
        }
        if let Some(last) = self.simple_keys.last_mut() {
            last.possible = false;
        }
        Ok(())
    }

    fn forget(&mut self, token: usize) {
        self.keys_by_token.retain(|(known, _)| *known != token);
    }

    /// Opens a block collection when the column is further in; the token goes
    /// to place `at` in the stream, or to the end.
    fn roll(&mut self, column: usize, at: Option<usize>, token: Token, mark: Mark) -> Scan<()> {
        if self.flow_level > 0 || self.indent >= column as isize {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        if self.indents.len() > MAX_LEVEL {
            return self.problem(self.reader.mark, "exceeded max depth of 10000");
        }
        match at {
            Some(number) => self.insert(number, token, mark),
            None => self.push(token, mark),
        }
        Ok(())
    }

    fn unroll(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Token::BlockEnd, self.reader.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        if self.reader.mark.column != 0 {
            self.reader.mark.column = 0;
            self.reader.mark.line += 1;
        }
        self.unroll(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Token::StreamEnd, self.reader.mark);
        self.done = true;
        Ok(())
    }

    fn single(&mut self, token: Token) -> Scan<()> {
        let mark = self.reader.mark;
        self.reader.skip();
        self.push(token, mark);
        Ok(())
    }

    fn flow_start(&mut self, token: Token) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            token: self.taken + self.tokens.len(),
            ..SimpleKey::default()
        });
        self.flow_level += 1;
        if self.flow_level > MAX_LEVEL {
            return self.problem(self.reader.mark, "exceeded max depth of 10000");
        }
        self.simple_key_allowed = true;
        self.single(token)
    }

    fn flow_end(&mut self, token: Token) -> Scan<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            // Of an empty collection this is the collection itself, as in go-yaml: it cannot be a key then.
            if let Some(key) = self.simple_keys.pop() {
                self.forget(key.token);
            }
        }
        self.simple_key_allowed = false;
        self.single(token)
    }

    fn block_entry(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.problem(mark, "block sequence entries are not allowed in this context");
            }
            self.roll(mark.column, None, Token::BlockSequenceStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.single(Token::BlockEntry)
    }

    fn key(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.problem(mark, "mapping keys are not allowed in this context");
            }
            self.roll(mark.column, None, Token::BlockMappingStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.single(Token::Key)
    }

    fn value(&mut self) -> Scan<()> {
        let mark = self.reader.mark;
        let level = self.simple_keys.len() - 1;
        let key = self.simple_keys[level];
        if self.is_key_valid(level)? {
            self.insert(key.token, Token::Key, key.mark);
            self.roll(
                key.mark.column,
                Some(key.token),
                Token::BlockMappingStart,
                key.mark,
            )?;
            self.simple_keys[level].possible = false;
            self.forget(key.token);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.problem(mark, "mapping values are not allowed in this context");
                }
                self.roll(mark.column, None, Token::BlockMappingStart, mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.single(Token::Value)
    }
}
