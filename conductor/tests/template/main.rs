//! `magnum-conductor template` beside helm: where `HELM_TEST_PROGRAM` names helm 3.17, it has to say the same.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod fetched;
mod flags;
mod output;
mod stage;
mod verify;
