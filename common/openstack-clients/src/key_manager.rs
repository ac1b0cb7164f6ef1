//! Barbican: secrets, and containers that say which secrets make a certificate.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Call;
use crate::error::OpenStackError;
use crate::settings::Service;
use crate::{Cloud, cloud};

/// Payload that was stored as text.
const TEXT: &str = "text/plain";
/// Payload that was stored as bytes.
const BYTES: &str = "application/octet-stream";

/// A container: secrets by the part that they play.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Container {
    /// What it holds together: `certificate`, `rsa` or `generic`.
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    secret_refs: Vec<SecretRef>,
}

#[derive(Debug, Clone, Deserialize)]
struct SecretRef {
    #[serde(default)]
    name: Option<String>,
    secret_ref: String,
}

impl Container {
    /// Id of the secret that plays a part, such as `private_key`.
    pub fn secret(&self, part: &str) -> Option<&str> {
        let found = self
            .secret_refs
            .iter()
            .find(|secret| secret.name.as_deref() == Some(part))?;
        Some(reference_id(&found.secret_ref))
    }

    /// Ids of all secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secret_refs
            .iter()
            .map(|secret| reference_id(&secret.secret_ref))
    }
}

/// The id at the end of a reference. Where the reference leads is Barbican's public address, which need not be reachable
/// from here.
pub fn reference_id(reference: &str) -> &str {
    reference
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

impl Cloud {
    /// Stores a text; gives the secret's reference.
    pub async fn create_secret(&self, name: &str, payload: &SecretString) -> Result<String, OpenStackError> {
        let body = json!({
            "name": name,
            "payload": payload.expose_secret(),
            "payload_content_type": TEXT,
        });
        self.create("secrets", "secret_ref", body).await
    }

    /// Makes a container of type `certificate` from parts (`certificate`, `private_key`, …) and the references of their
    /// secrets; gives its reference.
    pub async fn create_certificate_container(
        &self,
        name: &str,
        parts: &[(&str, &str)],
    ) -> Result<String, OpenStackError> {
        let secrets: Vec<Value> = parts
            .iter()
            .map(|(part, reference)| json!({"name": part, "secret_ref": reference}))
            .collect();
        let body = json!({"name": name, "type": "certificate", "secret_refs": secrets});
        self.create("containers", "container_ref", body).await
    }

    async fn create(&self, collection: &str, reference: &str, body: Value) -> Result<String, OpenStackError> {
        let path = [collection];
        let answer: Value = self.json(Call::post(Service::KeyManager, &path, body)).await?;
        let made = answer[reference].as_str();
        made.map(str::to_owned)
            .ok_or_else(|| OpenStackError::InvalidResponse {
                service: Service::KeyManager,
                method: "POST".into(),
                path: format!("/{collection}"),
                cause: format!("no {reference}"),
            })
    }

    /// A container by id; `None` if there is none.
    pub async fn container(&self, id: &str) -> Result<Option<Container>, OpenStackError> {
        let path = ["containers", id];
        match self.json(Call::get(Service::KeyManager, &path)).await {
            Ok(container) => Ok(Some(container)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text in a secret; `None` if there is no such secret. Older clients stored PEM as bytes, which Barbican gives
    /// out as such only.
    pub async fn secret_payload(&self, id: &str) -> Result<Option<SecretString>, OpenStackError> {
        let path = ["secrets", id, "payload"];
        let call = |accept| Call {
            accept,
            ..Call::get(Service::KeyManager, &path)
        };
        let read = match self.text(call(TEXT)).await {
            Err(error) if error.status() == Some(406) => self.text(call(BYTES)).await,
            read => read,
        };
        match read {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a secret; false if there was none.
    pub async fn delete_secret(&self, id: &str) -> Result<bool, OpenStackError> {
        self.delete(&["secrets", id]).await
    }

    /// Deletes a container, not its secrets; false if there was none.
    pub async fn delete_container(&self, id: &str) -> Result<bool, OpenStackError> {
        self.delete(&["containers", id]).await
    }

    async fn delete(&self, path: &[&str]) -> Result<bool, OpenStackError> {
        cloud::deleted(self.done(Call::delete(Service::KeyManager, path)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_ids() {
        assert_eq!(reference_id("http://h:9311/v1/containers/abc"), "abc");
        assert_eq!(reference_id("http://h/key-manager/v1/secrets/abc/"), "abc");
        assert_eq!(reference_id("abc"), "abc");
    }
}
