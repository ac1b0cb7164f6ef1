//! Charts in OCI registries: anonymous, basic, or with the token that the registry's realm gives.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use serde_json::Value;
use url::Url;

use super::cache::Cache;
use super::http::{Http, body, failure, not_fetched, successful};
use super::{Download, shown};
use crate::digest::sha256;
use crate::error::SourceError;
use crate::version::{self, Range};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

const PROVENANCE_LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// A registry and a repository in it.
struct Repository<'a> {
    http: &'a Http,
    root: Url,
    name: String,
}

/// Gets the archive of `registry/repository[:tag]`; a version or range chooses the tag otherwise.
pub(super) async fn pull(
    http: &Http,
    reference: &str,
    version: Option<&str>,
    cache: &Cache,
    signed: bool,
) -> Result<Download, SourceError> {
    let unusable = || SourceError::Reference(format!("oci://{reference}"));
    let (registry, path) = reference.split_once('/').ok_or_else(unusable)?;
    let (name, tag) = match path.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
        _ => (path, None),
    };
    // Unless it is asked for, registries on the machine itself, and only those, are taken to speak plain HTTP.
    let host = registry.split(':').next().unwrap_or(registry);
    let scheme = if http.plain || matches!(host, "localhost" | "127.0.0.1") {
        "http"
    } else {
        "https"
    };
    let root = Url::parse(&format!("{scheme}://{registry}/v2/{name}/")).map_err(|_| unusable())?;
    let repository = Repository {
        http,
        root,
        name: name.to_owned(),
    };
    let exact = version.filter(|version| {
        version::parse(version).is_some_and(|parsed| parsed.to_string() == version.trim_start_matches('v'))
    });
    let tag = match (tag, exact) {
        (Some(tag), _) => tag,
        // Tags cannot hold a plus.
        (None, Some(version)) => version.replace('+', "_"),
        (None, None) => repository.newest(version.unwrap_or_default()).await?,
    };
    let manifest: Value =
        serde_json::from_slice(&repository.get(&format!("manifests/{tag}"), MANIFEST).await?)
            .map_err(|err| failure(&repository.root, format!("manifest cannot be read: {err}"), false))?;
    let digest = layer(&manifest, CHART_LAYER)
        .ok_or_else(|| failure(&repository.root, "the manifest names no chart".to_owned(), false))?;
    let archive = repository.archive(digest, cache).await?;
    let provenance = match signed {
        true => {
            let url = format!("oci://{registry}/{name}:{tag}.prov");
            let fetched = repository.provenance(&manifest).await;
            Some(fetched.map_err(|err| not_fetched(url, &err))?)
        }
        false => None,
    };
    let chart = name.rsplit('/').next().unwrap_or(name);
    Ok(Download {
        archive,
        name: format!("{chart}-{}.tgz", tag.replace('_', "+")),
        provenance,
    })
}

/// The digest of the manifest's layer of a type.
fn layer<'m>(manifest: &'m Value, media_type: &str) -> Option<&'m str> {
    let mut layers = manifest["layers"].as_array().into_iter().flatten();
    layers
        .find(|layer| layer["mediaType"] == media_type)
        .and_then(|layer| layer["digest"].as_str())
}

impl Repository<'_> {
    async fn archive(&self, digest: &str, cache: &Cache) -> Result<Vec<u8>, SourceError> {
        let want = digest.trim_start_matches("sha256:");
        if let Some(archive) = cache.archive(want) {
            return Ok(archive);
        }
        let archive = self.blob(digest).await?;
        cache.keep_archive(want, &archive);
        Ok(archive)
    }

    async fn provenance(&self, manifest: &Value) -> Result<Vec<u8>, SourceError> {
        let missing = || failure(&self.root, "the manifest names no provenance".to_owned(), false);
        self.blob(layer(manifest, PROVENANCE_LAYER).ok_or_else(missing)?)
            .await
    }

    async fn blob(&self, digest: &str) -> Result<Vec<u8>, SourceError> {
        let blob = self.get(&format!("blobs/{digest}"), "*/*").await?;
        let (got, want) = (sha256(&blob), digest.trim_start_matches("sha256:"));
        if got == want {
            return Ok(blob);
        }
        Err(SourceError::Digest {
            url: shown(&self.root),
            got,
            want: want.to_owned(),
        })
    }

    /// The newest tag in a range.
    async fn newest(&self, range: &str) -> Result<String, SourceError> {
        let wanted = if range.is_empty() { "*" } else { range };
        let parsed = Range::parse(wanted).ok_or_else(|| SourceError::Version(range.to_owned()))?;
        let list: Value = serde_json::from_slice(&self.get("tags/list", "application/json").await?)
            .map_err(|err| failure(&self.root, format!("tags cannot be read: {err}"), false))?;
        let tags = list["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        tags.filter_map(|tag| Some((version::parse(&tag.replace('_', "+"))?, tag)))
            .filter(|(version, _)| parsed.contains(version))
            .max_by(|(a, _), (b, _)| a.cmp(b))
            .map(|(_, tag)| tag.to_owned())
            .ok_or_else(|| SourceError::NotFound {
                name: self.name.clone(),
                version: range.to_owned(),
                url: shown(&self.root),
            })
    }

    /// One request, and if the registry asks for it, another with a token.
    async fn get(&self, path: &str, accept: &str) -> Result<Vec<u8>, SourceError> {
        let url = self
            .root
            .join(path)
            .map_err(|err| failure(&self.root, format!("{path} is no path: {err}"), false))?;
        let request = || self.http.request(&url).header(ACCEPT, accept);
        let response = self.http.send(request(), &url).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return body(successful(response, &url)?, &url).await;
        }
        let challenge = response
            .headers()
            .get(WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok());
        let authorised = match challenge.and_then(Challenge::parse) {
            Some(challenge) => request().bearer_auth(self.token(&challenge).await?),
            None => self.http.authorise(request(), &url),
        };
        let response = self.http.send(authorised, &url).await?;
        body(successful(response, &url)?, &url).await
    }

    /// The token server is chosen by the registry, so it gets our credentials wherever it is.
    async fn token(&self, challenge: &Challenge) -> Result<String, SourceError> {
        let mut url = Url::parse(&challenge.realm).map_err(|err| {
            failure(
                &self.root,
                format!("token realm {:?}: {err}", challenge.realm),
                false,
            )
        })?;
        let scope = challenge
            .scope
            .clone()
            .unwrap_or_else(|| format!("repository:{}:pull", self.name));
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = &challenge.service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let request = self.http.authorise(self.http.request(&url), &self.root);
        let response = self.http.send(request, &url).await?;
        let answer = body(successful(response, &url)?, &url).await?;
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|err| failure(&url, format!("token cannot be read: {err}"), false))?;
        let token = answer["token"]
            .as_str()
            .or_else(|| answer["access_token"].as_str());
        token
            .map(str::to_owned)
            .ok_or_else(|| failure(&url, "no token in the answer".to_owned(), false))
    }
}

/// `WWW-Authenticate: Bearer realm="...",service="...",scope="..."`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        let mut rest = header
            .strip_prefix("Bearer ")
            .or_else(|| header.strip_prefix("bearer "))?;
        let mut challenge = Self::default();
        while let Some((key, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            match key.trim_matches([',', ' ']) {
                "realm" => value.clone_into(&mut challenge.realm),
                "service" => challenge.service = Some(value.to_owned()),
                "scope" => challenge.scope = Some(value.to_owned()),
                _ => {}
            }
            rest = after;
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let parsed = Challenge::parse(
            "Bearer realm=\"https://auth.example.com/token\",service=\"registry\",scope=\"repository:a/b:pull,push\"",
        );
        assert_eq!(
            parsed,
            Some(Challenge {
                realm: "https://auth.example.com/token".to_owned(),
                service: Some("registry".to_owned()),
                scope: Some("repository:a/b:pull,push".to_owned()),
            })
        );
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
    }
}
