//! Which chart a cluster's release is made from.

use conductor_config::CapiHelm;
use magnum_objects::ClusterTemplate;

use crate::text;

/// Value of `[capi_helm] helm_chart_name` that chooses the chart built into the conductor.
pub const BUILTIN: &str = "builtin";

/// Label of a template that chooses the chart's version.
const VERSION_LABEL: &str = "capi_helm_chart_version";

/// Where to take the chart from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartRef {
    /// The chart built into the conductor.
    Builtin,
    /// A chart by name, path or `oci://` reference, as `helm upgrade NAME CHART --repo REPO --version VERSION`.
    Remote {
        /// `[capi_helm] helm_chart_name`.
        name: String,
        /// `[capi_helm] helm_chart_repo`, unless empty.
        repo: Option<String>,
        /// Version or constraint; none: the newest.
        version: Option<String>,
    },
}

/// Chart for clusters of `template`.
///
/// The version is the template's label if it has a usable one (a cluster cannot override it), else
/// `[capi_helm] default_helm_chart_version`.
pub fn select(conf: &CapiHelm, template: &ClusterTemplate) -> ChartRef {
    if conf.helm_chart_name == BUILTIN {
        return ChartRef::Builtin;
    }
    let label = template
        .labels
        .as_ref()
        .and_then(|labels| labels.get(VERSION_LABEL))
        .map(String::as_str);
    let version = version(label, &conf.default_helm_chart_version);
    ChartRef::Remote {
        name: conf.helm_chart_name.clone(),
        repo: Some(conf.helm_chart_repo.clone()).filter(|repo| !repo.is_empty()),
        version: Some(version).filter(|version| !version.is_empty()),
    }
}

/// Version of the chart from a template's label and the configured default.
///
/// Unlike Python, capital letters are kept (`1.0.0-RC1` is a version), and a label that leaves nothing counts as
/// absent rather than as a wish for the newest chart.
pub fn version(label: Option<&str>, default: &str) -> String {
    let clean = |raw: &str| text::keep(raw, ".-+");
    label
        .map(clean)
        .filter(|version| !version.is_empty())
        .unwrap_or_else(|| clean(default))
}
