//! TLS to the broker: `ssl_ca_file`, `ssl_cert_file`, `ssl_key_file`, `ssl_enforce_hostname_verification`.
//!
//! Unlike Python, which verifies nothing without `ssl_ca_file`, the system's authorities are used then.

use std::sync::Arc;

use oslo_config::messaging::OsloMessagingRabbit;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::ConfigError;

/// The client configuration for `ssl = true`.
pub(crate) fn client_config(options: &OsloMessagingRabbit) -> Result<Arc<ClientConfig>, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(&options.ssl_ca_file)?);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(&options.ssl_version)?)
        .map_err(|error| ConfigError::option(format!("ssl: {error}")))?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| tls_error(&options.ssl_ca_file, error))?;
    let builder = if options.ssl_enforce_hostname_verification {
        builder.with_webpki_verifier(verifier)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { verifier, provider }))
    };
    let config = if options.ssl_cert_file.is_empty() {
        builder.with_no_client_auth()
    } else {
        // A file may hold both.
        let key_file = if options.ssl_key_file.is_empty() {
            &options.ssl_cert_file
        } else {
            &options.ssl_key_file
        };
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| tls_error(key_file, error))?;
        builder
            .with_client_auth_cert(certificates(&options.ssl_cert_file)?, key)
            .map_err(|error| tls_error(&options.ssl_cert_file, error))?
    };
    Ok(Arc::new(config))
}

static ONLY_TLS_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// What `ssl_version` allows. Python's names; those of versions that nobody should speak any more are refused, because
/// with them Python would speak nothing else.
fn versions(name: &str) -> Result<&'static [&'static SupportedProtocolVersion], ConfigError> {
    match name.to_lowercase().as_str() {
        "" | "sslv23" => Ok(rustls::ALL_VERSIONS),
        "tlsv1_2" => Ok(ONLY_TLS_1_2),
        "tlsv1" | "tlsv1_1" | "sslv2" | "sslv3" => Err(ConfigError::option(format!(
            "ssl_version: {name} is not safe and not supported; leave it unset, or use TLSv1_2"
        ))),
        _ => Err(ConfigError::option(format!("Invalid SSL version : {name}"))),
    }
}

fn roots(ca_file: &str) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    if ca_file.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(ConfigError::option(
                "ssl: no authorities on this system, set ssl_ca_file",
            ));
        }
        return Ok(roots);
    }
    let (added, _) = roots.add_parsable_certificates(certificates(ca_file)?);
    if added == 0 {
        return Err(tls_error(ca_file, "holds no usable certificate"));
    }
    Ok(roots)
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| tls_error(path, error))
}

fn tls_error(path: &str, reason: impl ToString) -> ConfigError {
    ConfigError::Tls {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Verifies the chain but not the name, as `ssl_enforce_hostname_verification = false` asks for.
#[derive(Debug)]
struct AnyName {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_by_pythons_names() {
        assert_eq!(versions("").unwrap().len(), 2);
        assert_eq!(versions("SSLv23").unwrap().len(), 2);
        assert_eq!(versions("TLSv1_2").unwrap(), ONLY_TLS_1_2);
        for (name, words) in [
            ("TLSv1", "not safe"),
            ("SSLv3", "not safe"),
            ("TLSv9", "Invalid SSL version"),
        ] {
            assert!(versions(name).unwrap_err().to_string().contains(words), "{name}");
        }
    }
}
