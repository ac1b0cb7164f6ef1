//! Against cases recorded from magnum-capi-helm 1.4.0 on magnum 23.0: statuses, health and notifications.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

#[path = "../data/mod.rs"]
mod data;
mod differences;
mod health;
mod status;
mod world;
