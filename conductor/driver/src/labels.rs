//! Labels of a cluster: the template's, overridden by the cluster's, over the operator's defaults.

use indexmap::IndexMap;
use magnum_objects::{Cluster, ClusterTemplate};

use crate::text;

/// Labels as Magnum stores them.
pub type LabelMap = IndexMap<String, String>;

/// Characters that remain of a label's value beside letters and digits.
const LABEL_EXTRA: &str = ".-/ _";
/// The same for entries of a list of CIDRs.
const CSV_EXTRA: &str = ".-/:";

/// The labels that count for one cluster.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    merged: LabelMap,
}

impl Labels {
    /// Lays the cluster's labels over the template's.
    pub fn new(template: Option<&LabelMap>, cluster: Option<&LabelMap>) -> Self {
        let mut merged = template.cloned().unwrap_or_default();
        for (key, value) in cluster.into_iter().flatten() {
            merged.insert(key.clone(), value.clone());
        }
        Self { merged }
    }

    /// Labels of a cluster made from `template`.
    pub fn of(template: &ClusterTemplate, cluster: &Cluster) -> Self {
        Self::new(template.labels.as_ref(), cluster.labels.as_ref())
    }

    /// The label's text, or `default`; what could be dangerous in YAML or a shell is filtered out.
    ///
    /// As in Python a default is filtered too, but only if the cluster has any label at all.
    pub fn text(&self, key: &str, default: &str) -> String {
        if self.merged.is_empty() {
            return default.to_owned();
        }
        text::keep(self.merged.get(key).map_or(default, String::as_str), LABEL_EXTRA)
    }

    /// The label as a boolean; `default` when it is absent or says nothing of the kind.
    pub fn bool(&self, key: &str, default: bool) -> bool {
        text::parse_bool(&self.text(key, ""), default)
    }

    /// The label as a whole number; `default` when it is absent, empty or no number.
    pub fn int(&self, key: &str, default: i64) -> i64 {
        self.int_or(key, Some(default)).unwrap_or(default)
    }

    /// The same where there may be no default.
    pub fn int_or(&self, key: &str, default: Option<i64>) -> Option<i64> {
        text::parse_int(&self.text(key, "")).or(default)
    }

    /// The label as a comma-separated list; an empty label means `default`.
    pub fn csv(&self, key: &str, default: &str) -> Vec<String> {
        let raw = self
            .merged
            .get(key)
            .map(String::as_str)
            .filter(|raw| !raw.is_empty())
            .unwrap_or(default);
        raw.split(',')
            .map(text::strip)
            .filter(|entry| !entry.is_empty())
            .map(|entry| text::keep(entry, CSV_EXTRA))
            .collect()
    }
}
