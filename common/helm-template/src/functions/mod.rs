//! The functions templates can call: Go's, sprig's and Helm's.

pub(crate) mod cast;
mod certs;
mod crypto;
pub(crate) mod date;
mod dict;
mod encode;
mod go;
mod go_json;
mod go_regex;
mod go_syntax;
pub(crate) mod go_time;
mod go_time_parse;
mod go_url;
mod helm;
pub(crate) mod json;
mod keys;
mod list;
mod math;
mod merge;
mod passwords;
mod printf;
mod printf_float;
pub(crate) mod regexes;
mod text;
mod toml;
pub(crate) mod urls;
pub mod version;
mod words;

use crate::engine::Session;
use crate::template::exec::Fault;
use crate::template::set::Set;
use crate::value::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

/// What a function is called in.
pub(crate) struct Context<'c, 's> {
    pub session: &'c Session<'s>,
    pub set: &'c Rc<Set>,
}

pub(crate) type Call = fn(&Context<'_, '_>, &[Value]) -> Result<Value, Fault>;

/// One row of a module's table: name, parameters (see `Signature`), code.
type Row = (&'static str, &'static str, Call);

/// A function that templates can call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub signature: &'static str,
    pub call: Call,
}

static TABLE: OnceLock<HashMap<&'static str, Function>> = OnceLock::new();

fn table() -> &'static HashMap<&'static str, Function> {
    TABLE.get_or_init(|| {
        // Later modules win, as Helm's own functions do over sprig's.
        let modules: [&[Row]; 14] = [
            go::TABLE,
            certs::TABLE,
            crypto::TABLE,
            date::TABLE,
            dict::TABLE,
            encode::TABLE,
            list::TABLE,
            math::TABLE,
            passwords::TABLE,
            regexes::TABLE,
            text::TABLE,
            urls::TABLE,
            version::TABLE,
            helm::TABLE,
        ];
        let rows = modules.into_iter().flatten().copied();
        rows.map(|(name, signature, call)| (name, Function { signature, call }))
            .collect()
    })
}

pub(crate) fn find(name: &str) -> Option<Function> {
    table().get(name).copied()
}

pub(crate) fn exists(name: &str) -> bool {
    table().contains_key(name)
}

/// As `deepCopy`.
pub(crate) fn deep_copy(value: &Value) -> Result<Value, Fault> {
    dict::deep_copy(value, 0)
}

/// A string argument as text; what is not UTF-8 is replaced.
pub(crate) fn text_of(value: &Value) -> std::borrow::Cow<'_, str> {
    match value {
        Value::Str(text) => (&**text).into(),
        other => crate::unicode::lossy(other.string_bytes().unwrap_or_default()),
    }
}

fn int_of(value: &Value) -> i64 {
    match value {
        Value::Int(int, _) => *int,
        _ => 0,
    }
}

/// sprig's `strval`: strings and bytes as they are, else as printed.
fn strval(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => match other.string_bytes() {
            Some(bytes) => bytes.to_vec(),
            None => {
                let mut out = Vec::new();
                crate::gofmt::print_operand(other, &mut out);
                out
            }
        },
    }
}

fn strval_text(value: &Value) -> String {
    crate::unicode::lossy(&strval(value)).into_owned()
}

/// What Go says when a slice or string is cut outside its bounds.
fn out_of_range<T>(low: i64, high: i64, length: usize) -> Result<T, Fault> {
    let range = match high {
        ..0 => format!(":{high}]"),
        _ if high > length as i64 => format!(":{high}] with length {length}"),
        _ => format!("{low}:{high}]"),
    };
    Fault::plain(format!("runtime error: slice bounds out of range [{range}"))
}
