//! Semantic versions and constraints as `github.com/Masterminds/semver` 3.3.

use super::{Row, text_of};
use crate::methods::Method;
use crate::native::Native;
use crate::template::exec::Fault;
use crate::value::{UintKind, Value};
use regex::Regex;
use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

pub(super) const TABLE: &[Row] = &[
    ("semver", "s", |_, a| {
        Version::parse(&text_of(&a[0]))
            .map(|v| Native::Version(v).into_value())
            .map_err(Fault::of)
    }),
    ("semverCompare", "ss", |_, a| {
        let constraint = Constraint::parse(&text_of(&a[0])).map_err(Fault::of)?;
        let version = Version::parse(&text_of(&a[1])).map_err(Fault::of)?;
        Ok(Value::Bool(constraint.allows(&version)))
    }),
];

const CORE: &str = r"v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?";
const TAIL: &str = r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const LOOSE: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?";
const OPS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";

/// A fixed pattern; one that did not compile would match nothing.
fn fixed(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(&format!("^{CORE}{TAIL}$")));
static ONE: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(&format!(r"^\s*({OPS})\s*({LOOSE}{TAIL})\s*$")));
static FIND: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(&format!(r"({OPS})\s*({LOOSE}{TAIL})")));
static RANGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| fixed(&format!(r"\s*({LOOSE}{TAIL})\s+-\s+({LOOSE}{TAIL})\s*")));
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let item = format!(r"({OPS})\s*({LOOSE}{TAIL})\s*");
    fixed(&format!(r"^(\s*{item})((?:\s+|,\s*){item})*$"))
});

/// A version; missing parts are 0.
#[derive(Clone, Debug)]
pub struct Version {
    /// First number.
    pub major: u64,
    /// Second number.
    pub minor: u64,
    /// Third number.
    pub patch: u64,
    /// Without the leading `-`.
    pub pre: String,
    /// Without the leading `+`.
    pub metadata: String,
    /// The text it was read from.
    pub original: String,
}

impl Version {
    /// `%#v`
    pub(crate) fn go_syntax(&self) -> String {
        let quote = crate::gofmt::quote;
        format!(
            "&semver.Version{{major:{:#x}, minor:{:#x}, patch:{:#x}, pre:{}, metadata:{}, original:{}}}",
            self.major,
            self.minor,
            self.patch,
            quote(&self.pre),
            quote(&self.metadata),
            quote(&self.original)
        )
    }
}

impl Version {
    /// As `semver.NewVersion`: a leading `v` and missing parts are accepted.
    ///
    /// # Errors
    /// Masterminds' words, e.g. `Invalid Semantic Version`.
    pub fn parse(text: &str) -> Result<Self, String> {
        const INVALID: &str = "Invalid Semantic Version";
        let found = VERSION
            .as_ref()
            .and_then(|regex| regex.captures(text))
            .ok_or(INVALID)?;
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let number = |i: usize| {
            let digits = part(i).trim_start_matches('.');
            if digits.is_empty() {
                Ok(0)
            } else {
                digits.parse::<u64>().map_err(|_| {
                    let digits = crate::gofmt::quote(digits);
                    format!(
                        "Error parsing version segment: strconv.ParseUint: parsing {digits}: value out of range"
                    )
                })
            }
        };
        let pre = part(5);
        let numeric_with_zero =
            |p: &str| p.len() > 1 && p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit());
        if pre.split('.').any(numeric_with_zero) {
            return Err("Version segment starts with 0".into());
        }
        Ok(Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            pre: pre.into(),
            metadata: part(8).into(),
            original: text.into(),
        })
    }

    /// Precedence; build metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        _ => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                _ => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
struct Bound {
    version: Version,
    op: String,
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

/// A version constraint: `>=1.2 <2 || ^3`, `~1.2`, `1.x`, `1.2 - 1.4`.
#[derive(Clone, Debug)]
pub struct Constraint(Vec<Vec<Bound>>);

impl Constraint {
    /// As `semver.NewConstraint`.
    ///
    /// # Errors
    /// `improper constraint: ...`
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rewritten = text.to_owned();
        if let Some(range) = RANGE.as_ref() {
            for found in range.captures_iter(text) {
                let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
                let replacement = format!(">= {}, <= {} ", part(1), part(11));
                rewritten = rewritten.replacen(part(0), &replacement, 1);
            }
        }
        let mut any = Vec::new();
        for part in rewritten.split("||") {
            if !VALID.as_ref().is_some_and(|valid| valid.is_match(part)) {
                return Err(format!("improper constraint: {part}"));
            }
            let found: Vec<&str> = FIND
                .as_ref()
                .map(|find| find.find_iter(part).map(|m| m.as_str()).collect())
                .unwrap_or_default();
            any.push(
                found
                    .into_iter()
                    .map(Bound::parse)
                    .collect::<Result<Vec<_>, _>>()?,
            );
        }
        Ok(Self(any))
    }

    /// Whether `version` meets it. Pre-releases only meet constraints that
    /// name one.
    pub fn allows(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|bound| bound.allows(version)))
    }
}

fn is_x(text: &str) -> bool {
    matches!(text, "x" | "X" | "*" | "")
}

impl Bound {
    fn parse(text: &str) -> Result<Self, String> {
        let improper = || format!("improper constraint: {text}");
        let found = ONE
            .as_ref()
            .and_then(|one| one.captures(text))
            .ok_or_else(improper)?;
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let (major, minor, patch, pre) = (part(3), part(4), part(5), part(6));
        let (mut dirty, mut minor_dirty, mut patch_dirty) = (false, false, false);
        let version = if is_x(major) {
            dirty = true;
            format!("0.0.0{pre}")
        } else if is_x(minor.trim_start_matches('.')) {
            (dirty, minor_dirty) = (true, true);
            format!("{major}.0.0{pre}")
        } else if is_x(patch.trim_start_matches('.')) {
            (dirty, patch_dirty) = (true, true);
            format!("{major}{minor}.0{pre}")
        } else {
            part(2).to_owned()
        };
        let version = Version::parse(&version).map_err(|_| "constraint Parser Error".to_owned())?;
        Ok(Self {
            version,
            op: part(1).into(),
            dirty,
            minor_dirty,
            patch_dirty,
        })
    }

    fn allows(&self, v: &Version) -> bool {
        let con = &self.version;
        let order = v.compare(con);
        if self.op != "!=" && !v.pre.is_empty() && con.pre.is_empty() {
            return false;
        }
        match self.op.as_str() {
            "!=" => self.differs(v),
            ">" if !self.dirty => order == Ordering::Greater,
            ">" => match v.major.cmp(&con.major) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal if self.minor_dirty => false,
                Ordering::Equal if self.patch_dirty => v.minor > con.minor,
                Ordering::Equal => order == Ordering::Greater,
            },
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" if !self.dirty => order != Ordering::Greater,
            "<=" | "=<" => {
                v.major < con.major || v.major == con.major && (v.minor <= con.minor || self.minor_dirty)
            }
            "~" | "~>" => self.tilde(v),
            "^" => self.caret(v),
            _ if self.dirty => self.tilde(v),
            _ => order == Ordering::Equal,
        }
    }

    fn differs(&self, v: &Version) -> bool {
        let con = &self.version;
        if self.dirty {
            if !v.pre.is_empty() && con.pre.is_empty() {
                return false;
            }
            if con.major != v.major || con.minor != v.minor && !self.minor_dirty {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if con.patch != v.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                return compare_pre(&v.pre, &con.pre) != Ordering::Equal;
            }
        }
        v.compare(con) != Ordering::Equal
    }

    fn tilde(&self, v: &Version) -> bool {
        let con = &self.version;
        if v.compare(con) == Ordering::Less {
            return false;
        }
        let zero = con.major == 0 && con.minor == 0 && con.patch == 0;
        if zero && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        v.major == con.major && (v.minor == con.minor || self.minor_dirty)
    }

    fn caret(&self, v: &Version) -> bool {
        let con = &self.version;
        if v.compare(con) == Ordering::Less {
            return false;
        }
        if con.major > 0 || self.minor_dirty {
            return v.major == con.major;
        }
        if v.major > 0 {
            return false;
        }
        if con.minor > 0 || self.patch_dirty {
            return v.minor == con.minor;
        }
        v.minor == 0 && v.patch == con.patch
    }
}

fn version_of(value: &Value) -> Option<&Version> {
    match value {
        Value::Native(native) => match &**native {
            Native::Version(version) => Some(version),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: u64) -> Value {
    Value::Uint(value, UintKind::Uint64)
}

fn with<T>(value: &Value, f: impl FnOnce(&Version) -> T) -> Result<T, Fault> {
    version_of(value)
        .map(f)
        .ok_or_else(|| Fault::of("runtime error: invalid memory address or nil pointer dereference"))
}

fn changed(value: &Value, f: impl FnOnce(&Version) -> (u64, u64, u64)) -> Result<Value, Fault> {
    with(value, |v| {
        let (major, minor, patch) = f(v);
        let lead = if v.original.starts_with('v') { "v" } else { "" };
        let original = format!("{lead}{major}.{minor}.{patch}");
        Native::Version(Version {
            major,
            minor,
            patch,
            pre: String::new(),
            metadata: String::new(),
            original,
        })
        .into_value()
    })
}

/// Methods of `*semver.Version`.
pub(crate) fn method(name: &str) -> Option<Method> {
    type Body = fn(&Value, &[Value]) -> Result<Value, Fault>;
    let (signature, call): (&'static str, Body) = match name {
        "Major" => ("", |r, _| with(r, |v| number(v.major))),
        "Minor" => ("", |r, _| with(r, |v| number(v.minor))),
        "Patch" => ("", |r, _| with(r, |v| number(v.patch))),
        "Prerelease" => ("", |r, _| with(r, |v| Value::str(v.pre.as_str()))),
        "Metadata" => ("", |r, _| with(r, |v| Value::str(v.metadata.as_str()))),
        "Original" => ("", |r, _| with(r, |v| Value::str(v.original.as_str()))),
        "String" => ("", |r, _| with(r, |v| Value::str(v.to_string()))),
        "IncMajor" => ("", |r, _| changed(r, |v| (v.major + 1, 0, 0))),
        "IncMinor" => ("", |r, _| changed(r, |v| (v.major, v.minor + 1, 0))),
        "IncPatch" => ("", |r, _| {
            changed(r, |v| (v.major, v.minor, v.patch + u64::from(v.pre.is_empty())))
        }),
        "Compare" => ("a", |r, a| compare(r, &a[0], |order| Value::int(order as i64))),
        "Equal" => ("a", |r, a| {
            compare(r, &a[0], |order| Value::Bool(order == Ordering::Equal))
        }),
        "LessThan" => ("a", |r, a| {
            compare(r, &a[0], |order| Value::Bool(order == Ordering::Less))
        }),
        "GreaterThan" => ("a", |r, a| {
            compare(r, &a[0], |order| Value::Bool(order == Ordering::Greater))
        }),
        _ => return None,
    };
    Some(Method { signature, call })
}

fn compare(a: &Value, b: &Value, f: impl FnOnce(Ordering) -> Value) -> Result<Value, Fault> {
    let order = with(a, |a| with(b, |b| a.compare(b)))??;
    Ok(f(order))
}
