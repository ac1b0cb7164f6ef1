//! Private keys as sprig makes, reads and prints them (sprig 3.3 `crypto.go`), on the four curves that Go knows.

use super::encode::base64_decoded;
use ed25519_dalek::SigningKey as Ed25519;
use ed25519_dalek::pkcs8::KeypairBytes;
use p256::elliptic_curve::sec1::{FromEncodedPoint, ModulusSize, ToEncodedPoint};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, SecretKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding, PrivateKeyInfo};
use rsa::rand_core::OsRng;
use sec1::{EcParameters, EcPrivateKey};
use x509_cert::der::asn1::{Int, UintRef};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _, pem};
use x509_cert::spki::{EncodePublicKey as _, SubjectPublicKeyInfoOwned};

const P224: ObjectIdentifier = p224::NistP224::OID;
const P256: ObjectIdentifier = p256::NistP256::OID;
const P384: ObjectIdentifier = p384::NistP384::OID;
const P521: ObjectIdentifier = p521::NistP521::OID;
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A private key.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P224(p224::SecretKey),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
    Ed25519(Box<Ed25519>),
    /// Only ever printed: Go cannot put one into a certificate.
    Dsa(Vec<u8>),
}

/// sprig's own form of a DSA key, a sequence of six numbers: version, p, q, g, y, x.
type DsaKey = Vec<Int>;

const DSA_NUMBERS: usize = 6;

impl PrivateKey {
    /// A new RSA key.
    pub(super) fn rsa(bits: usize) -> Result<Self, String> {
        RsaPrivateKey::new(&mut OsRng, bits)
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| error.to_string())
    }

    /// A new key of a type of `genPrivateKey`; `None` for a type that it does not know.
    pub(super) fn generate(kind: &str) -> Option<Result<Self, String>> {
        Some(match kind {
            "" | "rsa" => Self::rsa(4096),
            "ecdsa" => Ok(Self::P256(p256::SecretKey::random(&mut OsRng))),
            "ed25519" => Ok(Self::Ed25519(Box::new(Ed25519::generate(&mut OsRng)))),
            "dsa" => new_dsa().map(Self::Dsa),
            _ => return None,
        })
    }

    /// The first PEM block of a text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (label, der) = block(text).ok_or("no PEM data in input")?;
        if label == "PRIVATE KEY" {
            return from_pkcs8(&der).map_err(|error| format!("decoding PEM as PKCS#8: {error}"));
        }
        let Some(kind) = label.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {label}"));
        };
        let read = match kind {
            "RSA" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| error.to_string()),
            "EC" => from_sec1(&der),
            "DSA" => match DsaKey::from_der(&der) {
                Ok(numbers) if numbers.len() == DSA_NUMBERS => Ok(Self::Dsa(der)),
                Ok(_) => Err("asn1: structure error: wrong number of elements".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            _ => return Err(format!("invalid private key type {label}")),
        };
        read.map_err(|error| format!("parsing {kind} private key from PEM: {error}"))
    }

    /// The PEM block that sprig prints for it.
    pub(super) fn pem(&self) -> Result<String, String> {
        let text = match self {
            Self::Rsa(key) => key
                .to_pkcs1_pem(LineEnding::LF)
                .map(|pem| pem.to_string())
                .map_err(says)?,
            Self::P224(key) => ec_pem(key)?,
            Self::P256(key) => ec_pem(key)?,
            Self::P384(key) => ec_pem(key)?,
            Self::P521(key) => ec_pem(key)?,
            Self::Ed25519(key) => {
                // Go's PKCS#8 holds no public key.
                let bytes = KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                bytes
                    .to_pkcs8_pem(LineEnding::LF)
                    .map(|pem| pem.to_string())
                    .map_err(says)?
            }
            Self::Dsa(der) => pem::encode_string("DSA PRIVATE KEY", LineEnding::LF, der).map_err(says)?,
        };
        Ok(text)
    }

    /// What a certificate says of its key.
    pub(super) fn public(&self) -> Result<SubjectPublicKeyInfoOwned, String> {
        let der = match self {
            Self::Rsa(key) => key.to_public_key().to_public_key_der(),
            Self::P224(key) => key.public_key().to_public_key_der(),
            Self::P256(key) => key.public_key().to_public_key_der(),
            Self::P384(key) => key.public_key().to_public_key_der(),
            Self::P521(key) => key.public_key().to_public_key_der(),
            Self::Ed25519(key) => key.verifying_key().to_public_key_der(),
            Self::Dsa(_) => return Err("x509: unsupported public key type: *dsa.PublicKey".to_owned()),
        };
        SubjectPublicKeyInfoOwned::from_der(der.map_err(says)?.as_bytes()).map_err(says)
    }
}

fn says(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// As Go prints one: with its curve and its public key.
fn ec_pem<C>(key: &SecretKey<C>) -> Result<String, String>
where
    C: AssociatedOid + CurveArithmetic,
    AffinePoint<C>: FromEncodedPoint<C> + ToEncodedPoint<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let (secret, point) = (key.to_bytes(), key.public_key().to_encoded_point(false));
    let key = EcPrivateKey {
        private_key: &secret,
        parameters: Some(EcParameters::NamedCurve(C::OID)),
        public_key: Some(point.as_bytes()),
    };
    let der = key.to_der().map_err(says)?;
    pem::encode_string("EC PRIVATE KEY", LineEnding::LF, &der).map_err(says)
}

fn new_dsa() -> Result<Vec<u8>, String> {
    let components = dsa::Components::generate(&mut OsRng, dsa::KeySize::DSA_2048_256);
    let key = dsa::SigningKey::generate(&mut OsRng, components);
    let public = key.verifying_key();
    let components = public.components();
    let int = |bytes: Vec<u8>| -> Result<Int, String> {
        let der = UintRef::new(&bytes)
            .and_then(|uint| uint.to_der())
            .map_err(says)?;
        Int::from_der(&der).map_err(says)
    };
    let key: [Vec<u8>; DSA_NUMBERS] = [
        vec![0],
        components.p().to_bytes_be(),
        components.q().to_bytes_be(),
        components.g().to_bytes_be(),
        public.y().to_bytes_be(),
        key.x().to_bytes_be(),
    ];
    let key: DsaKey = key.into_iter().map(int).collect::<Result<_, _>>()?;
    key.to_der().map_err(says)
}

fn from_sec1(der: &[u8]) -> Result<PrivateKey, String> {
    let key = EcPrivateKey::from_der(der).map_err(says)?;
    let bytes = key.private_key;
    let read = match key.parameters.and_then(EcParameters::named_curve) {
        Some(P224) => p224::SecretKey::from_slice(bytes).map(PrivateKey::P224),
        Some(P256) => p256::SecretKey::from_slice(bytes).map(PrivateKey::P256),
        Some(P384) => p384::SecretKey::from_slice(bytes).map(PrivateKey::P384),
        Some(P521) => p521::SecretKey::from_slice(bytes).map(PrivateKey::P521),
        _ => return Err("x509: unknown elliptic curve".to_owned()),
    };
    read.map_err(says)
}

fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, String> {
    let info = PrivateKeyInfo::try_from(der).map_err(says)?;
    let curve = info.algorithm.parameters_oid().ok();
    match (info.algorithm.oid, curve) {
        (EC_PUBLIC_KEY, Some(P224)) => p224::SecretKey::from_pkcs8_der(der)
            .map(PrivateKey::P224)
            .map_err(says),
        (EC_PUBLIC_KEY, Some(P521)) => p521::SecretKey::from_pkcs8_der(der)
            .map(PrivateKey::P521)
            .map_err(says),
        (EC_PUBLIC_KEY, Some(P256)) => p256::SecretKey::from_pkcs8_der(der)
            .map(PrivateKey::P256)
            .map_err(says),
        (EC_PUBLIC_KEY, Some(P384)) => p384::SecretKey::from_pkcs8_der(der)
            .map(PrivateKey::P384)
            .map_err(says),
        (EC_PUBLIC_KEY, _) => Err(
            "x509: failed to parse EC private key embedded in PKCS#8: x509: unknown elliptic curve"
                .to_owned(),
        ),
        (ED25519, _) => Ed25519::from_pkcs8_der(der)
            .map(|key| PrivateKey::Ed25519(Box::new(key)))
            .map_err(says),
        (rsa::pkcs1::ALGORITHM_OID, _) => RsaPrivateKey::from_pkcs8_der(der)
            .map(|key| PrivateKey::Rsa(Box::new(key)))
            .map_err(says),
        (oid, _) => Err(format!(
            "x509: PKCS#8 wrapping contained private key with unknown algorithm: {oid}"
        )),
    }
}

/// The first PEM block with its label, read as leniently as Go's `encoding/pem`: text before it, header lines and any
/// line length are fine.
pub(super) fn block(text: &str) -> Option<(String, Vec<u8>)> {
    let mut lines = text.lines().map(str::trim_end);
    loop {
        let label = lines.find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        let mut closed = false;
        for line in lines.by_ref() {
            if line == end {
                closed = true;
                break;
            }
            if !line.contains(':') {
                body.push_str(line.trim());
            }
        }
        if closed && let Ok(der) = base64_decoded(body.as_bytes()) {
            return Some((label.to_owned(), der));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_printed_and_read_again() {
        for (kind, label) in [("ecdsa", "EC PRIVATE KEY"), ("ed25519", "PRIVATE KEY")] {
            let pem = PrivateKey::generate(kind).unwrap().unwrap().pem().unwrap();
            assert!(
                pem.starts_with(&format!("-----BEGIN {label}-----\n")),
                "{kind}: {pem}"
            );
            assert_eq!(PrivateKey::read(&pem).unwrap().pem().unwrap(), pem, "{kind}");
        }
        assert!(PrivateKey::generate("rot13").is_none());
    }

    #[test]
    fn blocks_are_read_as_go_reads_them() {
        let text = "before\n-----BEGIN A B-----\nProc-Type: 4\n\nQU\nI=\n-----END A B-----\nafter";
        assert_eq!(block(text), Some(("A B".to_owned(), b"AB".to_vec())));
        assert_eq!(block("-----BEGIN A-----\nQQ==\n"), None);
        assert_eq!(PrivateKey::read("x").err().unwrap(), "no PEM data in input");
        let other = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----";
        assert_eq!(
            PrivateKey::read(other).err().unwrap(),
            "no private key data in PEM block of type CERTIFICATE"
        );
    }
}
