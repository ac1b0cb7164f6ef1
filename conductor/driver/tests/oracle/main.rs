//! The Python driver's recorded behaviour: `values` are whole operations.
//!
//! `ORACLE_DIR` names a folder with fresh recordings to run instead of the repository's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code"
)]

mod as_if;
mod differences;
mod expect;
mod replay;
mod values;
mod view;
mod world;
