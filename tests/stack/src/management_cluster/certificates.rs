//! Certificates and keys of a management cluster, made anew for each.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Names by which the API server is reached, in and outside of a cluster.
const API_SERVER_NAMES: [&str; 6] = [
    "127.0.0.1",
    "10.96.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];

/// PEM texts that go into the kubeconfig and the webhook configurations; the rest are files in [`Certificates::folder`].
pub(super) struct Certificates {
    /// `ca.crt`, `apiserver.{crt,key}`, `service-accounts.{pub,key}` and, for the webhooks, `webhooks/tls.{crt,key}`.
    pub(super) folder: PathBuf,
    /// The CA that everything here is signed by.
    pub(super) ca: String,
    /// Certificate of a client that may do everything.
    pub(super) admin: String,
    /// Its key.
    pub(super) admin_key: String,
}

impl Certificates {
    /// Makes all of them and writes those that servers read from files.
    pub(super) fn generate(folder: &Path) -> Result<Self> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "test-management-cluster-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate()?;
        let ca = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let server = ExtendedKeyUsagePurpose::ServerAuth;
        let (api_server, api_server_key) =
            issue(&issuer, "kube-apiserver", None, &API_SERVER_NAMES, server.clone())?;
        let (webhooks, webhooks_key) = issue(&issuer, "webhooks", None, &["127.0.0.1"], server)?;
        let (admin, admin_key) = issue(
            &issuer,
            "admin",
            Some("system:masters"),
            &[],
            ExtendedKeyUsagePurpose::ClientAuth,
        )?;
        let service_accounts = KeyPair::generate()?;
        for (name, text) in [
            ("ca.crt", &ca),
            ("apiserver.crt", &api_server),
            ("apiserver.key", &api_server_key),
            ("service-accounts.pub", &service_accounts.public_key_pem()),
            ("service-accounts.key", &service_accounts.serialize_pem()),
            ("webhooks/tls.crt", &webhooks),
            ("webhooks/tls.key", &webhooks_key),
        ] {
            write_private(&folder.join(name), text)?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            ca,
            admin,
            admin_key,
        })
    }

    /// The path of one of the files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Signs a certificate; returns it and its key as PEM.
fn issue(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    group: Option<&str>,
    hosts: &[&str],
    purpose: ExtendedKeyUsagePurpose,
) -> Result<(String, String)> {
    let mut params = CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params
        .signed_by(&key, issuer)
        .with_context(|| format!("cannot sign a certificate for {name}"))?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Writes a file that only this user may read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
