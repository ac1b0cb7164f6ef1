//! What services answer: JSON, a refusal, or nothing.

use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::OpenStackError;
use crate::settings::Service;

/// Longest part of a service's error text that is passed on.
const MESSAGE_MAX: usize = 500;

/// Reads the JSON of a good answer.
pub(crate) async fn read_json<T: DeserializeOwned>(
    service: Service,
    method: &Method,
    path: &str,
    response: Response,
) -> Result<T, OpenStackError> {
    let body = response
        .bytes()
        .await
        .map_err(|error| unreachable(service, method, path, &error))?;
    serde_json::from_slice(&body).map_err(|error| invalid(service, method, path, &error))
}

/// An error answer as an error.
pub(crate) async fn refusal(
    service: Service,
    method: &Method,
    path: &str,
    response: Response,
) -> OpenStackError {
    let status = response.status();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let request_id = header("x-openstack-request-id").or_else(|| header("x-compute-request-id"));
    let text = response.text().await.unwrap_or_default();
    let message =
        message(&text).unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned());
    OpenStackError::Refused {
        service,
        method: method.to_string(),
        path: path.to_owned(),
        status: status.as_u16(),
        message,
        request_id,
    }
}

/// The sentence in an error body: `{"error": {"message": …}}`, `{"NeutronError": {"message": …}}` and the like.
fn message(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    let object = value.as_object()?;
    let nested = object.values().find_map(|inner| inner.get("message")?.as_str());
    let text = nested.or_else(|| object.get("message")?.as_str())?;
    Some(text.chars().take(MESSAGE_MAX).collect())
}

/// A failure on the way to a service.
pub(crate) fn unreachable(
    service: Service,
    method: &Method,
    path: &str,
    error: &reqwest::Error,
) -> OpenStackError {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        cause = inner.to_string();
        source = inner.source();
    }
    OpenStackError::Unreachable {
        service,
        method: method.to_string(),
        path: path.to_owned(),
        cause,
    }
}

/// A good answer that cannot be used.
pub(crate) fn invalid(
    service: Service,
    method: &Method,
    path: &str,
    error: &dyn std::fmt::Display,
) -> OpenStackError {
    OpenStackError::InvalidResponse {
        service,
        method: method.to_string(),
        path: path.to_owned(),
        cause: error.to_string(),
    }
}
