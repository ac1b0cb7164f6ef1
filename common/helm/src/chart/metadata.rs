//! `Chart.yaml`, as `pkg/chart/metadata.go` of Helm 3.17 models it.

use std::collections::BTreeSet;

use helm_template::go_quote;
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
    #[serde(default)]
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
            &mut self.condition,
            &mut self.tags,
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
    }

    /// The checks of Helm's `Metadata.Validate`.
    pub(super) fn validate(&mut self, empty: EmptyNodes) -> Result<(), ChartError> {
        self.sanitize();
        let complain = |text: String| Err(ChartError::Metadata(text));
        let required = |field: &str| complain(format!("chart.metadata.{field} is required"));
        if self.api_version.is_empty() {
            return required("apiVersion");
        }
        if self.name.is_empty() {
            return required("name");
        }
        if self.name != "/" && self.name.contains('/') {
            return complain(format!("chart.metadata.name {} is invalid", go_quote(&self.name)));
        }
        if self.version.is_empty() {
            return required("version");
        }
        if version::parse(&self.version).is_none() {
            let version = go_quote(&self.version);
            return complain(format!("chart.metadata.version {version} is invalid"));
        }
        if !matches!(self.kind.as_deref(), None | Some("" | "application" | "library")) {
            return complain("chart.metadata.type must be application or library".to_owned());
        }
        if empty.maintainers {
            return complain("maintainers must not contain empty or null nodes".to_owned());
        }
        for maintainer in &mut self.maintainers {
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                *text = sanitized(text);
            }
        }
        if empty.dependencies {
            return complain("dependencies must not contain empty or null nodes".to_owned());
        }
        self.validate_dependencies()
    }

    fn validate_dependencies(&mut self) -> Result<(), ChartError> {
        let mut known = BTreeSet::new();
        for dependency in &mut self.dependencies {
            let texts = [
                &mut dependency.name,
                &mut dependency.version,
                &mut dependency.repository,
                &mut dependency.condition,
            ];
            for text in texts.into_iter().chain(&mut dependency.tags) {
                *text = sanitized(text);
            }
            let alias = &dependency.alias;
            if !alias
                .chars()
                .all(|c| matches!(c, '_' | '-') || c.is_ascii_alphanumeric())
            {
                return Err(ChartError::Metadata(format!(
                    "dependency {} has disallowed characters in the alias",
                    go_quote(&dependency.name)
                )));
            }
            let key = if alias.is_empty() { &dependency.name } else { alias };
            if !known.insert(key) {
                return Err(ChartError::Metadata(format!(
                    "more than one dependency with name or alias {}",
                    go_quote(key)
                )));
            }
        }
        Ok(())
    }
}

/// Lists of `Chart.yaml` in which something stood empty, which is refused once the rest has been looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EmptyNodes {
    pub(super) maintainers: bool,
    pub(super) dependencies: bool,
}

impl EmptyNodes {
    /// Takes them out.
    pub(super) fn taken_from(metadata: &mut Value) -> Self {
        let mut take = |key: &str| {
            let Some(Value::Array(items)) = metadata.get_mut(key) else {
                return false;
            };
            let before = items.len();
            items.retain(|item| !item.is_null());
            items.len() < before
        };
        Self {
            maintainers: take("maintainers"),
            dependencies: take("dependencies"),
        }
    }
}

fn sanitized(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}
