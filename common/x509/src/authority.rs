use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::rand_core::OsRng;
use secrecy::SecretString;
use x509_cert::ext::Extension;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::certificate::{ca_extensions, client_extensions, sign, subject};
use crate::error::X509Error;
use crate::options::X509Options;
use crate::policy;
use crate::private_key::{read_rsa, write_rsa};
use crate::request::Request;

/// A certificate and its private key.
pub struct KeyPair {
    certificate: String,
    key: RsaPrivateKey,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl KeyPair {
    /// PEM of the certificate, without a last newline (as Magnum stores it).
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// PKCS#8 PEM of the private key, encrypted when there is a passphrase.
    ///
    /// # Errors
    /// [`X509Error::UnwritableKey`].
    pub fn private_key(&self, passphrase: Option<&SecretString>) -> Result<SecretString, X509Error> {
        write_rsa(&self.key, passphrase)
    }
}

/// A CA of a cluster: what signs in the cluster's name.
#[derive(Debug)]
pub struct CertificateAuthority {
    issuer: String,
    pair: KeyPair,
}

impl CertificateAuthority {
    /// Makes a CA with a key of its own, signed by itself.
    ///
    /// # Errors
    /// [`X509Error::NameLength`] for a name over 64 bytes, [`X509Error::KeyGeneration`], [`X509Error::Certificate`].
    pub fn generate(common_name: &str, options: &X509Options) -> Result<Self, X509Error> {
        let name = subject(common_name, None)?;
        let key = generate_key(options)?;
        let certificate = sign(
            &key,
            common_name,
            name,
            public_key(&key)?,
            ca_extensions()?,
            options.term_of_validity,
        )?;
        Ok(Self {
            issuer: common_name.to_owned(),
            pair: KeyPair { certificate, key },
        })
    }

    /// Takes a stored CA into use. `issuer` is the name that it signs in: for Magnum the cluster's name, or
    /// its UUID where it has none.
    ///
    /// # Errors
    /// [`X509Error::Passphrase`], [`X509Error::UnreadableKey`].
    pub fn from_stored(
        issuer: &str,
        certificate: &str,
        private_key: &SecretString,
        passphrase: Option<&SecretString>,
    ) -> Result<Self, X509Error> {
        let pair = KeyPair {
            certificate: certificate.to_owned(),
            key: read_rsa(private_key, passphrase)?,
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            pair,
        })
    }

    /// PEM of the CA's certificate.
    #[must_use]
    pub fn certificate(&self) -> &str {
        self.pair.certificate()
    }

    /// PKCS#8 PEM of the CA's private key, encrypted when there is a passphrase.
    ///
    /// # Errors
    /// [`X509Error::UnwritableKey`].
    pub fn private_key(&self, passphrase: Option<&SecretString>) -> Result<SecretString, X509Error> {
        self.pair.private_key(passphrase)
    }

    /// Makes a key and a client certificate for it.
    ///
    /// # Errors
    /// [`X509Error::NameLength`], [`X509Error::KeyGeneration`], [`X509Error::Certificate`].
    pub fn issue_client(
        &self,
        common_name: &str,
        organization: &str,
        options: &X509Options,
    ) -> Result<KeyPair, X509Error> {
        let name = subject(common_name, Some(organization))?;
        let key = generate_key(options)?;
        let certificate = self.sign(name, public_key(&key)?, client_extensions()?, options)?;
        Ok(KeyPair { certificate, key })
    }

    /// Signs a request (PEM) if `options` allow what it asks for. Returns PEM without a last newline.
    ///
    /// # Errors
    /// [`X509Error::InvalidCsr`], [`X509Error::CsrNotLatin1`], [`X509Error::ExtensionNotAllowed`],
    /// [`X509Error::NameLength`] when the issuer's name is too long.
    pub fn sign_csr(&self, csr: &str, options: &X509Options) -> Result<String, X509Error> {
        let request = Request::parse(csr)?;
        let extensions = policy::filter(&request, options)?;
        self.sign(request.subject, request.public_key, extensions, options)
    }

    fn sign(
        &self,
        subject: x509_cert::name::Name,
        public_key: SubjectPublicKeyInfoOwned,
        extensions: Vec<Extension>,
        options: &X509Options,
    ) -> Result<String, X509Error> {
        sign(
            &self.pair.key,
            &self.issuer,
            subject,
            public_key,
            extensions,
            options.term_of_validity,
        )
    }
}

fn generate_key(options: &X509Options) -> Result<RsaPrivateKey, X509Error> {
    let bits = options.rsa_key_size;
    // The bounds of Python's cryptography below, and above a size that no longer ends in reasonable time.
    if !(1024..=16384).contains(&bits) {
        return Err(X509Error::KeyGeneration {
            bits,
            reason: "[x509] rsa_key_size must be 1024 to 16384".to_owned(),
        });
    }
    RsaPrivateKey::new(&mut OsRng, bits).map_err(|error| X509Error::KeyGeneration {
        bits,
        reason: error.to_string(),
    })
}

fn public_key(key: &RsaPrivateKey) -> Result<SubjectPublicKeyInfoOwned, X509Error> {
    let der = key
        .to_public_key()
        .to_public_key_der()
        .map_err(X509Error::certificate)?;
    der.decode_msg().map_err(X509Error::certificate)
}
