//! Requests to the API server: one place for deadlines, retries and what an answer means.

use std::time::{Duration, Instant};

use http::{Method, Request};
use serde_json::{Value, json};

use crate::error::{ReleaseError, transient_code};

/// The field manager that Helm writes with.
pub(crate) const FIELD_MANAGER: &str = "helm";

/// What the API server answered instead of what was asked for.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    /// HTTP status; 0 when there was no answer.
    pub code: u16,
    /// `AlreadyExists`, `Invalid`, ...
    pub reason: String,
    /// Words for people.
    pub message: String,
    /// How long the API server asks us to wait.
    retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: String::new(),
            message: message.into(),
            retry_after: None,
        }
    }

    pub(crate) fn is_transient(&self) -> bool {
        transient_code(self.code) && self.reason != "AlreadyExists"
    }

    /// As an error of the operation; `action` says what was being done.
    pub(crate) fn during(self, action: impl Into<String>) -> ReleaseError {
        ReleaseError::Api {
            action: action.into(),
            code: self.code,
            message: self.message,
        }
    }

    /// The words that helm would have: kube puts the reason behind the message.
    fn from_kube(err: kube::Error) -> Self {
        match err {
            kube::Error::Api(status) => Self {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
                retry_after: status
                    .details
                    .as_ref()
                    .map(|details| Duration::from_secs(details.retry_after_seconds.into()))
                    .filter(|pause| !pause.is_zero()),
            },
            err @ (kube::Error::HttpError(_) | kube::Error::SerdeError(_) | kube::Error::BuildRequest(_)) => {
                Self::new(400, chain(&err))
            }
            err => Self::new(0, chain(&err)),
        }
    }
}

/// An error with its causes, each once.
pub(crate) fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

/// How a patch is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// JSON merge patch.
    Merge,
    /// Strategic merge patch.
    Strategic,
}

impl PatchType {
    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

/// Whether a write is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Yes.
    Write,
    /// No: the API server only says what would come of it.
    DryRun,
}

impl Mode {
    fn query(self) -> &'static str {
        match self {
            Self::Write => "",
            Self::DryRun => "&dryRun=All",
        }
    }
}

struct Call<'a> {
    method: Method,
    uri: &'a str,
    content_type: &'static str,
    accept: &'a str,
    body: Option<&'a Value>,
}

/// The API server behind a client.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    request_timeout: Duration,
    retries: u32,
    deadline: Option<Instant>,
}

impl Api {
    /// `request_timeout`: longest time for one request; `retries`: how often one is repeated.
    pub(crate) fn new(client: kube::Client, request_timeout: Duration, retries: u32) -> Self {
        Self {
            client,
            request_timeout,
            retries,
            deadline: None,
        }
    }

    /// The same, for an operation that has to end in time.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// Reads any path.
    pub(crate) async fn read(&self, uri: &str, accept: &str) -> Result<Value, ApiError> {
        self.call(&Call {
            method: Method::GET,
            uri,
            content_type: "",
            accept,
            body: None,
        })
        .await
        .0
    }

    /// Reads an object; None if there is none.
    pub(crate) async fn get(&self, uri: &str) -> Result<Option<Value>, ApiError> {
        match self.read(uri, "application/json").await {
            Ok(object) => Ok(Some(object)),
            Err(err) if err.code == 404 => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Creates an object in a collection. An attempt that was not answered and then turns out to have
    /// succeeded is a success.
    pub(crate) async fn create(
        &self,
        collection: &str,
        name: &str,
        body: &Value,
        mode: Mode,
    ) -> Result<Value, ApiError> {
        let uri = format!("{collection}?fieldManager={FIELD_MANAGER}{}", mode.query());
        let call = Call {
            method: Method::POST,
            uri: &uri,
            content_type: "application/json",
            accept: "application/json",
            body: Some(body),
        };
        match self.call(&call).await {
            (Err(err), unanswered) if err.reason == "AlreadyExists" && unanswered && mode == Mode::Write => {
                match self.get(&format!("{collection}/{name}")).await? {
                    Some(object) => Ok(object),
                    None => Err(ApiError::new(409, "the object came and went")),
                }
            }
            (result, _) => result,
        }
    }

    /// Patches an object.
    pub(crate) async fn patch(
        &self,
        uri: &str,
        kind: PatchType,
        body: &Value,
        mode: Mode,
    ) -> Result<Value, ApiError> {
        let uri = format!("{uri}?fieldManager={FIELD_MANAGER}{}", mode.query());
        let call = Call {
            method: Method::PATCH,
            uri: &uri,
            content_type: kind.content_type(),
            accept: "application/json",
            body: Some(body),
        };
        self.call(&call).await.0
    }

    /// Replaces an object. The flag says that an attempt before the last was not answered, so that a
    /// conflict may be with ourselves.
    pub(crate) async fn replace(&self, uri: &str, body: &Value) -> (Result<Value, ApiError>, bool) {
        let call = Call {
            method: Method::PUT,
            uri,
            content_type: "application/json",
            accept: "application/json",
            body: Some(body),
        };
        self.call(&call).await
    }

    /// Deletes an object in the background; false if there was none.
    pub(crate) async fn delete(&self, uri: &str) -> Result<bool, ApiError> {
        let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        let call = Call {
            method: Method::DELETE,
            uri,
            content_type: "application/json",
            accept: "application/json",
            body: Some(&body),
        };
        match self.call(&call).await.0 {
            Ok(_) => Ok(true),
            Err(err) if err.code == 404 => Ok(false),
            Err(err) => Err(err),
        }
    }

    /// One call with its repetitions; the flag says that at least one attempt was not answered.
    async fn call(&self, call: &Call<'_>) -> (Result<Value, ApiError>, bool) {
        let mut unanswered = false;
        let mut attempt = 0;
        loop {
            let result = self.attempt(call).await;
            let Err(err) = &result else {
                return (result, unanswered);
            };
            let again = match err.code {
                0 => {
                    unanswered = true;
                    true
                }
                // A conflict in a replacement is somebody else's write: not ours to repeat.
                409 => call.method == Method::PATCH,
                code => code == 429 || code == 401 || code >= 500,
            };
            let pause = err.retry_after.unwrap_or_else(|| backoff(attempt));
            let in_time = self
                .deadline
                .is_none_or(|deadline| Instant::now() + pause < deadline);
            if !again || attempt >= self.retries || !in_time {
                return (result, unanswered);
            }
            tracing::debug!(
                method = %call.method, uri = call.uri, code = err.code, message = %err.message, attempt,
                "API server request is repeated"
            );
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.uri)
            .header("Accept", call.accept);
        let body = match call.body {
            None => Vec::new(),
            Some(body) => {
                request = request.header("Content-Type", call.content_type);
                serde_json::to_vec(body).map_err(|err| ApiError::new(400, err.to_string()))?
            }
        };
        let request = request
            .body(body)
            .map_err(|err| ApiError::new(400, err.to_string()))?;
        let mut limit = self.request_timeout;
        if let Some(deadline) = self.deadline {
            limit = limit.min(deadline.saturating_duration_since(Instant::now()));
        }
        match tokio::time::timeout(limit, self.client.request::<Value>(request)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(err)) => Err(ApiError::from_kube(err)),
            Err(_) => Err(ApiError::new(
                0,
                format!("no answer from the API server within {limit:?}"),
            )),
        }
    }
}

/// 0.2 s, doubling up to 10 s, each with up to half as much again so that many do not come back together.
fn backoff(attempt: u32) -> Duration {
    let base = Duration::from_millis(200)
        .saturating_mul(1 << attempt.min(10))
        .min(Duration::from_secs(10));
    let jitter = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    base + base * jitter / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_and_is_bounded() {
        assert!(backoff(0) >= Duration::from_millis(200) && backoff(0) <= Duration::from_millis(300));
        assert!(backoff(3) >= Duration::from_millis(1600));
        assert!(backoff(30) <= Duration::from_secs(15));
    }
}
