//! Prints values as go-yaml 2 prints what `encoding/json` made of them, and as go-yaml 3 prints them as they are.

use super::analyze::{analyze, escape, is_base60, is_break, is_printable};
use super::resolve::{Scalar, resolve};
use super::{compose, order};
use crate::functions::json;
use crate::native::Native;
use crate::template::number::{format_float, format_float_json};
use crate::value::Value;
use base64::Engine as _;

/// Longer lines are folded at spaces.
const WIDTH: usize = 80;

/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 5_000;

/// The YAML text of `value`, with a newline at its end.
///
/// # Errors
/// What `encoding/json` or go-yaml refuse: NaN, infinities, control characters.
pub(crate) fn emit_value(value: &Value) -> Result<String, String> {
    Emitter::new().document(value)
}

/// `toYamlPretty`, which is go-yaml 3 without JSON in between: sequences in mappings are indented too, lines are as long
/// as they are, floats are Go's, and bytes are sequences of numbers.
pub(crate) fn emit_pretty(value: &Value) -> Result<String, String> {
    let mut emitter = Emitter {
        third: true,
        ..Emitter::new()
    };
    let text = emitter.document(value)?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Sequence,
    Mapping,
    SimpleKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Emitter {
    out: String,
    column: usize,
    indent: isize,
    /// The last character was white space, or a line began.
    whitespace: bool,
    /// Only indentation and indicators stand on the line.
    indention: bool,
    depth: usize,
    /// By go-yaml 3's rules.
    third: bool,
}

impl Emitter {
    fn new() -> Self {
        Self {
            out: String::with_capacity(256),
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            depth: 0,
            third: false,
        }
    }

    fn document(&mut self, value: &Value) -> Result<String, String> {
        self.node(value, Place::Root)?;
        self.indent = 0;
        self.write_indent();
        Ok(std::mem::take(&mut self.out))
    }

    fn node(&mut self, value: &Value, place: Place) -> Result<(), String> {
        match value {
            Value::Invalid | Value::Nil => self.scalar("null", Style::Plain, place),
            Value::Bool(value) => self.scalar(if *value { "true" } else { "false" }, Style::Plain, place),
            Value::Int(value, _) => self.scalar(&value.to_string(), Style::Plain, place),
            Value::Uint(value, _) => self.scalar(&value.to_string(), Style::Plain, place),
            Value::Float(value) => {
                let text = if self.third {
                    float_as_it_is(*value)
                } else {
                    float(*value)?
                };
                self.scalar(&text, Style::Plain, place);
            }
            Value::Str(text) => self.string(text, place)?,
            Value::RawStr(bytes) if self.third => {
                let coded = base64::engine::general_purpose::STANDARD.encode(bytes);
                self.indicator("!!binary", true, false, false);
                self.scalar(&coded, Style::Plain, place);
            }
            Value::RawStr(bytes) => self.string(&crate::unicode::lossy(bytes), place)?,
            Value::Bytes(bytes) if self.third => {
                let numbers = bytes.iter().map(|byte| Value::int(i64::from(*byte)));
                self.sequence(&numbers.collect::<Vec<_>>(), place)?;
            }
            Value::Bytes(bytes) => {
                self.string(&base64::engine::general_purpose::STANDARD.encode(bytes), place)?;
            }
            Value::List(list) if list.nil && !self.third => self.scalar("null", Style::Plain, place),
            Value::Map(map) if map.is_nil() && !self.third => self.scalar("null", Style::Plain, place),
            Value::List(list) => self.sequence(&list.items, place)?,
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.mapping(
                    entries.iter().map(|(key, value)| (&**key, value)).collect(),
                    place,
                )?;
            }
            Value::Native(native) => self.native(native, place)?,
        }
        Ok(())
    }

    fn native(&mut self, native: &Native, place: Place) -> Result<(), String> {
        match native {
            Native::Time(time) if self.third => {
                self.scalar(&crate::functions::date::rfc3339(time), Style::Plain, place);
                Ok(())
            }
            Native::Struct(s) => {
                let fields = s
                    .fields
                    .iter()
                    .filter(|field| !field.omit_empty || field.value.is_true())
                    .map(|field| (field.json, &field.value));
                self.mapping(fields.collect(), place)
            }
            Native::Files(files) => {
                let entries: Vec<_> = files
                    .iter()
                    .map(|(name, data)| (name.as_str(), Value::Bytes(data.clone())))
                    .collect();
                self.mapping(entries.iter().map(|(name, data)| (*name, data)).collect(), place)
            }
            other => match json::native(other) {
                Value::List(list) => self.sequence(&list.items, place),
                scalar => self.node(&scalar, place),
            },
        }
    }

    fn deeper<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= MAX_DEPTH {
            return Err("exceeded max depth".into());
        }
        self.depth += 1;
        let indent = self.indent;
        let result = crate::stack::grow(|| body(self));
        self.indent = indent;
        self.depth -= 1;
        result
    }

    fn increase_indent(&mut self, flow: bool, indentless: bool) {
        if self.indent < 0 {
            self.indent = if flow { 2 } else { 0 };
        } else if !indentless {
            self.indent += 2;
        }
    }

    fn sequence(&mut self, items: &[Value], place: Place) -> Result<(), String> {
        if items.is_empty() {
            self.indicator("[", true, true, false);
            self.indicator("]", false, false, false);
            return Ok(());
        }
        let indentless = place == Place::Mapping && !self.indention && !self.third;
        self.deeper(|this| {
            this.increase_indent(false, indentless);
            for item in items {
                this.write_indent();
                this.indicator("-", true, false, true);
                this.node(item, Place::Sequence)?;
            }
            Ok(())
        })
    }

    fn mapping(&mut self, entries: Vec<(&str, &Value)>, _place: Place) -> Result<(), String> {
        if entries.is_empty() {
            self.indicator("{", true, true, false);
            self.indicator("}", false, false, false);
            return Ok(());
        }
        self.deeper(|this| {
            this.increase_indent(false, false);
            for (key, value) in order::sort(entries) {
                this.write_indent();
                let key = carried(key)?;
                if key.len() <= 128 && !analyze(&key).multiline {
                    this.string(&key, Place::SimpleKey)?;
                    this.indicator(":", false, false, false);
                } else {
                    this.indicator("?", true, false, true);
                    this.string(&key, Place::Mapping)?;
                    this.write_indent();
                    this.indicator(":", true, false, true);
                }
                this.node(value, Place::Mapping)?;
            }
            Ok(())
        })
    }

    fn string(&mut self, text: &str, place: Place) -> Result<(), String> {
        let text = carried(text)?;
        let plain = matches!(resolve(&text), Scalar::Str) && !is_base60(&text);
        let style = if text.contains('\n') {
            Style::Literal
        } else if plain {
            Style::Plain
        } else {
            Style::Double
        };
        self.scalar(&text, style, place);
        Ok(())
    }

    fn scalar(&mut self, text: &str, mut style: Style, place: Place) {
        let found = analyze(text);
        let simple_key = place == Place::SimpleKey;
        if simple_key && found.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!found.plain || text.is_empty() && simple_key) {
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

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    /// Writes what stands on one line and is that many characters long.
    fn put_str(&mut self, text: &str, characters: usize) {
        self.out.push_str(text);
        self.column += characters;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            const SPACES: &str = "                                ";
            let some = SPACES.get(..indent - self.column).unwrap_or(SPACES);
            self.put_str(some, some.len());
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.put_str(text, text.len());
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    /// Folds at a space when the line is full; false leaves the space to write.
    fn fold(&mut self, allowed: bool) -> bool {
        if allowed && !self.third && self.column > WIDTH {
            self.write_indent();
            return true;
        }
        false
    }

    fn write_plain(&mut self, text: &str, breaks: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        if text.is_ascii() && (!breaks || self.third || self.column + text.len() <= WIDTH) {
            // Too short to be folded.
            self.put_str(text, text.len());
            self.whitespace = false;
            self.indention = false;
            return;
        }
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

    fn write_single(&mut self, text: &str, breaks_allowed: bool) {
        self.indicator("'", true, false, false);
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

    fn write_double(&mut self, text: &str, breaks: bool) {
        self.indicator("\"", true, false, false);
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

    fn write_literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        let starts_blank = text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        if starts_blank {
            self.indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
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
        let mut rest = text;
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

/// A float as it looks after JSON and back.
fn float(value: f64) -> Result<String, String> {
    if !value.is_finite() {
        return Err(format!("json: unsupported value: {}", format_float(value)));
    }
    let text = format_float_json(value);
    Ok(match resolve(&text) {
        Scalar::Float(float) => format_float(float),
        Scalar::Int(int) => int.to_string(),
        Scalar::Uint(uint) => uint.to_string(),
        _ => text,
    })
}

/// A float as go-yaml 3 writes it.
fn float_as_it_is(value: f64) -> String {
    if value.is_nan() {
        ".nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf" } else { "-.inf" }.into()
    } else {
        format_float(value)
    }
}

/// A string as it comes through JSON: go-yaml refuses control characters that
/// JSON does not escape, and folds what it takes for a line break.
fn carried(text: &str) -> Result<std::borrow::Cow<'_, str>, String> {
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
