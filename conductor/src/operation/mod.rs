//! Operations: what a request became once it was accepted.
//!
//! A request is accepted in one transaction (Magnum's rows and a journal row), then carried out by idempotent
//! steps that any conductor can take up after a crash (design D3 to D5). One conductor works on a cluster at a time.

pub mod accept;
pub mod executor;
pub mod failure;
pub mod intent;
pub mod journal;
pub mod lease;
pub mod steps;

pub use intent::{Intent, Kind};
pub use journal::{Journal, Operation, State};

use thiserror::Error;

/// Why a step of an operation did not succeed.
#[derive(Debug, Error)]
pub enum StepError {
    /// Trying again later may help: a server is away, busy or in conflict.
    #[error("{0}")]
    Transient(String),
    /// Trying again cannot help: the request is refused or cannot be carried out.
    #[error("{0}")]
    Permanent(String),
    /// Another conductor took over the cluster, or the process is stopping: leave everything as it is.
    #[error("the lease on the cluster was lost")]
    LeaseLost,
}

impl StepError {
    /// A transient error from anything printable.
    pub fn transient(error: impl std::fmt::Display) -> Self {
        Self::Transient(error.to_string())
    }

    /// A permanent error from anything printable.
    pub fn permanent(error: impl std::fmt::Display) -> Self {
        Self::Permanent(error.to_string())
    }
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        Self::Transient(format!("database: {error}"))
    }
}
