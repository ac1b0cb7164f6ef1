//! Tokens: getting, keeping and renewing them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use openstack::auth::AuthType;
use openstack::{EndpointFilters, Error as CrateError, ErrorKind};
use reqwest::header::HeaderValue;
use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use url::Url;

use crate::answer::{read_json, refusal, unreachable};
use crate::catalog::Catalog;
use crate::error::OpenStackError;
use crate::settings::{Credentials, Named, Scope, Service};

/// A token is renewed when it is good for less than this.
const MARGIN: TimeDelta = TimeDelta::minutes(2);

/// What a token says about its bearer.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct TokenInfo {
    /// The user.
    #[serde(default)]
    user: Identified,
    /// The project, if the token is good for one.
    #[serde(default)]
    project: Option<Identified>,
    /// The domain, if the token is good for one.
    #[serde(default)]
    domain: Option<Identified>,
    /// Roles in the scope.
    #[serde(default)]
    roles: Vec<Identified>,
    /// When it ends.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    /// Services that the token is good for.
    #[serde(default)]
    catalog: Catalog,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Identified {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

impl TokenInfo {
    /// Id of the user.
    pub fn user_id(&self) -> &str {
        &self.user.id
    }

    /// Id of the project, if the token is good for one.
    pub fn project_id(&self) -> Option<&str> {
        self.project.as_ref().map(|project| project.id.as_str())
    }

    /// Id of the domain, if the token is good for one as a whole.
    pub fn domain_id(&self) -> Option<&str> {
        self.domain.as_ref().map(|domain| domain.id.as_str())
    }

    /// Names of the roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| role.name.as_str())
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// Services that the token is good for.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

/// A token and what it says.
pub(crate) struct Token {
    value: HeaderValue,
    pub(crate) info: TokenInfo,
}

impl Token {
    fn new(value: &SecretString, info: TokenInfo) -> Result<Self, OpenStackError> {
        let mut value =
            HeaderValue::from_str(value.expose_secret()).map_err(|_| OpenStackError::NoCredentials {
                what: "token that is one",
            })?;
        value.set_sensitive(true);
        Ok(Self { value, info })
    }

    fn is_fresh(&self) -> bool {
        self.info.expires_at.is_none_or(|end| end - Utc::now() > MARGIN)
    }
}

/// Where tokens come from.
enum Source {
    /// A caller's token: taken as it is, never renewed.
    Given(SecretString),
    /// Keystone, for these credentials.
    Credentials(Credentials),
}

/// Authentication by Keystone's version 3; clones share the token.
#[derive(Clone)]
pub(crate) struct KeystoneAuth {
    inner: Arc<Inner>,
}

struct Inner {
    tokens_url: Url,
    http: Client,
    source: Source,
    current: RwLock<Option<Arc<Token>>>,
}

impl fmt::Debug for KeystoneAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeystoneAuth")
            .field("tokens_url", &self.inner.tokens_url.as_str())
            .finish_non_exhaustive()
    }
}

impl KeystoneAuth {
    /// Authentication by credentials, at the first need.
    pub(crate) fn credentials(
        auth_url: &str,
        http: Client,
        credentials: Credentials,
    ) -> Result<Self, OpenStackError> {
        Self::new(auth_url, http, Source::Credentials(credentials), None)
    }

    /// A caller's token; `info` is what is known about it already (the body of its validation).
    pub(crate) fn token(
        auth_url: &str,
        http: Client,
        token: SecretString,
        info: Option<TokenInfo>,
    ) -> Result<Self, OpenStackError> {
        let known = info
            .map(|info| Token::new(&token, info).map(Arc::new))
            .transpose()?;
        Self::new(auth_url, http, Source::Given(token), known)
    }

    fn new(
        auth_url: &str,
        http: Client,
        source: Source,
        known: Option<Arc<Token>>,
    ) -> Result<Self, OpenStackError> {
        let tokens_url = tokens_url(auth_url)?;
        Ok(Self {
            inner: Arc::new(Inner {
                tokens_url,
                http,
                source,
                current: RwLock::new(known),
            }),
        })
    }

    /// The present token, got or renewed if need be.
    pub(crate) async fn current(&self) -> Result<Arc<Token>, OpenStackError> {
        if let Some(token) = self
            .inner
            .current
            .read()
            .await
            .as_ref()
            .filter(|token| self.usable(token))
        {
            return Ok(Arc::clone(token));
        }
        let mut current = self.inner.current.write().await;
        // Somebody may have renewed it while we waited.
        if let Some(token) = current.as_ref().filter(|token| self.usable(token)) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(self.fetch().await?);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Forgets `stale`, which a service did not accept; false if no other can be had.
    pub(crate) async fn forget(&self, stale: &Arc<Token>) -> bool {
        if matches!(self.inner.source, Source::Given(_)) {
            return false;
        }
        let mut current = self.inner.current.write().await;
        if current.as_ref().is_some_and(|token| Arc::ptr_eq(token, stale)) {
            *current = None;
        }
        true
    }

    fn usable(&self, token: &Token) -> bool {
        matches!(self.inner.source, Source::Given(_)) || token.is_fresh()
    }

    async fn fetch(&self) -> Result<Token, OpenStackError> {
        let url = self.inner.tokens_url.clone();
        match &self.inner.source {
            // A token may always ask about itself.
            Source::Given(token) => {
                let known = Token::new(token, TokenInfo::default())?;
                let request = self
                    .inner
                    .http
                    .get(url)
                    .header("x-subject-token", known.value.clone());
                let response = self
                    .send(Method::GET, request.header("x-auth-token", known.value))
                    .await?;
                Token::new(token, self.read(Method::GET, response).await?)
            }
            Source::Credentials(credentials) => {
                let request = self.inner.http.post(url).json(&auth_body(credentials));
                let response = self.send(Method::POST, request).await?;
                let subject = response
                    .headers()
                    .get("x-subject-token")
                    .and_then(|value| value.to_str().ok());
                let value: SecretString = subject.unwrap_or_default().to_owned().into();
                if value.expose_secret().is_empty() {
                    return Err(self.invalid(Method::POST, "no X-Subject-Token".into()));
                }
                Token::new(&value, self.read(Method::POST, response).await?)
            }
        }
    }

    async fn send(&self, method: Method, request: RequestBuilder) -> Result<Response, OpenStackError> {
        let path = self.inner.tokens_url.path().to_owned();
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(Service::Identity, &method, &path, &error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refusal(Service::Identity, &method, &path, response).await)
        }
    }

    async fn read(&self, method: Method, response: Response) -> Result<TokenInfo, OpenStackError> {
        #[derive(Deserialize)]
        struct Body {
            token: TokenInfo,
        }
        let body: Body =
            read_json(Service::Identity, &method, self.inner.tokens_url.path(), response).await?;
        Ok(body.token)
    }

    fn invalid(&self, method: Method, cause: String) -> OpenStackError {
        OpenStackError::InvalidResponse {
            service: Service::Identity,
            method: method.to_string(),
            path: self.inner.tokens_url.path().to_owned(),
            cause,
        }
    }
}

/// Address for tokens from Keystone's, which may or may not name its version.
fn tokens_url(auth_url: &str) -> Result<Url, OpenStackError> {
    let invalid = |cause: String| OpenStackError::Settings {
        what: format!("Keystone's address {auth_url:?}"),
        cause,
    };
    let mut url = Url::parse(auth_url).map_err(|error| invalid(error.to_string()))?;
    url.set_query(None);
    let versioned = url.path().trim_end_matches('/').ends_with("/v3");
    let mut segments = url
        .path_segments_mut()
        .map_err(|()| invalid("no http address".into()))?;
    segments.pop_if_empty();
    if !versioned {
        segments.push("v3");
    }
    segments.extend(["auth", "tokens"]);
    drop(segments);
    Ok(url)
}

fn auth_body(credentials: &Credentials) -> Value {
    let (identity, scope) = match credentials {
        Credentials::Password(password) => {
            let mut user = named(&password.user);
            user["password"] = password.password.expose_secret().into();
            (
                json!({"methods": ["password"], "password": {"user": user}}),
                scope(&password.scope),
            )
        }
        // An application credential is good for its project and nothing else.
        Credentials::ApplicationCredential { id, secret } => {
            (application_credential(json!({"id": id}), secret), None)
        }
        Credentials::NamedApplicationCredential { name, user, secret } => (
            application_credential(json!({"name": name, "user": named(user)}), secret),
            None,
        ),
    };
    let mut auth = json!({"identity": identity});
    if let Some(scope) = scope {
        auth["scope"] = scope;
    }
    json!({"auth": auth})
}

fn application_credential(mut which: Value, secret: &SecretString) -> Value {
    which["secret"] = secret.expose_secret().into();
    json!({"methods": ["application_credential"], "application_credential": which})
}

fn scope(scope: &Scope) -> Option<Value> {
    Some(match scope {
        Scope::Default => return None,
        Scope::Project(project) => json!({"project": named(project)}),
        Scope::Domain(domain) => json!({"domain": named(domain)}),
        Scope::System => json!({"system": {"all": true}}),
        Scope::Trust(id) => json!({"OS-TRUST:trust": {"id": id}}),
    })
}

fn named(thing: &Named) -> Value {
    match thing {
        Named::Id(id) => json!({"id": id}),
        Named::Name { name, domain: None } => json!({"name": name}),
        Named::Name {
            name,
            domain: Some(domain),
        } => json!({"name": name, "domain": named(domain)}),
    }
}

fn crate_error(error: OpenStackError) -> CrateError {
    let kind = match error.status() {
        Some(401) => ErrorKind::AuthenticationFailed,
        Some(403) => ErrorKind::AccessDenied,
        _ => ErrorKind::OperationFailed,
    };
    CrateError::new(kind, error.to_string())
}

#[async_trait]
impl AuthType for KeystoneAuth {
    async fn authenticate(
        &self,
        _client: &Client,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, CrateError> {
        let token = self.current().await.map_err(crate_error)?;
        Ok(request.header("x-auth-token", token.value.clone()))
    }

    async fn get_endpoint(
        &self,
        _client: &Client,
        service_type: &str,
        filters: &EndpointFilters,
    ) -> Result<Url, CrateError> {
        let token = self.current().await.map_err(crate_error)?;
        let interfaces: Vec<String> = filters.interfaces.iter().map(ToString::to_string).collect();
        interfaces
            .iter()
            .find_map(|interface| {
                token
                    .info
                    .catalog
                    .endpoint(&[service_type], interface, filters.region.as_deref())
                    .ok()
            })
            .ok_or_else(|| CrateError::new(ErrorKind::EndpointNotFound, service_type.to_owned()))
    }

    async fn refresh(&self, _client: &Client) -> Result<(), CrateError> {
        self.current().await.map(drop).map_err(crate_error)
    }
}
