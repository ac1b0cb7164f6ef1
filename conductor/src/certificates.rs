//! A cluster's certificates, kept by the x509keypair backend (kolla's default): rows of `x509keypair`.
//!
//! As magnum 23.0 `conductor/handlers/common/cert_manager.py` and `common/cert_manager/x509keypair_cert_manager.py`.

use conductor_config::Settings;
use conductor_driver::secrets;
use magnum_objects::{Cluster, Db, DbError, MagnumError, RequestContext, X509KeyPair, rows};
use secrecy::SecretString;
use sqlx::MySqlConnection;
use x509::{CertificateAuthority, X509Error, X509Options, decrypt_private_key, generate_passphrase};

use crate::request::RequestError;

/// Subject and organization of Magnum's own client certificate: cluster administrator by RBAC.
const CLIENT: (&str, &str) = ("admin", "system:masters");

/// The backend that certificates are kept in here.
const BACKEND: &str = "x509keypair";

/// Refuses a configuration with another backend: clusters' references would point where this conductor cannot read, and
/// new ones where the other one cannot.
///
/// # Errors
/// The text for the operator.
pub fn check_backend(settings: &Settings) -> Result<(), String> {
    match settings.certificates.cert_manager_type.as_str() {
        BACKEND => Ok(()),
        other => Err(format!(
            "[certificates] cert_manager_type is {other}, and this conductor keeps certificates in {BACKEND} only; clusters \
             whose certificates are elsewhere stay with the Python conductor"
        )),
    }
}

/// The references that a cluster row gets.
#[derive(Debug)]
pub struct References {
    /// `ca_cert_ref`.
    pub ca: String,
    /// `etcd_ca_cert_ref`.
    pub etcd: String,
    /// `front_proxy_ca_cert_ref`.
    pub front_proxy: String,
    /// `magnum_cert_ref`.
    pub magnum: String,
}

/// New certificates that are not stored yet.
pub struct NewCertificates {
    ca: X509KeyPair,
    etcd: X509KeyPair,
    front_proxy: X509KeyPair,
    magnum: X509KeyPair,
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
        let owner = (context.project_id.clone(), context.user_id.clone());
        let made = tokio::task::spawn_blocking(move || -> Result<Self, X509Error> {
            let ca = CertificateAuthority::generate(&issuer, &options)?;
            let client = ca.issue_client(CLIENT.0, CLIENT.1, &options)?;
            Ok(Self {
                magnum: row(&owner, client.certificate(), |phrase| {
                    client.private_key(Some(phrase))
                })?,
                ca: authority_row(&owner, &ca)?,
                etcd: authority_row(&owner, &CertificateAuthority::generate(&issuer, &options)?)?,
                front_proxy: authority_row(&owner, &CertificateAuthority::generate(&issuer, &options)?)?,
            })
        })
        .await;
        let cause = match made {
            Ok(Ok(made)) => return Ok(made),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(cluster = %cluster.uuid, error = %cause, "certificates cannot be made");
        Err(MagnumError::certificates_to_cluster_failed(cluster.uuid.as_str()))
    }

    /// Stores them; part of the transaction that writes the references into the cluster.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn store(self, conn: &mut MySqlConnection, db: &Db) -> Result<References, DbError> {
        let schema = db.schema();
        Ok(References {
            ca: rows::x509keypair::insert(conn, schema, &self.ca).await?.uuid,
            etcd: rows::x509keypair::insert(conn, schema, &self.etcd).await?.uuid,
            front_proxy: rows::x509keypair::insert(conn, schema, &self.front_proxy)
                .await?
                .uuid,
            magnum: rows::x509keypair::insert(conn, schema, &self.magnum).await?.uuid,
        })
    }
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
/// Magnum's exceptions for requests that it refuses; those of the database.
pub async fn sign(
    settings: &Settings,
    cluster: &Cluster,
    stored: X509KeyPair,
    csr: String,
) -> Result<String, RequestError> {
    let options = options(settings);
    let issuer = issuer(cluster).to_owned();
    let signed = tokio::task::spawn_blocking(move || {
        let key = stored.private_key.unwrap_or_default();
        let certificate = stored.certificate.unwrap_or_default();
        CertificateAuthority::from_stored(
            &issuer,
            &certificate,
            &key,
            stored.private_key_passphrase.as_ref(),
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
/// Those of the database; a key that cannot be decrypted.
pub async fn load(
    conn: &mut MySqlConnection,
    db: &Db,
    cluster: &Cluster,
) -> Result<secrets::Certificates, RequestError> {
    let mut pairs = Vec::with_capacity(4);
    for (what, reference) in [
        ("ca_cert_ref", &cluster.ca_cert_ref),
        ("etcd_ca_cert_ref", &cluster.etcd_ca_cert_ref),
        ("front_proxy_ca_cert_ref", &cluster.front_proxy_ca_cert_ref),
        ("magnum_cert_ref", &cluster.magnum_cert_ref),
    ] {
        let uuid = reference.as_deref().unwrap_or_default();
        let stored = rows::x509keypair::by_uuid(conn, db.schema(), uuid).await?;
        let stored =
            stored.ok_or_else(|| MagnumError::x509_key_pair_not_found(format!("{uuid} ({what})")))?;
        let key = stored.private_key.unwrap_or_default();
        let key = decrypt_private_key(&key, stored.private_key_passphrase.as_ref()).map_err(refusal)?;
        pairs.push(secrets::KeyPair {
            certificate: stored.certificate.unwrap_or_default(),
            key,
        });
    }
    let mut next = || {
        pairs.pop().unwrap_or(secrets::KeyPair {
            certificate: String::new(),
            key: SecretString::default(),
        })
    };
    let (service_account, front_proxy, etcd, ca) = (next(), next(), next(), next());
    Ok(secrets::Certificates {
        ca,
        etcd,
        front_proxy,
        service_account,
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

fn authority_row(
    owner: &(Option<String>, Option<String>),
    ca: &CertificateAuthority,
) -> Result<X509KeyPair, X509Error> {
    row(owner, ca.certificate(), |phrase| ca.private_key(Some(phrase)))
}

fn row(
    owner: &(Option<String>, Option<String>),
    certificate: &str,
    key: impl FnOnce(&SecretString) -> Result<SecretString, X509Error>,
) -> Result<X509KeyPair, X509Error> {
    let passphrase = generate_passphrase();
    Ok(X509KeyPair {
        certificate: Some(certificate.to_owned()),
        private_key: Some(key(&passphrase)?),
        private_key_passphrase: Some(passphrase),
        project_id: owner.0.clone(),
        user_id: owner.1.clone(),
        ..X509KeyPair::default()
    })
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
