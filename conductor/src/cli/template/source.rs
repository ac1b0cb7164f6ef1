//! Where the chart of a command line is.

use std::path::{Path, PathBuf};

use helm::{Chart, ChartSource, provenance, values::Warn};

use super::flags::SourceOptions;

/// A chart that was found and is not loaded yet.
pub enum Located {
    /// The one that is part of this program.
    Builtin,
    /// A folder or an archive.
    Path(PathBuf),
    /// A downloaded or verified archive.
    Archive(Vec<u8>),
}

impl Located {
    /// Loads it; `warn` is told what helm's loader warns of.
    ///
    /// # Errors
    /// In helm's words.
    pub fn load(&self, warn: Warn<'_>) -> Result<Chart, String> {
        match self {
            Self::Builtin => crate::builtin_chart::load().map_err(|error| error.to_string()),
            Self::Path(path) => Chart::load_path(path, warn).map_err(|error| error.to_string()),
            Self::Archive(bytes) => Chart::load_archive(bytes, warn).map_err(|error| error.to_string()),
        }
    }
}

/// Finds the chart, and verifies it if that is asked for.
///
/// # Errors
/// In helm's words.
pub async fn locate(name: &str, source: &SourceOptions) -> Result<Located, String> {
    if name == "builtin" {
        return Ok(Located::Builtin);
    }
    let name = name.trim();
    let path = Path::new(name);
    if path.exists() && source.verify {
        let archive = provenance::verify_file(path, &source.keyring()).map_err(|error| error.to_string())?;
        return Ok(Located::Archive(archive));
    }
    if path.exists() {
        return Ok(Located::Path(path.to_owned()));
    }
    if path.is_absolute() || name.starts_with('.') {
        return Err(format!("path {} not found", helm::go_quote(name)));
    }
    let is_local_name = source.repo.is_none() && !name.contains("://");
    if is_local_name {
        // Helm would look into its list of repositories.
        return Err(match name.split_once('/') {
            Some((repository, _)) => format!("repo {repository} not found"),
            None => format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"),
        });
    }
    let downloaded = source.chart(name).download(&cache_dir()).await;
    Ok(Located::Archive(downloaded.map_err(|error| error.to_string())?))
}

/// A folder of the user's own: the service's belongs to the service.
fn cache_dir() -> PathBuf {
    let home = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = home("XDG_CACHE_HOME").or_else(|| home("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir)
        .join("magnum-conductor/charts")
}

impl SourceOptions {
    /// The files for TLS, which helm reads even if no server is asked.
    ///
    /// # Errors
    /// In helm's words.
    pub fn check_files(&self) -> Result<(), String> {
        let failed = |why: String| {
            Err(format!(
                "missing registry client: can't create TLS config for client: {why}"
            ))
        };
        if let (Some(cert), Some(key)) = (&self.cert_file, &self.key_file) {
            for path in [cert, key] {
                if let Err(error) = std::fs::read(path) {
                    let (cert, key) = (cert.display(), key.display());
                    let why = helm::go_file_error(&path.to_string_lossy(), &error);
                    return failed(format!(
                        "can't load key pair from cert {cert} and key {key}: {why}"
                    ));
                }
            }
        }
        let Some(path) = &self.ca_file else { return Ok(()) };
        let shown = path.display();
        match std::fs::read_to_string(path) {
            Err(_) => failed(format!("can't read CA file: {shown}")),
            Ok(pem) if !pem.contains("-----BEGIN CERTIFICATE-----") => {
                failed(format!("failed to append certificates from file: {shown}"))
            }
            Ok(_) => Ok(()),
        }
    }

    fn chart(&self, name: &str) -> ChartSource {
        let version = self.version.as_deref().map(|version| version.trim().to_owned());
        ChartSource {
            name: name.to_owned(),
            repo: self.repo.clone(),
            version: version.or_else(|| self.devel.then(|| ">0.0.0-0".to_owned())),
            username: self.username.clone(),
            password: self.password.clone(),
            pass_credentials: self.pass_credentials,
            ca_file: self.ca_file.clone(),
            identity: self.cert_file.clone().zip(self.key_file.clone()),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            plain_http: self.plain_http,
            keyring: self.verify.then(|| self.keyring()),
        }
    }

    fn keyring(&self) -> PathBuf {
        let chosen = self.keyring.clone();
        chosen.unwrap_or_else(|| match std::env::var_os("GNUPGHOME") {
            Some(folder) => Path::new(&folder).join("pubring.gpg"),
            None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".gnupg/pubring.gpg"),
        })
    }
}
