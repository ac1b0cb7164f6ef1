//! The conductor: see ARCHITECTURE.md for the way of a request through these modules.

pub mod admin;
pub mod app;
pub mod builtin_chart;
pub mod certificates;
pub mod cli;
pub mod cloud;
pub mod credential_health;
pub mod credentials;
pub mod facts;
pub mod gate;
pub mod log;
pub mod management;
pub mod migrations;
pub mod notify;
pub mod operation;
pub mod release;
pub mod report;
pub mod request;
pub mod route;
pub mod rpc;
pub mod service;
pub mod status;
pub mod trusts;
