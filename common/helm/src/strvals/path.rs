//! Keys with dots and indexes, common to all forms.

use serde_json::{Map, Value};

use super::{MAX_NESTING, SetError, mismatch, set_index, set_key, table_at};
use crate::values::Values;

/// Why parsing stopped.
pub(super) enum Stop {
    /// The line is used up (Go's `io.EOF`).
    End,
    /// An error.
    Failed(String),
}

/// The line and how far it was read.
pub(super) struct Source {
    chars: Vec<char>,
    at: usize,
    /// Whether a backslash takes the next character as it is.
    escapes: bool,
}

impl Source {
    pub(super) fn new(line: &str, escapes: bool) -> Self {
        Self {
            chars: line.chars().collect(),
            at: 0,
            escapes,
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    /// Everything that is left.
    pub(super) fn rest(&self) -> String {
        self.chars[self.at..].iter().collect()
    }

    /// Passes over `count` characters.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.chars.len());
    }

    /// Text up to one of `stops`, which is passed over; None for it at the end of the line.
    pub(super) fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' && self.escapes {
                match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => break,
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }
}

/// Takes what follows `=` into a table under a key.
pub(super) type Assign<'a> = &'a dyn Fn(&mut Source, &mut Values, &str) -> Result<(), Stop>;

/// Reads assignments until the line ends.
pub(super) fn all(
    source: &mut Source,
    values: &mut Values,
    stops: &[char],
    assign: Assign<'_>,
) -> Result<(), SetError> {
    loop {
        match key(source, values, stops, assign, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Failed(message)) => return Err(SetError(message)),
        }
    }
}

fn key(
    source: &mut Source,
    values: &mut Values,
    stops: &[char],
    assign: Assign<'_>,
    nesting: usize,
) -> Result<(), Stop> {
    let (name, end) = source.until(stops);
    let quoted = helm_template::go_quote(&name);
    match end {
        None if name.is_empty() => Err(Stop::End),
        None => Err(Stop::Failed(format!("key {quoted} has no value"))),
        Some('[') => {
            let index = index(source)?;
            let mut list = match values.get(&name) {
                None => Vec::new(),
                Some(Value::Array(list)) => list.clone(),
                Some(other) => return Err(mismatch(other, "[]interface {}")),
            };
            let outcome = item(source, &mut list, index, stops, assign, nesting);
            set_key(values, &name, Value::Array(list));
            outcome
        }
        Some('=') => assign(source, values, &name),
        Some('.') => {
            if nesting + 1 > MAX_NESTING {
                return Err(Stop::Failed(format!(
                    "value name nested level is greater than maximum supported nested level of {MAX_NESTING}"
                )));
            }
            let mut inner = table_at(values, &name)?.cloned().unwrap_or_default();
            let outcome = key(source, &mut inner, stops, assign, nesting + 1);
            if inner.is_empty() && outcome.is_ok() {
                return Err(Stop::Failed(format!("key map {quoted} has no value")));
            }
            if !inner.is_empty() {
                set_key(values, &name, Value::Object(inner));
            }
            outcome
        }
        Some(_) => Err(Stop::Failed(format!(
            "key {quoted} has no value (cannot end with ,)"
        ))),
    }
}

/// The number before `]`.
fn index(source: &mut Source) -> Result<i64, Stop> {
    let fail = |why: &str| Stop::Failed(format!("error parsing index: {why}"));
    let (text, end) = source.until(&[']']);
    if end.is_none() {
        return Err(fail("EOF"));
    }
    text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        fail(&format!(
            "strconv.Atoi: parsing {}: {why}",
            helm_template::go_quote(&text)
        ))
    })
}

/// What follows `]`.
fn item(
    source: &mut Source,
    list: &mut Vec<Value>,
    at: i64,
    stops: &[char],
    assign: Assign<'_>,
    nesting: usize,
) -> Result<(), Stop> {
    let Ok(place) = usize::try_from(at) else {
        return Err(Stop::Failed(format!("negative {at} index not allowed")));
    };
    let (stray, end) = source.until(&['[', '.', '=']);
    if !stray.is_empty() {
        let quoted: Vec<String> = stray.chars().map(helm_template::go_quote_char).collect();
        return Err(Stop::Failed(format!(
            "unexpected data at end of array index: [{}]",
            quoted.join(" ")
        )));
    }
    match end {
        None => Err(Stop::End),
        Some('=') => {
            // The value arrives under a name of its own.
            let mut holder = Map::new();
            match assign(source, &mut holder, "value") {
                Ok(()) | Err(Stop::End) => {}
                Err(failed) => return Err(failed),
            }
            set_index(list, at, holder.shift_remove("value").unwrap_or_default())
        }
        Some('[') => {
            let next = index(source)?;
            let mut nested = match list.get(place) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(nested)) => nested.clone(),
                Some(other) => return Err(mismatch(other, "[]interface {}")),
            };
            item(source, &mut nested, next, stops, assign, nesting)?;
            set_index(list, at, Value::Array(nested))
        }
        Some(_) => {
            let mut inner = match list.get(place) {
                Some(Value::Object(inner)) => inner.clone(),
                _ => Map::new(),
            };
            let outcome = key(source, &mut inner, stops, assign, nesting);
            if place < list.len() {
                // What stood there is replaced even if the rest fails.
                list[place] = Value::Object(inner.clone());
            }
            outcome?;
            set_index(list, at, Value::Object(inner))
        }
    }
}
