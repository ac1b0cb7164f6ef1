//! Text to typed values, by oslo.config's `types`.

use config::{Map, Value, ValueKind};

use crate::schema::{Kind, Opt};

/// Reads the (substituted) text of an option. `Ok(None)` leaves the option at its default.
pub(crate) fn convert(opt: &Opt, texts: &[String], origin: &String) -> Result<Option<Value>, String> {
    let Some(text) = texts.last() else { return Ok(None) };
    let kind: ValueKind = match opt.kind {
        Kind::String => {
            check_choice(opt, text)?;
            text.as_str().into()
        }
        Kind::Integer => match text.trim() {
            "" => return Ok(None),
            number => {
                let value: i64 = parse_integer(number)?;
                #[allow(clippy::cast_precision_loss, reason = "limits are small")]
                check_range(opt, value as f64)?;
                value.into()
            }
        },
        Kind::Float => match text.trim() {
            "" => return Ok(None),
            number => {
                let value: f64 = number.parse().map_err(|_| "not a number".to_owned())?;
                check_range(opt, value)?;
                value.into()
            }
        },
        Kind::Boolean => parse_bool(text)?.into(),
        Kind::List => {
            let items = list(text);
            for item in &items {
                check_choice(opt, item)?;
            }
            items.into()
        }
        Kind::Multi => texts.to_vec().into(),
        Kind::Dict => dict(text, origin)?.into(),
    };
    Ok(Some(Value::new(Some(origin), kind)))
}

/// Reads an option from text that stands in no file. `Ok(None)` if the text leaves the option unset.
///
/// # Errors
/// What is wrong with the text.
pub fn parse<T: serde::de::DeserializeOwned>(opt: &Opt, text: &str) -> Result<Option<T>, String> {
    convert(opt, &[text.to_owned()], &String::new())?
        .map(|value| value.try_deserialize().map_err(|_| "out of range".to_owned()))
        .transpose()
}

/// Python's `int()`: a sign, and single underscores between digits.
fn parse_integer(text: &str) -> Result<i64, String> {
    let doubtful = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|_| !doubtful)
        .ok_or_else(|| "not an integer".to_owned())
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err("not a boolean (true, false, yes, no, on, off, 1, 0)".to_owned()),
    }
}

/// Commas at the end do not count; an empty item elsewhere does.
fn list(text: &str) -> Vec<String> {
    let text = text.trim().trim_end_matches(',');
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| item.trim().to_owned()).collect()
}

fn dict(text: &str, origin: &String) -> Result<Map<String, Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Map::new());
    }
    text.split(',')
        .map(|pair| {
            let (key, value) = pair
                .split_once(':')
                .ok_or_else(|| "not a list of NAME:VALUE pairs".to_owned())?;
            Ok((key.trim().to_owned(), Value::new(Some(origin), value.trim())))
        })
        .collect()
}

fn check_choice(opt: &Opt, text: &str) -> Result<(), String> {
    if opt.choices.is_empty() || opt.choices.contains(&text) {
        return Ok(());
    }
    Err(format!("must be one of {}", opt.choices.join(", ")))
}

fn check_range(opt: &Opt, value: f64) -> Result<(), String> {
    match (opt.min, opt.max) {
        (Some(min), _) if value < min => Err(format!("must be at least {min}")),
        (_, Some(max)) if value > max => Err(format!("must be at most {max}")),
        _ => Ok(()),
    }
}
