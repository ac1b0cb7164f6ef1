//! The few calls of Keystone's API that seeding and tests need.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

/// Somebody who can log in.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// User name, in the domain Default.
    pub user: &'static str,
    /// Their password.
    pub password: &'static str,
    /// Name of the project that tokens are for.
    pub project: &'static str,
}

/// The cloud's administrator.
pub const ADMIN: Account = Account {
    user: "admin",
    password: "admin-secret",
    project: "admin",
};
/// The account in magnum.conf.
pub const MAGNUM: Account = Account {
    user: "magnum",
    password: "magnum-secret",
    project: "service",
};
/// An ordinary user, whose clusters most tests make.
pub const DEMO: Account = Account {
    user: "demo",
    password: "demo-secret",
    project: "demo",
};
/// Another one, with a project of their own.
pub const OTHER: Account = Account {
    user: "other",
    password: "other-secret",
    project: "other",
};

/// Who administers a domain.
#[derive(Clone, Copy, Debug)]
pub struct DomainAdmin {
    /// Name of the domain.
    pub domain: &'static str,
    /// User name, in that domain.
    pub user: &'static str,
    /// Their password.
    pub password: &'static str,
}

/// Who makes trustees, in `[trust]` of magnum.conf.
pub const TRUSTEES: DomainAdmin = DomainAdmin {
    domain: "magnum",
    user: "magnum_trustee_domain_admin",
    password: "trustee-secret",
};

/// A token and what it is for.
#[derive(Clone)]
pub struct Token {
    /// The token itself.
    pub id: String,
    /// Its user's id.
    pub user_id: String,
    /// Its project's id.
    pub project_id: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("user_id", &self.user_id)
            .field("project_id", &self.project_id)
            .finish()
    }
}

/// A client of one Keystone.
#[derive(Clone, Debug)]
pub struct Identity {
    url: String,
    http: reqwest::Client,
}

impl Identity {
    /// For the Keystone on this port of 127.0.0.1.
    pub fn new(port: u16) -> Result<Self> {
        let http = crate::process::http_client(60)?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}/v3"),
            http,
        })
    }

    /// The address that clients log in at.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Logs in by password.
    pub async fn token(&self, account: &Account) -> Result<Token> {
        let domain = json!({"id": "default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": account.user, "password": account.password, "domain": domain}}},
            "scope": {"project": {"name": account.project, "domain": domain}},
        }});
        let answer = self
            .http
            .post(format!("{}/auth/tokens", self.url))
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        let id = answer
            .headers()
            .get("x-subject-token")
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let text = answer.text().await?;
        let Some(id) = id else {
            bail!("cannot log in as {}: {status} {text}", account.user)
        };
        let body: Value = serde_json::from_str(&text)?;
        let part = |path: &str| {
            body.pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Token {
            id,
            user_id: part("/token/user/id"),
            project_id: part("/token/project/id"),
        })
    }

    /// Sends one request; an empty answer is `Null`.
    ///
    /// # Errors
    /// When the answer's status is not 2xx: request, status and body.
    pub async fn call(
        &self,
        token: &Token,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}/{path}", self.url))
            .header("X-Auth-Token", &token.id);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("keystone: {method} {path}: {status} {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text).context("keystone's answer")
        }
    }

    /// Makes a user with the rights in a project that another one has there.
    pub async fn create_colleague(&self, admin: &Token, of: &Token, new: &Account) -> Result<String> {
        let user = json!({"user": {"name": new.user, "password": new.password, "domain_id": "default"}});
        let made = self.call(admin, Method::POST, "users", Some(&user)).await?;
        let id = made["user"]["id"].as_str().context("a new user without an id")?;
        let scope = format!("scope.project.id={}", of.project_id);
        let path = format!("role_assignments?user.id={}&{scope}", of.user_id);
        let assigned = self.call(admin, Method::GET, &path, None).await?;
        for role in assigned["role_assignments"].as_array().into_iter().flatten() {
            let role = role["role"]["id"].as_str().context("an assignment of no role")?;
            let path = format!("projects/{}/users/{id}/roles/{role}", of.project_id);
            self.call(admin, Method::PUT, &path, None).await?;
        }
        Ok(id.to_owned())
    }

    /// Whose an application credential is: logs in with it.
    ///
    /// # Errors
    /// If Keystone does not take it, among others.
    pub async fn owner_of_credential(&self, id: &str, secret: &str) -> Result<String> {
        let body = json!({"auth": {"identity": {"methods": ["application_credential"],
            "application_credential": {"id": id, "secret": secret}}}});
        let request = self.http.post(format!("{}/auth/tokens", self.url)).json(&body);
        let answer: Value = request.send().await?.json().await?;
        let user = answer.pointer("/token/user/id").and_then(Value::as_str);
        Ok(user.with_context(|| answer.to_string())?.to_owned())
    }

    /// The names of the application credentials of a token's own user.
    pub async fn application_credentials(&self, token: &Token) -> Result<Vec<String>> {
        let path = format!("users/{}/application_credentials", token.user_id);
        let answer = self.call(token, Method::GET, &path, None).await?;
        let list = answer["application_credentials"]
            .as_array()
            .context("no list of application credentials")?;
        Ok(list
            .iter()
            .filter_map(|c| c["name"].as_str().map(str::to_owned))
            .collect())
    }
}
