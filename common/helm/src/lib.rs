//! Helm 3 as a library: charts are loaded, rendered, installed, upgraded and uninstalled as the `helm`
//! program (3.17) does it, with the same release records, so that both can work on the same release in turn.
//!
//! The library talks to the API server through [`kube::Client`] and knows nothing of who uses it.
//! Where it differs from the program on purpose (an upgrade is put to the API server with `dryRun=All`
//! before anything is written, what a failed revision left behind is healed, a record left pending by a
//! process that died is taken over), the item that does so says it.

mod capabilities;
pub mod chart;
mod cluster;
mod dependencies;
mod discovery;
pub mod error;
pub mod kinds;
pub mod manifest;
mod objects;
mod patch;
pub mod print;
pub mod release;
pub mod releases;
mod schema;
pub mod source;
mod store;
pub mod strvals;
pub mod template;
pub mod values;
pub mod version;

pub use capabilities::{HELM_VERSION, default_capabilities, kube_version};
pub use chart::{Chart, File};
pub use error::{ChartError, Refusal, ReleaseError, RenderFailure, SourceError};
pub use release::{Release, Status};
pub use releases::{
    AppliedObject, Outcome, Releases, ReleasesOptions, Uninstalled, UpgradeRequest, is_valid_name,
};
pub use source::ChartSource;
pub use template::{Rendered, TemplateOptions, check_installable, raw_files, template};

pub use helm_template::{Capabilities, KubeVersion, go_quote, yaml};
