//! sprig's keys and certificates. RSA only: elliptic and DSA keys are refused
//! with an error that says so.

use super::encode::base64_decoded;
use super::{Row, int_of, text_of};
use crate::native::{Field, Native, Struct};
use crate::template::exec::Fault;
use crate::value::Value;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::{DecodePrivateKey as _, LineEnding};
use rsa::{RsaPrivateKey, pkcs1v15};
use sha2::Sha256;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::der::asn1::{BitString, Ia5String, OctetString, SetOfVec, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, DecodePem as _, EncodePem as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

type Result<T> = std::result::Result<T, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("genPrivateKey", "s", |_, a| gen_private_key(&text_of(&a[0]))),
    ("genCA", "si", |_, a| {
        certificate(&Request::authority(a), &new_key(2048)?, None)
    }),
    ("genCAWithKey", "sis", |_, a| {
        certificate(&Request::authority(a), &read_key(&text_of(&a[2]))?, None)
    }),
    ("genSelfSignedCert", "sLLi", |_, a| {
        certificate(&Request::leaf(a)?, &new_key(2048)?, None)
    }),
    ("genSelfSignedCertWithKey", "sLLis", |_, a| {
        certificate(&Request::leaf(a)?, &read_key(&text_of(&a[4]))?, None)
    }),
    ("genSignedCert", "sLLiA", |_, a| {
        certificate(&Request::leaf(a)?, &new_key(2048)?, Some(&a[4]))
    }),
    ("genSignedCertWithKey", "sLLiAs", |_, a| {
        certificate(&Request::leaf(a)?, &read_key(&text_of(&a[5]))?, Some(&a[4]))
    }),
    ("buildCustomCert", "ss", |_, a| build_custom(a)),
];

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

fn plain(error: impl std::fmt::Display) -> Fault {
    Fault::Plain(format!("error creating certificate: {error}"))
}

/// What a certificate is asked to say.
struct Request {
    common_name: String,
    names: Vec<GeneralName>,
    days: i64,
    is_ca: bool,
}

impl Request {
    fn authority(args: &[Value]) -> Self {
        Self {
            common_name: text_of(&args[0]).into_owned(),
            names: Vec::new(),
            days: int_of(&args[1]),
            is_ca: true,
        }
    }

    fn leaf(args: &[Value]) -> Result<Self> {
        let mut names = Vec::new();
        for name in items(&args[2]) {
            if name.string_bytes().is_none() {
                let shown = super::strval_text(name);
                return Fault::plain(format!(
                    "error processing alternate dns name: {shown} is not a string"
                ));
            }
            names.push(GeneralName::DnsName(
                Ia5String::new(&*text_of(name)).map_err(plain)?,
            ));
        }
        for ip in items(&args[1]) {
            if ip.string_bytes().is_none() {
                let shown = super::strval_text(ip);
                return Fault::plain(format!("error parsing ip: {shown} is not a string"));
            }
            let text = text_of(ip);
            let bytes = match text.parse() {
                Ok(IpAddr::V4(ip)) => ip.octets().to_vec(),
                Ok(IpAddr::V6(ip)) => ip.octets().to_vec(),
                Err(_) => return Fault::plain(format!("error parsing ip: {text}")),
            };
            names.push(GeneralName::IpAddress(OctetString::new(bytes).map_err(plain)?));
        }
        Ok(Self {
            common_name: text_of(&args[0]).into_owned(),
            names,
            days: int_of(&args[3]),
            is_ca: false,
        })
    }

    fn validity(&self) -> Result<Validity> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let days = Duration::from_secs(self.days.unsigned_abs().saturating_mul(86_400));
        let end = if self.days < 0 {
            now.saturating_sub(days)
        } else {
            now.saturating_add(days)
        };
        let time = |since: Duration| -> Result<Time> {
            let since = Duration::from_secs(since.as_secs());
            if since.as_secs() < 2_524_608_000 {
                // Until 2050 as UTCTime.
                return Ok(Time::UtcTime(
                    x509_cert::der::asn1::UtcTime::from_unix_duration(since).map_err(plain)?,
                ));
            }
            let time = x509_cert::der::asn1::GeneralizedTime::from_unix_duration(since);
            Ok(Time::GeneralTime(time.map_err(plain)?))
        };
        Ok(Validity {
            not_before: time(now)?,
            not_after: time(end)?,
        })
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => &list.items,
        _ => &[],
    }
}

fn new_key(bits: usize) -> Result<RsaPrivateKey> {
    RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits)
        .map_err(|error| Fault::Plain(format!("error generating rsa key: {error}")))
}

fn read_key(pem: &str) -> Result<RsaPrivateKey> {
    if !pem.contains("-----BEGIN ") {
        return Fault::plain("parsing private key: no PEM data in input");
    }
    RsaPrivateKey::from_pkcs1_pem(pem)
        .or_else(|_| RsaPrivateKey::from_pkcs8_pem(pem))
        .map_err(|error| {
            Fault::Plain(format!(
                "parsing private key: only RSA keys are supported: {error}"
            ))
        })
}

fn key_pem(key: &RsaPrivateKey) -> Result<String> {
    Ok(key.to_pkcs1_pem(LineEnding::LF).map_err(plain)?.to_string())
}

fn gen_private_key(kind: &str) -> Result<Value> {
    match kind {
        "" | "rsa" => Ok(Value::str(key_pem(&new_key(4096)?)?)),
        "dsa" | "ecdsa" | "ed25519" => Fault::plain(format!("private keys of type {kind} are not supported")),
        other => Ok(Value::str(format!("Unknown type {other}"))),
    }
}

fn common_name(text: &str) -> Result<Name> {
    let value = Any::from(Utf8StringRef::new(text).map_err(plain)?);
    let attribute = AttributeTypeAndValue {
        oid: COMMON_NAME,
        value,
    };
    let set = SetOfVec::try_from(vec![attribute]).map_err(plain)?;
    Ok(RdnSequence(vec![RelativeDistinguishedName(set)]))
}

/// SHA-1 of the public key's bits, as Go derives key identifiers.
fn key_id(spki: &SubjectPublicKeyInfoOwned) -> Result<OctetString> {
    use sha1::Digest as _;
    let bits: &BitString = &spki.subject_public_key;
    OctetString::new(sha1::Sha1::digest(bits.raw_bytes()).to_vec()).map_err(plain)
}

fn result(cert: String, key: String) -> Value {
    let field = |name, text: String| Field {
        name,
        json: name,
        omit_empty: false,
        value: Value::str(text),
    };
    let fields = vec![field("Cert", cert), field("Key", key)];
    Native::Struct(Struct {
        type_name: "sprig.certificate",
        pointer: false,
        fields,
    })
    .into_value()
}

/// Signs by `authority`, or by the key itself.
fn certificate(request: &Request, key: &RsaPrivateKey, authority: Option<&Value>) -> Result<Value> {
    let spki = SubjectPublicKeyInfoOwned::from_key(key.to_public_key()).map_err(plain)?;
    let subject = common_name(&request.common_name)?;
    let (issuer, issuer_id, signer) = match authority {
        None => (subject.clone(), None, key.clone()),
        Some(authority) => {
            let cert = text_of(&authority.native_field("Cert")).into_owned();
            let cert = Certificate::from_pem(cert.trim())
                .map_err(|error| Fault::Plain(format!("error parsing certificate: {error}")))?;
            let id = key_id(&cert.tbs_certificate.subject_public_key_info)?;
            let signer = read_key(&text_of(&authority.native_field("Key")))?;
            (cert.tbs_certificate.subject.clone(), Some(id), signer)
        }
    };
    let mut serial: [u8; 16] = rand::random();
    serial[0] &= 0x7f;
    let serial = SerialNumber::new(&serial).map_err(plain)?;
    let signer = pkcs1v15::SigningKey::<Sha256>::new(signer);
    let profile = Profile::Manual { issuer: Some(issuer) };
    let mut builder = CertificateBuilder::new(
        profile,
        serial,
        request.validity()?,
        subject,
        spki.clone(),
        &signer,
    )
    .map_err(plain)?;
    let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    if request.is_ca {
        usage |= KeyUsages::KeyCertSign;
    }
    builder.add_extension(&KeyUsage(usage)).map_err(plain)?;
    builder
        .add_extension(&ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH]))
        .map_err(plain)?;
    builder
        .add_extension(&BasicConstraints {
            ca: request.is_ca,
            path_len_constraint: None,
        })
        .map_err(plain)?;
    if request.is_ca {
        builder
            .add_extension(&SubjectKeyIdentifier(key_id(&spki)?))
            .map_err(plain)?;
    }
    if let Some(id) = issuer_id {
        let id = AuthorityKeyIdentifier {
            key_identifier: Some(id),
            ..AuthorityKeyIdentifier::default()
        };
        builder.add_extension(&id).map_err(plain)?;
    }
    if !request.names.is_empty() {
        builder
            .add_extension(&SubjectAltName(request.names.clone()))
            .map_err(plain)?;
    }
    let signed = builder.build::<pkcs1v15::Signature>().map_err(plain)?;
    Ok(result(
        signed.to_pem(LineEnding::LF).map_err(plain)?,
        key_pem(key)?,
    ))
}

fn build_custom(args: &[Value]) -> Result<Value> {
    let decode = |value: &Value, what: &str| {
        let bytes = base64_decoded(text_of(value).as_bytes())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.ok_or_else(|| Fault::Plain(format!("unable to decode base64 {what}")))
    };
    let (cert, key) = (decode(&args[0], "certificate")?, decode(&args[1], "private key")?);
    if !cert.contains("-----BEGIN ") {
        return Fault::plain("unable to decode certificate");
    }
    Certificate::from_pem(cert.trim())
        .map_err(|error| Fault::Plain(format!("error parsing certificate: decodedCert.Bytes: {error}")))?;
    if !key.contains("PRIVATE KEY-----") {
        return Fault::plain("error parsing private key: no PEM data in input");
    }
    Ok(result(cert, key))
}
