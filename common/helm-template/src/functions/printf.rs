//! `fmt.Sprintf`.

use crate::gofmt::{Depth, print_operand, print_verb_v, quote_bytes, quote_char};
use crate::native::{Native, Struct};
use crate::unicode::{first_char, lossy};
use crate::value::{UintKind, Value};

/// Flags, width and precision of one directive.
#[derive(Default)]
pub(super) struct Spec {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
    /// `%+v`: with the names of fields.
    pub named: bool,
}

/// Widths and precisions beyond this are refused, as in Go.
const MAX_WIDTH: i64 = 1_000_000;

/// Where a pointer points to: Go's heap begins there, and the rest is chance.
const ADDRESS: i128 = 0xc0_0000_0000;

pub(super) fn sprintf(format: &[u8], args: &[Value]) -> Vec<u8> {
    let mut printer = Printer {
        format,
        at: 0,
        args,
        next: 0,
        reordered: false,
        out: Vec::new(),
        depth: Depth::start(&[]),
    };
    printer.run();
    printer.out
}

struct Printer<'p> {
    format: &'p [u8],
    at: usize,
    args: &'p [Value],
    next: usize,
    reordered: bool,
    out: Vec<u8>,
    /// In the value that is being printed.
    depth: Depth,
}

impl Printer<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn run(&mut self) {
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'%' {
                self.directive();
            } else {
                self.out.push(byte);
            }
        }
        if !self.reordered && self.next < self.args.len() {
            self.out.extend_from_slice(b"%!(EXTRA ");
            for (i, arg) in self.args[self.next..].iter().enumerate() {
                if i > 0 {
                    self.out.extend_from_slice(b", ");
                }
                if arg.is_nil() {
                    self.out.extend_from_slice(b"<nil>");
                } else {
                    self.out.extend_from_slice(arg.type_name().as_bytes());
                    self.out.push(b'=');
                    print_operand(arg, &mut self.out);
                }
            }
            self.out.push(b')');
        }
    }

    fn number(&mut self) -> Option<i64> {
        let start = self.at;
        let mut value = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        (self.at > start).then_some(value)
    }

    /// `[n]`: which argument comes next; false when it is bad.
    fn argument_number(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return true;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(close) = rest.iter().position(|b| *b == b']').filter(|close| *close > 1) else {
            self.at += if rest.starts_with(b"[]") && rest.len() > 2 {
                2
            } else {
                1
            };
            return false;
        };
        let end = self.at + close;
        self.at += 1;
        let number = self.number().filter(|_| self.at == end);
        self.at = end + 1;
        match number {
            Some(n @ 1..) if n as usize <= self.args.len() => {
                self.next = n as usize - 1;
                true
            }
            _ => false,
        }
    }

    /// A `*`: the next argument as a number.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        match arg {
            Value::Int(n, _) if n.unsigned_abs() <= MAX_WIDTH.unsigned_abs() => Some(*n),
            Value::Uint(n, _) => i64::try_from(*n).ok().filter(|n| *n <= MAX_WIDTH),
            _ => None,
        }
    }

    fn directive(&mut self) {
        let mut spec = Spec::default();
        loop {
            match self.peek() {
                Some(b'#') => spec.sharp = true,
                Some(b'0') => spec.zero = true,
                Some(b'+') => spec.plus = true,
                Some(b'-') => spec.minus = true,
                Some(b' ') => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        let mut good = self.argument_number();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.star() {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.width = Some(width.unsigned_abs() as usize);
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
        } else {
            spec.width = self.number().map(|n| n.min(MAX_WIDTH) as usize);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            good &= self.argument_number();
            if self.peek() == Some(b'*') {
                self.at += 1;
                match self.star() {
                    Some(precision) => spec.precision = usize::try_from(precision).ok(),
                    None => self.out.extend_from_slice(b"%!(BADPREC)"),
                }
            } else {
                spec.precision = Some(self.number().unwrap_or(0).min(MAX_WIDTH) as usize);
            }
        }
        good &= self.argument_number();
        // Left-aligned text is never padded with zeros.
        spec.zero &= !spec.minus;
        let rest = &self.format[self.at..];
        if rest.is_empty() {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return;
        }
        let (verb, width) = first_char(rest);
        self.at += width;
        if verb == '%' {
            self.out.push(b'%');
        } else if !good {
            self.out
                .extend_from_slice(format!("%!{verb}(BADINDEX)").as_bytes());
        } else if let Some(arg) = self.args.get(self.next) {
            self.next += 1;
            let arg = arg.clone();
            if verb == 'v' && spec.sharp {
                return super::go_syntax::print(&arg, &mut self.out);
            }
            if verb == 'v' {
                spec.named = std::mem::take(&mut spec.plus);
            }
            self.value(verb, &arg, &spec);
        } else {
            self.out
                .extend_from_slice(format!("%!{verb}(MISSING)").as_bytes());
        }
    }

    /// The value stands there with the width and all that was asked for.
    fn bad_verb(&mut self, verb: char, arg: &Value, spec: &Spec) {
        self.out.extend_from_slice(format!("%!{verb}(").as_bytes());
        if arg.is_nil() {
            self.out.extend_from_slice(b"<nil>");
        } else {
            self.out.extend_from_slice(arg.type_name().as_bytes());
            self.out.push(b'=');
            // Pointers are followed here, wherever they stand.
            let outer = self.depth;
            self.depth = outer.outermost();
            self.value('v', arg, spec);
            self.depth = outer;
        }
        self.out.push(b')');
    }

    fn pad(&mut self, text: &[u8], spec: &Spec) {
        let length = lossy(text).chars().count();
        let missing = spec.width.unwrap_or(0).saturating_sub(length);
        let fill = if spec.zero { b'0' } else { b' ' };
        if !spec.minus {
            self.out.extend(std::iter::repeat_n(fill, missing));
        }
        self.out.extend_from_slice(text);
        if spec.minus {
            self.out.extend(std::iter::repeat_n(b' ', missing));
        }
    }

    fn value(&mut self, verb: char, arg: &Value, spec: &Spec) {
        match verb {
            'T' => {
                return self.pad(
                    if arg.is_nil() {
                        "<nil>".into()
                    } else {
                        arg.type_name()
                    }
                    .as_bytes(),
                    spec,
                );
            }
            'v' if arg.is_nil() => return self.pad(b"<nil>", spec),
            _ if arg.is_nil() => return self.bad_verb(verb, arg, spec),
            _ => {}
        }
        match arg {
            Value::Bool(value) if matches!(verb, 't' | 'v') => self.pad(value.to_string().as_bytes(), spec),
            Value::Int(value, _) => self.integer(verb, arg, i128::from(*value), spec),
            Value::Uint(value, _) => self.integer(verb, arg, i128::from(*value), spec),
            Value::Float(value) => self.float(verb, arg, *value, spec),
            Value::Str(_) | Value::RawStr(_) => {
                let bytes = arg.string_bytes().unwrap_or_default().to_vec();
                self.string(verb, arg, &bytes, spec);
            }
            Value::Bytes(bytes) if matches!(verb, 's' | 'q' | 'x' | 'X') => {
                self.string(verb, arg, bytes, spec)
            }
            Value::Bytes(bytes) => {
                let verb = if verb == 'd' { 'v' } else { verb };
                let items = bytes.iter().map(|b| Value::Uint(u64::from(*b), UintKind::Uint8));
                self.elements(&items.collect::<Vec<_>>(), verb, spec);
            }
            Value::List(list) => self.elements(&list.items, verb, spec),
            Value::Map(map) => {
                let entries: Vec<_> = map
                    .entries
                    .borrow()
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                self.out.extend_from_slice(b"map[");
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b' ');
                    }
                    self.value(verb, &Value::Str(key.clone()), spec);
                    self.out.push(b':');
                    self.element(verb, value, spec);
                }
                self.out.push(b']');
            }
            Value::Native(native) => self.native(verb, native, arg, spec),
            _ => self.bad_verb(verb, arg, spec),
        }
    }

    /// Types with a text of their own, structs and the like.
    fn native(&mut self, verb: char, native: &Native, arg: &Value, spec: &Spec) {
        if let Some(text) = native.stringer().filter(|_| "vsqxX".contains(verb)) {
            return self.string(verb, arg, text.as_bytes(), spec);
        }
        match native {
            Native::Struct(fields) if fields.pointer && self.depth.is_inside() && verb != 'v' => match verb {
                'b' | 'o' | 'd' | 'x' | 'X' => self.integer(verb, arg, ADDRESS, spec),
                _ => self.bad_verb(verb, arg, spec),
            },
            Native::Struct(fields) if verb != 'v' => self.structure(verb, fields, spec),
            Native::Files(files) if verb != 'v' => {
                self.out.extend_from_slice(b"map[");
                for (i, (name, data)) in files.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b' ');
                    }
                    self.value(verb, &Value::str(name.as_str()), spec);
                    self.out.push(b':');
                    self.value(verb, &Value::Bytes(data.clone().into()), spec);
                }
                self.out.push(b']');
            }
            Native::ApiVersions(versions) => {
                let items: Vec<Value> = versions.iter().map(|v| Value::str(v.as_str())).collect();
                self.elements(&items, verb, spec);
            }
            _ if verb == 'v' => {
                let mut text = Vec::new();
                print_verb_v(arg, &mut text, spec.named, self.depth);
                self.pad(&text, spec);
            }
            _ => self.bad_verb(verb, arg, spec),
        }
    }

    fn structure(&mut self, verb: char, fields: &Struct, spec: &Spec) {
        self.out
            .extend_from_slice(if fields.pointer { b"&{" } else { b"{" });
        let embedded = fields.embedded();
        if embedded.is_some() {
            self.out.push(b'{');
        }
        for (i, field) in fields.fields.iter().enumerate() {
            if embedded == Some(i) {
                self.out.push(b'}');
            }
            if i > 0 {
                self.out.push(b' ');
            }
            self.element(verb, &field.value, spec);
        }
        self.out.push(b'}');
    }

    /// A nil inside a list or map is not a bad verb.
    fn element(&mut self, verb: char, item: &Value, spec: &Spec) {
        let outer = self.depth;
        self.depth = outer.deeper();
        match item {
            _ if self.depth.is_over(&self.out) => self.out.extend_from_slice(b"..."),
            item if item.is_nil() => self.out.extend_from_slice(b"<nil>"),
            Value::Native(native) => self.native(verb, native, item, spec),
            item => crate::stack::grow(|| self.value(verb, item, spec)),
        }
        self.depth = outer;
    }

    fn elements(&mut self, items: &[Value], verb: char, spec: &Spec) {
        self.out.push(b'[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(b' ');
            }
            self.element(verb, item, spec);
        }
        self.out.push(b']');
    }

    fn string(&mut self, verb: char, arg: &Value, bytes: &[u8], spec: &Spec) {
        let cut = match spec.precision {
            Some(count) if matches!(verb, 's' | 'v' | 'q') => {
                let end = (0..count).try_fold(0, |at, _| {
                    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
                    Some(at + first_char(rest).1)
                });
                &bytes[..end.unwrap_or(bytes.len())]
            }
            _ => bytes,
        };
        match verb {
            's' | 'v' => self.pad(cut, spec),
            'q' if spec.sharp
                && std::str::from_utf8(cut)
                    .is_ok_and(|text| text.chars().all(crate::gofmt::fits_backquotes)) =>
            {
                self.pad(&[b"`", cut, b"`"].concat(), spec);
            }
            'q' => self.pad(quote_bytes(cut, spec.plus).as_bytes(), spec),
            'x' | 'X' => {
                let count = spec.precision.unwrap_or(bytes.len()).min(bytes.len());
                let hex: Vec<String> = bytes[..count]
                    .iter()
                    .map(|b| {
                        if verb == 'x' {
                            format!("{b:02x}")
                        } else {
                            format!("{b:02X}")
                        }
                    })
                    .collect();
                let lead = match (spec.sharp, verb) {
                    (true, 'x') => "0x",
                    (true, _) => "0X",
                    _ => "",
                };
                let joint = if spec.space {
                    format!(" {lead}")
                } else {
                    String::new()
                };
                self.pad(format!("{lead}{}", hex.join(&joint)).as_bytes(), spec);
            }
            _ => self.bad_verb(verb, arg, spec),
        }
    }

    fn integer(&mut self, verb: char, arg: &Value, value: i128, spec: &Spec) {
        let size = value.unsigned_abs();
        let (digits, prefix) = match verb {
            'd' | 'v' => (size.to_string(), ""),
            'b' => (format!("{size:b}"), "0b"),
            'o' => (format!("{size:o}"), "0"),
            'O' => (format!("0o{size:o}"), ""),
            'x' => (format!("{size:x}"), "0x"),
            'X' => (format!("{size:X}"), "0X"),
            'c' | 'q' | 'U' => {
                // Go looks at the bits as at those of a number without sign.
                let size = if value < 0 {
                    (value as i64) as u64 as u128
                } else {
                    size
                };
                let known = u32::try_from(size).ok().and_then(char::from_u32);
                let c = known.unwrap_or(char::REPLACEMENT_CHARACTER);
                let mut text = match verb {
                    'c' => c.to_string(),
                    'q' => {
                        let mut quoted = String::from("'");
                        quote_char(&mut quoted, c, '\'', spec.plus);
                        quoted + "'"
                    }
                    _ => format!("U+{size:04X}"),
                };
                if verb == 'U' && spec.sharp && known.is_some_and(crate::gofmt::is_print) {
                    text.push_str(&format!(" '{c}'"));
                }
                return self.pad(text.as_bytes(), spec);
            }
            _ => return self.bad_verb(verb, arg, spec),
        };
        let prefix = if spec.sharp { prefix } else { "" };
        let sign = match (value < 0, spec.plus, spec.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let least = match (spec.precision, spec.zero, spec.width) {
            (Some(precision), ..) => precision,
            (None, true, Some(width)) => width.saturating_sub(sign.len() + prefix.len()),
            _ => 0,
        };
        let digits = if spec.precision == Some(0) && value == 0 {
            String::new()
        } else {
            digits
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        let text = format!("{sign}{prefix}{zeros}{digits}");
        self.pad(
            text.as_bytes(),
            &Spec {
                zero: false,
                width: spec.width,
                minus: spec.minus,
                ..Spec::default()
            },
        );
    }

    fn float(&mut self, verb: char, arg: &Value, value: f64, spec: &Spec) {
        let Some(text) = super::printf_float::text(verb, value.abs(), spec) else {
            return self.bad_verb(verb, arg, spec);
        };
        let negative = value.is_sign_negative() && !value.is_nan();
        let sign = match (negative, spec.plus, spec.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ if value.is_infinite() => "+",
            _ => "",
        };
        if spec.zero && value.is_finite() {
            let zeros = "0".repeat(spec.width.unwrap_or(0).saturating_sub(sign.len() + text.len()));
            self.out
                .extend_from_slice(format!("{sign}{zeros}{text}").as_bytes());
            return;
        }
        let plain = Spec {
            width: spec.width,
            minus: spec.minus,
            ..Spec::default()
        };
        self.pad(format!("{sign}{text}").as_bytes(), &plain);
    }
}
