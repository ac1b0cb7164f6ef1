//! Renders Helm charts as Helm 3.17 renders them, to the byte: Go's
//! `text/template`, the functions Helm gives to templates, and YAML 1.1 in
//! and out as `sigs.k8s.io/yaml` reads and prints it.
//!
//! This crate does not load charts, merge values or talk to a cluster: its
//! caller hands over a [`RenderChart`] tree with values already coalesced.

mod buffers;
mod chart;
mod context;
mod engine;
mod error;
mod files;
mod functions;
mod go;
mod gofmt;
mod limits;
mod methods;
mod native;
mod spare;
mod stack;
mod template;
mod unicode;
mod value;
pub mod yaml;

pub use chart::{Capabilities, KubeVersion, Lookup, NoLookup, ReleaseInfo, RenderChart};
pub use error::{LookupError, RenderError};
pub use functions::version::{Constraint, Version};
pub use go::{
    go_duration_error, go_json_error, go_quote, go_quote_char, go_regex_matches, go_url_error, go_value,
    is_go_regex, is_go_url, to_json,
};
pub use limits::Limits;

use serde_json::Value as Json;
use std::collections::BTreeMap;
use value::Value;

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
    let values = Value::from_json(values);
    engine::render(chart, &values, release, capabilities, lookup, limits)
}

/// As [`render`], but whole numbers in `values` that JSON has without a fraction are Go's `int64`: what
/// Helm makes of `--set`. Numbers with a fraction, `.0` included, stay floats.
pub fn render_exact(
    chart: &RenderChart,
    values: &Json,
    release: &ReleaseInfo,
    capabilities: &Capabilities,
    lookup: &dyn Lookup,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, RenderError> {
    let values = yaml::exact(values);
    engine::render(chart, &values, release, capabilities, lookup, limits)
}

/// Parses `text` as the template `name`, with all that it defines, without running it.
///
/// # Errors
/// [`RenderError::Parse`], in Helm's words.
pub fn check(name: &str, text: &str) -> Result<(), RenderError> {
    engine::check(name, text)
}

/// What the template `name` gives that stands alone, without a chart or data (`--name-template`).
///
/// # Errors
/// [`RenderError`], in Go's words.
pub fn text(name: &str, text: &str, limits: &Limits) -> Result<String, RenderError> {
    engine::text(name, text, limits)
}
