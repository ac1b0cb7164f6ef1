//! `toToml` and `fromToml`, as `github.com/BurntSushi/toml` v1.4.0 writes and reads TOML 1.0.

mod cursor;
mod error;
mod read;
mod scalars;
mod scan;
mod tables;
#[cfg(test)]
mod tests;
mod write;

pub(super) use read::from_toml;
pub(super) use write::to_toml;

/// Values and names nested deeper than this are refused.
const MAX_DEPTH: usize = 10_000;
