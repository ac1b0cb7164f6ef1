//! `.helmignore`, as `pkg/ignore` of Helm 3.17 reads it: no `**`, and a negated rule excludes everything
//! that does not match it.

/// The rules of a `.helmignore`, with Helm's default that hides dot files in `templates/`.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: String,
    negated: bool,
    directory: bool,
    base_name_only: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self(vec![Rule::parse("templates/.?*")])
    }
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                return Err("double-star (**) syntax is not supported".to_owned());
            }
            if glob(line, "abc").is_none() {
                return Err("syntax error in pattern".to_owned());
            }
            rules.push(Rule::parse(line));
        }
        rules.extend(Self::default().0);
        Ok(Self(rules))
    }

    /// Whether the file or directory at `path` (relative, with slashes) is left out.
    pub(super) fn ignored(&self, path: &str, directory: bool) -> bool {
        for rule in &self.0 {
            let applies = !rule.directory || directory;
            if rule.negated {
                if !applies || !rule.matches(path) {
                    return true;
                }
            } else if applies && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Self {
        let (negated, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (directory, line) = match line.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let base_name_only = !line.contains('/');
        let pattern = line.strip_prefix('/').unwrap_or(line).to_owned();
        Self {
            pattern,
            negated,
            directory,
            base_name_only,
        }
    }

    fn matches(&self, path: &str) -> bool {
        let subject = if self.base_name_only {
            path.rsplit('/').next().unwrap_or(path)
        } else {
            path
        };
        glob(&self.pattern, subject).unwrap_or(false)
    }
}

/// Go's `filepath.Match`: `*` and `?` do not cross a slash. None for a malformed pattern.
pub(crate) fn glob(pattern: &str, subject: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let subject: Vec<char> = subject.chars().collect();
    well_formed(&pattern)?;
    Some(glob_from(&pattern, &subject))
}

fn well_formed(pattern: &[char]) -> Option<()> {
    let mut at = 0;
    while let Some(&c) = pattern.get(at) {
        match c {
            '\\' => {
                pattern.get(at + 1)?;
                at += 2;
            }
            '[' => at = class(pattern, at, '\0')?.1,
            _ => at += 1,
        }
    }
    Some(())
}

fn glob_from(pattern: &[char], subject: &[char]) -> bool {
    match pattern.first() {
        None => subject.is_empty(),
        Some('*') => {
            let reach = subject.iter().position(|c| *c == '/').unwrap_or(subject.len());
            (0..=reach).any(|skip| glob_from(&pattern[1..], &subject[skip..]))
        }
        Some('?') => subject.first().is_some_and(|c| *c != '/') && glob_from(&pattern[1..], &subject[1..]),
        Some('[') => match (
            subject.first(),
            subject.first().and_then(|c| class(pattern, 0, *c)),
        ) {
            (Some(c), Some((true, next))) if *c != '/' => glob_from(&pattern[next..], &subject[1..]),
            _ => false,
        },
        Some('\\') => subject.first() == pattern.get(1) && glob_from(&pattern[2..], &subject[1..]),
        Some(c) => subject.first() == Some(c) && glob_from(&pattern[1..], &subject[1..]),
    }
}

/// Reads the character class that starts at `at`: whether `c` is in it, and where it ends.
fn class(pattern: &[char], at: usize, c: char) -> Option<(bool, usize)> {
    let mut at = at + 1;
    let negated = pattern.get(at) == Some(&'^');
    if negated {
        at += 1;
    }
    let mut found = false;
    let mut ranges = 0;
    loop {
        if pattern.get(at) == Some(&']') && ranges > 0 {
            return Some((found != negated, at + 1));
        }
        let low = class_char(pattern, &mut at)?;
        let high = if pattern.get(at) == Some(&'-') {
            at += 1;
            class_char(pattern, &mut at)?
        } else {
            low
        };
        found |= (low..=high).contains(&c);
        ranges += 1;
    }
}

fn class_char(pattern: &[char], at: &mut usize) -> Option<char> {
    let mut c = *pattern.get(*at)?;
    if matches!(c, '-' | ']') {
        return None;
    }
    if c == '\\' {
        *at += 1;
        c = *pattern.get(*at)?;
    }
    *at += 1;
    Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_helms() {
        let rules = Rules::parse("# comment\n*.bak\n/top\nsub/x?.yaml\ndir/\n[a-c]z\n").unwrap();
        for (path, directory, ignored) in [
            ("a.bak", false, true),
            ("deep/b.bak", false, true),
            ("top", false, true),
            ("deep/top", false, false),
            ("sub/x1.yaml", false, true),
            ("other/sub/x1.yaml", false, false),
            ("dir", true, true),
            ("dir", false, false),
            ("q/bz", false, true),
            ("q/dz", false, false),
            ("templates/.hidden", false, true),
            ("templates/a.yaml", false, false),
        ] {
            assert_eq!(rules.ignored(path, directory), ignored, "{path}");
        }
    }

    #[test]
    fn one_negated_rule_empties_a_chart() {
        let rules = Rules::parse("!keep.yaml\n").unwrap();
        assert!(rules.ignored("Chart.yaml", false));
        assert!(!rules.ignored("keep.yaml", false));
    }

    #[test]
    fn double_star_and_bad_patterns_are_refused() {
        assert!(Rules::parse("a/**/b").is_err());
        assert!(Rules::parse("[a").is_err());
    }
}
