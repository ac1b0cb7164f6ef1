//! The characters of a YAML text, with line and column.

/// A place in the text, lines and columns counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub index: usize,
    pub line: usize,
    pub column: usize,
}

/// A problem, and the line that go-yaml names.
#[derive(Debug)]
pub(super) struct Problem {
    pub text: &'static str,
    /// From 1; 0 when go-yaml names none.
    pub line: usize,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "yaml: {}", self.text),
            line => write!(f, "yaml: line {line}: {}", self.text),
        }
    }
}

pub(super) struct Reader {
    chars: Vec<char>,
    pub mark: Mark,
}

impl Reader {
    /// Refuses control characters, as libyaml's reader does.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let allowed = |c: char| {
            matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
                || c > '\u{ffff}'
        };
        let mut chars = Vec::with_capacity(text.len());
        for c in text.chars() {
            if !allowed(c) {
                return Err(Problem {
                    text: "control characters are not allowed",
                    line: 0,
                });
            }
            chars.push(c);
        }
        Ok(Self {
            chars,
            mark: Mark::default(),
        })
    }

    /// The character `n` ahead; `\0` behind the end.
    pub fn peek(&self, n: usize) -> char {
        self.chars.get(self.mark.index + n).copied().unwrap_or('\0')
    }

    pub fn at_end(&self, n: usize) -> bool {
        self.mark.index + n >= self.chars.len()
    }

    pub fn skip(&mut self) -> char {
        let c = self.peek(0);
        self.mark.index += 1;
        self.mark.column += 1;
        c
    }

    pub fn skip_n(&mut self, n: usize) {
        for _ in 0..n {
            self.skip();
        }
    }

    /// Passes a line break and gives it as text: CR LF, CR, LF, NEL become LF.
    pub fn line_break(&mut self) -> char {
        let c = self.peek(0);
        let length = if c == '\r' && self.peek(1) == '\n' { 2 } else { 1 };
        self.mark.index += length;
        self.mark.column = 0;
        self.mark.line += 1;
        if matches!(c, '\r' | '\n' | '\u{85}') {
            '\n'
        } else {
            c
        }
    }

    pub fn is_blank(&self, n: usize) -> bool {
        matches!(self.peek(n), ' ' | '\t')
    }

    pub fn is_break(&self, n: usize) -> bool {
        matches!(self.peek(n), '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
    }

    pub fn is_break_or_end(&self, n: usize) -> bool {
        self.is_break(n) || self.at_end(n)
    }

    pub fn is_blank_or_end(&self, n: usize) -> bool {
        self.is_blank(n) || self.is_break_or_end(n)
    }

    /// `---` or `...` at the start of a line.
    pub fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!(
                (self.peek(0), self.peek(1), self.peek(2)),
                ('-', '-', '-') | ('.', '.', '.')
            )
            && self.is_blank_or_end(3)
    }
}
