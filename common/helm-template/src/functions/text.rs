//! sprig's functions on strings.

use super::{Row, int_of, out_of_range, strval, text_of};
use crate::gofmt;
use crate::template::exec::Fault;
use crate::unicode::{self, first_char, last_char};
use crate::value::{Elem, Entries, MapKind, Value};

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("hello", "", |_, _| Ok(Value::str("Hello!"))),
    ("trim", "s", |_, a| Ok(trimmed(&a[0], char::is_whitespace))),
    ("upper", "s", |_, a| {
        Ok(map(a, |s| s.chars().map(unicode::to_upper).collect()))
    }),
    ("lower", "s", |_, a| {
        Ok(map(a, |s| s.chars().map(unicode::to_lower).collect()))
    }),
    ("title", "s", |_, a| Ok(map(a, title))),
    ("untitle", "s", |_, a| Ok(map(a, untitle))),
    ("nospace", "s", |_, a| Ok(nospace(&a[0]))),
    ("swapcase", "s", |_, a| Ok(map(a, swap_case))),
    ("initials", "s", |_, a| {
        // goutils takes each byte for a character.
        let latin: String = bytes(&a[0]).iter().copied().map(char::from).collect();
        let words = latin.split_whitespace();
        Ok(Value::str(
            words.filter_map(|word| word.chars().next()).collect::<String>(),
        ))
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
    ("abbrev", "is", |_, a| Ok(abbrev(0, int_of(&a[0]), &a[1]))),
    ("abbrevboth", "iis", |_, a| {
        Ok(abbrev(int_of(&a[0]), int_of(&a[1]), &a[2]))
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
        let (old, new, text) = (bytes(&a[0]), bytes(&a[1]), bytes(&a[2]));
        let hits = if old.is_empty() {
            text.len() + 1
        } else {
            text.len() / old.len()
        };
        context.session.check_size(hits.saturating_mul(new.len()))?;
        Ok(Value::string_from(replaced(text, old, new)))
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
        Ok(numbered(split_n(bytes(&a[1]), bytes(&a[0]), -1)))
    }),
    ("splitn", "sis", |_, a| {
        Ok(numbered(split_n(bytes(&a[2]), bytes(&a[0]), int_of(&a[1]))))
    }),
    ("splitList", "ss", |_, a| {
        let parts = split_n(bytes(&a[1]), bytes(&a[0]), -1).into_iter();
        let parts = parts.map(|part| Value::string_from(part.to_vec()));
        Ok(Value::typed_list(Elem::Str, parts.collect()))
    }),
    ("wrap", "is", |_, a| {
        Ok(Value::string_from(wrap(
            bytes(&a[1]),
            int_of(&a[0]),
            b"\n",
            false,
        )))
    }),
    ("wrapWith", "iss", |_, a| {
        Ok(Value::string_from(wrap(
            bytes(&a[2]),
            int_of(&a[0]),
            bytes(&a[1]),
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

/// Without the characters at both ends for which `cut` holds.
fn trimmed(value: &Value, cut: impl Fn(char) -> bool) -> Value {
    match value {
        Value::Str(text) => Value::str(text.trim_matches(cut)),
        other => {
            let mut text = bytes(other);
            while !text.is_empty() {
                let (c, width) = first_char(text);
                if !cut(c) {
                    break;
                }
                text = &text[width..];
            }
            while !text.is_empty() {
                let (c, width) = last_char(text);
                if !cut(c) {
                    break;
                }
                text = &text[..text.len() - width];
            }
            Value::string_from(text.to_vec())
        }
    }
}

/// goutils takes each byte for a character, and writes it as one if there is anything to leave out.
fn nospace(value: &Value) -> Value {
    let latin = bytes(value).iter().copied().map(char::from);
    if !latin.clone().any(char::is_whitespace) {
        return value.clone();
    }
    Value::str(latin.filter(|c| !c.is_whitespace()).collect::<String>())
}

/// `strings.ReplaceAll`: nothing stands before each character and at the end.
fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        while !rest.is_empty() {
            let (part, after) = rest.split_at(first_char(rest).1);
            out.extend_from_slice(new);
            out.extend_from_slice(part);
            rest = after;
        }
        out.extend_from_slice(new);
        return out;
    }
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

/// `strings.Title`
fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|c| {
            let is_word = previous == '_' || unicode::is_letter(previous) || unicode::is_digit(previous);
            let separator = !is_word && (previous.is_ascii() || previous.is_whitespace());
            previous = c;
            if separator { unicode::to_title(c) } else { c }
        })
        .collect()
}

fn untitle(text: &str) -> String {
    let mut first = true;
    text.chars()
        .map(|c| {
            let result = if first { unicode::to_lower(c) } else { c };
            first = c.is_whitespace();
            result
        })
        .collect()
}

fn swap_case(text: &str) -> String {
    let mut after_space = true;
    text.chars()
        .map(|c| {
            let swapped = if unicode::is_upper(c) || unicode::is_title(c) {
                unicode::to_lower(c)
            } else if unicode::is_lower(c) && after_space {
                unicode::to_title(c)
            } else if unicode::is_lower(c) {
                unicode::to_upper(c)
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
fn abbrev(offset: i64, width: i64, text: &Value) -> Value {
    let bytes = bytes(text);
    let length = bytes.len() as i64;
    if width < 4 || offset > 0 && width < 7 || length <= width {
        return text.clone();
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
    trimmed(&args[1], |c| set.contains(c))
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
    let mut out = context.session.buffers.take();
    out.reserve(size + lead.len());
    out.extend_from_slice(lead.as_bytes());
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    let indented = Value::string_of(&out);
    context.session.buffers.put(out);
    Ok(indented)
}

/// `strings.SplitN`: an empty separator parts all characters.
fn split_n<'t>(text: &'t [u8], separator: &[u8], count: i64) -> Vec<&'t [u8]> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    if limit == 0 || separator.is_empty() && text.is_empty() {
        return parts;
    }
    let mut rest = text;
    while parts.len() + 1 < limit {
        let cut = if separator.is_empty() {
            Some(first_char(rest).1).filter(|width| *width < rest.len())
        } else {
            find(rest, separator)
        };
        let Some(at) = cut else { break };
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

fn numbered(parts: Vec<&[u8]>) -> Value {
    let entries: Entries = parts
        .into_iter()
        .enumerate()
        .map(|(i, part)| (format!("_{i}").into(), Value::string_from(part.to_vec())))
        .collect();
    Value::map_of(MapKind::Str, entries)
}

/// `goutils.WrapCustom`, in bytes as there.
fn wrap(bytes: &[u8], width: i64, newline: &[u8], long_words: bool) -> Vec<u8> {
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width).ok().filter(|w| *w > 0).unwrap_or(1);
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
                out.extend_from_slice(newline);
                offset = space + 1;
            }
            None if long_words => {
                out.extend_from_slice(&bytes[offset..offset + width]);
                out.extend_from_slice(newline);
                offset += width;
            }
            None => match bytes[offset + width..].iter().position(|b| *b == b' ') {
                Some(at) => {
                    let space = at + offset + width;
                    out.extend_from_slice(&bytes[offset..space]);
                    out.extend_from_slice(newline);
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
    out
}
