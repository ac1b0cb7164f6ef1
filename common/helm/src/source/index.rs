//! Repositories over HTTP: `index.yaml` and the archives that it names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use helm_template::yaml;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::cache::Cache;
use super::http::{Http, Validators};
use super::{Download, shown};
use crate::digest::sha256;
use crate::error::SourceError;
use crate::version::{self, Range};

/// An index this young is not asked for again: node groups are often changed in a row.
const FRESH: Duration = Duration::from_secs(60);

/// A version of a chart in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    version: String,
    digest: String,
    urls: Vec<String>,
}

/// The versions of one chart, as last read from the repository.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    validators: Validators,
    /// Seconds since 1970.
    asked: u64,
    entries: Vec<Entry>,
}

/// Gets the archive of a chart.
pub(super) async fn fetch(
    http: &Http,
    repo: &Url,
    name: &str,
    version: &str,
    cache: &Cache,
    signed: bool,
) -> Result<Download, SourceError> {
    let known = versions(http, repo, name, version, cache).await?;
    let entry = choose(&known.entries, version)?.ok_or_else(|| SourceError::NotFound {
        name: name.to_owned(),
        version: version.to_owned(),
        url: shown(repo),
    })?;
    let url = || {
        let url = entry.urls.first().and_then(|url| base(repo).join(url).ok());
        let version = &entry.version;
        url.ok_or_else(|| {
            SourceError::Client(format!(
                "chart {name:?} version {version:?} has no downloadable URLs"
            ))
        })
    };
    let archive = match cache.archive(&entry.digest) {
        Some(archive) => archive,
        None => download(http, &url()?, &entry.digest, cache).await?,
    };
    if !signed {
        return Ok(Download::unsigned(archive));
    }
    http.with_provenance(archive, &url()?, cache).await
}

async fn download(http: &Http, url: &Url, digest: &str, cache: &Cache) -> Result<Vec<u8>, SourceError> {
    let archive = http.get(url, true).await?;
    let got = sha256(&archive);
    if !digest.is_empty() && got != digest {
        return Err(SourceError::Digest {
            url: shown(url),
            got,
            want: digest.to_owned(),
        });
    }
    cache.keep_archive(&got, &archive);
    Ok(archive)
}

/// The folder that holds `index.yaml`, to which the URLs in it are relative.
fn base(repo: &Url) -> Url {
    let mut base = repo.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base
}

async fn versions(
    http: &Http,
    repo: &Url,
    name: &str,
    version: &str,
    cache: &Cache,
) -> Result<Known, SourceError> {
    let key = format!("{} {name}", shown(repo));
    let known: Option<Known> = cache.recall("indexes", &key);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let here = known.as_ref().is_some_and(|known| {
        let young = now.saturating_sub(known.asked) < FRESH.as_secs();
        young && matches!(choose(&known.entries, version), Ok(Some(_)))
    });
    if let Some(known) = known.as_ref().filter(|_| here) {
        return Ok(Known {
            validators: known.validators.clone(),
            asked: known.asked,
            entries: known.entries.clone(),
        });
    }
    let index = base(repo)
        .join("index.yaml")
        .map_err(|err| SourceError::Client(format!("repository {}: {err}", shown(repo))))?;
    let validators = known
        .as_ref()
        .map(|known| known.validators.clone())
        .unwrap_or_default();
    let mut known = match (http.get_if_changed(&index, &validators).await, known) {
        (Ok(Some((bytes, validators))), _) => Known {
            validators,
            asked: now,
            entries: parse(bytes, name, repo).await?,
        },
        (Ok(None), Some(known)) => known,
        (Ok(None), None) => Known::default(),
        (Err(err), Some(known)) => {
            tracing::warn!(repository = shown(repo), chart = name, error = %err, "chart repository does not answer, its last index is used");
            return Ok(known);
        }
        (Err(err), None) => return Err(err),
    };
    known.asked = now;
    cache.remember("indexes", &key, &known);
    Ok(known)
}

/// The entries of one chart. Large indexes take long to read, so a thread of its own does it.
async fn parse(bytes: Vec<u8>, name: &str, repo: &Url) -> Result<Vec<Entry>, SourceError> {
    let (name, url) = (name.to_owned(), shown(repo));
    let broken = |message: String| SourceError::Repository {
        url: url.clone(),
        message: format!("index.yaml cannot be read: {message}"),
        transient: false,
    };
    let task = tokio::task::spawn_blocking(move || -> Result<Vec<Entry>, String> {
        let text = String::from_utf8(bytes).map_err(|err| err.to_string())?;
        let index = yaml::from_yaml(&text).map_err(|err| err.to_string())?;
        if index["apiVersion"].as_str().unwrap_or_default().is_empty() {
            return Err("no API version specified".to_owned());
        }
        Ok(entries(&index["entries"][name.as_str()]))
    });
    task.await.map_err(|err| broken(err.to_string()))?.map_err(broken)
}

fn entries(list: &Value) -> Vec<Entry> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut entries: Vec<Entry> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| Entry {
            version: text(&entry["version"]),
            digest: text(&entry["digest"]).trim_start_matches("sha256:").to_owned(),
            urls: entry["urls"].as_array().into_iter().flatten().map(text).collect(),
        })
        .filter(|entry| version::parse(&entry.version).is_some())
        .collect();
    entries.sort_by_cached_key(|entry| std::cmp::Reverse(version::parse(&entry.version)));
    entries
}

/// The entry of exactly that version, else the newest in the range.
fn choose<'e>(entries: &'e [Entry], version: &str) -> Result<Option<&'e Entry>, SourceError> {
    if let Some(exact) = entries.iter().find(|entry| entry.version == version) {
        return Ok(Some(exact));
    }
    let range = if version.is_empty() { "*" } else { version };
    let range = Range::parse(range).ok_or_else(|| SourceError::Version(version.to_owned()))?;
    Ok(entries
        .iter()
        .find(|entry| version::parse(&entry.version).is_some_and(|version| range.contains(&version))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn newest_in_range_and_exact() {
        let list: Vec<Value> = ["0.9.0", "0.10.1", "0.11.0-rc.1", "v0.10.0", "nonsense"]
            .iter()
            .map(|version| json!({"version": version, "digest": "", "urls": [format!("c-{version}.tgz")]}))
            .collect();
        let entries = entries(&Value::from(list));
        let chosen = |version: &str| {
            choose(&entries, version)
                .unwrap()
                .map(|entry| entry.version.as_str())
        };
        assert_eq!(chosen(""), Some("0.10.1"));
        assert_eq!(chosen(">0.0.0-0"), Some("0.11.0-rc.1"));
        assert_eq!(chosen("0.11.0-rc.1"), Some("0.11.0-rc.1"));
        assert_eq!(chosen("~0.9"), Some("0.9.0"));
        assert_eq!(chosen("0.10.0"), Some("v0.10.0"));
        assert_eq!(chosen("2.x"), None);
        assert!(choose(&entries, "not a range").is_err());
    }
}
