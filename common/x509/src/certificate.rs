//! Putting a certificate together and signing it.

use chrono::{DateTime, Datelike, Duration, Utc};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_KEY_IDENTIFIER,
    ID_KP_CLIENT_AUTH,
};
use const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
use der::asn1::{Any, BitString, GeneralizedTime, OctetString, SetOfVec, UtcTime};
use der::{Encode, Tag};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha1::{Digest, Sha1};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

use crate::error::X509Error;
use crate::key_usage::KeyUsages;

/// Longest common name and organization, in bytes (X.520's upper bounds, which Python enforces).
const LONGEST_NAME: usize = 64;

/// Makes a certificate of `subject` and its key, signed by `key` in the name of `issuer`, as PEM without a last newline.
/// The subject key identifier is added here.
pub(crate) fn sign(
    key: &RsaPrivateKey,
    issuer: &str,
    subject: Name,
    public_key: SubjectPublicKeyInfoOwned,
    mut extensions: Vec<Extension>,
    term_of_validity: i64,
) -> Result<String, X509Error> {
    extensions.push(key_identifier(&public_key)?);
    let algorithm = AlgorithmIdentifierOwned {
        oid: SHA_256_WITH_RSA_ENCRYPTION,
        parameters: Some(Any::null()),
    };
    let to_be_signed = TbsCertificate {
        version: Version::V3,
        serial_number: serial_number()?,
        signature: algorithm.clone(),
        issuer: name(&[(COMMON_NAME, issuer)])?,
        validity: validity(Utc::now(), term_of_validity)?,
        subject,
        subject_public_key_info: public_key,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = SigningKey::<Sha256>::new(key.clone())
        // With blinding, so that the time it takes says nothing about the key.
        .try_sign_with_rng(
            &mut OsRng,
            &to_be_signed.to_der().map_err(X509Error::certificate)?,
        )
        .map_err(X509Error::certificate)?;
    let certificate = Certificate {
        tbs_certificate: to_be_signed,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&signature.to_vec()).map_err(X509Error::certificate)?,
    };
    let der = certificate.to_der().map_err(X509Error::certificate)?;
    Ok(encode_pem("CERTIFICATE", der).trim_end().to_owned())
}

pub(crate) fn encode_pem(label: &str, der: Vec<u8>) -> String {
    pem::encode_config(
        &pem::Pem::new(label, der),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    )
}

/// A subject of common name and, when given, organization, in Magnum's order.
pub(crate) fn subject(common_name: &str, organization: Option<&str>) -> Result<Name, X509Error> {
    let mut attributes = vec![(COMMON_NAME, common_name)];
    attributes.extend(organization.map(|value| (ORGANIZATION_NAME, value)));
    name(&attributes)
}

fn name(attributes: &[(ObjectIdentifier, &str)]) -> Result<Name, X509Error> {
    let mut sequence = RdnSequence::default();
    for (oid, value) in attributes {
        if value.is_empty() || value.len() > LONGEST_NAME {
            return Err(X509Error::NameLength { length: value.len() });
        }
        let value = Any::new(Tag::Utf8String, value.as_bytes()).map_err(X509Error::certificate)?;
        let set = SetOfVec::try_from(vec![AttributeTypeAndValue { oid: *oid, value }])
            .map_err(X509Error::certificate)?;
        sequence.0.push(RelativeDistinguishedName(set));
    }
    Ok(sequence)
}

/// Extensions of a CA that signs certificates but no further CAs.
pub(crate) fn ca_extensions() -> Result<Vec<Extension>, X509Error> {
    Ok(vec![
        basic_constraints(
            BasicConstraints {
                ca: true,
                path_len_constraint: Some(0),
            },
            true,
        )?,
        key_usage(
            KeyUsages {
                key_cert_sign: true,
                ..KeyUsages::default()
            },
            true,
        )?,
    ])
}

/// Extensions of a client's certificate.
pub(crate) fn client_extensions() -> Result<Vec<Extension>, X509Error> {
    let usages = KeyUsages {
        digital_signature: true,
        key_encipherment: true,
        ..KeyUsages::default()
    };
    Ok(vec![
        key_usage(usages, true)?,
        extension(
            ID_CE_EXT_KEY_USAGE,
            false,
            &ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH]),
        )?,
        basic_constraints(
            BasicConstraints {
                ca: false,
                path_len_constraint: None,
            },
            true,
        )?,
    ])
}

pub(crate) fn basic_constraints(value: BasicConstraints, critical: bool) -> Result<Extension, X509Error> {
    extension(ID_CE_BASIC_CONSTRAINTS, critical, &value)
}

pub(crate) fn key_usage(usages: KeyUsages, critical: bool) -> Result<Extension, X509Error> {
    extension(ID_CE_KEY_USAGE, critical, &bit_string(usages)?)
}

/// A named bit list: no trailing zero bits (X.690, 11.2.2).
fn bit_string(usages: KeyUsages) -> Result<BitString, X509Error> {
    let bits = usages.bits();
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

/// SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, first method).
fn key_identifier(public_key: &SubjectPublicKeyInfoOwned) -> Result<Extension, X509Error> {
    let digest = Sha1::digest(public_key.subject_public_key.raw_bytes());
    let value = OctetString::new(digest.to_vec()).map_err(X509Error::certificate)?;
    extension(ID_CE_SUBJECT_KEY_IDENTIFIER, false, &value)
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension, X509Error> {
    let der = value.to_der().map_err(X509Error::certificate)?;
    let extn_value = OctetString::new(der).map_err(X509Error::certificate)?;
    Ok(Extension {
        extn_id: oid,
        critical,
        extn_value,
    })
}

/// A random UUID as a number, as Magnum does.
fn serial_number() -> Result<SerialNumber, X509Error> {
    SerialNumber::new(uuid::Uuid::new_v4().as_bytes()).map_err(X509Error::certificate)
}

/// From yesterday, so that clocks may differ, until `days` from now.
fn validity(now: DateTime<Utc>, days: i64) -> Result<Validity, X509Error> {
    let out_of_range = || X509Error::certificate(format!("[x509] term_of_validity = {days} is out of range"));
    let term = Duration::try_days(days).ok_or_else(out_of_range)?;
    let end = now.checked_add_signed(term).ok_or_else(out_of_range)?;
    let begin = now - Duration::days(1);
    if end <= begin {
        return Err(out_of_range());
    }
    Ok(Validity {
        not_before: time(begin)?,
        not_after: time(end).map_err(|_| out_of_range())?,
    })
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
fn time(at: DateTime<Utc>) -> Result<Time, X509Error> {
    let since_epoch =
        std::time::Duration::from_secs(at.timestamp().try_into().map_err(X509Error::certificate)?);
    if at.year() < 2050 {
        UtcTime::from_unix_duration(since_epoch)
            .map(Time::UtcTime)
            .map_err(X509Error::certificate)
    } else {
        GeneralizedTime::from_unix_duration(since_epoch)
            .map(Time::GeneralTime)
            .map_err(X509Error::certificate)
    }
}
