//! sprig's regular expressions: RE2, as Go's.

use super::{Context, Row, go_regex, int_of, text_of};
use crate::spare::Beyond;
use crate::template::exec::Fault;
use crate::value::{Elem, List, Value};
use regex::bytes::Regex;
use std::rc::Rc;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("regexMatch", "ss", |c, a| {
        Ok(Value::Bool(
            compile(c, &a[0], "").is_ok_and(|r| r.is_match(bytes(&a[1]))),
        ))
    }),
    ("mustRegexMatch", "ss", |c, a| {
        Ok(Value::Bool(compile(c, &a[0], "")?.is_match(bytes(&a[1]))))
    }),
    ("regexFind", "ss", |c, a| find(&compile(c, &a[0], PANIC)?, a)),
    ("mustRegexFind", "ss", |c, a| find(&compile(c, &a[0], "")?, a)),
    ("regexFindAll", "ssi", |c, a| {
        find_all(&compile(c, &a[0], PANIC)?, a)
    }),
    ("mustRegexFindAll", "ssi", |c, a| {
        find_all(&compile(c, &a[0], "")?, a)
    }),
    ("regexReplaceAll", "sss", |c, a| {
        replace(&compile(c, &a[0], PANIC)?, a)
    }),
    ("mustRegexReplaceAll", "sss", |c, a| {
        replace(&compile(c, &a[0], "")?, a)
    }),
    ("regexReplaceAllLiteral", "sss", |c, a| {
        literal(&compile(c, &a[0], PANIC)?, a)
    }),
    ("mustRegexReplaceAllLiteral", "sss", |c, a| {
        literal(&compile(c, &a[0], "")?, a)
    }),
    ("regexSplit", "ssi", |c, a| split(&compile(c, &a[0], PANIC)?, a)),
    ("mustRegexSplit", "ssi", |c, a| split(&compile(c, &a[0], "")?, a)),
    ("regexQuoteMeta", "s", |_, a| {
        let mut out = String::new();
        for c in text_of(&a[0]).chars() {
            if "\\.+*?()|[]{}^$".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::str(out))
    }),
];

/// What `regexp.MustCompile` puts before its complaint.
const PANIC: &str = "regexp: Compile";

/// A pattern by itself.
pub(crate) fn parse(pattern: &str) -> Option<Regex> {
    go_regex::check(pattern).ok()?;
    Regex::new(&translate(pattern)).ok()
}

fn bytes(value: &Value) -> &[u8] {
    value.string_bytes().unwrap_or_default()
}

fn compile(context: &Context<'_, '_>, pattern: &Value, panic: &str) -> std::result::Result<Regex, Fault> {
    let text = text_of(pattern);
    if let Some(known) = context.session.regexes.borrow().get(&*text) {
        return Ok(known.clone());
    }
    let refused = |complaint: String| {
        let parsing = format!("error parsing regexp: {complaint}");
        match (panic, pattern) {
            ("", _) => parsing,
            (_, Value::RawStr(bytes)) => {
                format!("{panic}({}): {parsing}", crate::gofmt::quote_bytes(bytes, false))
            }
            _ => format!("{panic}({}): {parsing}", crate::gofmt::backquote(&text)),
        }
    };
    if let Value::RawStr(bytes) = pattern {
        let shown = String::from_utf8_lossy(bytes);
        return Err(Fault::Plain(refused(format!("invalid UTF-8: `{shown}`"))));
    }
    go_regex::check(&text).map_err(|complaint| Fault::Plain(refused(complaint)))?;
    let regex = Regex::new(&translate(&text))
        .map_err(|_| Fault::Plain(refused(format!("expression nests too deeply: `{text}`"))))?;
    let mut known = context.session.regexes.borrow_mut();
    known.insert(text.as_ref().into(), regex.clone());
    Ok(regex)
}

/// Go's RE2 and this crate differ in few places: Perl classes are ASCII in
/// Go, `\z` is known to both, `\Z` and `\C` to neither.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut names: Vec<String> = Vec::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Q') => {
                    let mut quoted = String::new();
                    while let Some(c) = chars.next() {
                        if c == '\\' && chars.peek() == Some(&'E') {
                            chars.next();
                            break;
                        }
                        quoted.push(c);
                    }
                    out.push_str(&regex::escape(&quoted));
                }
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                Some('s') => out.push_str(if in_class {
                    "\\t\\n\\f\\r "
                } else {
                    "[\\t\\n\\f\\r ]"
                }),
                Some('D') => out.push_str("[^0-9]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
                Some(c @ ('p' | 'P' | 'x')) => braced(&mut out, c, &mut chars),
                Some(c @ '0'..='7') => out.push_str(&format!("\\x{{{:x}}}", octal(c, &mut chars))),
                Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                Some('B') if !in_class => out.push_str("(?-u:\\B)"),
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push('\\'),
            },
            '[' if in_class && chars.peek() == Some(&':') => {
                out.push('[');
                // A POSIX class, to its end.
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            // Where Go sees no repetition, a brace is a brace.
            '{' if !in_class && !is_repetition(chars.clone()) => out.push_str("\\{"),
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // Set operators of this crate that Go does not have.
            '&' | '~' | '-' if in_class && chars.peek() == Some(&c) => {
                out.push('\\');
                out.push(c);
            }
            '(' if !in_class => {
                out.push('(');
                group_name(&mut chars, &mut names);
            }
            c => out.push(c),
        }
    }
    out
}

/// The name of a group; the second of a name has none, since Go lets there be several and finds the first.
fn group_name(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, names: &mut Vec<String>) {
    let ahead: String = chars.clone().take(3).collect();
    let mark = if ahead == "?P<" {
        "?P<"
    } else if ahead.starts_with("?<") {
        "?<"
    } else {
        return;
    };
    let name: String = chars.clone().skip(mark.len()).take_while(|c| *c != '>').collect();
    if names.contains(&name) {
        chars.nth(mark.len() + name.chars().count());
    } else {
        names.push(name);
    }
}

/// `\p{Greek}`, `\p{^Greek}`, `\x{10FFFF}`: these braces are no repetition, and Go's `^` turns the class round.
fn braced(out: &mut String, letter: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut inner = String::new();
    if chars.next_if_eq(&'{').is_some() {
        inner = chars.by_ref().take_while(|c| *c != '}').collect();
    }
    let letter = match (inner.strip_prefix('^'), letter) {
        (Some(_), 'p') => 'P',
        (Some(_), 'P') => 'p',
        _ => letter,
    };
    let name = inner.strip_prefix('^').unwrap_or(&inner);
    out.push('\\');
    out.push(letter);
    if !name.is_empty() {
        out.push('{');
        out.push_str(name);
        out.push('}');
    }
}

/// The number of an octal escape of at most three digits.
fn octal(first: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> u32 {
    let mut value = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
            break;
        };
        chars.next();
        value = value * 8 + digit;
    }
    value
}

/// Whether `{n}`, `{n,}` or `{n,m}` begins before `rest`.
fn is_repetition(rest: impl Iterator<Item = char>) -> bool {
    let inner: String = rest.take_while(|c| *c != '}').take(12).collect();
    let (low, high) = inner.split_once(',').unwrap_or((&inner, ""));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !low.is_empty() && number(low) && number(high)
}

fn find(regex: &Regex, args: &[Value]) -> Result {
    let text = bytes(&args[1]);
    Ok(Value::string_from(
        regex
            .find(text)
            .map(|found| found.as_bytes().to_vec())
            .unwrap_or_default(),
    ))
}

fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Matches as Go counts them: an empty one right behind another does not count, nor one within a character.
fn matches<'t>(regex: &Regex, text: &'t [u8]) -> Vec<regex::bytes::Captures<'t>> {
    let within = |at: usize| text.get(at).is_some_and(|b| b & 0xc0 == 0x80);
    let mut last_end = None;
    let mut found = Vec::new();
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        if whole.is_empty() && (last_end == Some(whole.start()) || within(whole.start())) {
            continue;
        }
        last_end = Some(whole.end());
        found.push(captures);
    }
    found
}

/// Where the whole match lies.
fn place(captures: &regex::bytes::Captures<'_>) -> std::ops::Range<usize> {
    captures.get(0).map_or(0..0, |whole| whole.range())
}

fn find_all(regex: &Regex, args: &[Value]) -> Result {
    let text = bytes(&args[1]);
    let all = matches(regex, text);
    let all = all.iter().take(limit(int_of(&args[2])));
    let all: Vec<Value> = all
        .map(|found| Value::string_from(text[place(found)].to_vec()))
        .collect();
    Ok(match all.is_empty() {
        true => Value::nil_list(Elem::Str),
        false => {
            // Go makes room for ten beforehand.
            let beyond = Beyond::appended(Elem::Str, 10, all.len());
            Value::List(Rc::new(List {
                elem: Elem::Str,
                items: all,
                nil: false,
                beyond,
            }))
        }
    })
}

/// The text with each match replaced by what `write` writes.
fn substituted(
    regex: &Regex,
    text: &[u8],
    write: impl Fn(&regex::bytes::Captures<'_>, &mut Vec<u8>),
) -> Value {
    let mut out = Vec::with_capacity(text.len());
    let mut end = 0;
    for found in matches(regex, text) {
        let place = place(&found);
        out.extend_from_slice(&text[end..place.start]);
        write(&found, &mut out);
        end = place.end;
    }
    out.extend_from_slice(&text[end..]);
    Value::string_from(out)
}

fn replace(regex: &Regex, args: &[Value]) -> Result {
    // Go reads `$1x` as the group named 1x; so does this crate.
    let template = bytes(&args[2]);
    Ok(substituted(regex, bytes(&args[1]), |found, out| {
        found.expand(template, out);
    }))
}

fn literal(regex: &Regex, args: &[Value]) -> Result {
    let replacement = bytes(&args[2]);
    Ok(substituted(regex, bytes(&args[1]), |_, out| {
        out.extend_from_slice(replacement);
    }))
}

/// `Regexp.Split`
fn split(regex: &Regex, args: &[Value]) -> Result {
    let (text, count) = (bytes(&args[1]), int_of(&args[2]));
    let mut parts = Vec::new();
    if count == 0 {
        return Ok(Value::nil_list(Elem::Str));
    }
    if !regex.as_str().is_empty() && text.is_empty() {
        return Ok(Value::strings([""]));
    }
    let (mut begin, mut end) = (0, 0);
    for found in matches(regex, text).iter().take(limit(count)) {
        if count > 0 && parts.len() as i64 == count - 1 {
            break;
        }
        let place = place(found);
        end = place.start;
        if place.end != 0 {
            parts.push(Value::string_from(text[begin..end].to_vec()));
        }
        begin = place.end;
    }
    if end != text.len() {
        parts.push(Value::string_from(text[begin..].to_vec()));
    }
    Ok(Value::typed_list(Elem::Str, parts))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn braces_of_escapes_are_no_repetitions() {
        for (pattern, found) in [
            (r"\p{L}+", "äb"),
            (r"\p{^L}+", "+1"),
            (r"\P{^L}+", "äb"),
            (r"[\p{Greek}]+", "α"),
            (r"\pN", "1"),
            (r"\x{3B1}", "α"),
            (r"\x2b", "+"),
            (r"[\x2b\061]+", "+1"),
            (r"\061", "1"),
            ("1{,2}", ""),
            ("(?P<a>b)(?P<a>.)", "b+"),
        ] {
            let regex = parse(pattern).unwrap();
            let found_here = regex.find("äb+1α".as_bytes()).map_or(&b""[..], |m| m.as_bytes());
            assert_eq!(std::str::from_utf8(found_here).unwrap(), found, "{pattern}");
        }
    }
}
