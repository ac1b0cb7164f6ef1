//! sprig's functions on strings.

use super::{Row, int_of, out_of_range, strval, text_of};
use crate::gofmt;
use crate::template::exec::Fault;
use crate::value::{Entries, MapKind, Value};

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("hello", "", |_, _| Ok(Value::str("Hello!"))),
    ("trim", "s", |_, a| Ok(map(a, |s| s.trim().into()))),
    ("upper", "s", |_, a| {
        Ok(map(a, |s| s.chars().map(|c| one(c, c.to_uppercase())).collect()))
    }),
    ("lower", "s", |_, a| {
        Ok(map(a, |s| s.chars().map(|c| one(c, c.to_lowercase())).collect()))
    }),
    ("title", "s", |_, a| Ok(map(a, title))),
    ("untitle", "s", |_, a| Ok(map(a, untitle))),
    ("nospace", "s", |_, a| {
        Ok(map(a, |s| s.chars().filter(|c| !c.is_whitespace()).collect()))
    }),
    ("swapcase", "s", |_, a| Ok(map(a, swap_case))),
    ("initials", "s", |_, a| {
        // goutils takes each byte for a character.
        Ok(map(a, |s| {
            let latin: String = s.bytes().map(char::from).collect();
            latin
                .split_whitespace()
                .filter_map(|word| word.chars().next())
                .collect()
        }))
    }),
    ("snakecase", "s", |_, a| {
        Ok(map(a, |s| super::words::delimited(s, '_')))
    }),
    ("kebabcase", "s", |_, a| {
        Ok(map(a, |s| super::words::delimited(s, '-')))
    }),
    ("camelcase", "s", |_, a| Ok(map(a, super::words::pascal))),
    ("substr", "iis", |_, a| substr(a)),
    ("trunc", "is", |_, a| trunc(a)),
    ("abbrev", "is", |_, a| {
        Ok(abbrev(0, int_of(&a[0]), &text_of(&a[1])))
    }),
    ("abbrevboth", "iis", |_, a| {
        Ok(abbrev(int_of(&a[0]), int_of(&a[1]), &text_of(&a[2])))
    }),
    ("repeat", "is", |context, a| {
        let Ok(count) = usize::try_from(int_of(&a[0])) else {
            return Fault::plain("strings: negative Repeat count");
        };
        let text = a[1].string_bytes().unwrap_or_default();
        context.session.check_size(count.saturating_mul(text.len()))?;
        Ok(Value::string_from(text.repeat(count)))
    }),
    ("trimall", "ss", |_, a| Ok(trim_all(a))),
    ("trimAll", "ss", |_, a| Ok(trim_all(a))),
    ("trimPrefix", "ss", |_, a| Ok(cut(a, <[u8]>::strip_prefix))),
    ("trimSuffix", "ss", |_, a| Ok(cut(a, <[u8]>::strip_suffix))),
    ("contains", "ss", |_, a| {
        Ok(Value::Bool(find(bytes(&a[1]), bytes(&a[0])).is_some()))
    }),
    ("hasPrefix", "ss", |_, a| {
        Ok(Value::Bool(bytes(&a[1]).starts_with(bytes(&a[0]))))
    }),
    ("hasSuffix", "ss", |_, a| {
        Ok(Value::Bool(bytes(&a[1]).ends_with(bytes(&a[0]))))
    }),
    ("quote", "a*", |_, a| {
        let quoted = a
            .iter()
            .filter(|v| !v.is_nil())
            .map(|v| gofmt::quote_bytes(&strval(v), false));
        Ok(Value::str(quoted.collect::<Vec<_>>().join(" ")))
    }),
    ("squote", "a*", |_, a| {
        let quoted = a.iter().filter(|v| !v.is_nil()).map(|v| {
            let mut out = vec![b'\''];
            gofmt::print_operand(v, &mut out);
            out.push(b'\'');
            out
        });
        Ok(Value::string_from(quoted.collect::<Vec<_>>().join(&b' ')))
    }),
    ("cat", "a*", |_, a| {
        let parts = a.iter().filter(|v| !v.is_nil()).map(|v| {
            let mut out = Vec::new();
            gofmt::print_operand(v, &mut out);
            out
        });
        Ok(Value::string_from(parts.collect::<Vec<_>>().join(&b' ')))
    }),
    ("indent", "is", |context, a| indent(context, a, "")),
    ("nindent", "is", |context, a| indent(context, a, "\n")),
    ("replace", "sss", |context, a| {
        let (old, new, text) = (text_of(&a[0]), text_of(&a[1]), text_of(&a[2]));
        let hits = if old.is_empty() {
            text.len() + 1
        } else {
            text.len() / old.len()
        };
        context.session.check_size(hits.saturating_mul(new.len()))?;
        Ok(Value::str(text.replace(&*old, &new)))
    }),
    ("plural", "ssi", |_, a| {
        Ok(if int_of(&a[2]) == 1 {
            a[0].clone()
        } else {
            a[1].clone()
        })
    }),
    ("toString", "a", |_, a| Ok(Value::string_from(strval(&a[0])))),
    ("split", "ss", |_, a| {
        Ok(numbered(split(&text_of(&a[1]), &text_of(&a[0]))))
    }),
    ("splitn", "sis", |_, a| {
        Ok(numbered(split_n(&text_of(&a[2]), &text_of(&a[0]), int_of(&a[1]))))
    }),
    ("splitList", "ss", |_, a| {
        Ok(Value::strings(split(&text_of(&a[1]), &text_of(&a[0]))))
    }),
    ("wrap", "is", |_, a| {
        Ok(Value::str(wrap(&text_of(&a[1]), int_of(&a[0]), "\n", false)))
    }),
    ("wrapWith", "iss", |_, a| {
        Ok(Value::str(wrap(
            &text_of(&a[2]),
            int_of(&a[0]),
            &text_of(&a[1]),
            true,
        )))
    }),
];

fn bytes(value: &Value) -> &[u8] {
    value.string_bytes().unwrap_or_default()
}

fn map(args: &[Value], f: impl Fn(&str) -> String) -> Value {
    Value::str(f(&text_of(&args[0])))
}

/// Go maps one character to one.
pub(super) fn one(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

/// `strings.Title`
/// Go's `unicode.ToTitle`: upper case, but for letters that are two in one and for the Georgian alphabet.
fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => c,
        c => one(c, c.to_uppercase()),
    }
}

fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|c| {
            let separator = !(previous.is_alphanumeric() || previous == '_')
                && (previous.is_ascii() || previous.is_whitespace());
            previous = c;
            if separator { to_title(c) } else { c }
        })
        .collect()
}

fn untitle(text: &str) -> String {
    let mut first = true;
    text.chars()
        .map(|c| {
            let result = if first { one(c, c.to_lowercase()) } else { c };
            first = c.is_whitespace();
            result
        })
        .collect()
}

fn swap_case(text: &str) -> String {
    let mut after_space = true;
    text.chars()
        .map(|c| {
            let is_title = !c.is_lowercase() && to_title(c) == c && one(c, c.to_lowercase()) != c;
            let swapped = if c.is_uppercase() || is_title {
                one(c, c.to_lowercase())
            } else if c.is_lowercase() && after_space {
                to_title(c)
            } else if c.is_lowercase() {
                one(c, c.to_uppercase())
            } else {
                c
            };
            after_space = c.is_whitespace();
            swapped
        })
        .collect()
}

fn substr(args: &[Value]) -> Result {
    let (start, end, text) = (int_of(&args[0]), int_of(&args[1]), bytes(&args[2]));
    let length = text.len() as i64;
    let (low, high) = if start < 0 {
        (0, end)
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    if high < 0 || high > length || low > high {
        return out_of_range(low, high, text.len());
    }
    Ok(Value::string_from(text[low as usize..high as usize].to_vec()))
}

fn trunc(args: &[Value]) -> Result {
    let (count, text) = (int_of(&args[0]), bytes(&args[1]));
    let length = text.len() as i64;
    let part = if count < 0 && length.saturating_add(count) > 0 {
        &text[(length + count) as usize..]
    } else if count >= 0 && length > count {
        &text[..count as usize]
    } else {
        return Ok(args[1].clone());
    };
    Ok(Value::string_from(part.to_vec()))
}

/// `goutils.AbbreviateFull`, in bytes as there.
fn abbrev(offset: i64, width: i64, text: &str) -> Value {
    if width < 4 || offset > 0 && width < 7 {
        return Value::str(text);
    }
    let bytes = text.as_bytes();
    let length = bytes.len() as i64;
    if length <= width {
        return Value::str(text);
    }
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    let part = |low: i64, high: i64| {
        bytes[low.clamp(0, length) as usize..high.clamp(low.clamp(0, length), length) as usize].to_vec()
    };
    let mut out;
    if offset <= 4 {
        out = part(0, width - 3);
        out.extend_from_slice(b"...");
    } else if offset + width - 3 < length {
        out = b"...".to_vec();
        let mut inner = part(offset, length);
        inner.truncate((width - 6).max(0) as usize);
        out.extend(inner);
        out.extend_from_slice(b"...");
    } else {
        out = b"...".to_vec();
        out.extend(part(length - (width - 3), length));
    }
    Value::string_from(out)
}

fn trim_all(args: &[Value]) -> Value {
    let set = text_of(&args[0]);
    Value::str(text_of(&args[1]).trim_matches(|c| set.contains(c)))
}

fn cut(args: &[Value], strip: for<'a> fn(&'a [u8], &[u8]) -> Option<&'a [u8]>) -> Value {
    match strip(bytes(&args[1]), bytes(&args[0])) {
        Some(rest) => Value::string_from(rest.to_vec()),
        None => args[1].clone(),
    }
}

fn indent(context: &super::Context<'_, '_>, args: &[Value], lead: &str) -> Result {
    let Ok(spaces) = usize::try_from(int_of(&args[0])) else {
        return Fault::plain("strings: negative Repeat count");
    };
    let text = bytes(&args[1]);
    let lines = text.iter().filter(|b| **b == b'\n').count() + 1;
    let size = text.len().saturating_add(lines.saturating_mul(spaces));
    context.session.check_size(size)?;
    let pad = vec![b' '; spaces];
    let mut out = Vec::with_capacity(size + lead.len());
    out.extend_from_slice(lead.as_bytes());
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    Ok(Value::string_from(out))
}

/// `strings.Split`: an empty separator gives every character.
fn split(text: &str, separator: &str) -> Vec<String> {
    split_n(text, separator, -1)
}

fn split_n(text: &str, separator: &str, count: i64) -> Vec<String> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(limit, separator).map(Into::into).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            parts.push(rest.to_owned());
            break;
        }
        parts.push(c.to_string());
        rest = &rest[c.len_utf8()..];
    }
    parts
}

fn numbered(parts: Vec<String>) -> Value {
    let entries: Entries = parts
        .into_iter()
        .enumerate()
        .map(|(i, part)| (format!("_{i}").into(), Value::str(part)))
        .collect();
    Value::map_of(MapKind::Str, entries)
}

/// `goutils.WrapCustom`, in bytes as there.
fn wrap(text: &str, width: i64, newline: &str, long_words: bool) -> String {
    if text.is_empty() {
        return String::new();
    }
    let newline = if newline.is_empty() { "\n" } else { newline };
    let width = usize::try_from(width).ok().filter(|w| *w > 0).unwrap_or(1);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + 32);
    let mut offset = 0;
    while bytes.len() - offset > width {
        if bytes[offset] == b' ' {
            offset += 1;
            continue;
        }
        let end = (width + offset + 1).min(bytes.len());
        let space = bytes[offset..end]
            .iter()
            .rposition(|b| *b == b' ')
            .map(|at| at + offset);
        match space {
            Some(space) => {
                out.extend_from_slice(&bytes[offset..space]);
                out.extend_from_slice(newline.as_bytes());
                offset = space + 1;
            }
            None if long_words => {
                out.extend_from_slice(&bytes[offset..offset + width]);
                out.extend_from_slice(newline.as_bytes());
                offset += width;
            }
            None => match bytes[offset + width..].iter().position(|b| *b == b' ') {
                Some(at) => {
                    let space = at + offset + width;
                    out.extend_from_slice(&bytes[offset..space]);
                    out.extend_from_slice(newline.as_bytes());
                    offset = space + 1;
                }
                None => {
                    out.extend_from_slice(&bytes[offset..]);
                    offset = bytes.len();
                }
            },
        }
    }
    out.extend_from_slice(&bytes[offset..]);
    String::from_utf8_lossy(&out).into_owned()
}
