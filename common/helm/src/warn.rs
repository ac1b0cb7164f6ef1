//! Warnings: what Helm logs and goes on.

/// Who is told of what was passed over or is outdated, in Helm's words and with the place in Helm that says so.
pub type Warn<'w> = &'w dyn Fn(&str);
