//! Charts: what they are made of, and how they are loaded.

mod archive;
mod fields;
mod ignore;
mod load;
mod metadata;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use archive::Limits;
pub(crate) use ignore::glob;
pub use metadata::{Dependency, Maintainer, Metadata};

use crate::error::ChartError;
use crate::warn::Warn;

/// One file of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path inside the chart, with slashes.
    pub name: String,
    /// Content; base64 in release records, as Helm stores it.
    #[serde(with = "base64_data", default = "no_data")]
    pub data: Arc<[u8]>,
}

/// A chart in memory.
///
/// Serialises as Helm stores a chart in a release record (`pkg/chart/chart.go`): sub-charts are not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// `Chart.yaml`.
    pub metadata: Metadata,
    /// `Chart.lock`, as it stands there.
    #[serde(default)]
    pub lock: Option<Value>,
    /// Files under `templates/`.
    #[serde(default, deserialize_with = "null_default")]
    pub templates: Vec<File>,
    /// `values.yaml`.
    #[serde(default, deserialize_with = "null_default")]
    pub values: Map<String, Value>,
    /// `values.schema.json`.
    #[serde(default, with = "base64_option")]
    pub schema: Option<Vec<u8>>,
    /// All other files, `crds/` included.
    #[serde(default, deserialize_with = "null_default")]
    pub files: Vec<File>,
    /// Sub-charts, from `charts/`.
    #[serde(skip)]
    pub dependencies: Vec<Chart>,
    /// Where it stands among the others, once dependencies are processed.
    #[serde(skip)]
    pub(crate) standing: Standing,
}

/// The place of a chart in its tree. It is no part of what a chart is: two charts are equal wherever they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Its path before aliases (`parent/charts/child`).
    pub loaded: String,
    /// Its path now, which its templates are named by.
    pub path: String,
    /// It was taken over under a name of its own, and the charts in it may still count themselves to the original.
    pub copied: bool,
}

impl PartialEq for Standing {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Chart {
    /// Loads a chart from a folder, leaving out what `.helmignore` names.
    pub fn from_dir(dir: &std::path::Path) -> Result<Self, ChartError> {
        load::from_dir(dir, &Limits::default(), &|_| {})
    }

    /// Loads a chart from a gzipped tar archive.
    pub fn from_archive(bytes: &[u8]) -> Result<Self, ChartError> {
        Self::load_archive(bytes, &|_| {})
    }

    /// Loads a chart from files in memory, named by their path inside the chart.
    pub fn from_files<N, D>(files: impl IntoIterator<Item = (N, D)>) -> Result<Self, ChartError>
    where
        N: Into<String>,
        D: Into<Vec<u8>>,
    {
        let files = files
            .into_iter()
            .map(|(name, data)| File {
                name: name.into(),
                data: data.into().into(),
            })
            .collect();
        load::from_files(files, &Limits::default())
    }

    /// Loads a chart from a folder or an archive, whichever the path is.
    pub fn from_path(path: &std::path::Path) -> Result<Self, ChartError> {
        Self::load_path(path, &|_| {})
    }

    /// As [`Chart::from_path`]; `warn` is told what Helm's loader warns of.
    pub fn load_path(path: &std::path::Path, warn: Warn<'_>) -> Result<Self, ChartError> {
        if path.is_dir() {
            return load::from_dir(path, &Limits::default(), warn);
        }
        let bytes = std::fs::read(path).map_err(|source| ChartError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::load_archive(&bytes, warn)
    }

    /// As [`Chart::from_archive`]; `warn` is told what Helm's loader warns of.
    pub fn load_archive(bytes: &[u8], warn: Warn<'_>) -> Result<Self, ChartError> {
        load::from_archive(bytes, &Limits::default(), warn)
    }

    /// Name in `Chart.yaml` (the alias, for a sub-chart after dependency processing).
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Version in `Chart.yaml`.
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// A library chart gives definitions and cannot be installed.
    pub fn is_library(&self) -> bool {
        self.metadata
            .kind
            .as_deref()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("library"))
    }
}

fn no_data() -> Arc<[u8]> {
    [].into()
}

mod base64_data {
    use std::sync::Arc;

    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(data: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(data))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<[u8]>, D::Error> {
        let text = Option::<String>::deserialize(d)?.unwrap_or_default();
        STANDARD.decode(text).map(Arc::from).map_err(D::Error::custom)
    }
}

mod base64_option {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(data: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
        match data {
            Some(data) => s.serialize_str(&STANDARD.encode(data)),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|text| STANDARD.decode(text).map_err(D::Error::custom))
            .transpose()
    }
}

/// Go writes an empty list or map as null.
fn null_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}
