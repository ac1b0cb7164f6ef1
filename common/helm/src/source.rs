//! Where charts come from: a folder, an archive, a repository over HTTP, an OCI registry.
//!
//! What was downloaded is kept on disk by its digest. The index of a repository is asked for with a
//! conditional request, and if the repository does not answer, the last index that it gave is used: a broken
//! repository does not stop an operation on a chart that is here already.

mod cache;
mod http;
mod index;
mod oci;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use self::cache::Cache;
use self::http::Http;
use crate::chart::Chart;
use crate::error::SourceError;

/// A chart reference as `helm upgrade` takes it.
#[derive(Clone, Debug, Default)]
pub struct ChartSource {
    /// Path of a folder or archive, `oci://` reference, URL of an archive, or the chart's name in `repo`.
    pub name: String,
    /// URL of the repository.
    pub repo: Option<String>,
    /// Version or range; None takes the newest that is no pre-release.
    pub version: Option<String>,
    /// User for repository or registry.
    pub username: Option<String>,
    /// Password for repository or registry.
    pub password: Option<SecretString>,
    /// PEM file of CAs to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Trusts any certificate.
    pub insecure_skip_tls_verify: bool,
}

impl ChartSource {
    /// Gets the chart. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.
    pub async fn fetch(&self, cache_dir: &Path) -> Result<Chart, SourceError> {
        let archive = match self.place()? {
            Place::Path(path) => {
                let loaded = tokio::task::spawn_blocking(move || Chart::from_path(&path)).await;
                return Ok(loaded.map_err(|err| SourceError::Client(err.to_string()))??);
            }
            Place::Oci(reference) => {
                let http = Http::new(self)?;
                oci::pull(&http, &reference, self.version.as_deref(), &Cache::new(cache_dir)).await?
            }
            Place::Archive(url) => Http::new(self)?.get(&url, true).await?,
            Place::Repository(url) => {
                let http = Http::new(self)?;
                let version = self.version.as_deref().unwrap_or_default();
                index::fetch(&http, &url, &self.name, version, &Cache::new(cache_dir)).await?
            }
        };
        let loaded = tokio::task::spawn_blocking(move || Chart::from_archive(&archive)).await;
        Ok(loaded.map_err(|err| SourceError::Client(err.to_string()))??)
    }

    fn place(&self) -> Result<Place, SourceError> {
        let unusable = || SourceError::Reference(self.name.clone());
        if let Some(reference) = self.name.strip_prefix("oci://") {
            return Ok(Place::Oci(reference.to_owned()));
        }
        if let Some(repo) = self.repo.as_deref().filter(|repo| !repo.is_empty()) {
            // A registry may be given as repository as well.
            if let Some(registry) = repo.strip_prefix("oci://") {
                return Ok(Place::Oci(format!(
                    "{}/{}",
                    registry.trim_end_matches('/'),
                    self.name
                )));
            }
            return Url::parse(repo).map(Place::Repository).map_err(|_| unusable());
        }
        if self.name.starts_with("http://") || self.name.starts_with("https://") {
            return Url::parse(&self.name).map(Place::Archive).map_err(|_| unusable());
        }
        let path = PathBuf::from(&self.name);
        if path.exists() || path.is_absolute() || self.name.starts_with('.') {
            return Ok(Place::Path(path));
        }
        Err(unusable())
    }
}

enum Place {
    Path(PathBuf),
    Oci(String),
    Archive(Url),
    Repository(Url),
}

/// A URL without user and password, for messages.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
