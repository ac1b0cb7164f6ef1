//! What the caller hands over: chart, release, capabilities, lookup.

use crate::LookupError;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A chart as the renderer needs it, its dependencies already processed
/// (aliases applied, disabled ones gone).
#[derive(Clone, Debug, Default)]
pub struct RenderChart {
    /// The chart's name, an alias applied.
    pub name: String,
    /// Full path: `parent/charts/child` for a dependency, `name` for the root.
    pub path: String,
    /// Library charts contribute only their `_*` files.
    pub is_library: bool,
    /// `Chart.yaml` as parsed, with Helm's own key names; becomes `.Chart`.
    pub metadata: Json,
    /// What `.Files` serves: everything that is not a template nor special.
    pub files: BTreeMap<String, Arc<[u8]>>,
    /// Templates by path inside the chart (`templates/x.yaml`), in load order.
    pub templates: Vec<(String, Arc<[u8]>)>,
    /// Enabled dependencies.
    pub dependencies: Vec<RenderChart>,
}

/// What becomes `.Release`.
#[derive(Clone, Debug)]
pub struct ReleaseInfo {
    /// `.Release.Name`
    pub name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.IsInstall`
    pub is_install: bool,
    /// `.Release.IsUpgrade`
    pub is_upgrade: bool,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.Service`; Helm says `Helm`.
    pub service: String,
}

/// What becomes `.Capabilities`.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// `.Capabilities.KubeVersion`
    pub kube_version: KubeVersion,
    /// `.Capabilities.APIVersions`: `v1`, `apps/v1`, `apps/v1/Deployment`, ...
    pub api_versions: Vec<String>,
    /// `.Capabilities.HelmVersion.Version`, with the leading `v`.
    pub helm_version: String,
}

/// `.Capabilities.KubeVersion`.
#[derive(Clone, Debug)]
pub struct KubeVersion {
    /// Full version with the leading `v`, e.g. `v1.30.4`.
    pub version: String,
    /// `1`
    pub major: String,
    /// `30`
    pub minor: String,
}

impl KubeVersion {
    /// From `1.30.4` or `v1.30.4`; `None` if it is no version.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let core = bare.split(['-', '+']).next().unwrap_or(bare);
        let mut numbers = core.split('.');
        let major: u64 = numbers.next()?.parse().ok()?;
        let minor: u64 = numbers.next().unwrap_or("0").parse().ok()?;
        let patch: u64 = numbers.next().unwrap_or("0").parse().ok()?;
        let suffix = &bare[core.len()..];
        Some(Self {
            version: format!("v{major}.{minor}.{patch}{suffix}"),
            major: major.to_string(),
            minor: minor.to_string(),
        })
    }
}

/// The cluster behind the template function `lookup`.
pub trait Lookup {
    /// One object, or a list when `name` is empty (all namespaces when
    /// `namespace` is empty too). An absent object is an empty JSON object.
    fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Json, LookupError>;

    /// The address of a host, for `getHostByName`; none unless somebody says otherwise (`--enable-dns`).
    fn host(&self, _name: &str) -> Result<String, LookupError> {
        Ok(String::new())
    }
}

/// A [`Lookup`] that finds nothing, as `helm template` and dry runs use.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn get(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Json, LookupError> {
        Ok(Json::Object(serde_json::Map::new()))
    }
}
