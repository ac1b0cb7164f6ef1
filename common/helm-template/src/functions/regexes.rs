//! sprig's regular expressions: RE2, as Go's.

use super::{Context, Row, go_regex, int_of, text_of};
use crate::template::exec::Fault;
use crate::value::Value;
use regex::bytes::Regex;

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
        if panic.is_empty() {
            parsing
        } else {
            format!("{panic}({}): {parsing}", crate::gofmt::backquote(&text))
        }
    };
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
            c => out.push(c),
        }
    }
    out
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

/// Matches as Go counts them: an empty one right behind another does not count.
fn matches<'t>(regex: &Regex, text: &'t [u8]) -> Vec<regex::bytes::Match<'t>> {
    let mut last_end = None;
    let mut found = Vec::new();
    for m in regex.find_iter(text) {
        if m.is_empty() && last_end == Some(m.start()) {
            continue;
        }
        last_end = Some(m.end());
        found.push(m);
    }
    found
}

fn find_all(regex: &Regex, args: &[Value]) -> Result {
    let all = matches(regex, bytes(&args[1]));
    let all = all
        .iter()
        .take(limit(int_of(&args[2])))
        .map(|m| Value::string_from(m.as_bytes().to_vec()));
    Ok(Value::typed_list(crate::value::Elem::Str, all.collect()))
}

fn replace(regex: &Regex, args: &[Value]) -> Result {
    // Go reads `$1x` as the group named 1x; so does this crate.
    Ok(Value::string_from(
        regex.replace_all(bytes(&args[1]), bytes(&args[2])).into_owned(),
    ))
}

fn literal(regex: &Regex, args: &[Value]) -> Result {
    let replacement = regex::bytes::NoExpand(bytes(&args[2]));
    Ok(Value::string_from(
        regex.replace_all(bytes(&args[1]), replacement).into_owned(),
    ))
}

/// `Regexp.Split`
fn split(regex: &Regex, args: &[Value]) -> Result {
    let (text, count) = (bytes(&args[1]), int_of(&args[2]));
    let mut parts = Vec::new();
    if count == 0 {
        return Ok(Value::typed_list(crate::value::Elem::Str, parts));
    }
    if !regex.as_str().is_empty() && text.is_empty() {
        return Ok(Value::strings([""]));
    }
    let (mut begin, mut end) = (0, 0);
    for m in matches(regex, text).iter().take(limit(count)) {
        if count > 0 && parts.len() as i64 == count - 1 {
            break;
        }
        end = m.start();
        if m.end() != 0 {
            parts.push(Value::string_from(text[begin..end].to_vec()));
        }
        begin = m.end();
    }
    if end != text.len() {
        parts.push(Value::string_from(text[begin..].to_vec()));
    }
    Ok(Value::typed_list(crate::value::Elem::Str, parts))
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
        ] {
            let regex = parse(pattern).unwrap();
            let found_here = regex.find("äb+1α".as_bytes()).map_or(&b""[..], |m| m.as_bytes());
            assert_eq!(std::str::from_utf8(found_here).unwrap(), found, "{pattern}");
        }
    }
}
