//! Cases recorded from the real Python conductor, and how a suite of them ends.
//!
//! The crates whose behaviour was recorded each have a test target `oracle`; `cargo test --test oracle` runs them all,
//! and each prints one line per kind of case. `ORACLE_DIR` names a folder with fresh recordings of the same layout
//! (`values/*.json` and so on) to run instead of this crate's `data`. Where we differ from Python on purpose stands in
//! `differences/<kind>.json`; the rules behind the entries are code beside the suite.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "part of tests"
)]

mod conf;
mod load;
mod matching;
mod rules;
mod suite;

pub use conf::ini;
pub use load::{common, is_fresh, recordings, records};
pub use matching::{Placeholders, sorted};
pub use rules::{Difference, Rule, verdict};
pub use suite::{Suite, Verdict};
