//! What is rendered: the same inputs for the benchmark of time and the count of allocations, which are programs of their own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use helm::print::{PrintOptions, print};
use helm::values::Values;
use helm::{Capabilities, Chart, TemplateOptions};

/// Values by case, as the driver sends them.
const RECORDED: &str = include_str!("../../../common/helm/tests/values/driver.json");
const CASE: &str = "d01-default";
const NODE_GROUPS: usize = 21;
/// The release.
pub const NAME: &str = "kube-prod-a1b2c3d4e5f6";
/// Its namespace.
pub const NAMESPACE: &str = "magnum-4f1d0c2f9d0a4a6f8f0e0a1b2c3d4e5f";
/// The management cluster's version.
pub const KUBE_VERSION: &str = "1.30.4";

/// The built-in chart's folder.
pub fn builtin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conductor/chart")
}

/// The clusters that are measured, by name.
///
/// # Errors
/// Recorded values that are not as expected.
pub fn clusters() -> Result<[(&'static str, Values); 2]> {
    let default = default_cluster()?;
    let large = with_node_groups(&default, NODE_GROUPS)?;
    Ok([("default", default), ("21 node groups", large)])
}

/// What renders one cluster to the text that `helm template` prints.
///
/// # Errors
/// A version that is none.
pub fn renderer<'a>(chart: &'a Chart, values: &'a Values) -> Result<impl Fn() -> Result<String> + 'a> {
    let capabilities = Capabilities {
        kube_version: helm::kube_version(KUBE_VERSION).map_err(anyhow::Error::msg)?,
        ..helm::default_capabilities()
    };
    Ok(move || {
        let options = TemplateOptions::new(NAME, NAMESPACE, &capabilities);
        let rendered = helm::template(chart, values, &options)?;
        Ok(print(&rendered, &PrintOptions::default())?)
    })
}

fn default_cluster() -> Result<Values> {
    let mut recorded: serde_json::Map<String, serde_json::Value> = serde_json::from_str(RECORDED)?;
    let values = recorded.remove(CASE).context(CASE)?;
    Ok(serde_json::from_value(values)?)
}

/// The same cluster with its first node group `count` times.
fn with_node_groups(values: &Values, count: usize) -> Result<Values> {
    let mut values = values.clone();
    let groups = values.get_mut("nodeGroups").context("nodeGroups")?;
    let first = groups.get(0).context("a node group")?.clone();
    let many = (0..count).map(|number| {
        let mut group = first.clone();
        group["name"] = format!("group-{number:02}").into();
        group
    });
    *groups = many.collect::<Vec<_>>().into();
    Ok(values)
}
