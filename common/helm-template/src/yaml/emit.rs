//! Prints values as go-yaml 2 prints what `encoding/json` made of them, and as go-yaml 3 prints them as they are.

use super::analyze::analyze;
use super::emit_scalar::carried;
use super::order;
use super::resolve::{Scalar, resolve};
use super::text::{Text, kind};
use crate::functions::json;
use crate::native::{Field, Native, Struct};
use crate::template::number::{format_float, format_float_json};
use crate::value::Value;
use base64::Engine as _;

/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 5_000;

/// The YAML text of `value`, with a newline at its end.
///
/// # Errors
/// What `encoding/json` or go-yaml refuse: NaN, infinities, control characters.
pub(crate) fn emit_value(value: &Value) -> Result<String, String> {
    let mut emitter = Emitter::new();
    emitter.document(value)?;
    Ok(emitter.out)
}

/// As [`emit_value`], in a string that is there, and whether it went well.
pub(crate) fn emit_into(room: String, value: &Value) -> (String, bool) {
    let mut emitter = Emitter {
        out: room,
        ..Emitter::new()
    };
    let written = emitter.document(value).is_ok();
    (emitter.out, written)
}

/// `toYamlPretty`, which is go-yaml 3 without JSON in between: sequences in mappings are indented too, lines are as long
/// as they are, floats are Go's, and bytes are sequences of numbers.
pub(crate) fn emit_pretty(value: &Value) -> Result<String, String> {
    let mut emitter = Emitter {
        third: true,
        ..Emitter::new()
    };
    emitter.document(value)?;
    let text = emitter.out;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Sequence,
    Mapping,
    SimpleKey,
}

pub(super) struct Emitter {
    pub(super) out: String,
    pub(super) column: usize,
    pub(super) indent: isize,
    /// The last character was white space, or a line began.
    pub(super) whitespace: bool,
    /// Only indentation and indicators stand on the line.
    pub(super) indention: bool,
    depth: usize,
    /// By go-yaml 3's rules.
    pub(super) third: bool,
}

impl Emitter {
    fn new() -> Self {
        Self {
            out: String::new(),
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            depth: 0,
            third: false,
        }
    }

    fn document(&mut self, value: &Value) -> Result<(), String> {
        self.node(value, Place::Root)?;
        self.indent = 0;
        self.write_indent();
        Ok(())
    }

    fn node(&mut self, value: &Value, place: Place) -> Result<(), String> {
        match value {
            Value::Invalid | Value::Nil => self.word("null", place),
            Value::Bool(value) => self.word(if *value { "true" } else { "false" }, place),
            Value::Int(value, _) => self.word(&value.to_string(), place),
            Value::Uint(value, _) => self.word(&value.to_string(), place),
            Value::Float(value) => {
                let text = if self.third {
                    float_as_it_is(*value)
                } else {
                    float(*value)?
                };
                self.word(&text, place);
            }
            Value::Str(text) => self.string(text, place)?,
            Value::RawStr(bytes) if self.third => {
                let coded = base64::engine::general_purpose::STANDARD.encode(bytes);
                self.indicator("!!binary", true, false, false);
                self.word(&coded, place);
            }
            Value::RawStr(bytes) => self.string(&crate::unicode::lossy(bytes), place)?,
            Value::Bytes(bytes) if self.third => {
                let numbers = bytes.iter().map(|byte| Value::int(i64::from(*byte)));
                self.sequence(&numbers.collect::<Vec<_>>(), place)?;
            }
            Value::Bytes(bytes) => {
                self.string(&base64::engine::general_purpose::STANDARD.encode(bytes), place)?;
            }
            Value::List(list) if list.nil && !self.third => self.word("null", place),
            Value::Map(map) if map.is_nil() && !self.third => self.word("null", place),
            Value::List(list) => self.sequence(&list.items, place)?,
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.mapping(entries.iter().map(|(key, value)| (&**key, value)))?;
            }
            Value::Native(native) => self.native(native, place)?,
        }
        Ok(())
    }

    fn native(&mut self, native: &Native, place: Place) -> Result<(), String> {
        match native {
            Native::Time(time) if self.third => {
                self.word(&crate::functions::date::rfc3339(time), place);
                Ok(())
            }
            Native::Struct(s) if self.third => self.plain_struct(s),
            Native::Struct(s) => {
                let fields = s
                    .fields
                    .iter()
                    .filter(|field| !field.omit_empty || field.value.is_true())
                    .map(|field| (field.json, &field.value));
                self.mapping(fields)
            }
            Native::Files(files) => {
                let entries: Vec<_> = files
                    .iter()
                    .map(|(name, data)| (name.as_str(), Value::Bytes(data.clone().into())))
                    .collect();
                self.mapping(entries.iter().map(|(name, data)| (*name, data)))
            }
            other => match json::native(other)? {
                Value::List(list) => self.sequence(&list.items, place),
                scalar => self.node(&scalar, place),
            },
        }
    }

    /// A struct by go-yaml 3 itself, which knows nothing of names in JSON: all fields, in lower case, as they stand.
    fn plain_struct(&mut self, found: &Struct) -> Result<(), String> {
        let (embedded, own) = found.fields.split_at(found.embedded().unwrap_or(0));
        self.deeper(|this| {
            this.increase_indent(false, false);
            if !embedded.is_empty() {
                this.write_indent();
                this.key(Text::new("metadata"));
                this.deeper(|this| {
                    this.increase_indent(false, false);
                    this.plain_fields(embedded)
                })?;
            }
            this.plain_fields(own)
        })
    }

    fn plain_fields(&mut self, fields: &[Field]) -> Result<(), String> {
        fields
            .iter()
            .try_for_each(|field| self.entry(&field.name.to_lowercase(), &field.value))
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

    pub(super) fn increase_indent(&mut self, flow: bool, indentless: bool) {
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

    fn mapping<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v str, &'v Value)> + Clone,
    ) -> Result<(), String> {
        if entries.clone().next().is_none() {
            self.indicator("{", true, true, false);
            self.indicator("}", false, false, false);
            return Ok(());
        }
        self.deeper(|this| {
            this.increase_indent(false, false);
            if order::is_sorted(entries.clone().map(|(key, _)| key)) {
                return entries
                    .into_iter()
                    .try_for_each(|(key, value)| this.entry(key, value));
            }
            let sorted = order::sort(entries.collect());
            sorted
                .into_iter()
                .try_for_each(|(key, value)| this.entry(key, value))
        })
    }

    fn entry(&mut self, key: &str, value: &Value) -> Result<(), String> {
        self.write_indent();
        let text = Text::new(key);
        if self.third || !text.has(kind::ODD) {
            self.key(text);
        } else {
            self.key(Text::new(&carried(key)?));
        }
        self.node(value, Place::Mapping)
    }

    fn key(&mut self, key: Text<'_>) {
        let simple = key.text.len() <= 128 && !analyze(key).multiline;
        if simple {
            self.text(key, Place::SimpleKey);
            self.indicator(":", false, false, false);
        } else {
            self.indicator("?", true, false, true);
            self.text(key, Place::Mapping);
            self.write_indent();
            self.indicator(":", true, false, true);
        }
    }

    pub(super) fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    /// Writes what stands on one line and is that many characters long.
    pub(super) fn put_str(&mut self, text: &str, characters: usize) {
        self.out.push_str(text);
        self.column += characters;
    }

    pub(super) fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    pub(super) fn write_indent(&mut self) {
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

    pub(super) fn indicator(
        &mut self,
        text: &str,
        need_whitespace: bool,
        is_whitespace: bool,
        is_indention: bool,
    ) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.put_str(text, text.len());
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }
}

/// A float as it looks after JSON and back.
fn float(value: f64) -> Result<String, String> {
    const WHOLE: std::ops::Range<f64> = -1e15..1e15;
    if WHOLE.contains(&value) && value.fract() == 0.0 {
        return Ok((value as i64).to_string());
    }
    if !value.is_finite() {
        let shown = format_float(value);
        return Err(format!(
            "error marshaling into JSON: json: unsupported value: {shown}"
        ));
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
