//! One view of the cloud, and how requests are made in it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;
use url::Url;

use crate::answer::{invalid, read_json, refusal, unreachable};
use crate::auth::{KeystoneAuth, Token, TokenInfo};
use crate::connections::Connections;
use crate::error::OpenStackError;
use crate::settings::Service;

/// Longest wait that a service may ask for before a repetition.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// Most pages of one list.
const PAGES_MAX: usize = 1000;

/// The cloud as one user sees it.
#[derive(Clone)]
pub struct Cloud {
    shared: Arc<Connections>,
    auth: KeystoneAuth,
    request_id: Option<String>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud")
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

/// A request to a service.
pub(crate) struct Call<'a> {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// Segments of the path below the service's endpoint and version.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    /// Media type of the answer.
    pub(crate) accept: &'static str,
}

impl<'a> Call<'a> {
    pub(crate) fn get(service: Service, path: &'a [&'a str]) -> Self {
        Self {
            service,
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            accept: "application/json",
        }
    }

    pub(crate) fn post(service: Service, path: &'a [&'a str], body: Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(service, path)
        }
    }

    pub(crate) fn delete(service: Service, path: &'a [&'a str]) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(service, path)
        }
    }

    pub(crate) fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Whether sending it twice is the same as sending it once.
    fn may_be_repeated(&self) -> bool {
        matches!(self.method, Method::GET | Method::DELETE)
    }
}

impl Cloud {
    pub(crate) fn new(shared: Arc<Connections>, auth: KeystoneAuth, request_id: Option<String>) -> Self {
        Self {
            shared,
            auth,
            request_id,
        }
    }

    /// What the token of this view says; asks Keystone if that is not known yet.
    pub async fn token_info(&self) -> Result<TokenInfo, OpenStackError> {
        Ok(self.auth.current().await?.info.clone())
    }

    /// Address of a service in the catalog, as it stands there.
    pub async fn endpoint(
        &self,
        service: Service,
        interface: &str,
        region: Option<&str>,
    ) -> Result<String, OpenStackError> {
        let token = self.auth.current().await?;
        token
            .info
            .catalog()
            .endpoint(service.catalog_types(), interface, region)
            .map(String::from)
    }

    /// Sends a request and reads the answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, OpenStackError> {
        let (response, path) = self.send(&call).await?;
        read_json(call.service, &call.method, &path, response).await
    }

    /// Sends a request and reads the answer's text, which nobody else shall see.
    pub(crate) async fn text(&self, call: Call<'_>) -> Result<SecretString, OpenStackError> {
        let (response, path) = self.send(&call).await?;
        let body = response
            .bytes()
            .await
            .map_err(|error| unreachable(call.service, &call.method, &path, &error))?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| invalid(call.service, &call.method, &path, &"it is not text"))?;
        Ok(text.to_owned().into())
    }

    /// Sends a request whose answer does not matter.
    pub(crate) async fn done(&self, call: Call<'_>) -> Result<(), OpenStackError> {
        self.send(&call).await.map(drop)
    }

    /// All pages of a list; `next` finds the address of the page that follows, `items` takes what a page holds.
    pub(crate) async fn pages<T>(
        &self,
        mut call: Call<'_>,
        next: impl Fn(&Value) -> Option<String>,
        mut items: impl FnMut(Value) -> Result<Vec<T>, serde_json::Error>,
    ) -> Result<Vec<T>, OpenStackError> {
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let (response, path) = self.send(&call).await?;
            let page: Value = read_json(call.service, &call.method, &path, response).await?;
            let following = next(&page);
            all.extend(items(page).map_err(|error| invalid(call.service, &call.method, &path, &error))?);
            // Only the query is taken: behind a proxy the address may be one that we cannot reach.
            let query = following.and_then(|link| link.split_once('?').map(|(_, query)| query.to_owned()));
            let Some(query) = query else { return Ok(all) };
            call.query = url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect();
        }
        Err(OpenStackError::InvalidResponse {
            service: call.service,
            method: call.method.to_string(),
            path: call.path.join("/"),
            cause: format!("the list has more than {PAGES_MAX} pages"),
        })
    }

    /// Sends a request, repeated where that may help: after a while if the service is in trouble, at once with a new
    /// token if the old one was not accepted.
    async fn send(&self, call: &Call<'_>) -> Result<(Response, String), OpenStackError> {
        let retries = self.shared.settings.retries;
        let mut attempt = 1;
        let mut renewed = false;
        loop {
            let token = self.auth.current().await?;
            let url = self.url(call, &token)?;
            let (error, wait) = match self.attempt(call, url.clone()).await {
                Ok(response) if response.status().is_success() => {
                    return Ok((response, url.path().to_owned()));
                }
                Ok(response) => {
                    if response.status() == StatusCode::UNAUTHORIZED
                        && !renewed
                        && self.auth.forget(&token).await
                    {
                        renewed = true;
                        continue;
                    }
                    let wait = retry_after(&response);
                    (
                        refusal(call.service, &call.method, url.path(), response).await,
                        wait,
                    )
                }
                Err(error) => (error, None),
            };
            let hopeful = matches!(&error, OpenStackError::Unreachable { .. })
                || matches!(error.status(), Some(429 | 502 | 503 | 504));
            if attempt >= retries.attempts || !hopeful || !call.may_be_repeated() {
                return Err(error);
            }
            let wait = wait.unwrap_or(retries.backoff * 2_u32.pow((attempt - 1).min(8)));
            debug!(%error, attempt, "OpenStack call failed, trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call<'_>, url: Url) -> Result<Response, OpenStackError> {
        let session = self.shared.session(call.service, &self.auth).await?;
        let path = url.path().to_owned();
        let mut request = session
            .client()
            .request(call.method.clone(), url)
            .header("accept", call.accept);
        if let Some(id) = &self.request_id {
            request = request.header("x-openstack-request-id", id);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        request
            .send_unchecked()
            .await
            .map_err(|error| OpenStackError::Unreachable {
                service: call.service,
                method: call.method.to_string(),
                path,
                cause: error.to_string(),
            })
    }

    /// Endpoint of the service, with its version, the path and the query.
    fn url(&self, call: &Call<'_>, token: &Token) -> Result<Url, OpenStackError> {
        let mut url = self.base(call.service, token)?;
        let versioned = url
            .path_segments()
            .is_some_and(|mut segments| segments.any(is_version));
        {
            let mut segments = url.path_segments_mut().map_err(|()| OpenStackError::Settings {
                what: format!("endpoint of {} in the catalog", call.service),
                cause: "it is no http address".into(),
            })?;
            segments.pop_if_empty();
            if !versioned {
                segments.push(call.service.version());
            }
            segments.extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn base(&self, service: Service, token: &Token) -> Result<Url, OpenStackError> {
        // Keystone is reached where it is configured: inside the cloud that may be all that can be reached.
        if service == Service::Identity {
            let address = &self.shared.settings.auth_url;
            return Url::parse(address).map_err(|error| OpenStackError::Settings {
                what: format!("Keystone's address {address:?}"),
                cause: error.to_string(),
            });
        }
        let options = self.shared.settings.services.get(&service);
        let interface = options.map_or("public", |options| options.interface.as_str());
        let region = options.and_then(|options| options.region.as_deref());
        token
            .info
            .catalog()
            .endpoint(service.catalog_types(), interface, region)
    }
}

/// `v2`, `v2.1`, `v3`: the version in an endpoint's path.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// A deletion's outcome: false if there was nothing.
pub(crate) fn deleted(outcome: Result<(), OpenStackError>) -> Result<bool, OpenStackError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
