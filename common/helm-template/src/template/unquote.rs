//! Go string and character literals.

/// `strconv.Unquote`: an interpreted (`"`) or raw (`` ` ``) literal. `None`
/// for what Go calls invalid syntax. Byte escapes may give what is not UTF-8.
pub(crate) fn unquote(literal: &str) -> Option<Vec<u8>> {
    let quote = literal.chars().next()?;
    let body = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    match quote {
        '`' => Some(body.replace('\r', "").into_bytes()),
        '"' => {
            let mut out = Vec::with_capacity(body.len());
            let mut chars = body.chars();
            while let Some(c) = chars.next() {
                match c {
                    '"' | '\n' => return None,
                    '\\' => escape(&mut chars, '"', &mut out)?,
                    c => push(&mut out, c),
                }
            }
            Some(out)
        }
        _ => None,
    }
}

/// `strconv.UnquoteChar` on a whole `'x'` literal.
pub(crate) fn unquote_char(literal: &str) -> Option<i64> {
    let body = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut chars = body.chars();
    let first = chars.next()?;
    let value = if first == '\\' {
        let mut out = Vec::new();
        escape(&mut chars, '\'', &mut out)?;
        match std::str::from_utf8(&out) {
            Ok(text) => i64::from(u32::from(text.chars().next()?)),
            Err(_) => i64::from(*out.first()?),
        }
    } else {
        i64::from(u32::from(first))
    };
    chars.next().is_none().then_some(value)
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(chars: &mut std::str::Chars<'_>, quote: char, out: &mut Vec<u8>) -> Option<()> {
    let c = chars.next()?;
    let simple = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => c as u8,
        'x' => {
            out.push(u8::try_from(digits(chars, 2, 16, 0)?).ok()?);
            return Some(());
        }
        'u' | 'U' => {
            let value = digits(chars, if c == 'u' { 4 } else { 8 }, 16, 0)?;
            push(out, char::from_u32(value)?);
            return Some(());
        }
        '0'..='7' => {
            let value = digits(chars, 2, 8, c.to_digit(8)?)?;
            out.push(u8::try_from(value).ok()?);
            return Some(());
        }
        _ => return None,
    };
    out.push(simple);
    Some(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32, start: u32) -> Option<u32> {
    (0..count).try_fold(start, |value, _| {
        value
            .checked_mul(radix)?
            .checked_add(chars.next()?.to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        assert_eq!(
            unquote(r#""a\tb\u00e9\x41\101""#).as_deref(),
            Some("a\tbéAA".as_bytes())
        );
        assert_eq!(unquote("`a\\n`").as_deref(), Some("a\\n".as_bytes()));
        assert_eq!(unquote(r#""\q""#), None);
        assert_eq!(unquote_char(r"'\n'"), Some(10));
        assert_eq!(unquote_char("'é'"), Some(233));
        assert_eq!(unquote_char("'ab'"), None);
    }
}
