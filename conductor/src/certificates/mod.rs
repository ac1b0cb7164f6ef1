//! A cluster's certificates: making, keeping, reading, signing, removing.
//!
//! As magnum 23.0 `conductor/handlers/common/cert_manager.py`; where they are kept is [`store`]'s business.

mod barbican;
mod keypair;
mod local;
mod store;

use conductor_config::Settings;
use conductor_driver::secrets;
use magnum_objects::{Cluster, MagnumError, RequestContext};
use secrecy::SecretString;
use x509::{CertificateAuthority, X509Error, X509Options, decrypt_private_key, generate_passphrase};

use crate::request::RequestError;

pub use store::{Entry, Kept, Store, StoreError};

/// Subject and organization of Magnum's own client certificate: cluster administrator by RBAC.
const CLIENT: (&str, &str) = ("admin", "system:masters");

/// What Magnum's own client certificate is called where it is kept.
const CLIENT_NAME: &str = "Magnum-Conductor";

/// One thing for each of a cluster's certificates.
#[derive(Clone, Debug, Default)]
pub struct PerCertificate<T> {
    /// The cluster's CA; in the row `ca_cert_ref`.
    pub ca: T,
    /// etcd's CA; `etcd_ca_cert_ref`.
    pub etcd: T,
    /// The front proxy's CA; `front_proxy_ca_cert_ref`.
    pub front_proxy: T,
    /// Magnum's client certificate, whose key signs service account tokens; `magnum_cert_ref`.
    pub magnum: T,
}

/// The references that a cluster row gets.
pub type References = PerCertificate<String>;

/// New certificates that are not stored yet, and whose they will be.
pub struct NewCertificates {
    entries: PerCertificate<Entry>,
    /// What the CAs are called where they are kept.
    issuer: String,
    owner: Owner,
}

/// Project and user that a row belongs to.
#[derive(Clone, Debug, Default)]
struct Owner {
    project_id: Option<String>,
    user_id: Option<String>,
}

impl NewCertificates {
    /// Makes the three CAs and Magnum's client certificate. Takes a second or so of processor time.
    ///
    /// # Errors
    /// `CertificatesToClusterFailed`; the cause is logged.
    pub async fn generate(
        settings: &Settings,
        context: &RequestContext,
        cluster: &Cluster,
    ) -> Result<Self, MagnumError> {
        let options = options(settings);
        let issuer = issuer(cluster).to_owned();
        let made = tokio::task::spawn_blocking({
            let issuer = issuer.clone();
            move || generate(&issuer, &options)
        })
        .await;
        let cause = match made {
            Ok(Ok(entries)) => {
                let owner = Owner {
                    project_id: context.project_id.clone(),
                    user_id: context.user_id.clone(),
                };
                return Ok(Self {
                    entries,
                    issuer,
                    owner,
                });
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(cluster = %cluster.uuid, error = %cause, "certificates cannot be made");
        Err(MagnumError::certificates_to_cluster_failed(cluster.uuid.as_str()))
    }
}

fn generate(issuer: &str, options: &X509Options) -> Result<PerCertificate<Entry>, X509Error> {
    let authority =
        |ca: &CertificateAuthority| entry(ca.certificate(), |phrase| ca.private_key(Some(phrase)));
    let ca = CertificateAuthority::generate(issuer, options)?;
    let client = ca.issue_client(CLIENT.0, CLIENT.1, options)?;
    Ok(PerCertificate {
        ca: authority(&ca)?,
        etcd: authority(&CertificateAuthority::generate(issuer, options)?)?,
        front_proxy: authority(&CertificateAuthority::generate(issuer, options)?)?,
        magnum: entry(client.certificate(), |phrase| client.private_key(Some(phrase)))?,
    })
}

fn entry(
    certificate: &str,
    key: impl FnOnce(&SecretString) -> Result<SecretString, X509Error>,
) -> Result<Entry, X509Error> {
    let passphrase = generate_passphrase();
    Ok(Entry {
        certificate: certificate.to_owned(),
        private_key: key(&passphrase)?,
        passphrase: Some(passphrase),
        intermediates: None,
    })
}

/// The reference that a CA type of the API stands for.
pub fn reference<'a>(cluster: &'a Cluster, ca_cert_type: Option<&str>) -> Option<&'a str> {
    match ca_cert_type {
        Some("etcd") => cluster.etcd_ca_cert_ref.as_deref(),
        Some("front_proxy" | "front-proxy") => cluster.front_proxy_ca_cert_ref.as_deref(),
        _ => cluster.ca_cert_ref.as_deref(),
    }
}

/// All references of a cluster.
pub fn references(cluster: &Cluster) -> impl Iterator<Item = &str> {
    [
        &cluster.ca_cert_ref,
        &cluster.etcd_ca_cert_ref,
        &cluster.front_proxy_ca_cert_ref,
        &cluster.magnum_cert_ref,
    ]
    .into_iter()
    .filter_map(|reference| reference.as_deref())
}

/// Signs a request with one of the cluster's CAs.
///
/// # Errors
/// Magnum's exceptions for requests that it refuses, and for a key that cannot be used.
pub async fn sign(
    settings: &Settings,
    cluster: &Cluster,
    stored: Entry,
    csr: String,
) -> Result<String, RequestError> {
    let options = options(settings);
    let issuer = issuer(cluster).to_owned();
    let signed = tokio::task::spawn_blocking(move || {
        CertificateAuthority::from_stored(
            &issuer,
            &stored.certificate,
            &stored.private_key,
            stored.passphrase.as_ref(),
        )?
        .sign_csr(&csr, &options)
    })
    .await
    .map_err(|error| RequestError::Unavailable(error.to_string()))?;
    signed.map_err(|error| refusal(error).into())
}

/// The cluster's CAs with their keys in the clear, for the secrets that Cluster API reads.
///
/// # Errors
/// The store's; a key that cannot be decrypted.
pub async fn load(store: &Store, cluster: &Cluster) -> Result<secrets::Certificates, LoadError> {
    let one = |reference: &Option<String>| {
        let reference = reference.clone().unwrap_or_default();
        async move { clear(store.get(&reference, None).await?) }
    };
    let (ca, etcd, front_proxy, service_account) = tokio::try_join!(
        one(&cluster.ca_cert_ref),
        one(&cluster.etcd_ca_cert_ref),
        one(&cluster.front_proxy_ca_cert_ref),
        one(&cluster.magnum_cert_ref),
    )?;
    Ok(secrets::Certificates {
        ca,
        etcd,
        front_proxy,
        service_account,
    })
}

/// Why a cluster's certificates could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// They could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be decrypted.
    #[error(transparent)]
    Key(#[from] X509Error),
}

impl LoadError {
    /// Whether the same may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

fn clear(stored: Entry) -> Result<secrets::KeyPair, LoadError> {
    let key = decrypt_private_key(&stored.private_key, stored.passphrase.as_ref())?;
    Ok(secrets::KeyPair {
        certificate: stored.certificate,
        key,
    })
}

/// The name that the CAs carry and sign in: the cluster's, or its uuid if it has none.
fn issuer(cluster: &Cluster) -> &str {
    if cluster.name.is_empty() {
        &cluster.uuid
    } else {
        &cluster.name
    }
}

fn options(settings: &Settings) -> X509Options {
    let x509 = &settings.x509;
    X509Options {
        allow_ca: x509.allow_ca,
        allowed_extensions: x509.allowed_extensions.clone(),
        allowed_key_usage: x509.allowed_key_usage.clone(),
        term_of_validity: x509.term_of_validity,
        rsa_key_size: x509.rsa_key_size as usize,
    }
}

/// Magnum's exception for a certificate error. Python cannot serialise some of these and sends no reply; we do.
fn refusal(error: X509Error) -> MagnumError {
    match &error {
        X509Error::InvalidCsr { csr, reason } => {
            tracing::info!(%reason, "certificate signing request cannot be read");
            // Python shows the repr of the bytes.
            MagnumError::positional(magnum_objects::Kind::InvalidCsr, error.to_string())
                .with_kwarg("csr", String::from_utf8_lossy(csr).into_owned())
        }
        X509Error::ExtensionNotAllowed { extension } => {
            MagnumError::certificate_validation_error(extension.as_str())
        }
        X509Error::CsrNotLatin1 { .. } => MagnumError::positional(
            magnum_objects::Kind::InvalidCsr,
            format!("Received invalid csr: {error}"),
        ),
        X509Error::NameLength { .. } => MagnumError::builtin("ValueError", error.to_string()),
        _ => MagnumError::positional(magnum_objects::Kind::MagnumException, error.to_string()),
    }
}
