//! Flags as helm's library for them (pflag 1.0.5) reads them, with its words.

use std::collections::BTreeMap;

use super::scan;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; true if nothing is said.
    Bool,
    /// Text; the last wins.
    Text,
    /// Text, and what it is if only the flag is given.
    TextOr(&'static str),
    /// Text; all count.
    List,
    /// Lists with commas between; all count.
    Csv,
    /// `key=value`, with commas between.
    Pairs,
    /// A time in Go's notation.
    Duration,
    /// A whole number.
    Int,
    /// A number.
    Float,
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// After two dashes.
    pub name: &'static str,
    /// After one dash.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// What it is for; a flag without is not shown.
    pub help: &'static str,
}

/// What a command line says, passwords included: it is not to be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Given {
    flags: BTreeMap<&'static str, Vec<String>>,
    /// All that is no flag.
    pub rest: Vec<String>,
}

impl Given {
    /// What was said last; empty text is as good as nothing.
    pub fn text(&self, name: &str) -> Option<String> {
        let last = self.flags.get(name)?.last()?;
        (!last.is_empty()).then(|| last.clone())
    }

    /// As [`Given::text`], empty text included.
    pub fn said(&self, name: &str) -> Option<&str> {
        Some(self.flags.get(name)?.last()?)
    }

    /// All that was said.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.flags.get(name).cloned().unwrap_or_default()
    }

    /// Whether the flag is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.said(name) == Some("true")
    }

    fn take(&mut self, flag: &Flag, value: &str) -> Result<(), String> {
        let taken = values(flag.kind, value).map_err(|why| {
            let quoted = helm::go_quote(value);
            match flag.short {
                Some(short) => format!(
                    "invalid argument {quoted} for \"-{short}, --{}\" flag: {why}",
                    flag.name
                ),
                None => format!("invalid argument {quoted} for \"--{}\" flag: {why}", flag.name),
            }
        })?;
        self.flags.entry(flag.name).or_default().extend(taken);
        Ok(())
    }
}

/// What a flag makes of a text.
fn values(kind: Kind, text: &str) -> Result<Vec<String>, String> {
    match kind {
        Kind::Bool => return Ok(vec![scan::truth(text)?.to_string()]),
        Kind::Csv => return scan::csv(text),
        Kind::Pairs => return scan::pairs(text),
        Kind::Text | Kind::TextOr(_) | Kind::List => {}
        Kind::Duration => scan::duration(text)?,
        Kind::Int => scan::int(text)?,
        Kind::Float => scan::float(text)?,
    }
    Ok(vec![text.to_owned()])
}

/// What stands for the value if only the flag is given.
fn implied(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Bool => Some("true"),
        Kind::TextOr(value) => Some(value),
        _ => None,
    }
}

/// Reads a command line; flags may stand anywhere before `--`.
///
/// # Errors
/// In pflag's words.
pub fn read(flags: &[Flag], arguments: impl IntoIterator<Item = String>) -> Result<Given, String> {
    let mut given = Given::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            given.rest.extend(arguments);
            break;
        }
        if argument.starts_with("--") {
            long(flags, &argument, &mut arguments, &mut given)?;
        } else if argument.len() > 1 && argument.starts_with('-') {
            short(flags, &argument[1..], &mut arguments, &mut given)?;
        } else {
            given.rest.push(argument);
        }
    }
    Ok(given)
}

fn long(
    flags: &[Flag],
    argument: &str,
    more: &mut dyn Iterator<Item = String>,
    given: &mut Given,
) -> Result<(), String> {
    let body = argument.strip_prefix("--").unwrap_or(argument);
    if body.is_empty() || body.starts_with(['-', '=']) {
        return Err(format!("bad flag syntax: {argument}"));
    }
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (body, None),
    };
    let flag = flags
        .iter()
        .find(|flag| flag.name == name)
        .ok_or_else(|| format!("unknown flag: --{name}"))?;
    let value = value
        .or_else(|| implied(flag.kind).map(str::to_owned))
        .or_else(|| more.next())
        .ok_or_else(|| format!("flag needs an argument: {argument}"))?;
    given.take(flag, &value)
}

/// One letter after the other; the rest is a value once a flag takes one.
fn short(
    flags: &[Flag],
    letters: &str,
    more: &mut dyn Iterator<Item = String>,
    given: &mut Given,
) -> Result<(), String> {
    let mut left = letters;
    while let Some(letter) = left.chars().next() {
        // Go looks at bytes.
        let shown = || helm::go_quote_char(char::from(left.as_bytes().first().copied().unwrap_or_default()));
        let flag = flags
            .iter()
            .find(|flag| flag.short == Some(letter))
            .ok_or_else(|| format!("unknown shorthand flag: {} in -{left}", shown()))?;
        let after = &left[letter.len_utf8()..];
        if let Some(value) = after.strip_prefix('=').filter(|value| !value.is_empty()) {
            return given.take(flag, value);
        }
        if let Some(value) = implied(flag.kind) {
            given.take(flag, value)?;
            left = after;
            continue;
        }
        let value = match after {
            "" => more
                .next()
                .ok_or_else(|| format!("flag needs an argument: {} in -{left}", shown()))?,
            after => after.to_owned(),
        };
        return given.take(flag, &value);
    }
    Ok(())
}

/// The lines of a help text, aligned.
pub fn shown(flags: &[Flag]) -> String {
    let lines: Vec<(String, &str)> = flags
        .iter()
        .filter(|flag| !flag.help.is_empty())
        .map(|flag| {
            let short = match flag.short {
                Some(short) => format!("-{short}, "),
                None => "    ".to_owned(),
            };
            (format!("  {short}--{}{}", flag.name, noun(flag.kind)), flag.help)
        })
        .collect();
    let width = lines.iter().map(|(flag, _)| flag.len()).max().unwrap_or_default();
    lines
        .iter()
        .map(|(flag, help)| format!("{flag:width$}   {help}\n"))
        .collect()
}

fn noun(kind: Kind) -> String {
    match kind {
        Kind::Bool => String::new(),
        Kind::Text => " string".to_owned(),
        Kind::TextOr(value) => format!(" string[=\"{value}\"]"),
        Kind::List => " stringArray".to_owned(),
        Kind::Csv => " strings".to_owned(),
        Kind::Pairs => " stringToString".to_owned(),
        Kind::Duration => " duration".to_owned(),
        Kind::Int => " int".to_owned(),
        Kind::Float => " float32".to_owned(),
    }
}
