//! Releases against a real API server, beside and in turns with the real helm.
//!
//! `HELM_TEST_KUBECONFIG` names a kubeconfig with all rights on an API server that may be written to,
//! `HELM_TEST_PROGRAM` the helm 3.17 executable, `MANAGEMENT_KUBECONFIG` a cluster where Cluster API's
//! controllers run. Tests that miss what they need say that they were skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

mod basics;
mod cluster_api;
mod faults;
mod hooks;
mod interop;
mod patches;
mod recovery;
mod replay;
mod writers;
