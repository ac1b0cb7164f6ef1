//! What the suites share: the server, test charts, and views of objects and records that two runs can be
//! compared by.

pub mod charts;
pub mod server;
pub mod state;
pub mod wire;

pub use charts::{ChartDir, widgets};
pub use server::{HelmRun, Server};
