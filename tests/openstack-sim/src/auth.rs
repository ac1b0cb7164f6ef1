//! Who may ask: tokens are checked with Keystone, as keystonemiddleware does in front of the real services.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Cloud;

/// How long a check of a token is believed: keystonemiddleware's `token_cache_time`. Magnum's Heat driver needs it, as it
/// goes on with a token after it has deleted the trust behind it.
const BELIEVED: Duration = Duration::from_secs(300);

/// The holder of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id.
    pub user: String,
    /// The id of the project that the token is for.
    pub project: String,
    /// Whether the token carries the role `admin`.
    pub admin: bool,
}

/// How tokens are checked.
pub enum Tokens {
    /// By asking a Keystone.
    Keystone(Box<Keystone>),
    /// By looking them up here; for tests without a Keystone.
    Known(HashMap<String, Caller>),
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keystone(keystone) => write!(f, "Keystone({})", keystone.url),
            Self::Known(known) => write!(f, "Known({})", known.len()),
        }
    }
}

impl Tokens {
    /// The caller behind a token; `None` when Keystone does not know it.
    async fn check(&self, token: &str) -> Result<Option<Caller>> {
        match self {
            Self::Keystone(keystone) => keystone.check(token).await,
            Self::Known(known) => Ok(known.get(token).cloned()),
        }
    }
}

/// A Keystone, and the account that we ask it with.
pub struct Keystone {
    url: String,
    user: String,
    password: String,
    project: String,
    http: reqwest::Client,
    own_token: tokio::sync::Mutex<Option<String>>,
    believed: Mutex<HashMap<String, (Instant, Caller)>>,
}

impl Keystone {
    /// `url` ends in `/v3`; the account is in the domain Default and must have the role admin or service.
    pub fn new(url: &str, user: &str, password: &str, project: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            project: project.to_owned(),
            http,
            own_token: tokio::sync::Mutex::new(None),
            believed: Mutex::new(HashMap::new()),
        })
    }

    async fn check(&self, token: &str) -> Result<Option<Caller>> {
        if let Some((when, caller)) = self.believed.lock().get(token)
            && when.elapsed() < BELIEVED
        {
            return Ok(Some(caller.clone()));
        }
        let caller = self.ask(token).await?;
        let mut believed = self.believed.lock();
        believed.retain(|_, (when, _)| when.elapsed() < BELIEVED);
        if let Some(caller) = &caller {
            believed.insert(token.to_owned(), (Instant::now(), caller.clone()));
        }
        Ok(caller)
    }

    async fn ask(&self, token: &str) -> Result<Option<Caller>> {
        for renew in [false, true] {
            let own = self.own_token(renew).await?;
            let request = self
                .http
                .get(format!("{}/auth/tokens", self.url))
                .header("X-Auth-Token", own);
            let answer = request
                .header("X-Subject-Token", token)
                .send()
                .await
                .context("cannot reach Keystone")?;
            match answer.status().as_u16() {
                200 => return Ok(Some(caller(&answer.json().await?))),
                404 => return Ok(None),
                401 if !renew => {}
                status => bail!("Keystone answered {status} when asked about a token"),
            }
        }
        bail!("Keystone does not accept our own token")
    }

    async fn own_token(&self, renew: bool) -> Result<String> {
        let mut slot = self.own_token.lock().await;
        if !renew && let Some(token) = &*slot {
            return Ok(token.clone());
        }
        let domain = json!({"id": "default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": self.user, "password": self.password, "domain": domain}}},
            "scope": {"project": {"name": self.project, "domain": domain}},
        }});
        let answer = self
            .http
            .post(format!("{}/auth/tokens", self.url))
            .json(&body)
            .send()
            .await?;
        let token = answer
            .headers()
            .get("x-subject-token")
            .and_then(|v| v.to_str().ok());
        let token = token
            .with_context(|| format!("cannot log in: {}", answer.status()))?
            .to_owned();
        *slot = Some(token.clone());
        Ok(token)
    }
}

fn caller(body: &Value) -> Caller {
    let text = |path: &str| {
        body.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let roles = body["token"]["roles"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    Caller {
        user: text("/token/user/id"),
        project: text("/token/project/id"),
        admin: roles.iter().any(|role| role["name"] == "admin"),
    }
}

/// State of [`gate`]: which service it stands in front of.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub cloud: Arc<Cloud>,
    pub service: &'static str,
}

/// In front of a service: checks the token, applies faults, notes the request down.
pub(crate) async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Gate { cloud, service } = gate;
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let token = request
        .headers()
        .get("x-auth-token")
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    let caller = match token {
        Some(token) => match cloud.tokens.check(&token).await {
            Ok(caller) => caller,
            Err(error) => {
                tracing::warn!("{method} {path}: {error:#}");
                return crate::failure(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The Keystone service is unavailable.",
                );
            }
        },
        None => None,
    };
    let project = caller.as_ref().map(|c| c.project.clone());
    let fault = cloud
        .faults
        .take(service, method.as_str(), &path, project.as_deref());
    tokio::time::sleep(fault.delay).await;
    let response = if let Some(status) = fault.status {
        crate::failure(status, "The server is told to fail.")
    } else if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
        next.run(request).await
    } else if is_version_document(&path) {
        next.run(request).await
    } else {
        unauthorized()
    };
    tracing::info!(
        "{method} {} {}",
        request_target(&path, &project),
        response.status().as_u16()
    );
    cloud
        .faults
        .note(service, method.as_str(), &path, project, response.status());
    response
}

fn request_target(path: &str, project: &Option<String>) -> String {
    format!("{path} project={}", project.as_deref().unwrap_or("-"))
}

/// What the real services show to everybody.
fn is_version_document(path: &str) -> bool {
    matches!(
        path.trim_end_matches('/'),
        "/image" | "/compute" | "/compute/v2.1" | "/network" | "/volume" | "/volume/v3" | "/orchestration"
    )
}

fn unauthorized() -> Response {
    let mut response = crate::failure(
        StatusCode::UNAUTHORIZED,
        "The request you have made requires authentication.",
    )
    .into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Keystone"));
    response
}
