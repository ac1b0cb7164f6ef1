//! What magnum 23.0 answered to certificate requests (recorded), against what we answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use der::{Decode, DecodePem, Encode};
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::Sha256;
use rsa::signature::Verifier;
use serde::Deserialize;
use sha1::{Digest, Sha1};
use x509::{CertificateAuthority, X509Error, X509Options};
use x509_cert::Certificate;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

#[derive(Deserialize)]
struct Keypair {
    uuid: String,
    certificate: String,
    private_key: String,
    private_key_passphrase: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    x509: Overrides,
    issuer: String,
    csr: String,
    failure: Option<Failure>,
    signed: Option<Signed>,
}

#[derive(Deserialize)]
struct Overrides {
    allow_ca: Option<bool>,
    term_of_validity: Option<i64>,
}

#[derive(Deserialize)]
struct Failure {
    class: String,
    message: String,
}

#[derive(Deserialize)]
struct Signed {
    subject: String,
    issuer: String,
    signed_by_keypair: String,
    validity_days: u64,
    extensions: Vec<RecordedExtension>,
}

#[derive(Deserialize)]
struct RecordedExtension {
    oid: String,
    critical: bool,
    der_hex: String,
}

fn keypairs() -> Vec<Keypair> {
    serde_json::from_str(include_str!("recorded/keypairs.json")).unwrap()
}

fn authority(uuid: &str, issuer: &str) -> CertificateAuthority {
    let pair = keypairs().into_iter().find(|pair| pair.uuid == uuid).unwrap();
    let (key, passphrase) = (pair.private_key.into(), pair.private_key_passphrase.into());
    CertificateAuthority::from_stored(issuer, &pair.certificate, &key, Some(&passphrase)).unwrap()
}

fn class(error: &X509Error) -> &'static str {
    match error {
        X509Error::InvalidCsr { .. } => "InvalidCsr",
        X509Error::CsrNotLatin1 { .. } => "UnicodeEncodeError",
        X509Error::ExtensionNotAllowed { .. } => "CertificateValidationError",
        X509Error::NameLength { .. } => "ValueError",
        _ => "unexpected",
    }
}

/// Whether the key in `public_key` made the signature under `certificate`.
fn is_signed_by(certificate: &Certificate, public_key: &SubjectPublicKeyInfoOwned) -> bool {
    let key = RsaPublicKey::from_public_key_der(&public_key.to_der().unwrap()).unwrap();
    let signature = Signature::try_from(certificate.signature.raw_bytes()).unwrap();
    VerifyingKey::<Sha256>::new(key)
        .verify(&certificate.tbs_certificate.to_der().unwrap(), &signature)
        .is_ok()
}

fn days(certificate: &Certificate) -> u64 {
    let validity = certificate.tbs_certificate.validity;
    (validity.not_after.to_unix_duration() - validity.not_before.to_unix_duration()).as_secs() / 86400
}

fn check_signed(name: &str, pem: &str, expected: &Signed) {
    assert!(
        pem.ends_with("-----END CERTIFICATE-----"),
        "{name}: ends in a newline"
    );
    let certificate = Certificate::from_pem(pem).unwrap();
    let content = &certificate.tbs_certificate;
    assert_eq!(content.subject.to_string(), expected.subject, "{name}");
    assert_eq!(content.issuer.to_string(), expected.issuer, "{name}");
    assert_eq!(days(&certificate), expected.validity_days, "{name}");
    assert!(content.serial_number.as_bytes().len() <= 17, "{name}");
    let public_key = content.subject_public_key_info.subject_public_key.raw_bytes();
    let identifier = format!("0414{}", hex::encode(Sha1::digest(public_key)));
    let ours: Vec<_> = content.extensions.iter().flatten().collect();
    assert_eq!(ours.len(), expected.extensions.len(), "{name}");
    for (ours, recorded) in ours.iter().zip(&expected.extensions) {
        let wanted = if recorded.der_hex == "<SKI>" {
            &identifier
        } else {
            &recorded.der_hex
        };
        assert_eq!(ours.extn_id.to_string(), recorded.oid, "{name}");
        assert_eq!(ours.critical, recorded.critical, "{name} {}", recorded.oid);
        assert_eq!(
            hex::encode(ours.extn_value.as_bytes()),
            *wanted,
            "{name} {}",
            recorded.oid
        );
    }
    let ca = keypairs()
        .into_iter()
        .find(|pair| pair.uuid == expected.signed_by_keypair)
        .unwrap();
    let ca = Certificate::from_pem(&ca.certificate).unwrap();
    assert!(
        is_signed_by(&certificate, &ca.tbs_certificate.subject_public_key_info),
        "{name}"
    );
}

#[test]
fn requests_are_answered_as_magnum_answers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("recorded/sign_certificate.json")).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let defaults = X509Options::default();
        let options = X509Options {
            allow_ca: case.x509.allow_ca.unwrap_or(defaults.allow_ca),
            term_of_validity: case.x509.term_of_validity.unwrap_or(defaults.term_of_validity),
            ..defaults
        };
        let signer = case
            .signed
            .as_ref()
            .map_or("cc000000-0000-4000-8000-000000000001", |signed| {
                &signed.signed_by_keypair
            });
        let answer = authority(signer, &case.issuer).sign_csr(&case.csr, &options);
        match (&answer, &case.signed, &case.failure) {
            (Ok(pem), Some(signed), None) => check_signed(&case.name, pem, signed),
            (Err(error), None, Some(failure)) => {
                assert_eq!(class(error), failure.class, "{}", case.name);
                assert_eq!(error.to_string(), failure.message, "{}", case.name);
            }
            _ => panic!("{}: {answer:?}", case.name),
        }
    }
}

#[test]
fn a_new_authority_has_the_form_of_a_recorded_one() {
    let options = X509Options::default();
    let ours = CertificateAuthority::generate("my-cluster", &options).unwrap();
    let client = ours.issue_client("admin", "system:masters", &options).unwrap();
    let authority = Certificate::from_pem(ours.certificate()).unwrap();
    for (ours, recorded) in [
        (ours.certificate(), &keypairs()[0]),
        (client.certificate(), &keypairs()[1]),
    ] {
        let ours = Certificate::from_pem(ours).unwrap();
        let recorded = Certificate::from_pem(&recorded.certificate).unwrap();
        let (a, b) = (&ours.tbs_certificate, &recorded.tbs_certificate);
        assert_eq!(a.version, b.version);
        assert_eq!(a.subject.to_der(), b.subject.to_der());
        assert_eq!(a.issuer.to_der(), b.issuer.to_der());
        assert_eq!(a.signature, b.signature);
        assert_eq!(days(&ours), days(&recorded));
        let (a, b) = (a.extensions.as_ref().unwrap(), b.extensions.as_ref().unwrap());
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert_eq!((a.extn_id, a.critical), (b.extn_id, b.critical));
            if a.extn_id.to_string() != "2.5.29.14" {
                assert_eq!(a.extn_value, b.extn_value);
            }
        }
        assert!(is_signed_by(
            &ours,
            &authority.tbs_certificate.subject_public_key_info
        ));
    }
    assert!(!format!("{ours:?}{client:?}").contains("PRIVATE KEY"));
}

#[test]
fn names_that_no_certificate_can_hold_are_refused_before_a_key_is_made() {
    for (name, length) in [("n".repeat(65), 65), (String::new(), 0), ("ü".repeat(33), 66)] {
        let error = CertificateAuthority::generate(&name, &X509Options::default()).unwrap_err();
        assert!(
            matches!(error, X509Error::NameLength { length: seen } if seen == length),
            "{error}"
        );
    }
    let options = X509Options {
        rsa_key_size: 512,
        ..X509Options::default()
    };
    let error = CertificateAuthority::generate("name", &options).unwrap_err();
    assert!(error.to_string().contains("rsa_key_size"), "{error}");
}

#[test]
fn a_certificate_that_outlives_2049_is_dated_as_rfc_5280_wants() {
    let options = X509Options {
        term_of_validity: 365 * 40,
        ..X509Options::default()
    };
    let cases: Vec<Case> = serde_json::from_str(include_str!("recorded/sign_certificate.json")).unwrap();
    let csr = &cases.iter().find(|case| case.name == "ext-san").unwrap().csr;
    let authority = authority("cc000000-0000-4000-8000-000000000001", "my-cluster");
    let certificate = Certificate::from_pem(authority.sign_csr(csr, &options).unwrap()).unwrap();
    assert!(matches!(
        certificate.tbs_certificate.validity.not_after,
        x509_cert::time::Time::GeneralTime(_)
    ));
    let der = certificate.to_der().unwrap();
    assert_eq!(Certificate::from_der(&der).unwrap(), certificate);
    for days in [-2, i64::MAX, 365 * 20_000] {
        let options = X509Options {
            term_of_validity: days,
            ..X509Options::default()
        };
        let error = authority.sign_csr(csr, &options).unwrap_err();
        assert!(error.to_string().contains("term_of_validity"), "{error}");
    }
}
