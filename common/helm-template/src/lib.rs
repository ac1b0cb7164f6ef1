//! Renders Helm charts as Helm 3.17 renders them, to the byte: Go's
//! `text/template`, the functions Helm gives to templates, and YAML 1.1 in
//! and out as `sigs.k8s.io/yaml` reads and prints it.
//!
//! This crate does not load charts, merge values or talk to a cluster: its
//! caller hands over a [`RenderChart`] tree with values already coalesced.

mod chart;
mod context;
mod engine;
mod error;
mod files;
mod functions;
mod gofmt;
mod limits;
mod methods;
mod native;
mod stack;
mod template;
mod value;
pub mod yaml;

pub use chart::{Capabilities, KubeVersion, Lookup, NoLookup, ReleaseInfo, RenderChart};
pub use error::{LookupError, RenderError};
pub use functions::version::{Constraint, Version};
pub use limits::Limits;

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Renders every template of `chart` and its dependencies.
///
/// `values` are the root chart's coalesced values; those of a dependency are
/// found under its name. The result maps the full template path
/// (`chart/charts/sub/templates/x.yaml`) to its text, partials (`_*`) left
/// out, `NOTES.txt` kept.
pub fn render(
    chart: &RenderChart,
    values: &Json,
    release: &ReleaseInfo,
    capabilities: &Capabilities,
    lookup: &dyn Lookup,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, RenderError> {
    engine::render(chart, values, release, capabilities, lookup, limits)
}
