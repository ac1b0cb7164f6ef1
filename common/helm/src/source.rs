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
pub(crate) use self::http::{Http, bounded};
use crate::chart::Chart;
use crate::error::{ChartError, ProvenanceError, SourceError};
use crate::provenance::{self, Keyring};

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
    /// Sends user and password to every host, not only to the repository's.
    pub pass_credentials: bool,
    /// PEM file of CAs to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the certificate to show to the server and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Trusts any certificate.
    pub insecure_skip_tls_verify: bool,
    /// Speaks HTTP without TLS to a registry.
    pub plain_http: bool,
    /// File of the keys with one of which the chart's provenance file has to be signed, as with
    /// `helm --verify --keyring`; None does not verify.
    pub keyring: Option<PathBuf>,
}

/// What a source gave.
struct Download {
    archive: Vec<u8>,
    /// File name of the archive at the source.
    name: String,
    /// The provenance file, if it was asked for.
    provenance: Option<Vec<u8>>,
}

impl ChartSource {
    /// Gets the chart. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.
    pub async fn fetch(&self, cache_dir: &Path) -> Result<Chart, SourceError> {
        if let (Place::Path(path), None) = (self.place()?, &self.keyring) {
            return apart(move || Ok(Chart::from_path(&path)?)).await;
        }
        let archive = self.download(cache_dir).await?;
        apart(move || Ok(Chart::from_archive(&archive)?)).await
    }

    /// Gets the chart's archive, verified if there is a keyring.
    pub async fn download(&self, cache_dir: &Path) -> Result<Vec<u8>, SourceError> {
        let cache = Cache::new(cache_dir);
        let signed = self.keyring.is_some();
        let download = match self.place()? {
            Place::Path(path) => {
                let keyring = self.keyring.clone();
                return apart(move || match keyring {
                    None => Ok(std::fs::read(&path).map_err(|source| ChartError::Io { path, source })?),
                    Some(keyring) => Ok(provenance::verify_file(&path, &keyring)?),
                })
                .await;
            }
            Place::Oci(reference) => {
                let http = Http::new(self)?;
                oci::pull(&http, &reference, self.version.as_deref(), &cache, signed).await?
            }
            Place::Archive(url) => {
                let http = Http::new(self)?;
                let archive = http.get(&url, true).await?;
                if signed {
                    http.with_provenance(archive, &url, &cache).await?
                } else {
                    Download::unsigned(archive)
                }
            }
            Place::Repository(url) => {
                let http = Http::new(self)?;
                let version = self.version.as_deref().unwrap_or_default();
                index::fetch(&http, &url, &self.name, version, &cache, signed).await?
            }
        };
        let keyring = self.keyring.clone();
        apart(move || {
            if let Some(keyring) = keyring {
                download.verify(&keyring)?;
            }
            Ok(download.archive)
        })
        .await
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

impl Download {
    /// Of what need not be verified, only the bytes count.
    fn unsigned(archive: Vec<u8>) -> Self {
        Self {
            archive,
            name: String::new(),
            provenance: None,
        }
    }

    fn verify(&self, keyring: &Path) -> Result<(), ProvenanceError> {
        provenance::is_archive_name(&self.name)?;
        let provenance = self.provenance.as_deref().unwrap_or_default();
        Keyring::read(keyring)?.verify(&self.name, &self.archive, provenance)
    }
}

/// Does what takes long on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|err| SourceError::Client(err.to_string()))?
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
