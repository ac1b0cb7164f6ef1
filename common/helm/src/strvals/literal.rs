//! `--set-literal`.

use serde_json::Value;

use super::path::{self, Source};
use super::{SetError, set_key};
use crate::values::Values;

pub(super) fn parse(line: &str, values: &mut Values) -> Result<(), SetError> {
    let mut source = Source::new(line, false);
    path::all(&mut source, values, &['=', '[', '.'], &|source, values, key| {
        let (text, _) = source.until(&[]);
        set_key(values, key, Value::String(text));
        Ok(())
    })
}
