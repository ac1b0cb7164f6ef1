//! An authority, the broker's certificate and a client's.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use stack::rabbitmq::{Tls, USER};

/// The only name in the broker's certificate.
pub const BROKER_NAME: &str = "localhost";

/// Files, PEM.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// An authority that signed nothing here.
    pub stranger: PathBuf,
    /// The client's certificate; its common name is the broker's account.
    pub client: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
    /// The broker's files.
    pub broker: Tls,
}

impl Certificates {
    /// Makes all of them in `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn make(folder: &Path) -> Result<Self> {
        let write = |name: &str, text: String| -> Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        let authority = |name: &str| -> Result<(Issuer<'static, KeyPair>, String)> {
            let mut params = CertificateParams::new(Vec::<String>::new())?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate()?;
            let pem = params.self_signed(&key)?.pem();
            Ok((Issuer::new(params, key), pem))
        };
        let (issuer, ours) = authority("the bus")?;
        let (_, stranger) = authority("a stranger")?;
        let leaf = |names: Vec<String>, common_name: &str, purpose| -> Result<(String, String)> {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &issuer)?;
            Ok((certificate.pem(), key.serialize_pem()))
        };
        let server = leaf(
            vec![BROKER_NAME.to_owned()],
            "broker",
            ExtendedKeyUsagePurpose::ServerAuth,
        )?;
        let client = leaf(Vec::new(), USER, ExtendedKeyUsagePurpose::ClientAuth)?;
        let authority = write("authority.pem", ours)?;
        Ok(Self {
            stranger: write("stranger.pem", stranger)?,
            client: write("client.pem", client.0)?,
            client_key: write("client.key", client.1)?,
            broker: Tls {
                authority: authority.clone(),
                certificate: write("broker.pem", server.0)?,
                key: write("broker.key", server.1)?,
            },
            authority,
        })
    }
}
