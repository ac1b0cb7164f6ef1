//! Reads line by line, without tokens, the YAML that charts write and that we print: block mappings and sequences,
//! scalars on their line, literal blocks. Whatever else there is, mistakes included, is left to the scanner.

use super::compose::Data;
use super::head::Nothing;
use super::resolve::{Scalar, resolve};
use std::borrow::Cow;

/// Collections that nest deeper are left to the scanner.
const MAX_DEPTH: usize = 100;

/// Keys that are longer are left to the scanner, which refuses some.
const MAX_KEY: usize = 500;

/// The data of `text`; nothing if the scanner has to look at it.
pub(super) fn read<D: Data>(text: &str) -> Option<D> {
    // Piece by piece and without a way out of it, this is done for many bytes at once.
    let common = |piece: &[u8]| {
        let fits = piece.iter().map(|b| matches!(b, b'\n' | b' '..=b'~'));
        fits.fold(true, |all, fits| all & fits)
    };
    if !text.as_bytes().chunks(256).all(common) {
        return None;
    }
    let mut lines = Lines {
        text,
        at: 0,
        column: 0,
        depth: 0,
    };
    lines.next_line()?;
    if lines.at_end() {
        return None;
    }
    let data = lines.block(-1)?;
    lines.at_end().then_some(data)
}

/// A text of printable ASCII and line feeds, and a place in it.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    /// How far in its line the place is.
    column: isize,
    depth: usize,
}

impl<'t> Lines<'t> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether there is white space, a line break or the end, that far ahead.
    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), None | Some(b' ' | b'\n'))
    }

    fn pass(&mut self, count: usize) {
        self.at += count;
        self.column += count as isize;
    }

    fn pass_spaces(&mut self) {
        let bytes = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = bytes.iter().position(|b| *b != b' ');
        self.pass(count.unwrap_or(bytes.len()));
    }

    /// The rest of the line, which is passed, its end too.
    fn take_line(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        self.at = (self.at + line.len() + 1).min(self.text.len());
        self.column = 0;
        line
    }

    /// From the start of a line to the next that is not empty nor a comment, behind its indentation.
    fn next_line(&mut self) -> Option<()> {
        self.column = 0;
        loop {
            self.pass_spaces();
            match self.byte(0) {
                Some(b'\n' | b'#') => {
                    self.take_line();
                }
                Some(b'-' | b'.') if self.column == 0 && self.at_document_indicator() => return None,
                _ => return Some(()),
            }
        }
    }

    fn at_document_indicator(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.starts_with("---") || rest.starts_with("...")
    }

    /// Ends a line of which nothing may be left but a comment.
    fn end_line(&mut self) -> Option<()> {
        let spaces = self.at;
        self.pass_spaces();
        match self.byte(0) {
            None | Some(b'\n') => {}
            Some(b'#') if self.at > spaces => {}
            _ => return None,
        }
        self.take_line();
        self.next_line()
    }

    fn at_entry(&self) -> bool {
        self.byte(0) == Some(b'-') && self.is_blank(1)
    }

    /// A node that begins here, in a collection at column `outer`: its first line may hold an entry or a key.
    fn block<D: Data>(&mut self, outer: isize) -> Option<D> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let data = if self.at_entry() {
            self.sequence(self.column)
        } else if let Some(key) = self.key() {
            self.mapping(self.column, key)
        } else {
            self.scalar(outer)
        };
        self.depth -= 1;
        data
    }

    fn sequence<D: Data>(&mut self, column: isize) -> Option<D> {
        let mut items = Vec::new();
        while self.column == column && self.at_entry() && !self.at_end() {
            self.pass(1);
            self.pass_spaces();
            let item = match self.byte(0) {
                None | Some(b'\n' | b'#') => {
                    self.end_line()?;
                    if self.column > column && !self.at_end() {
                        self.block(column)?
                    } else {
                        D::null()
                    }
                }
                _ => self.block(column)?,
            };
            items.push(item);
        }
        Some(D::list(items))
    }

    fn mapping<D: Data>(&mut self, column: isize, first: Key<'t>) -> Option<D> {
        let mut members = D::Members::default();
        let mut key = first;
        loop {
            self.pass(key.length);
            let name = key.name()?;
            if D::keeps(&name) {
                D::insert(&mut members, name, self.value(column)?);
            } else {
                self.value::<Nothing>(column)?;
            }
            if self.at_end() || self.column < column {
                return Some(D::map(members));
            }
            if self.column > column || self.at_entry() {
                return None;
            }
            key = self.key()?;
        }
    }

    /// What follows the colon of a key at `column`.
    fn value<D: Data>(&mut self, column: isize) -> Option<D> {
        self.pass_spaces();
        if !matches!(self.byte(0), None | Some(b'\n' | b'#')) {
            return self.scalar(column);
        }
        self.end_line()?;
        if self.at_end() || self.column < column {
            return Some(D::null());
        }
        if self.column > column {
            return self.block(column);
        }
        if self.at_entry() {
            return self.sequence(column);
        }
        Some(D::null())
    }

    /// The key that begins here, if what begins here is one.
    fn key(&self) -> Option<Key<'t>> {
        let rest = self.text.get(self.at..)?;
        let bytes = rest.as_bytes();
        let first = *bytes.first()?;
        if first == b'"' || first == b'\'' {
            let (text, length) = quoted(rest)?;
            let ends = bytes.get(length) == Some(&b':')
                && matches!(bytes.get(length + 1), None | Some(b' ' | b'\n'));
            return (ends && text.len() <= MAX_KEY).then_some(Key {
                text,
                plain: false,
                length: length + 1,
            });
        }
        if !starts_plain(first, rest) {
            return None;
        }
        let (text, end) = words(rest);
        (bytes.get(end) == Some(&b':') && end <= MAX_KEY).then_some(Key {
            text: text.into(),
            plain: true,
            length: end + 1,
        })
    }

    /// A scalar that begins here, in a collection at column `outer`.
    fn scalar<D: Data>(&mut self, outer: isize) -> Option<D> {
        let rest = self.text.get(self.at..)?;
        match rest.as_bytes().first()? {
            b'"' | b'\'' => {
                let (text, length) = quoted(rest)?;
                self.pass(length);
                self.end_line()?;
                Some(D::text(text))
            }
            b'|' => Some(D::text(self.literal(outer)?.into())),
            b'[' if rest.starts_with("[]") => {
                self.pass(2);
                self.end_line()?;
                Some(D::list(Vec::new()))
            }
            b'{' if rest.starts_with("{}") => {
                self.pass(2);
                self.end_line()?;
                Some(D::map(D::Members::default()))
            }
            b if starts_plain(*b, rest) => self.plain(outer),
            _ => None,
        }
    }

    /// A plain scalar with the lines on which it goes on.
    fn plain<D: Data>(&mut self, outer: isize) -> Option<D> {
        let mut text = Cow::Borrowed("");
        // How many lines have ended since the last word.
        let mut ended = 0;
        loop {
            let (words, end) = words(self.text.get(self.at..)?);
            match ended {
                0 => text = words.into(),
                1 => *text.to_mut() += " ",
                ended => text.to_mut().extend(std::iter::repeat_n('\n', ended - 1)),
            }
            if ended > 0 {
                text.to_mut().push_str(words);
            }
            self.pass(end);
            match self.byte(0) {
                Some(b':') => return None,
                Some(b'#') => break,
                _ => {}
            }
            self.take_line();
            ended = 1;
            let mut start = self.at;
            self.pass_spaces();
            while self.byte(0) == Some(b'\n') {
                self.take_line();
                ended += 1;
                start = self.at;
                self.pass_spaces();
            }
            if self.column <= outer || matches!(self.byte(0), None | Some(b'#')) {
                self.at = start;
                break;
            }
            if self.column == 0 && self.at_document_indicator() {
                return None;
            }
        }
        if self.byte(0) == Some(b'#') {
            self.take_line();
        }
        self.next_line()?;
        match resolve(&text) {
            Scalar::Str | Scalar::Timestamp => Some(D::text(text)),
            Scalar::Null => Some(D::null()),
            Scalar::Bool(value) => Some(D::bool(value)),
            Scalar::Int(value) => Some(D::int(value)),
            Scalar::Uint(value) => Some(D::uint(value)),
            Scalar::Float(value) => value.is_finite().then(|| D::float(value)),
        }
    }

    /// A literal block, from its `|` on.
    fn literal(&mut self, outer: isize) -> Option<String> {
        self.pass(1);
        let (mut chomping, mut increment) = (None, 0);
        for _ in 0..2 {
            match self.byte(0) {
                Some(b @ (b'+' | b'-')) if chomping.is_none() => chomping = Some(b),
                Some(b @ b'1'..=b'9') if increment == 0 => increment = usize::from(b - b'0'),
                _ => break,
            }
            self.pass(1);
        }
        if !matches!(self.byte(0), None | Some(b'\n')) {
            return None;
        }
        self.take_line();
        let rest = self.text.get(self.at..)?;
        let indent = match increment {
            0 => widest(rest).max(usize::try_from(outer + 1).unwrap_or(0)).max(1),
            increment => usize::try_from(outer).unwrap_or(0) + increment,
        };
        let mut text = String::new();
        // Line breaks that are only written if something follows.
        let mut breaks = 0;
        let mut ended = false;
        loop {
            let rest = self.text.get(self.at..)?;
            let spaces = rest.bytes().take(indent).take_while(|b| *b == b' ').count();
            let after = rest.get(spaces..)?;
            if after.starts_with('\n') {
                breaks += 1;
                self.at += spaces + 1;
                continue;
            }
            if spaces < indent || after.is_empty() {
                break;
            }
            text.extend(std::iter::repeat_n('\n', breaks));
            self.at += spaces;
            text.push_str(self.take_line());
            ended = self.text.as_bytes().get(self.at.wrapping_sub(1)) == Some(&b'\n');
            breaks = usize::from(ended);
        }
        match chomping {
            Some(b'-') => {}
            Some(_) => text.extend(std::iter::repeat_n('\n', breaks)),
            None if ended => text.push('\n'),
            None => {}
        }
        self.next_line()?;
        Some(text)
    }
}

/// A key and its colon.
struct Key<'t> {
    text: Cow<'t, str>,
    plain: bool,
    /// With the colon, as it is written.
    length: usize,
}

impl<'t> Key<'t> {
    /// Its text, unless it is one of the keys that mean something else.
    fn name(self) -> Option<Cow<'t, str>> {
        if self.plain
            && (self.text == "<<" || !matches!(resolve(&self.text), Scalar::Str | Scalar::Timestamp))
        {
            return None;
        }
        Some(self.text)
    }
}

/// Whether a plain scalar begins a text that begins with that byte.
fn starts_plain(first: u8, text: &str) -> bool {
    match first {
        b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
        | b'@' | b'`' => false,
        b'-' | b'?' | b':' => !matches!(text.as_bytes().get(1), None | Some(b' ' | b'\n')),
        _ => true,
    }
}

/// The words of a plain scalar up to where its line ends, a comment or a colon follows; and where that is.
fn words(text: &str) -> (&str, usize) {
    let bytes = text.as_bytes();
    let stops = |at: usize, b: u8| match b {
        b'\n' => true,
        b':' => matches!(bytes.get(at + 1), None | Some(b' ' | b'\n')),
        b'#' => at
            .checked_sub(1)
            .is_none_or(|before| bytes.get(before) == Some(&b' ')),
        _ => false,
    };
    let end = bytes
        .iter()
        .enumerate()
        .position(|(at, b)| stops(at, *b))
        .unwrap_or(bytes.len());
    (text.get(..end).unwrap_or_default().trim_end_matches(' '), end)
}

/// The quoted scalar with which a text begins, if it ends on the same line, and its length as it is written.
fn quoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let single = text.starts_with('\'');
    let inside = text.get(1..)?;
    let bytes = inside.as_bytes();
    let stop = |b: &u8| {
        matches!(b, b'\n')
            || if single {
                *b == b'\''
            } else {
                matches!(b, b'"' | b'\\')
            }
    };
    let mut end = bytes.iter().position(stop)?;
    let mut unescaped = String::new();
    let mut copied = 0;
    loop {
        let escape = match (bytes.get(end)?, bytes.get(end + 1)) {
            (b'\'', Some(b'\'')) => "'",
            (b'\'' | b'"', _) => break,
            (b'\\', Some(b'"')) => "\"",
            (b'\\', Some(b'\\')) => "\\",
            (b'\\', Some(b'/')) => "/",
            (b'\\', Some(b'n')) => "\n",
            (b'\\', Some(b't')) => "\t",
            _ => return None,
        };
        unescaped.push_str(inside.get(copied..end)?);
        unescaped.push_str(escape);
        copied = end + 2;
        end = copied + bytes.get(copied..)?.iter().position(stop)?;
    }
    let rest = inside.get(copied..end)?;
    if copied == 0 {
        return Some((rest.into(), end + 2));
    }
    unescaped.push_str(rest);
    Some((unescaped.into(), end + 2))
}

/// The widest indentation among the empty lines with which a text begins and the line that follows.
fn widest(text: &str) -> usize {
    let mut widest = 0;
    for line in text.split('\n') {
        let spaces = line.bytes().take_while(|b| *b == b' ').count();
        widest = widest.max(spaces);
        if spaces < line.len() {
            break;
        }
    }
    widest
}
