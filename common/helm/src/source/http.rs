//! Downloads: credentials to the host they are for, sizes and times bounded.

use std::path::Path;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::cache::Cache;
use super::{ChartSource, Download, shown};
use crate::api::chain;
use crate::digest::sha256;
use crate::error::{ProvenanceError, SourceError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(120);

/// An index or archive may be this large, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// What makes a request conditional.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Validators {
    #[serde(default)]
    pub etag: Option<String>,
    #[serde(default)]
    pub last_modified: Option<String>,
}

/// A client for one source.
pub(crate) struct Http {
    client: reqwest::Client,
    username: Option<String>,
    password: Option<SecretString>,
    /// The credentials are for this host only.
    host: Option<String>,
    /// Unless they are for all.
    everywhere: bool,
    /// Registries are spoken to without TLS.
    pub plain: bool,
}

impl Http {
    pub(crate) fn new(source: &ChartSource) -> Result<Self, SourceError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent("Helm/3.17.3")
            .danger_accept_invalid_certs(source.insecure_skip_tls_verify);
        if let Some(path) = &source.ca_file {
            let pem = std::fs::read(path)
                .map_err(|err| SourceError::Client(format!("CA file {}: {err}", path.display())))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|err| SourceError::Client(format!("CA file {}: {}", path.display(), chain(&err))))?;
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some((certificate, key)) = &source.identity {
            builder = builder.identity(identity(certificate, key)?);
        }
        let client = builder.build().map_err(|err| SourceError::Client(chain(&err)))?;
        let at = source
            .repo
            .as_deref()
            .unwrap_or(&source.name)
            .replace("oci://", "https://");
        let url = Url::parse(&at).ok();
        let from_url = url.as_ref().filter(|url| !url.username().is_empty());
        Ok(Self {
            client,
            username: source
                .username
                .clone()
                .or_else(|| from_url.map(|url| url.username().to_owned())),
            password: source.password.clone().or_else(|| {
                from_url
                    .and_then(|url| url.password())
                    .map(|password| SecretString::from(password.to_owned()))
            }),
            host: url.as_ref().and_then(Url::host_str).map(str::to_owned),
            everywhere: source.pass_credentials,
            plain: source.plain_http,
        })
    }

    /// The credentials, if they are for the host of `url`.
    pub(super) fn authorise(&self, request: RequestBuilder, url: &Url) -> RequestBuilder {
        match &self.username {
            Some(username) if self.everywhere || self.host.as_deref() == url.host_str() => {
                request.basic_auth(username, self.password.as_ref().map(ExposeSecret::expose_secret))
            }
            _ => request,
        }
    }

    pub(crate) fn request(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone())
    }

    pub(super) async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, SourceError> {
        request
            .send()
            .await
            .map_err(|err| failure(url, chain(&err.without_url()), true))
    }

    /// Downloads; `credentials` says whether to send them (if the host is theirs).
    pub(super) async fn get(&self, url: &Url, credentials: bool) -> Result<Vec<u8>, SourceError> {
        let mut request = self.request(url);
        if credentials {
            request = self.authorise(request, url);
        }
        let response = self.send(request, url).await?;
        body(successful(response, url)?, url).await
    }

    /// The archive that `url` gave, with the provenance file beside it. Of a repository that does not answer, the
    /// file that was seen last is used.
    pub(super) async fn with_provenance(
        &self,
        archive: Vec<u8>,
        url: &Url,
        cache: &Cache,
    ) -> Result<Download, SourceError> {
        let name = url.path().rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
        let digest = sha256(&archive);
        let beside = Url::parse(&format!("{url}.prov"))
            .map_err(|err| failure(url, format!("no URL of a provenance file: {err}"), false))?;
        let fetched = self.get(&beside, true).await;
        let provenance = match fetched {
            Ok(provenance) => {
                cache.keep_provenance(&digest, &provenance);
                provenance
            }
            Err(err) => match cache.provenance(&digest).filter(|_| err.is_transient()) {
                Some(provenance) => provenance,
                None => return Err(not_fetched(shown(&beside), &err)),
            },
        };
        Ok(Download {
            archive,
            name,
            provenance: Some(provenance),
        })
    }

    /// Downloads if it has changed; None if it has not.
    pub(super) async fn get_if_changed(
        &self,
        url: &Url,
        known: &Validators,
    ) -> Result<Option<(Vec<u8>, Validators)>, SourceError> {
        let mut request = self.authorise(self.request(url), url);
        if let Some(etag) = &known.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &known.last_modified {
            request = request.header(IF_MODIFIED_SINCE, last_modified);
        }
        let response = self.send(request, url).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let response = successful(response, url)?;
        let header = |headers: &HeaderMap, name| {
            headers
                .get(name)
                .and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok())
                .map(str::to_owned)
        };
        let validators = Validators {
            etag: header(response.headers(), ETAG),
            last_modified: header(response.headers(), LAST_MODIFIED),
        };
        Ok(Some((body(response, url).await?, validators)))
    }
}

/// What the client shows of itself.
fn identity(certificate: &Path, key: &Path) -> Result<reqwest::Identity, SourceError> {
    let mut pem = Vec::new();
    for path in [key, certificate] {
        let read = std::fs::read(path)
            .map_err(|err| SourceError::Client(format!("client certificate {}: {err}", path.display())))?;
        pem.extend(read);
        pem.push(b'\n');
    }
    reqwest::Identity::from_pem(&pem)
        .map_err(|err| SourceError::Client(format!("client certificate: {}", chain(&err))))
}

/// A provenance file that does not come.
pub(super) fn not_fetched(url: String, cause: &SourceError) -> SourceError {
    tracing::warn!(url, error = %cause, "provenance file of a chart does not come");
    SourceError::Provenance(ProvenanceError::Fetch {
        url,
        transient: cause.is_transient(),
    })
}

pub(super) fn successful(response: Response, url: &Url) -> Result<Response, SourceError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(failure(
        url,
        format!("failed to fetch {} : {status}", shown(url)),
        transient,
    ))
}

pub(super) async fn body(response: Response, url: &Url) -> Result<Vec<u8>, SourceError> {
    bounded(response, url, MAX_BYTES).await
}

/// The body, if it is no larger than `limit`.
pub(crate) async fn bounded(mut response: Response, url: &Url, limit: usize) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|err| failure(url, chain(&err.without_url()), true))?
    {
        if bytes.len() + chunk.len() > limit {
            return Err(failure(
                url,
                format!("larger than the limit of {limit} bytes"),
                false,
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

pub(super) fn failure(url: &Url, message: String, transient: bool) -> SourceError {
    SourceError::Repository {
        url: shown(url),
        message,
        transient,
    }
}
