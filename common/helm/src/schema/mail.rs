//! Whether a text is one mail address for Go's `mail.ParseAddress` (RFC 5322, somewhat leniently), which decides the
//! schema format `email`.

use std::net::IpAddr;

/// Whether `text` is one address: `a@b`, `Name <a@b>`, or a group with a single member.
pub(super) fn is_address(text: &str) -> bool {
    let mut rest = Rest(text);
    let found = rest.address(true);
    found == Some(1) && rest.skip_comments().is_some() && rest.0.is_empty()
}

/// What has not been read yet. None is for what is no address.
struct Rest<'t>(&'t str);

/// Visible characters; all beyond ASCII are.
fn is_visible(c: char) -> bool {
    c.is_ascii_graphic() || !c.is_ascii()
}

fn is_atom(c: char) -> bool {
    is_visible(c) && !"()<>[]:;@\\,\"".contains(c)
}

impl<'t> Rest<'t> {
    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    /// Blanks and comments.
    fn skip_comments(&mut self) -> Option<()> {
        self.skip_space();
        while self.take('(').is_some() {
            self.comment()?;
            self.skip_space();
        }
        Some(())
    }

    /// A comment whose bracket is open.
    fn comment(&mut self) -> Option<()> {
        let mut depth = 1;
        let mut chars = self.0.chars();
        while depth > 0 {
            match chars.next()? {
                '\\' if !chars.as_str().is_empty() => {
                    chars.next();
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
        }
        self.0 = chars.as_str();
        Some(())
    }

    /// How many addresses there are: one, or as many as a group has.
    fn address(&mut self, groups: bool) -> Option<usize> {
        self.skip_space();
        if self.mailbox().is_some() {
            self.skip_space();
            if self.take('(').is_some() {
                self.comment()?;
            }
            return Some(1);
        }
        if !self.0.starts_with('<') {
            self.phrase()?;
        }
        self.skip_space();
        if groups && self.take(':').is_some() {
            return self.group();
        }
        self.take('<')?;
        self.mailbox()?;
        self.take('>')?;
        Some(1)
    }

    fn group(&mut self) -> Option<usize> {
        let mut count = 0;
        self.skip_space();
        while count > 0 || self.take(';').is_none() {
            self.skip_space();
            count += self.address(false)?;
            self.skip_comments()?;
            if self.take(';').is_some() {
                break;
            }
            self.take(',')?;
        }
        self.skip_comments()?;
        Some(count)
    }

    /// `local@domain`; nothing is read of what is none.
    fn mailbox(&mut self) -> Option<()> {
        let mut rest = Rest(self.0);
        rest.skip_space();
        if rest.0.starts_with('"') {
            rest.quoted().filter(|text| !text.is_empty())?;
        } else {
            rest.dotted()?;
        }
        rest.take('@')?;
        rest.skip_space();
        if let Some(literal) = rest.0.strip_prefix('[') {
            let (address, after) = literal.split_once(']')?;
            address.parse::<IpAddr>().ok()?;
            rest.0 = after;
        } else {
            rest.dotted()?;
        }
        self.0 = rest.0;
        Some(())
    }

    /// A run of characters that need no quotes.
    fn atom(&mut self) -> Option<&'t str> {
        let end = self.0.find(|c| !is_atom(c)).unwrap_or(self.0.len());
        let (atom, rest) = self.0.split_at(end);
        self.0 = rest;
        (!atom.is_empty()).then_some(atom)
    }

    /// One with dots only between others.
    fn dotted(&mut self) -> Option<()> {
        let atom = self.atom()?;
        let stray = atom.starts_with('.') || atom.ends_with('.') || atom.contains("..");
        (!stray).then_some(())
    }

    /// What stands between quotes.
    fn quoted(&mut self) -> Option<&'t str> {
        let inner = self.0.strip_prefix('"')?;
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                '"' if !escaped => {
                    self.0 = &inner[at + 1..];
                    return Some(&inner[..at]);
                }
                '\\' if !escaped => escaped = true,
                c if is_visible(c) || c == ' ' || c == '\t' => escaped = false,
                _ => return None,
            }
        }
        None
    }

    /// Words before `<`; what is no word ends them.
    fn phrase(&mut self) -> Option<()> {
        let mut words = 0;
        loop {
            if words > 0 {
                self.skip_comments()?;
            }
            self.skip_space();
            let found = if self.0.starts_with('"') {
                self.quoted()
            } else {
                self.atom()
            };
            if found.is_none() {
                return (words > 0 || self.0.is_empty()).then_some(());
            }
            words += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_are_told_from_others() {
        for text in [
            "a@b",
            " a.b@c.d ",
            "a@b (c (d) \\))",
            "A B <a@b>",
            "\"A\\\" B\" <a@b>",
            "<a@b>",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "ü@é",
            "g: a@b;",
            "A. (c) B <a@b> (d)",
        ] {
            assert!(is_address(text), "{text}");
        }
        for text in [
            "",
            "a",
            "a@",
            "@b",
            "K@.$ª",
            "a@b.",
            "a..b@c",
            "a@b, c@d",
            "<a@b",
            "a@[x]",
            "a@b c",
            "\"\"@a",
            "a@b (",
            "g: ;",
            "g: a@b, c@d;",
            "A <a>",
            "a b@c",
            "\u{1}@b",
        ] {
            assert!(!is_address(text), "{text}");
        }
    }
}
