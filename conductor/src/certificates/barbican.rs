//! Backend `barbican`: a container of type `certificate` and its secrets, owned by Magnum's service user, as magnum 23.0
//! `common/cert_manager/barbican_cert_manager.py`.
//!
//! Magnum up to 22 stores PEM as bytes and registers itself as a consumer at every look; 23 stores text and registers
//! nothing. We write as 23 does, which the older ones read, and read both.

use openstack_clients::{Cloud, Container, OpenStackError, reference_id};
use secrecy::{ExposeSecret, SecretString};

use super::{Entry, StoreError};

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private_key";
const PASSPHRASE: &str = "private_key_passphrase";
const INTERMEDIATES: &str = "intermediates";

/// Gives the container's reference. If it cannot be made, the secrets go again, best effort.
pub(super) async fn store(cloud: &Cloud, name: &str, entry: &Entry) -> Result<String, OpenStackError> {
    let certificate: SecretString = entry.certificate.clone().into();
    let intermediates: Option<SecretString> = entry.intermediates.clone().map(Into::into);
    // Names of the secrets as Magnum gives them.
    let (certificate, private_key, passphrase, intermediates) = tokio::join!(
        secret(cloud, "Certificate", Some(&certificate)),
        secret(cloud, "Private Key", Some(&entry.private_key)),
        secret(cloud, "Private Key Passphrase", entry.passphrase.as_ref()),
        secret(cloud, "Intermediates", intermediates.as_ref()),
    );
    let parts = [
        (CERTIFICATE, certificate),
        (PRIVATE_KEY, private_key),
        (PASSPHRASE, passphrase),
        (INTERMEDIATES, intermediates),
    ];
    let made: Vec<(&str, String)> = parts
        .iter()
        .filter_map(|(part, made)| Some((*part, made.as_ref().ok()?.clone()?)))
        .collect();
    let failure = parts.into_iter().find_map(|(_, made)| made.err());
    let container = match failure {
        Some(error) => Err(error),
        None => {
            let parts: Vec<(&str, &str)> = made
                .iter()
                .map(|(part, reference)| (*part, reference.as_str()))
                .collect();
            cloud.create_certificate_container(name, &parts).await
        }
    };
    if container.is_err() {
        for (part, reference) in &made {
            if let Err(error) = cloud.delete_secret(reference_id(reference)).await {
                tracing::warn!(reference, part, %error, "secret of a certificate that was not stored is left behind");
            }
        }
    }
    container
}

async fn secret(
    cloud: &Cloud,
    name: &str,
    payload: Option<&SecretString>,
) -> Result<Option<String>, OpenStackError> {
    match payload {
        Some(payload) => cloud.create_secret(name, payload).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn get(cloud: &Cloud, reference: &str) -> Result<Entry, StoreError> {
    let missing = |what| StoreError::NotInBarbican {
        reference: reference.to_owned(),
        what,
    };
    let container = cloud.container(reference_id(reference)).await?;
    let container = container.ok_or_else(|| missing("entry"))?;
    if container.kind != CERTIFICATE {
        return Err(missing("certificate: it is of another type"));
    }
    let (certificate, private_key, passphrase, intermediates) = tokio::try_join!(
        payload(cloud, &container, CERTIFICATE),
        payload(cloud, &container, PRIVATE_KEY),
        payload(cloud, &container, PASSPHRASE),
        payload(cloud, &container, INTERMEDIATES),
    )?;
    let text = |secret: SecretString| secret.expose_secret().to_owned();
    Ok(Entry {
        certificate: certificate.map(text).ok_or_else(|| missing("certificate"))?,
        private_key: private_key.ok_or_else(|| missing("private key"))?,
        passphrase,
        intermediates: intermediates.map(text),
    })
}

async fn payload(
    cloud: &Cloud,
    container: &Container,
    part: &str,
) -> Result<Option<SecretString>, OpenStackError> {
    match container.secret(part) {
        Some(id) => cloud.secret_payload(id).await,
        None => Ok(None),
    }
}

/// The secrets first, so that a deletion which is interrupted can be repeated.
pub(super) async fn delete(cloud: &Cloud, reference: &str) -> Result<(), OpenStackError> {
    let id = reference_id(reference);
    let Some(container) = cloud.container(id).await? else {
        return Ok(());
    };
    for secret in container.secrets() {
        cloud.delete_secret(secret).await?;
    }
    cloud.delete_container(id).await.map(drop)
}
