//! Go's `text/template`: lexer, parser and executor.

mod cache;
mod call;
pub(crate) mod exec;
mod field;
mod lex;
pub(crate) mod node;
pub(crate) mod number;
mod operand;
pub(crate) mod parse;
mod range;
pub(crate) mod set;
mod unquote;
