//! Room on the stack for templates and values that nest deeply.

/// Runs `f`, on a fresh stack segment when the present one is nearly used up.
pub(crate) fn grow<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(256 << 10, 2 << 20, f)
}
