//! `Chart.yaml`, as `pkg/chart/metadata.go` of Helm 3.17 models it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::null_default;
use crate::error::ChartError;
use crate::version;

/// Whom to ask about a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintainer {
    /// Name of a person or organisation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Mail address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Web address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that this chart needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// Name of the other chart; the alias after dependency processing.
    pub name: String,
    /// Version range.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it is kept.
    #[serde(default)]
    pub repository: String,
    /// Comma-separated value paths; the first that holds a bool decides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags that switch it on or off together with others.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub tags: Vec<String>,
    /// Set while dependencies are processed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// Values taken over from the sub-chart: names under `exports`, or child and parent paths.
    #[serde(
        default,
        rename = "import-values",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub import_values: Vec<Value>,
    /// Name under which it is used here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// What `Chart.yaml` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name of the chart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Project page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Where the source is kept.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub sources: Vec<String>,
    /// Semantic version of the chart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to find it by.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub keywords: Vec<String>,
    /// Whom to ask.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub maintainers: Vec<Maintainer>,
    /// Address of an icon.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Version of the chart format: v1 or v2.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Not used by Helm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Not used by Helm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// Version of what the chart installs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether it should no longer be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Free for others.
    #[serde(
        default,
        skip_serializing_if = "Map::is_empty",
        deserialize_with = "null_default"
    )]
    pub annotations: Map<String, Value>,
    /// Range of Kubernetes versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// Charts that it needs.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub dependencies: Vec<Dependency>,
    /// `application` (also when absent) or `library`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Metadata {
    /// Blanks of every kind become spaces, and what cannot be printed goes, as Helm does before it looks.
    fn sanitize(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        for text in texts
            .into_iter()
            .chain(&mut self.sources)
            .chain(&mut self.keywords)
        {
            *text = sanitized(text);
        }
        for maintainer in &mut self.maintainers {
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                *text = sanitized(text);
            }
        }
    }

    /// The checks of Helm's `Metadata.Validate`.
    pub(super) fn validate(&mut self) -> Result<(), ChartError> {
        self.sanitize();
        let required = [
            ("apiVersion", &self.api_version),
            ("name", &self.name),
            ("version", &self.version),
        ];
        for (field, value) in required {
            if value.is_empty() {
                return Err(ChartError::Metadata(format!("{field} is required")));
            }
        }
        if self.name.contains('/') || self.name == "." || self.name == ".." {
            return Err(ChartError::Metadata(format!("name {:?} is invalid", self.name)));
        }
        if version::parse(&self.version).is_none() {
            return Err(ChartError::Metadata(format!(
                "version {:?} is invalid",
                self.version
            )));
        }
        if !matches!(self.kind.as_deref(), None | Some("" | "application" | "library")) {
            return Err(ChartError::Metadata(
                "type must be application or library".to_owned(),
            ));
        }
        Ok(())
    }
}

fn sanitized(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}
