//! Versions and version ranges as Helm's semver library (Masterminds/semver 3) reads them.
//!
//! Looser than SemVer: `v1`, `1.2` are versions; ranges know `||`, comma or blank for "and", `~`, `^`,
//! wildcards and hyphens. A range without a pre-release never takes a pre-release version.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version};

/// Reads a version, filling in what is missing (`v1.2` is 1.2.0).
pub fn parse(text: &str) -> Option<Version> {
    let (numbers, pre, build, parts) = split(text)?;
    if parts == 0 || numbers.iter().any(Option::is_none) {
        return None;
    }
    let number = |at: usize| numbers.get(at).copied().flatten().unwrap_or(0);
    Some(Version {
        major: number(0),
        minor: number(1),
        patch: number(2),
        pre: Prerelease::new(pre).ok()?,
        build: BuildMetadata::new(build).ok()?,
    })
}

/// Splits into up to three numbers (None for a wildcard), pre-release and build, and counts the numbers.
#[allow(clippy::type_complexity)]
fn split(text: &str) -> Option<(Vec<Option<u64>>, &str, &str, usize)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre) = text.split_once('-').unwrap_or((text, ""));
    let mut numbers = Vec::new();
    for part in core.split('.') {
        if matches!(part, "x" | "X" | "*") {
            numbers.push(None);
        } else if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            numbers.push(Some(part.parse().ok()?));
        } else {
            return None;
        }
    }
    let parts = numbers.len();
    (parts <= 3).then_some((numbers, pre, build, parts))
}

/// A version range.
#[derive(Clone, Debug)]
pub struct Range(Vec<Vec<Constraint>>);

#[derive(Clone, Debug)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// Which of minor and patch were not given, or were wildcards.
    minor_open: bool,
    patch_open: bool,
    /// The whole is a wildcard.
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

const OPERATORS: [(&str, Operator); 12] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

impl Range {
    /// Reads a range; None if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let alternatives = text.split("||").map(all_of).collect::<Option<Vec<_>>>()?;
        Some(Self(alternatives))
    }

    /// Whether `version` is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|constraint| constraint.takes(version)))
    }
}

/// Helm's `IsCompatibleRange`: false as well for what is not a range or not a version.
pub fn compatible(range: &str, version: &str) -> bool {
    match (Range::parse(range), parse(version)) {
        (Some(range), Some(version)) => range.contains(&version),
        _ => false,
    }
}

fn all_of(text: &str) -> Option<Vec<Constraint>> {
    let text = text.trim();
    if let Some((low, high)) = text.split_once(" - ") {
        let low = constraint(&format!(">={}", low.trim()))?;
        return Some(vec![low, constraint(&format!("<={}", high.trim()))?]);
    }
    let mut constraints = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let operator = OPERATORS
            .iter()
            .map(|(sign, _)| *sign)
            .find(|sign| rest.starts_with(sign))
            .unwrap_or("");
        let after = rest[operator.len()..].trim_start();
        let end = after.find([' ', '\t', ',']).unwrap_or(after.len());
        constraints.push(constraint(&format!("{operator}{}", &after[..end]))?);
        rest = &after[end..];
    }
    // An empty range is no range.
    (!constraints.is_empty()).then_some(constraints)
}

fn constraint(text: &str) -> Option<Constraint> {
    let (sign, operator) = OPERATORS
        .iter()
        .find(|(sign, _)| text.starts_with(sign))
        .copied()
        .unwrap_or(("", Operator::Equal));
    let (numbers, pre, build, _) = split(text[sign.len()..].trim())?;
    let number = |at: usize| numbers.get(at).copied().flatten();
    let open = number(0).is_none();
    let minor_open = open || number(1).is_none();
    let patch_open = minor_open || number(2).is_none();
    let version = Version {
        major: number(0).unwrap_or(0),
        minor: if minor_open { 0 } else { number(1).unwrap_or(0) },
        patch: if patch_open { 0 } else { number(2).unwrap_or(0) },
        pre: Prerelease::new(pre).ok()?,
        build: BuildMetadata::new(build).ok()?,
    };
    Some(Constraint {
        operator,
        version,
        minor_open,
        patch_open,
        open,
    })
}

impl Constraint {
    fn takes(&self, version: &Version) -> bool {
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            // `!=` is the one comparison in which the library looks at pre-releases regardless.
            return false;
        }
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::NotEqual => !self.same_prefix(version, order),
            Operator::Greater => self.greater(version, order),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::LessOrEqual => self.less_or_equal(version, order),
            // A plain version with parts left open is a tilde range.
            Operator::Equal if self.patch_open => self.tilde(version, order),
            Operator::Equal => order == Ordering::Equal,
            Operator::Tilde => self.tilde(version, order),
            Operator::Caret => self.caret(version, order),
        }
    }

    fn same_prefix(&self, version: &Version, order: Ordering) -> bool {
        if self.open {
            true
        } else if self.minor_open {
            version.major == self.version.major
        } else if self.patch_open {
            (version.major, version.minor) == (self.version.major, self.version.minor)
        } else {
            order == Ordering::Equal
        }
    }

    fn greater(&self, version: &Version, order: Ordering) -> bool {
        if !self.patch_open {
            return order == Ordering::Greater;
        }
        match version.major.cmp(&self.version.major) {
            Ordering::Greater => true,
            Ordering::Less => false,
            // `>11` is any 12 and up; `>11.1` takes 11.2 but not 11.1.5.
            Ordering::Equal if self.minor_open => false,
            Ordering::Equal => version.minor > self.version.minor,
        }
    }

    fn less_or_equal(&self, version: &Version, order: Ordering) -> bool {
        if !self.patch_open {
            return order != Ordering::Greater;
        }
        if version.major > self.version.major {
            return false;
        }
        !(version.major == self.version.major && version.minor > self.version.minor && !self.minor_open)
    }

    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        if order == Ordering::Less {
            return false;
        }
        // `~0.0.0` with all parts open is any version.
        if self.open {
            return true;
        }
        version.major == self.version.major && (self.minor_open || version.minor == self.version.minor)
    }

    fn caret(&self, version: &Version, order: Ordering) -> bool {
        if order == Ordering::Less {
            return false;
        }
        if self.version.major > 0 || self.minor_open {
            return self.open || version.major == self.version.major;
        }
        if version.major > 0 {
            return false;
        }
        if self.version.minor > 0 || self.patch_open {
            return version.minor == self.version.minor;
        }
        version.minor == 0 && version.patch == self.version.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken from the library's documentation of each operator.
    #[test]
    fn ranges() {
        for (range, version, expected) in [
            ("=2.0.0", "2.0.0", true),
            ("2", "2.9.1", true),
            ("!=4.1", "4.1.0", false),
            ("!=4.1.0", "4.1.1", true),
            (">11", "11.1.0", false),
            (">11", "12.0.0", true),
            (">11.1", "11.1.5", false),
            ("<=11.1", "11.1.9", true),
            ("<=11", "11.9.0", true),
            ("<2.0.0", "1.9.9", true),
            ("<2.0.0", "2.0.0-alpha", false),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "2.0.0", false),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^0.0.3", "0.0.4", false),
            ("^0", "0.9.0", true),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.5.0", false),
            (">= 1.2, < 3.0.0 || >= 4.2.3", "4.2.3", true),
            (">= 1.2, < 3.0.0 || >= 4.2.3", "3.1.0", false),
            (">=1.2 <2", "1.9.9", true),
            ("*", "7.1.2", true),
            ("*", "7.1.2-rc.1", false),
            (">=0-0", "0.16.1", true),
            (">=0-0", "0.16.1-dev.0.main.2", true),
            (">=1.21.0-0", "v1.30.4-gke.1", true),
            ("1.x", "1.7.0", true),
            ("", "1.0.0", false),
            ("nonsense", "1.0.0", false),
        ] {
            assert_eq!(compatible(range, version), expected, "{range:?} {version:?}");
        }
    }

    #[test]
    fn loose_versions() {
        assert_eq!(parse("v1.2"), Version::parse("1.2.0").ok());
        assert_eq!(parse("1"), Version::parse("1.0.0").ok());
        assert_eq!(parse("1.2.3-rc.1+b"), Version::parse("1.2.3-rc.1+b").ok());
        for bad in ["", "x", "1.2.3.4", "1.*", "a.b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
