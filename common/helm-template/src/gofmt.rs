//! Text as Go's `fmt` and `strconv` write it.

use crate::native::{Native, Struct};
use crate::template::number::format_float;
use crate::value::Value;
use std::io::Write as _;

/// Values nested deeper than this are cut: only a map that contains itself is.
const MAX_DEPTH: usize = 10_000;

/// The text of a value is cut at this length: one that contains itself twice has no end. Nothing that is cut is used,
/// since a function's text this long is more than a rendering may produce ([`crate::Limits`]).
pub(crate) const MAX_LENGTH: usize = 64 << 20;

/// How deep in a value printing is, and how far its text may go.
#[derive(Clone, Copy)]
pub(crate) struct Depth {
    levels: usize,
    end: usize,
}

impl Depth {
    /// At the value itself, whose text begins at the end of `out`.
    pub fn start(out: &[u8]) -> Self {
        let end = out.len().saturating_add(MAX_LENGTH);
        Self { levels: 0, end }
    }

    pub fn deeper(self) -> Self {
        let levels = self.levels + 1;
        Self { levels, ..self }
    }

    /// As if the value stood by itself.
    pub fn outermost(self) -> Self {
        Self { levels: 0, ..self }
    }

    pub fn is_inside(self) -> bool {
        self.levels > 0
    }

    pub fn is_over(self, out: &[u8]) -> bool {
        self.levels > MAX_DEPTH || out.len() > self.end
    }
}

/// `strconv.IsPrint`
pub(crate) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        matches!(c, ' '..='~')
    } else {
        crate::unicode::is_graphic(c)
    }
}

/// `strconv.Quote`.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        quote_char(&mut out, c, '"', false);
    }
    out.push('"');
    out
}

/// `strconv.Quote` of any bytes.
pub(crate) fn quote_bytes(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            quote_char(&mut out, c, '"', ascii);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

/// One character as it stands in a Go literal delimited by `delimiter`.
pub(crate) fn quote_char(out: &mut String, c: char, delimiter: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == delimiter => {
            out.push('\\');
            out.push(c);
        }
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if is_print(c) && (!ascii || c.is_ascii()) => out.push(c),
        c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// `%#U`: the code point, and the character if it can be printed.
pub(crate) fn unicode_point(c: char) -> String {
    let shown = if is_print(c) {
        format!(" '{c}'")
    } else {
        String::new()
    };
    format!("U+{:04X}{shown}", u32::from(c))
}

/// What `{{ value }}` and `fmt.Fprint` write.
pub(crate) fn print(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Invalid => out.extend_from_slice(b"<no value>"),
        Value::Nil => out.extend_from_slice(b"<nil>"),
        // In a template it is addressable, so that Go finds its String method.
        Value::Native(native) if native.type_name() == "chartutil.KubeVersion" => {
            print_operand(&value.native_field("Version"), out);
        }
        // A pointer is followed.
        Value::Native(native) => match &**native {
            Native::Struct(found) if found.pointer && native.stringer().is_none() => {
                print_struct(found, "{", out, false, Depth::start(out));
            }
            _ => print_verb_v(value, out, false, Depth::start(out)),
        },
        value => print_verb_v(value, out, false, Depth::start(out)),
    }
}

/// `fmt.Sprint(values...)`: a space between operands neither of which is a string.
pub(crate) fn sprint(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let is_string = |v: &Value| v.string_bytes().is_some();
        if i > 0 && !is_string(value) && !is_string(&values[i - 1]) {
            out.push(b' ');
        }
        print_operand(value, &mut out);
    }
    out
}

/// `fmt.Sprintln(values...)`.
pub(crate) fn sprintln(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        print_operand(value, &mut out);
    }
    out.push(b'\n');
    out
}

/// `%v` of one operand; nil is `<nil>`.
pub(crate) fn print_operand(value: &Value, out: &mut Vec<u8>) {
    print_verb_v(value, out, false, Depth::start(out));
}

/// `%v`, or `%+v` with field names.
pub(crate) fn print_verb_v(value: &Value, out: &mut Vec<u8>, plus: bool, depth: Depth) {
    if depth.is_over(out) {
        out.extend_from_slice(b"...");
        return;
    }
    match value {
        Value::Invalid | Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => push(out, if *value { "true" } else { "false" }),
        Value::Int(value, _) => {
            let _ = write!(out, "{value}");
        }
        Value::Uint(value, _) => {
            let _ = write!(out, "{value}");
        }
        Value::Float(value) => push(out, &format_float(*value)),
        Value::Str(text) => push(out, text),
        Value::RawStr(bytes) => out.extend_from_slice(bytes),
        Value::Bytes(bytes) => {
            out.push(b'[');
            for (i, byte) in bytes.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                let _ = write!(out, "{byte}");
            }
            out.push(b']');
        }
        Value::List(list) => print_items(list.items.iter(), out, plus, depth),
        Value::Map(map) => crate::stack::grow(|| {
            push(out, "map[");
            for (i, (key, value)) in map.entries.borrow().iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                push(out, key);
                out.push(b':');
                print_verb_v(value, out, plus, depth.deeper());
            }
            out.push(b']');
        }),
        Value::Native(native) => print_native(native, out, plus, depth),
    }
}

fn print_items<'v>(items: impl Iterator<Item = &'v Value>, out: &mut Vec<u8>, plus: bool, depth: Depth) {
    crate::stack::grow(|| {
        out.push(b'[');
        for (i, item) in items.enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            print_verb_v(item, out, plus, depth.deeper());
        }
        out.push(b']');
    });
}

fn print_native(native: &Native, out: &mut Vec<u8>, plus: bool, depth: Depth) {
    if let Some(text) = native.stringer() {
        push(out, &text);
        return;
    }
    match native {
        Native::Struct(s) => {
            if s.pointer && depth.is_inside() {
                // Go prints an address here; any will do.
                push(out, "0xc000000000");
                return;
            }
            print_struct(s, if s.pointer { "&{" } else { "{" }, out, plus, depth);
        }
        Native::Files(files) => {
            push(out, "map[");
            for (i, (name, data)) in files.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                push(out, name);
                out.push(b':');
                print_verb_v(&Value::Bytes(data.clone().into()), out, plus, depth.deeper());
            }
            out.push(b']');
        }
        Native::ApiVersions(versions) => {
            let items: Vec<Value> = versions.iter().map(|v| Value::str(v.as_str())).collect();
            print_items(items.iter(), out, plus, depth);
        }
        Native::Time(_) | Native::Version(_) => {}
    }
}

/// A struct's fields behind `open`.
fn print_struct(s: &Struct, open: &str, out: &mut Vec<u8>, plus: bool, depth: Depth) {
    push(out, open);
    let embedded = s.embedded();
    push(
        out,
        match (embedded.is_some(), plus) {
            (true, true) => "Metadata:{",
            (true, false) => "{",
            (false, _) => "",
        },
    );
    for (i, field) in s.fields.iter().enumerate() {
        if embedded == Some(i) {
            out.push(b'}');
        }
        if i > 0 {
            out.push(b' ');
        }
        if plus {
            push(out, field.name);
            out.push(b':');
        }
        print_verb_v(&field.value, out, plus, depth.deeper());
    }
    out.push(b'}');
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Whether a literal in backquotes can hold the character.
pub(crate) fn fits_backquotes(c: char) -> bool {
    c == '\t' || c >= ' ' && c != '`' && c != '\u{7f}' && c != '\u{feff}'
}

/// As `regexp.MustCompile` quotes a pattern: in backquotes if they can hold it.
pub(crate) fn backquote(text: &str) -> String {
    if text.chars().all(fits_backquotes) {
        format!("`{text}`")
    } else {
        quote(text)
    }
}
