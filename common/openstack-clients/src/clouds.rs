//! The ways to look at the cloud: as ourselves, as a caller, as a cluster.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use crate::auth::{KeystoneAuth, TokenInfo};
use crate::cloud::Cloud;
use crate::connections::Connections;
use crate::error::OpenStackError;
use crate::settings::{CloudSettings, Credentials, Service};

/// A caller's token as it came with a request.
#[derive(Debug, Clone)]
pub struct CallerToken {
    /// The token.
    pub token: SecretString,
    /// What is known about it: the body of its validation (`{"token": {…}}`), if the request carried it.
    pub info: Option<TokenInfo>,
    /// Id of the request, passed on to the services for their logs.
    pub request_id: Option<String>,
}

impl CallerToken {
    /// `info` is the body of the token's validation, as keystonemiddleware hands it on.
    ///
    /// A body that is none, or that lacks the service catalog, counts as not there: Keystone is asked instead.
    pub fn new(token: SecretString, info: &Value, request_id: Option<String>) -> Self {
        let info: Option<TokenInfo> = info
            .get("token")
            .and_then(|body| serde_json::from_value(body.clone()).ok());
        Self {
            token,
            info: info.filter(|info| !info.catalog().is_empty()),
            request_id,
        }
    }
}

/// Connections to the cloud, shared by all views of it.
#[derive(Clone)]
pub struct Clouds {
    shared: Arc<Connections>,
    /// One token for all that we do ourselves.
    service: Option<KeystoneAuth>,
}

impl std::fmt::Debug for Clouds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clouds")
            .field("auth_url", &self.shared.settings.auth_url)
            .finish_non_exhaustive()
    }
}

impl Clouds {
    /// Reads certificates; connects to nothing yet.
    pub fn new(settings: CloudSettings) -> Result<Self, OpenStackError> {
        let shared = Arc::new(Connections::new(settings)?);
        let service = match &shared.settings.service_user {
            Some(credentials) => Some(shared.auth(credentials.clone())?),
            None => None,
        };
        Ok(Self { shared, service })
    }

    /// The view of the service's own user.
    pub fn service(&self) -> Result<Cloud, OpenStackError> {
        let auth = self
            .service
            .clone()
            .ok_or(OpenStackError::NoCredentials { what: "service user" })?;
        Ok(Cloud::new(Arc::clone(&self.shared), auth, None))
    }

    /// The view of a caller; their token is used as it is, never exchanged for another.
    pub fn caller(&self, caller: CallerToken) -> Result<Cloud, OpenStackError> {
        let http = self.shared.client(Service::Identity)?;
        let auth = KeystoneAuth::token(&self.shared.settings.auth_url, http, caller.token, caller.info)?;
        Ok(Cloud::new(Arc::clone(&self.shared), auth, caller.request_id))
    }

    /// The view that some credentials give, such as a cluster's application credential.
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Cloud, OpenStackError> {
        Ok(Cloud::new(
            Arc::clone(&self.shared),
            self.shared.auth(credentials)?,
            None,
        ))
    }
}
