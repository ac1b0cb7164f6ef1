//! Which extensions of a request make it into the certificate, as magnum 23.0 `common/x509/validator.py`.

use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::Decode;
use der::asn1::{BitString, BitStringRef};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};

use crate::certificate::{basic_constraints, key_usage};
use crate::describe;
use crate::error::X509Error;
use crate::options::X509Options;
use crate::request::Request;

/// The key usages of RFC 5280, 4.2.1.3, in the order of their bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyUsages {
    pub(crate) digital_signature: bool,
    pub(crate) content_commitment: bool,
    pub(crate) key_encipherment: bool,
    pub(crate) data_encipherment: bool,
    pub(crate) key_agreement: bool,
    pub(crate) key_cert_sign: bool,
    pub(crate) crl_sign: bool,
    pub(crate) encipher_only: bool,
    pub(crate) decipher_only: bool,
}

impl KeyUsages {
    /// Names in `[x509] allowed_key_usage`, in the order of the bits.
    const NAMES: [&str; 9] = [
        "Digital Signature",
        "Non Repudiation",
        "Key Encipherment",
        "Data Encipherment",
        "Key Agreement",
        "Certificate Sign",
        "CRL Sign",
        "Encipher Only",
        "Decipher Only",
    ];
    /// Names that only `[x509] allow_ca` makes allowed.
    const OF_A_CA: [&str; 2] = ["Certificate Sign", "CRL Sign"];

    fn bits(self) -> [bool; 9] {
        [
            self.digital_signature,
            self.content_commitment,
            self.key_encipherment,
            self.data_encipherment,
            self.key_agreement,
            self.key_cert_sign,
            self.crl_sign,
            self.encipher_only,
            self.decipher_only,
        ]
    }

    fn from_bits(bits: [bool; 9]) -> Self {
        let [
            digital_signature,
            content_commitment,
            key_encipherment,
            data_encipherment,
            key_agreement,
            ..,
        ] = bits;
        let [.., key_cert_sign, crl_sign, encipher_only, decipher_only] = bits;
        Self {
            digital_signature,
            content_commitment,
            key_encipherment,
            data_encipherment,
            key_agreement,
            key_cert_sign,
            crl_sign,
            encipher_only: encipher_only && key_agreement,
            decipher_only: decipher_only && key_agreement,
        }
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let mut bits = [false; 9];
        for (to, from) in bits.iter_mut().zip(BitStringRef::from_der(der)?.bits()) {
            *to = from;
        }
        Ok(Self::from_bits(bits))
    }

    /// A named bit list: no trailing zero bits (X.690, 11.2.2).
    pub(crate) fn to_bit_string(self) -> Result<BitString, X509Error> {
        let bits = self.bits();
        let length = bits.iter().rposition(|bit| *bit).map_or(0, |last| last + 1);
        let mut bytes = vec![0_u8; length.div_ceil(8)];
        for (i, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            if let Some(byte) = bytes.get_mut(i / 8) {
                *byte |= 0x80 >> (i % 8);
            }
        }
        let unused = u8::try_from(bytes.len() * 8 - length).map_err(X509Error::certificate)?;
        BitString::new(unused, bytes).map_err(X509Error::certificate)
    }

    /// How Python prints the value.
    pub(crate) fn describe(self) -> String {
        let python = |bit| if bit { "True" } else { "False" };
        const ATTRIBUTES: [&str; 9] = [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ];
        let shown: Vec<String> = ATTRIBUTES
            .iter()
            .zip(self.bits())
            .map(|(name, bit)| format!("{name}={}", python(bit)))
            .collect();
        format!("<KeyUsage({})>", shown.join(", "))
    }
}

/// The extensions of `request` that `options` let through, changed where Magnum changes them.
pub(crate) fn filter(request: &Request, options: &X509Options) -> Result<Vec<Extension>, X509Error> {
    let mut kept = Vec::new();
    for extension in &request.extensions {
        let known = describe::extension_name(extension.extn_id);
        if !known.is_some_and(|name| options.allowed_extensions.iter().any(|allowed| allowed == name)) {
            if extension.critical {
                return Err(not_allowed(extension));
            }
            continue;
        }
        check_value(extension)
            .map_err(|error| request.invalid(format!("extension {}: {error}", extension.extn_id)))?;
        match extension.extn_id {
            ID_CE_KEY_USAGE => kept.push(allowed_key_usage(extension, options)?),
            ID_CE_BASIC_CONSTRAINTS => kept.push(allowed_basic_constraints(extension, options)?),
            // The certificate gets one that is computed from the key.
            ID_CE_SUBJECT_KEY_IDENTIFIER => {}
            _ => kept.push(extension.clone()),
        }
    }
    Ok(kept)
}

fn not_allowed(extension: &Extension) -> X509Error {
    X509Error::ExtensionNotAllowed {
        extension: describe::extension(extension),
    }
}

/// Refuses values that are not what their extension holds.
fn check_value(extension: &Extension) -> Result<(), der::Error> {
    let der = extension.extn_value.as_bytes();
    match extension.extn_id {
        ID_CE_KEY_USAGE => KeyUsages::from_der(der).map(drop),
        ID_CE_BASIC_CONSTRAINTS => BasicConstraints::from_der(der).map(drop),
        ID_CE_EXT_KEY_USAGE => ExtendedKeyUsage::from_der(der).map(drop),
        ID_CE_SUBJECT_ALT_NAME => SubjectAltName::from_der(der).map(drop),
        _ => der::asn1::AnyRef::from_der(der).map(drop),
    }
}

fn allowed_key_usage(extension: &Extension, options: &X509Options) -> Result<Extension, X509Error> {
    let requested = KeyUsages::from_der(extension.extn_value.as_bytes()).map_err(X509Error::certificate)?;
    let mut bits = requested.bits();
    for (bit, name) in bits.iter_mut().zip(KeyUsages::NAMES) {
        let allowed = options.allowed_key_usage.iter().any(|allowed| allowed == name)
            && (options.allow_ca || !KeyUsages::OF_A_CA.contains(&name));
        if *bit && !allowed {
            if extension.critical {
                return Err(not_allowed(extension));
            }
            *bit = false;
        }
    }
    key_usage(KeyUsages::from_bits(bits), extension.critical)
}

fn allowed_basic_constraints(extension: &Extension, options: &X509Options) -> Result<Extension, X509Error> {
    let requested =
        BasicConstraints::from_der(extension.extn_value.as_bytes()).map_err(X509Error::certificate)?;
    if !requested.ca || options.allow_ca {
        return Ok(extension.clone());
    }
    if extension.critical {
        return Err(not_allowed(extension));
    }
    basic_constraints(
        BasicConstraints {
            ca: false,
            path_len_constraint: None,
        },
        false,
    )
}
