//! `--set-json`.

use serde_json::Value;

use super::path::{self, Source, Stop};
use super::{SetError, set_key};
use crate::values::{self, Values};

pub(super) fn parse(line: &str, values: &mut Values) -> Result<(), SetError> {
    let mut source = Source::new(line, true);
    path::all(
        &mut source,
        values,
        &['=', '[', ',', '.'],
        &|source, values, key| {
            let mut value = Value::Null;
            if !is_empty(source) {
                value = decode(source)?;
                // Blanks and a comma that follow.
                is_empty(source);
            }
            set_key(values, key, value);
            Ok(())
        },
    )
}

/// One JSON value; what follows it stays.
fn decode(source: &mut Source) -> Result<Value, Stop> {
    let rest = source.rest();
    let mut stream = serde_json::Deserializer::from_str(&rest).into_iter::<Value>();
    let mut value = match stream.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(Stop::Failed(error.to_string())),
        None => return Err(Stop::Failed("EOF".to_owned())),
    };
    let read = rest.get(..stream.byte_offset()).unwrap_or(&rest);
    source.skip(read.chars().count());
    values::numbers_as_floats(&mut value);
    Ok(value)
}

/// Passes over blanks and one comma; whether there was nothing else.
fn is_empty(source: &mut Source) -> bool {
    loop {
        match source.peek() {
            None => return true,
            Some(',') => {
                source.next();
                return true;
            }
            Some(c) if c.is_whitespace() => {
                source.next();
            }
            Some(_) => return false,
        }
    }
}
