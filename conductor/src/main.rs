//! The `magnum-conductor` binary.

fn main() {}
