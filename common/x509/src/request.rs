//! Reading certificate signing requests.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, ExtensionReq};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::error::X509Error;

/// Microsoft's name for the attribute that holds the extensions.
const MS_EXTENSION_REQ: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14");

/// What a certificate takes over from a request.
pub(crate) struct Request {
    pub(crate) subject: Name,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    pub(crate) extensions: Vec<Extension>,
    text: Vec<u8>,
}

impl Request {
    /// Reads the first request in PEM text. The signature under it is not looked at, as in Magnum.
    pub(crate) fn parse(csr: &str) -> Result<Self, X509Error> {
        let bytes = latin1(csr)?;
        Self::read(bytes.clone()).map_err(|reason| X509Error::InvalidCsr { csr: bytes, reason })
    }

    /// The error for a request that turns out to be unusable after all.
    pub(crate) fn invalid(&self, reason: String) -> X509Error {
        X509Error::InvalidCsr {
            csr: self.text.clone(),
            reason,
        }
    }

    fn read(text: Vec<u8>) -> Result<Self, String> {
        let block = pem::parse_many(&text)
            .map_err(|error| error.to_string())?
            .into_iter()
            .find(|block| matches!(block.tag(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"))
            .ok_or("it holds no CERTIFICATE REQUEST")?;
        let request = CertReq::from_der(block.contents()).map_err(|error| error.to_string())?;
        let mut extensions: Vec<Extension> = Vec::new();
        for attribute in request.info.attributes.iter() {
            if attribute.oid != ID_EXTENSION_REQ && attribute.oid != MS_EXTENSION_REQ {
                continue;
            }
            let value = attribute
                .values
                .iter()
                .next()
                .ok_or("its extension request is empty")?;
            let requested = value.to_der().and_then(|der| ExtensionReq::from_der(&der));
            for extension in requested
                .map_err(|error| format!("its extensions cannot be read: {error}"))?
                .0
            {
                if extensions.iter().any(|known| known.extn_id == extension.extn_id) {
                    return Err(format!("it has extension {} twice", extension.extn_id));
                }
                extensions.push(extension);
            }
        }
        Ok(Self {
            subject: request.info.subject,
            public_key: request.info.public_key,
            extensions,
            text,
        })
    }
}

/// Magnum encodes the text in Latin-1 before it looks at it.
fn latin1(text: &str) -> Result<Vec<u8>, X509Error> {
    let fits = |c: char| u32::from(c) < 256;
    if let Some(start) = text.chars().position(|c| !fits(c)) {
        let run = text.chars().skip(start).take_while(|c| !fits(*c)).count();
        return Err(X509Error::CsrNotLatin1 {
            csr: text.to_owned(),
            start,
            end: start + run,
        });
    }
    Ok(text
        .chars()
        .filter_map(|c| u8::try_from(u32::from(c)).ok())
        .collect())
}
