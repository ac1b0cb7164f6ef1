//! Just enough of a client to put definitions into a fresh API server.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client, Identity, StatusCode};
use serde_json::Value;

use super::certificates::Certificates;

/// The administrator's view of the API server.
#[derive(Clone, Debug)]
pub(super) struct Api {
    client: Client,
    server: String,
}

impl Api {
    pub(super) fn new(server: &str, certificates: &Certificates) -> Result<Self> {
        let identity = format!("{}{}", certificates.admin_key, certificates.admin);
        let client = Client::builder()
            .no_proxy()
            .tls_built_in_root_certs(false)
            .add_root_certificate(Certificate::from_pem(certificates.ca.as_bytes())?)
            .identity(Identity::from_pem(identity.as_bytes())?)
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            client,
            server: server.to_owned(),
        })
    }

    /// Whether the API server says that it is ready.
    pub(super) async fn is_ready(&self) -> bool {
        let answer = self
            .client
            .get(format!("{}/readyz", self.server))
            .timeout(Duration::from_secs(5))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Creates an object. One that is there already is left as it is.
    pub(super) async fn create(&self, path: &str, object: &Value) -> Result<()> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let answer = self
            .client
            .post(format!("{}{path}", self.server))
            .json(object)
            .send()
            .await;
        let answer = answer.with_context(|| format!("cannot create {name}"))?;
        let status = answer.status();
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok(());
        }
        bail!(
            "cannot create {name}: {status}: {}",
            answer.text().await.unwrap_or_default()
        )
    }

    /// Waits until every custom resource definition is served.
    pub(super) async fn wait_established(&self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let waiting = self.not_established().await?;
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!(
                    "the API server does not serve after {} s: {}",
                    limit.as_secs(),
                    waiting.join(", ")
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn not_established(&self) -> Result<Vec<String>> {
        let url = format!(
            "{}/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            self.server
        );
        let list: Value = self
            .client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let is_established = |definition: &Value| {
            definition["status"]["conditions"]
                .as_array()
                .is_some_and(|conditions| {
                    conditions
                        .iter()
                        .any(|c| c["type"] == "Established" && c["status"] == "True")
                })
        };
        Ok(list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|definition| !is_established(definition))
            .map(|definition| {
                definition["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect())
    }
}
