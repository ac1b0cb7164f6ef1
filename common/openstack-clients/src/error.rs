//! Errors of OpenStack calls.

use crate::settings::Service;

/// Why a call to OpenStack failed. Never holds a token, password or secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenStackError {
    /// The service answered with an error.
    #[error(
        "{service} refused {method} {path} with {status}: {message}{}",
        request_suffix(request_id)
    )]
    Refused {
        /// Service that answered.
        service: Service,
        /// HTTP method.
        method: String,
        /// Path at the service, without the query.
        path: String,
        /// HTTP status.
        status: u16,
        /// The service's words.
        message: String,
        /// The service's id of the request, for its log.
        request_id: Option<String>,
    },
    /// The service could not be reached, or did not answer in time.
    #[error("{service} cannot be reached for {method} {path}: {cause}")]
    Unreachable {
        /// Service that was called.
        service: Service,
        /// HTTP method.
        method: String,
        /// Path at the service, without the query.
        path: String,
        /// What happened on the way.
        cause: String,
    },
    /// The answer makes no sense.
    #[error("{service} answered {method} {path} with something that is not understood: {cause}")]
    InvalidResponse {
        /// Service that answered.
        service: Service,
        /// HTTP method.
        method: String,
        /// Path at the service, without the query.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The catalog has no such endpoint.
    #[error(
        "the service catalog has no {interface} endpoint of type {service_type} in {}",
        region.as_deref().map_or("any region".to_owned(), |region| format!("region {region}"))
    )]
    NoEndpoint {
        /// Type in the catalog.
        service_type: String,
        /// `public`, `internal` or `admin`.
        interface: String,
        /// Region, if one is configured.
        region: Option<String>,
    },
    /// There is nothing to authenticate with.
    #[error("no {what} to authenticate to Keystone with")]
    NoCredentials {
        /// What is missing.
        what: &'static str,
    },
    /// The configuration cannot be used.
    #[error("{what} cannot be used: {cause}")]
    Settings {
        /// Option or file.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
}

fn request_suffix(request_id: &Option<String>) -> String {
    request_id
        .as_ref()
        .map(|id| format!(" ({id})"))
        .unwrap_or_default()
}

impl OpenStackError {
    /// HTTP status, if the service answered with an error.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the service said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the caller's token is not accepted (any more).
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }
}
