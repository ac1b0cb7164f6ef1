//! Helm 3 as a library: charts are loaded, rendered, installed, upgraded and uninstalled as the `helm`
//! program (3.17) does it, with the same release records, so that both can work on the same release in turn.
//!
//! The library talks to the API server through [`kube::Client`] and knows nothing of who uses it.
//! Where it differs from the program on purpose (an upgrade is put to the API server with `dryRun=All`
//! before anything is written, what a failed revision left behind is healed, a record left pending by a
//! process that died is taken over), the item that does so says it.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use helm::{Chart, Releases, ReleasesOptions, UpgradeRequest};
//! use serde_json::json;
//!
//! let releases = Releases::new(kube::Client::try_default().await?, ReleasesOptions::default());
//! let request = UpgradeRequest {
//!     name: "web".to_owned(),
//!     namespace: "default".to_owned(),
//!     chart: Arc::new(Chart::from_dir("charts/web".as_ref())?),
//!     values: json!({"replicas": 2}).as_object().cloned().unwrap_or_default(),
//!     history_max: 10,
//!     force: false,
//! };
//! match releases.upgrade_install(&request).await {
//!     Ok(outcome) if outcome.changed => println!("revision {}", outcome.revision),
//!     Ok(_) => println!("nothing to do"),
//!     // Not reachable, overloaded, or somebody else is at work: the same call may succeed later.
//!     Err(err) if err.is_transient() => println!("later: {err}"),
//!     Err(err) => return Err(err.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! How writers get on with each other: a revision is claimed by creating its record, which of two writers one
//! can do, so that the other meets [`ReleaseError::Conflict`] or [`ReleaseError::Pending`] before it has touched
//! an object. An operation that is dropped or killed at any point leaves a record that the next one goes on
//! from: at once if both carry the same [`ReleasesOptions::writer`], else after
//! [`ReleasesOptions::pending_grace`].

mod api;
mod capabilities;
pub mod chart;
mod cluster;
mod dependencies;
mod digest;
mod discovery;
pub mod error;
mod fetch;
pub mod kinds;
pub mod manifest;
mod objects;
mod patch;
pub mod print;
pub mod provenance;
pub mod release;
pub mod releases;
mod schema;
pub mod source;
mod store;
pub mod strvals;
pub mod template;
pub mod values;
pub mod version;
mod warn;

pub use capabilities::{HELM_VERSION, default_capabilities, kube_version};
pub use chart::{Chart, File};
pub use error::{
    ChartError, ProvenanceError, Refusal, ReleaseError, RenderFailure, SourceError, go_file_error, go_reason,
};
pub use fetch::{Fetch, Fetcher, get_url};
pub use release::{Release, Status};
pub use releases::{
    AppliedObject, Outcome, Releases, ReleasesOptions, Uninstalled, UpgradeRequest, is_valid_name,
};
pub use source::ChartSource;
pub use template::{Rendered, TemplateOptions, check_installable, name_from_template, raw_files, template};

pub use helm_template::{
    Capabilities, KubeVersion, Lookup, LookupError, NoLookup, go_duration_error, go_quote, go_quote_char,
    go_url_error, yaml,
};
