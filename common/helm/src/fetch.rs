//! Gets single files from where URLs say, over HTTP with the client that charts come through.

use std::io::Read;

use reqwest::StatusCode;
use url::Url;

use crate::api::chain;
use crate::error::go_reason;
use crate::source::{ChartSource, Http, bounded};

/// Larger documents are refused.
const MAX_BYTES: u64 = 64 << 20;

/// Gets what `$ref` in a `values.schema.json` names outside of it.
pub trait Fetch: Sync {
    /// The document at `url`, which has no fragment.
    ///
    /// # Errors
    /// What to tell the user.
    fn get(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// [`Fetch`] as Helm does it: `file://` reads files, `http://` and `https://` ask the server, without credentials and
/// with the proxies of the environment. Blocks until the answer is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetcher;

impl Fetch for Fetcher {
    fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("file") => file(url.strip_prefix("file://").unwrap_or(url)),
            Some("http" | "https") => web(url).map_err(|failure| match failure {
                Failure::Status(status) => {
                    format!("Could not read schema from HTTP, response status is {status}")
                }
                Failure::Other(why) => why,
            }),
            scheme => {
                let scheme = helm_template::go_quote(scheme.unwrap_or_default());
                Err(format!(
                    "Get {}: unsupported protocol scheme {scheme}",
                    helm_template::go_quote(url)
                ))
            }
        }
    }
}

/// The file at an `http://` or `https://` URL, as Helm gets one of values. Blocks until it is there.
///
/// # Errors
/// In Helm's words where they are known.
pub fn get_url(url: &str) -> Result<Vec<u8>, String> {
    web(url).map_err(|failure| match failure {
        Failure::Status(status) => format!("failed to fetch {url} : {status}"),
        Failure::Other(why) => why,
    })
}

/// Why a server gave nothing.
enum Failure {
    Status(StatusCode),
    Other(String),
}

fn file(path: &str) -> Result<Vec<u8>, String> {
    // As a query is decoded: a plus is a blank.
    let path = path.replace('+', " ");
    let path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(&*path)
        .map_err(|error| ("open", error))
        .and_then(|file| {
            file.take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| ("read", error))
        });
    match read {
        Err((verb, error)) => Err(format!("{verb} {path}: {}", go_reason(&error))),
        Ok(read) if read as u64 > MAX_BYTES => Err(too_large(&path)),
        Ok(_) => Ok(bytes),
    }
}

fn too_large(name: &str) -> String {
    format!("{name} is larger than the limit of {MAX_BYTES} bytes")
}

/// On a thread of its own: the caller may be inside a runtime, whose threads must not wait.
fn web(url: &str) -> Result<Vec<u8>, Failure> {
    let asked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime
                    .map_err(|error| Failure::Other(error.to_string()))?
                    .block_on(ask(url))
            })
            .join()
    });
    asked.unwrap_or_else(|_| Err(failed(url, "broken off")))
}

fn failed(url: &str, why: &str) -> Failure {
    Failure::Other(format!("Get {}: {why}", helm_template::go_quote(url)))
}

async fn ask(url: &str) -> Result<Vec<u8>, Failure> {
    let at = Url::parse(url).map_err(|error| failed(url, &error.to_string()))?;
    let http = Http::new(&ChartSource::default()).map_err(|error| failed(url, &error.to_string()))?;
    let response = http
        .request(&at)
        .send()
        .await
        .map_err(|error| failed(url, &unreachable(&at, error)))?;
    if response.status() != StatusCode::OK {
        return Err(Failure::Status(response.status()));
    }
    if response.content_length().is_some_and(|length| length > MAX_BYTES) {
        return Err(Failure::Other(too_large(url)));
    }
    let read = bounded(response, &at, MAX_BYTES as usize).await;
    read.map_err(|error| Failure::Other(error.to_string()))
}

/// Go's words where they are known.
fn unreachable(url: &Url, error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(inner) = cause {
        let refused = inner
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        if refused {
            let host = url.host_str().unwrap_or_default();
            let port = url.port_or_known_default().unwrap_or_default();
            return format!("dial tcp {host}:{port}: connect: connection refused");
        }
        cause = inner.source();
    }
    chain(&error)
}
