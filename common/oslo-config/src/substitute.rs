//! `$name`, `${name}`, `$group.name` and `$$` in values, as oslo.config's string templates have them.

/// Replaces references in `text` by what `lookup` says of them; `\$` and `$$` stand for a dollar sign, and a dollar
/// sign that begins no name stays.
pub(crate) fn expand<E>(text: &str, mut lookup: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let text = text.replace(r"\$", "$$");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            out.push_str(&lookup(name)?);
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name at the beginning of `text` (after the dollar sign) and what follows the reference.
fn reference(text: &str) -> Option<(&str, &str)> {
    if let Some(inner) = text.strip_prefix('{') {
        let (name, after) = split_name(inner)?;
        return Some((name, after.strip_prefix('}')?));
    }
    split_name(text)
}

fn split_name(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
        return None;
    }
    let end = text
        .find(|c: char| !(c == '_' || c == '.' || c.is_ascii_alphanumeric()))
        .unwrap_or(text.len());
    Some(text.split_at(end))
}
