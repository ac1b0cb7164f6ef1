//! Bounds against hostile charts and values.

use std::time::Duration;

/// Bounds on one call of [`crate::render`].
#[derive(Clone, Debug)]
pub struct Limits {
    /// How deep `template`, `include` and `tpl` may nest in total.
    pub depth: usize,
    /// Bytes of text that all templates together may produce, what `include`
    /// and functions return counted too.
    pub output_bytes: usize,
    /// Wall-clock time for the whole call.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 5_000,
            output_bytes: 64 << 20,
            time: Duration::from_secs(60),
        }
    }
}
