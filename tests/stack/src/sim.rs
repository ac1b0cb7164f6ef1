//! The OpenStack simulator as a server of the stack, and its administration.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use crate::home::Home;
use crate::identity::MAGNUM;
use crate::process::{Process, Spec};
use crate::programs;

/// A running simulator.
#[derive(Debug)]
pub struct Sim {
    admin: Admin,
    server: Process,
}

/// Changes what exists in the simulator, and how it behaves.
#[derive(Clone, Debug)]
pub struct Admin {
    url: String,
    http: reqwest::Client,
}

impl Sim {
    /// Starts it on `port`, checking tokens with the Keystone on `keystone_port` (which may come later).
    pub async fn start(home: &Home, port: u16, keystone_port: u16) -> Result<Self> {
        let spec = Spec::new("openstack-sim", programs::ours("openstack-sim")?)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--keystone-url", &format!("http://127.0.0.1:{keystone_port}/v3")])
            .args([
                "--keystone-user",
                MAGNUM.user,
                "--keystone-project",
                MAGNUM.project,
            ])
            .env("KEYSTONE_PASSWORD", MAGNUM.password);
        let mut server = Process::spawn(home, spec)?;
        server.wait_port(port, Duration::from_secs(30)).await?;
        let http = crate::process::http_client(30)?;
        Ok(Self {
            admin: Admin {
                url: format!("http://127.0.0.1:{port}/admin"),
                http,
            },
            server,
        })
    }

    /// Its administration.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Lets it run on after this program.
    pub fn leave_running(&mut self) {
        self.server.leave_running();
    }
}

impl Admin {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}/{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .context("cannot reach the OpenStack simulator")?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("openstack-sim: {method} {path}: {status} {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&text)?)
        }
    }

    /// All items of a collection (`images`, `flavors`, `keypairs`, `networks`, `subnets`, `types`).
    pub async fn list(&self, collection: &str) -> Result<Vec<Value>> {
        let answer = self
            .call(Method::GET, &format!("content/{collection}"), None)
            .await?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    /// Puts an item in, in the place of one with the same id.
    pub async fn put(&self, collection: &str, item: &Value) -> Result<()> {
        self.call(Method::POST, &format!("content/{collection}"), Some(item))
            .await
            .map(|_| ())
    }

    /// Takes an item out.
    pub async fn remove(&self, collection: &str, id: &str) -> Result<()> {
        self.call(Method::DELETE, &format!("content/{collection}/{id}"), None)
            .await
            .map(|_| ())
    }

    /// Hides an item from a project, or shows it again.
    pub async fn hide(&self, collection: &str, id: &str, project: &str, hidden: bool) -> Result<()> {
        let method = if hidden { Method::PUT } else { Method::DELETE };
        self.call(
            method,
            &format!("content/{collection}/{id}/hidden/{project}"),
            None,
        )
        .await
        .map(|_| ())
    }

    /// Makes the cloud fail or be slow; the fields are `openstack_sim::faults::Fault`'s.
    pub async fn fault(&self, fault: &Value) -> Result<()> {
        self.call(Method::POST, "faults", Some(fault)).await.map(|_| ())
    }

    /// Takes all faults back.
    pub async fn clear_faults(&self) -> Result<()> {
        self.call(Method::DELETE, "faults", None).await.map(|_| ())
    }

    /// Heat's stacks, the deleted ones too, as Heat shows them.
    pub async fn stacks(&self) -> Result<Vec<Value>> {
        let answer = self.call(Method::GET, "stacks", None).await?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    /// Where etcd's discovery service is played, as `[cluster] etcd_discovery_service_endpoint_format` has it.
    pub fn discovery(&self) -> String {
        let base = self.url.trim_end_matches("/admin");
        format!("{base}/discovery/new?size=%(size)d")
    }

    /// The requests that were answered; the fields are `openstack_sim::faults::Asked`'s.
    pub async fn requests(&self) -> Result<Vec<Value>> {
        Ok(self
            .call(Method::GET, "requests", None)
            .await?
            .as_array()
            .cloned()
            .unwrap_or_default())
    }
}
