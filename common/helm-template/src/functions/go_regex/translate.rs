//! A pattern that Go's `regexp` takes, in the words of the `regex` crate. The two differ in few places: Perl's
//! classes are ASCII in Go, classes have no set operators there, and a dash may stand anywhere.

use super::{before, class_char, counted, escape, group, next};

/// Names of groups, each with the group's number: Go lets several have one name.
pub(in crate::functions) type Names = Vec<(Box<str>, usize)>;

/// The same pattern for the `regex` crate, and the names of its groups, which that crate would not all take;
/// `pattern` has been checked.
pub(in crate::functions) fn translate(pattern: &str) -> (String, Names) {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut groups = Groups::default();
    while !rest.is_empty() {
        let (c, after) = next(rest);
        rest = match c {
            '\\' => escaped(&mut out, rest),
            '[' => class(&mut out, rest),
            '(' => {
                out.push('(');
                groups.open(after)
            }
            // Where Go sees no repetition, a brace is a brace.
            '{' if counted(rest).is_none() => {
                out.push_str("\\{");
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    (out, groups.names)
}

#[derive(Default)]
struct Groups {
    count: usize,
    names: Names,
}

impl Groups {
    /// What follows an opening parenthesis; a name is kept here and passed by.
    fn open<'p>(&mut self, text: &'p str) -> &'p str {
        let named = text.strip_prefix("?P<").or_else(|| text.strip_prefix("?<"));
        let (name, rest) = match named.and_then(|text| text.split_once('>')) {
            Some((name, rest)) => (Some(name), rest),
            None if text.starts_with('?') => return text,
            None => (None, text),
        };
        self.count += 1;
        self.names.extend(name.map(|name| (name.into(), self.count)));
        rest
    }
}

/// What begins with a backslash, outside a class; gives what follows.
fn escaped<'p>(out: &mut String, text: &'p str) -> &'p str {
    let (c, after) = next(&text[1..]);
    match c {
        'Q' => {
            let (quoted, rest) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            rest
        }
        'b' | 'B' => {
            out.push_str(&format!("(?-u:\\{c})"));
            after
        }
        'A' | 'z' => {
            out.push_str(before(text, after));
            after
        }
        _ => {
            if let Ok(Some(rest)) = group(text) {
                out.push_str(&set(before(text, rest)));
                return rest;
            }
            let (c, rest) = escape(text).unwrap_or((c, after));
            literal(out, c);
            rest
        }
    }
}

/// A class, from its bracket to its end; gives what follows.
fn class<'p>(out: &mut String, text: &'p str) -> &'p str {
    let mut rest = &text[1..];
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while !rest.is_empty() && (first || !rest.starts_with(']')) {
        first = false;
        if rest.starts_with("[:")
            && let Some(end) = rest[2..].find(":]")
        {
            out.push_str(&rest[..end + 4]);
            rest = &rest[end + 4..];
            continue;
        }
        if let Ok(Some(after)) = group(rest) {
            out.push_str(&set(before(rest, after)));
            rest = after;
            continue;
        }
        let Ok((low, after)) = class_char(rest, text) else {
            break;
        };
        literal(out, low);
        rest = after;
        let high = rest
            .strip_prefix('-')
            .filter(|after| !after.is_empty() && !after.starts_with(']'));
        if let Some(Ok((high, after))) = high.map(|high| class_char(high, text)) {
            out.push('-');
            literal(out, high);
            rest = after;
        }
    }
    out.push(']');
    rest.strip_prefix(']').unwrap_or(rest)
}

/// `\d`, `\pN`, `\p{^Greek}` and their like; Go's `^` turns a class round.
fn set(text: &str) -> String {
    let (letter, name) = next(&text[1..]);
    match letter {
        'd' => "[0-9]".to_owned(),
        'w' => "[0-9A-Za-z_]".to_owned(),
        's' => "[\\t\\n\\f\\r ]".to_owned(),
        'D' => "[^0-9]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        'S' => "[^\\t\\n\\f\\r ]".to_owned(),
        _ => {
            let name = name.trim_matches(['{', '}']);
            let (name, turned) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
            let negative = (letter == 'P') != turned;
            format!("\\{}{{{name}}}", if negative { 'P' } else { 'p' })
        }
    }
}

fn literal(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }
}
