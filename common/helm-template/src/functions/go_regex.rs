//! What Go's `regexp` refuses, in its words (`regexp/syntax`, parse.go): patterns are checked here before
//! another engine runs them.

mod translate;

pub(super) use translate::{Names, translate};

/// Repetition may ask for this many.
const MAX_REPEAT: i64 = 1000;

/// What may stand in `[[:NAME:]]`.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Refuses what `regexp.Compile` refuses; the text follows `error parsing regexp: `.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    Checker {
        whole: pattern,
        open: 0,
        can_repeat: false,
        weights: vec![1],
        last: 1,
    }
    .run()
}

struct Checker<'p> {
    whole: &'p str,
    /// Groups that are open.
    open: usize,
    /// Whether something stands before this place that may be repeated.
    can_repeat: bool,
    /// For each open group, how often what is repeated most in it may stand there.
    weights: Vec<i64>,
    /// The same for what stands before this place.
    last: i64,
}

fn error<T>(code: &str, text: &str) -> Result<T, String> {
    Err(format!("{code}: `{text}`"))
}

/// `text` without what `rest`, its end, holds.
fn before<'p>(text: &'p str, rest: &str) -> &'p str {
    &text[..text.len() - rest.len()]
}

fn next(text: &str) -> (char, &str) {
    let mut chars = text.chars();
    (chars.next().unwrap_or('\0'), chars.as_str())
}

impl<'p> Checker<'p> {
    fn run(mut self) -> Result<(), String> {
        let mut rest = self.whole;
        let mut last_repeat = "";
        while !rest.is_empty() {
            let mut repeat = "";
            let (c, after) = next(rest);
            match c {
                '(' if after.starts_with('?') => rest = self.perl(rest)?,
                '(' => {
                    self.open();
                    rest = after;
                }
                ')' => {
                    if self.open == 0 {
                        return error("unexpected )", self.whole);
                    }
                    self.open -= 1;
                    self.can_repeat = true;
                    self.last = self.weights.pop().unwrap_or(1);
                    self.weigh();
                    rest = after;
                }
                '|' => {
                    self.can_repeat = false;
                    rest = after;
                }
                '[' => {
                    rest = class(rest)?;
                    self.atom();
                }
                '*' | '+' | '?' => {
                    repeat = rest;
                    rest = self.repeated(rest, after, last_repeat)?;
                }
                '{' => match counted(rest) {
                    None => {
                        self.atom();
                        rest = after;
                    }
                    Some((low, high, tail)) => {
                        if !(0..=MAX_REPEAT).contains(&low) || high > MAX_REPEAT || high >= 0 && low > high {
                            return error("invalid repeat count", before(rest, tail));
                        }
                        repeat = rest;
                        rest = self.repeated(rest, tail, last_repeat)?;
                        self.last *= if high < 0 { low } else { high }.max(1);
                        if self.last > MAX_REPEAT {
                            return error("invalid repeat count", before(repeat, rest));
                        }
                        self.weigh();
                    }
                },
                '\\' => {
                    rest = atom(rest)?;
                    self.atom();
                }
                _ => {
                    self.atom();
                    rest = after;
                }
            }
            last_repeat = repeat;
        }
        if self.open == 0 {
            Ok(())
        } else {
            error("missing closing )", self.whole)
        }
    }

    fn open(&mut self) {
        self.open += 1;
        self.can_repeat = false;
        self.weights.push(1);
    }

    /// Something that may be repeated and is not yet.
    fn atom(&mut self) {
        self.can_repeat = true;
        self.last = 1;
    }

    fn weigh(&mut self) {
        if let Some(weight) = self.weights.last_mut() {
            *weight = self.last.max(*weight);
        }
    }

    fn repeated(&self, start: &'p str, after: &'p str, last: &'p str) -> Result<&'p str, String> {
        let after = after.strip_prefix('?').unwrap_or(after);
        if !last.is_empty() {
            return error("invalid nested repetition operator", before(last, after));
        }
        if !self.can_repeat {
            return error("missing argument to repetition operator", before(start, after));
        }
        Ok(after)
    }

    /// `(?...`: flags, or a group with a name.
    fn perl(&mut self, text: &'p str) -> Result<&'p str, String> {
        let named = if text.starts_with("(?P<") {
            Some(4)
        } else {
            text.starts_with("(?<").then_some(3)
        };
        if let Some(start) = named {
            let Some(end) = text.find('>') else {
                return error("invalid named capture", text);
            };
            let name = &text[start..end];
            let valid = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if !valid {
                return error("invalid named capture", &text[..=end]);
            }
            self.open();
            return Ok(&text[end + 1..]);
        }
        let mut rest = &text[2..];
        let (mut negative, mut saw) = (false, false);
        while !rest.is_empty() {
            let (c, after) = next(rest);
            rest = after;
            match c {
                'i' | 'm' | 's' | 'U' => saw = true,
                '-' if !negative => (negative, saw) = (true, false),
                ':' | ')' if !negative || saw => {
                    if c == ':' {
                        self.open();
                    }
                    return Ok(rest);
                }
                _ => break,
            }
        }
        error("invalid or unsupported Perl syntax", before(text, rest))
    }
}

/// `{n}`, `{n,}` or `{n,m}`: the bounds (-1 for none, 1001 for too much) and what follows.
fn counted(text: &str) -> Option<(i64, i64, &str)> {
    let (low, rest) = number(&text[1..])?;
    let (high, rest) = match rest.strip_prefix(',') {
        None => (low, rest),
        Some(rest) if rest.starts_with('}') => (-1, rest),
        Some(rest) => number(rest)?,
    };
    Some((low, high, rest.strip_prefix('}')?))
}

fn number(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = &text[..end];
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(i64::MAX), &text[end..]))
}

/// What begins with a backslash, outside a class.
fn atom(text: &str) -> Result<&str, String> {
    let (c, rest) = next(&text[1..]);
    match c {
        'A' | 'b' | 'B' | 'z' if text.len() > 1 => Ok(rest),
        'C' => error("invalid escape sequence", &text[..2]),
        'Q' => Ok(rest.split_once("\\E").map_or("", |(_, rest)| rest)),
        _ => group(text)?.map_or_else(|| escape(text).map(|(_, rest)| rest), Ok),
    }
}

/// `\pN`, `\p{Greek}`, `\d` and their like; None if `text` begins with something else.
fn group(text: &str) -> Result<Option<&str>, String> {
    let Some(tail) = text.strip_prefix('\\') else {
        return Ok(None);
    };
    let (c, rest) = next(tail);
    if matches!(c, 'd' | 'D' | 's' | 'S' | 'w' | 'W') {
        return Ok(Some(rest));
    }
    if !matches!(c, 'p' | 'P') {
        return Ok(None);
    }
    if rest.is_empty() {
        return error("invalid character class range", text);
    }
    let (name, rest) = if let Some(inner) = rest.strip_prefix('{') {
        match inner.split_once('}') {
            Some((name, rest)) => (name, rest),
            None => return error("invalid character class range", text),
        }
    } else {
        let (_, after) = next(rest);
        (before(rest, after), after)
    };
    let name = name.strip_prefix('^').unwrap_or(name);
    let known = name == "Any"
        || name.starts_with(|c: char| c.is_ascii_uppercase())
            && regex::Regex::new(&format!("\\p{{{name}}}")).is_ok();
    if known {
        Ok(Some(rest))
    } else {
        error("invalid character class range", before(text, rest))
    }
}

/// One escaped character.
fn escape(text: &str) -> Result<(char, &str), String> {
    let tail = &text[1..];
    if tail.is_empty() {
        return error("trailing backslash at end of expression", "");
    }
    let (c, rest) = next(tail);
    let digit = |text: &str| text.starts_with(|c: char| c.is_digit(8));
    match c {
        '1'..='7' if !digit(rest) => {}
        '0'..='7' => {
            let mut value = c.to_digit(8).unwrap_or(0);
            let mut rest = rest;
            for _ in 0..2 {
                let (c, after) = next(rest);
                let Some(more) = c.to_digit(8).filter(|_| !rest.is_empty()) else {
                    break;
                };
                value = value * 8 + more;
                rest = after;
            }
            return Ok((char::from_u32(value).unwrap_or('\0'), rest));
        }
        'x' => return hex(text, rest),
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => {
            let value = match c {
                'a' => '\u{7}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                _ => '\u{b}',
            };
            return Ok((value, rest));
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok((c, rest)),
        _ => {}
    }
    error("invalid escape sequence", before(text, rest))
}

fn hex<'p>(text: &'p str, rest: &'p str) -> Result<(char, &'p str), String> {
    if rest.is_empty() {
        return error("invalid escape sequence", text);
    }
    let (c, mut rest) = next(rest);
    if c != '{' {
        let (second, after) = next(rest);
        if let (Some(high), Some(low)) = (c.to_digit(16), second.to_digit(16)) {
            return Ok((char::from_u32(high * 16 + low).unwrap_or('\0'), after));
        }
        let rest = if c.is_ascii_hexdigit() { after } else { rest };
        return error("invalid escape sequence", before(text, rest));
    }
    let (mut value, mut digits) = (0u32, 0);
    while !rest.is_empty() {
        let (c, after) = next(rest);
        rest = after;
        if c == '}' {
            if digits == 0 {
                break;
            }
            return Ok((char::from_u32(value).unwrap_or('\0'), rest));
        }
        let Some(digit) = c.to_digit(16) else { break };
        value = value.saturating_mul(16).saturating_add(digit);
        digits += 1;
        if value > 0x0010_ffff {
            break;
        }
    }
    error("invalid escape sequence", before(text, rest))
}

/// A character class, from its bracket to its end.
fn class(text: &str) -> Result<&str, String> {
    let mut rest = text[1..].strip_prefix('^').unwrap_or(&text[1..]);
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if rest.starts_with("[:")
            && let Some(end) = rest[2..].find(":]")
        {
            let name = &rest[..end + 4];
            let bare = &rest[2..end + 2];
            if !CLASSES.contains(&bare.strip_prefix('^').unwrap_or(bare)) {
                return error("invalid character class range", name);
            }
            rest = &rest[end + 4..];
            continue;
        }
        if let Some(after) = group(rest)? {
            rest = after;
            continue;
        }
        let (low, after) = class_char(rest, text)?;
        let mut high = low;
        let range = rest;
        rest = after;
        if let Some(after) = rest
            .strip_prefix('-')
            .filter(|after| !after.is_empty() && !after.starts_with(']'))
        {
            (high, rest) = class_char(after, text)?;
        }
        if high < low {
            return error("invalid character class range", before(range, rest));
        }
    }
    Ok(&rest[1..])
}

fn class_char<'p>(text: &'p str, whole: &str) -> Result<(char, &'p str), String> {
    if text.is_empty() {
        return error("missing closing ]", whole);
    }
    if text.starts_with('\\') {
        return escape(text);
    }
    Ok(next(text))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn complaints_are_gos() {
        for (pattern, wanted) in [
            ("[", "missing closing ]: `[`"),
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{1,2}{3}", "invalid nested repetition operator: `{1,2}{3}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("\\8", "invalid escape sequence: `\\8`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P<n>", "missing closing ): `(?P<n>`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("\\pX", "invalid character class range: `\\pX`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("(a{100}){100}", "invalid repeat count: `{100}`"),
            ("(?:b|a{2,}?c{30}){40}?", "invalid repeat count: `{40}?`"),
        ] {
            assert_eq!(check(pattern).unwrap_err(), wanted, "{pattern}");
        }
    }

    #[test]
    fn what_go_takes_is_taken() {
        for pattern in [
            "",
            "a??",
            "x{,2}",
            "[]a]",
            "(?i)a|b",
            "(?P<n>o)",
            "\\Qa(b\\E",
            "[[:alpha:]\\d-x]",
            "\\x{41}",
            "\\pN+",
            "a{2,}?",
            "(a{10}b{0}){100}",
            "(?P<a>x)(?P<a>y)",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }
}
