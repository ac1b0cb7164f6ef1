//! With real brokers and real clients; both are fetched once into the cache.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests"
)]

mod blocked;
mod connecting;
mod exchanges;
mod magnum_api;
