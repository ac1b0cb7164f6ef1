//! The remotable methods.
