//! The Cluster API driver's core: what a cluster's rows mean in the management cluster.
//!
//! Pure: rows, settings and facts about the cloud go in; names, Helm values and Kubernetes objects come out. The rules
//! are those of magnum-capi-helm 1.4.0, so that either conductor can carry on where the other left off.
//!
//! * [`choice`]: which driver a template belongs to;
//! * [`names`]: names of objects; [`labels`]: what users and operators set; [`limits`]: autoscaling;
//! * [`facts`]: what to look up in the cloud, and what the answers mean; [`validate`]: what is refused;
//! * [`values`]: values of the release; [`chart`]: the chart they are for; [`secrets`]: objects beside the release.

pub mod chart;
pub mod choice;
mod error;
pub mod facts;
pub mod labels;
pub mod limits;
pub mod merge;
pub mod names;
pub mod secrets;
mod storage;
pub mod text;
pub mod validate;
pub mod values;

pub use chart::ChartRef;
pub use error::DriverError;
pub use facts::{Facts, Needs};
pub use validate::{Operation, Rows};
pub use values::helm_values;
