//! sprig's regular expressions: RE2, as Go's.

use super::{Context, Row, go_regex, int_of, text_of};
use crate::spare::Beyond;
use crate::template::exec::Fault;
use crate::unicode;
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
    Regex::new(&go_regex::translate(pattern).0).ok()
}

/// A pattern with the names of its groups.
#[derive(Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    names: Rc<go_regex::Names>,
}

impl std::ops::Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
    }
}

fn bytes(value: &Value) -> &[u8] {
    value.string_bytes().unwrap_or_default()
}

fn compile(context: &Context<'_, '_>, pattern: &Value, panic: &str) -> std::result::Result<Pattern, Fault> {
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
        return Err(Fault::of(refused(format!("invalid UTF-8: `{shown}`"))));
    }
    go_regex::check(&text).map_err(|complaint| Fault::of(refused(complaint)))?;
    let (translated, names) = go_regex::translate(&text);
    let regex = Regex::new(&translated)
        .map_err(|_| Fault::of(refused(format!("expression nests too deeply: `{text}`"))))?;
    let names = Rc::new(names);
    let pattern = Pattern { regex, names };
    let mut known = context.session.regexes.borrow_mut();
    known.insert(text.as_ref().into(), pattern.clone());
    Ok(pattern)
}

fn find(regex: &Pattern, args: &[Value]) -> Result {
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

fn find_all(regex: &Pattern, args: &[Value]) -> Result {
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

fn replace(pattern: &Pattern, args: &[Value]) -> Result {
    let template = bytes(&args[2]);
    Ok(substituted(pattern, bytes(&args[1]), |found, out| {
        expand(template, found, &pattern.names, out);
    }))
}

/// `Regexp.Expand`: `$name`, as long a name as can be, `${name}` and `$$`. A dollar before anything else is one.
fn expand(
    mut template: &[u8],
    found: &regex::bytes::Captures<'_>,
    names: &go_regex::Names,
    out: &mut Vec<u8>,
) {
    while let Some(at) = template.iter().position(|byte| *byte == b'$') {
        out.extend_from_slice(&template[..at]);
        template = &template[at + 1..];
        if let Some(rest) = template.strip_prefix(b"$") {
            out.push(b'$');
            template = rest;
        } else if let Some((name, rest)) = reference(template) {
            template = rest;
            let group = match group_number(name) {
                Some(number) => found.get(number),
                None => names
                    .iter()
                    .filter(|(known, _)| **known == *name)
                    .find_map(|(_, number)| found.get(*number)),
            };
            out.extend_from_slice(group.map_or(b"", |group| group.as_bytes()));
        } else {
            out.push(b'$');
        }
    }
    out.extend_from_slice(template);
}

/// The name behind a dollar, and what follows.
fn reference(text: &[u8]) -> Option<(&str, &[u8])> {
    let inner = text.strip_prefix(b"{");
    let valid = inner.unwrap_or(text).utf8_chunks().next()?.valid();
    let end = valid.find(|c: char| c != '_' && !unicode::is_letter(c) && !unicode::is_digit(c));
    let name = &valid[..end.unwrap_or(valid.len())];
    let rest = &inner.unwrap_or(text)[name.len()..];
    let rest = if inner.is_some() {
        rest.strip_prefix(b"}")?
    } else {
        rest
    };
    (!name.is_empty()).then_some((name, rest))
}

/// Digits name a group by its number, unless they begin with a zero or are too many.
fn group_number(name: &str) -> Option<usize> {
    const TOO_LARGE: usize = 1_000_000_000;
    let plain = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    name.parse().ok().filter(|number| plain && *number < TOO_LARGE)
}

fn literal(regex: &Pattern, args: &[Value]) -> Result {
    let replacement = bytes(&args[2]);
    Ok(substituted(regex, bytes(&args[1]), |_, out| {
        out.extend_from_slice(replacement);
    }))
}

/// `Regexp.Split`
fn split(regex: &Pattern, args: &[Value]) -> Result {
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
            // Go sees no range after a class of Perl's, and none with two dashes.
            (r"[\w-\.]+", "b"),
            (r"[+--]+", "+"),
            (r"[^\d-\x{3b1}äb]+", "+"),
            ("1{,2}", ""),
            ("(?P<a>b)(?P<a>.)", "b+"),
        ] {
            let regex = parse(pattern).unwrap();
            let found_here = regex.find("äb+1α".as_bytes()).map_or(&b""[..], |m| m.as_bytes());
            assert_eq!(std::str::from_utf8(found_here).unwrap(), found, "{pattern}");
        }
    }

    #[test]
    fn groups_are_named_as_in_go() {
        for (pattern, template, wanted) in [
            ("(?P<1a>b)(.)", "$1a-${1a}-$2.$3$$", "b-b-c.$"),
            ("(?P<n>x)|(?P<n>b)c", "<${n}>", "<b>"),
            ("(b)(c)", "$2$1x${1}x$é$0$00", "cbxbc"),
            ("(b)(c)", "${1${-}$-$", "${1${-}$-$"),
            ("(?:b)(?i)(C)", "$1", "c"),
        ] {
            let (translated, names) = super::go_regex::translate(pattern);
            let captures = super::Regex::new(&translated).unwrap().captures(b"abc").unwrap();
            let mut out = Vec::new();
            super::expand(template.as_bytes(), &captures, &names, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), wanted, "{pattern} {template}");
        }
    }
}
