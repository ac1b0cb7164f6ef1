//! sprig's certificates.

use super::encode::base64_decoded;
use super::keys::{self, PrivateKey};
use super::{Row, int_of, text_of};
use crate::gofmt;
use crate::native::{Field, Native, Struct};
use crate::template::exec::Fault;
use crate::value::Value;
use rsa::pkcs1v15;
use rsa::pkcs8::LineEnding;
use rsa::rand_core::OsRng;
use rsa::signature::hazmat::PrehashSigner as _;
use rsa::signature::{Keypair, RandomizedSigner as _, Signer};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::der::asn1::{BitString, Ia5String, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Any, Decode as _, Encode, EncodePem as _, Length, Writer};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, SignatureBitStringEncoding,
    SubjectPublicKeyInfoOwned,
};
use x509_cert::time::{Time, Validity};

type Result<T> = std::result::Result<T, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("genPrivateKey", "s", |_, a| Ok(gen_private_key(&text_of(&a[0])))),
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
    Fault::of(format!("error creating certificate: {error}"))
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
            let name = text_of(name);
            let said = || {
                let shown = gofmt::quote(&name);
                plain(format!("x509: {shown} cannot be encoded as an IA5String"))
            };
            names.push(GeneralName::DnsName(Ia5String::new(&*name).map_err(|_| said())?));
        }
        for ip in items(&args[1]) {
            if ip.string_bytes().is_none() {
                let shown = super::strval_text(ip);
                return Fault::plain(format!("error parsing ip: {shown} is not a string"));
            }
            let text = text_of(ip);
            let bytes = match text.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
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
        // Nanoseconds in 64 bits, as Go counts: what is longer than 292 years wraps around.
        let lasts = self.days.wrapping_mul(86_400_000_000_000);
        let length = Duration::from_nanos(lasts.unsigned_abs());
        let end = if lasts < 0 {
            now.saturating_sub(length)
        } else {
            now.saturating_add(length)
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

fn new_key(bits: usize) -> Result<PrivateKey> {
    PrivateKey::rsa(bits).map_err(|error| Fault::of(format!("error generating rsa key: {error}")))
}

fn read_key(pem: &str) -> Result<PrivateKey> {
    PrivateKey::read(pem).map_err(|error| Fault::of(format!("parsing private key: {error}")))
}

fn read_certificate(pem: &str, name: &str) -> Result<Certificate> {
    let (_, der) = keys::block(pem).ok_or_else(|| Fault::of("unable to decode certificate"))?;
    Certificate::from_der(&der)
        .map_err(|error| Fault::of(format!("error parsing certificate: {name}: {error}")))
}

/// What fails here is the result, as in sprig.
fn gen_private_key(kind: &str) -> Value {
    let made = match PrivateKey::generate(kind) {
        None => Err(format!("Unknown type {kind}")),
        Some(made) => made
            .and_then(|key| key.pem())
            .map_err(|error| format!("failed to generate private key: {error}")),
    };
    Value::str(made.unwrap_or_else(|text| text))
}

/// The subject as Go encodes it: no text is no attribute, and UTF-8 is only for what a PrintableString cannot hold.
fn common_name(text: &str) -> Result<Name> {
    if text.is_empty() {
        return Ok(RdnSequence::default());
    }
    // PrintableString could hold no `*` and no `&` for Go, which reads both.
    let value = match PrintableStringRef::new(text) {
        Ok(printable) => Any::from(printable),
        Err(_) => Any::from(Utf8StringRef::new(text).map_err(plain)?),
    };
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

/// What a certificate calls its own key.
fn own_key_id(cert: &Certificate) -> Result<Option<OctetString>> {
    let found = cert
        .tbs_certificate
        .get::<SubjectKeyIdentifier>()
        .map_err(plain)?;
    Ok(found.map(|(_, id)| id.0).filter(|id| !id.as_bytes().is_empty()))
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
fn certificate(request: &Request, key: &PrivateKey, authority: Option<&Value>) -> Result<Value> {
    let subject = common_name(&request.common_name)?;
    let draft = |issuer, issuer_id| Draft {
        request,
        subject: subject.clone(),
        key,
        issuer,
        issuer_id,
    };
    let cert = match authority {
        None => draft(subject.clone(), None).signed_by(key)?,
        Some(authority) => {
            let cert = read_certificate(
                &text_of(&authority.native_field("Cert")),
                "decodedSignerCert.Bytes",
            )?;
            let signer = PrivateKey::read(&text_of(&authority.native_field("Key")))
                .map_err(|error| Fault::of(format!("error parsing private key: {error}")))?;
            let issuer = cert.tbs_certificate.subject.clone();
            // Go names the issuer's key by what the issuer's certificate calls it, and never a key of its own.
            let id = if issuer == subject {
                None
            } else {
                own_key_id(&cert)?
            };
            draft(issuer, id).signed_by(&signer)?
        }
    };
    Ok(result(cert, key.pem().map_err(plain)?))
}

/// A certificate but for its signature.
struct Draft<'a> {
    request: &'a Request,
    subject: Name,
    key: &'a PrivateKey,
    issuer: Name,
    /// What the certificate calls the issuer's key, if anything.
    issuer_id: Option<OctetString>,
}

impl Draft<'_> {
    /// The certificate, PEM, signed with the algorithm that Go takes for the signer's key.
    fn signed_by(self, signer: &PrivateKey) -> Result<String> {
        match signer {
            PrivateKey::Rsa(key) => {
                let key = pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
                self.sign::<_, pkcs1v15::Signature>(&key)
            }
            PrivateKey::P256(key) => {
                self.sign::<_, p256::ecdsa::DerSignature>(&p256::ecdsa::SigningKey::from(key))
            }
            PrivateKey::P384(key) => {
                self.sign::<_, p384::ecdsa::DerSignature>(&p384::ecdsa::SigningKey::from(key))
            }
            PrivateKey::P224(key) => self.sign(&PlainSigner::p224(key)),
            PrivateKey::P521(key) => self.sign(&PlainSigner::p521(key)),
            PrivateKey::Ed25519(key) => self.sign(&PlainSigner::ed25519(key).map_err(plain)?),
            PrivateKey::Dsa(_) => Err(plain(
                "x509: certificate private key does not implement crypto.Signer",
            )),
        }
    }

    fn sign<S, T>(self, signer: &S) -> Result<String>
    where
        S: Keypair + DynSignatureAlgorithmIdentifier + Signer<T>,
        S::VerifyingKey: EncodePublicKey,
        T: SignatureBitStringEncoding,
    {
        let spki = self.key.public().map_err(plain)?;
        let mut serial: [u8; 16] = rand::random();
        serial[0] &= 0x7f;
        let serial = SerialNumber::new(&serial).map_err(plain)?;
        let profile = Profile::Manual {
            issuer: Some(self.issuer),
        };
        let validity = self.request.validity()?;
        let mut builder =
            CertificateBuilder::new(profile, serial, validity, self.subject, spki.clone(), signer)
                .map_err(plain)?;
        let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
        if self.request.is_ca {
            usage |= KeyUsages::KeyCertSign;
        }
        builder.add_extension(&KeyUsage(usage)).map_err(plain)?;
        builder
            .add_extension(&Purposes(ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH])))
            .map_err(plain)?;
        let constraints = BasicConstraints {
            ca: self.request.is_ca,
            path_len_constraint: None,
        };
        builder.add_extension(&constraints).map_err(plain)?;
        if self.request.is_ca {
            let id = SubjectKeyIdentifier(key_id(&spki)?);
            builder.add_extension(&id).map_err(plain)?;
        }
        if self.issuer_id.is_some() {
            let id = AuthorityKeyIdentifier {
                key_identifier: self.issuer_id,
                ..AuthorityKeyIdentifier::default()
            };
            builder.add_extension(&id).map_err(plain)?;
        }
        if !self.request.names.is_empty() {
            let names = SubjectAltName(self.request.names.clone());
            builder.add_extension(&names).map_err(plain)?;
        }
        let signed = builder.build::<T>().map_err(plain)?;
        signed.to_pem(LineEnding::LF).map_err(plain)
    }
}

/// What a certificate may be used for; never critical, as in Go.
struct Purposes(ExtendedKeyUsage);

impl AssociatedOid for Purposes {
    const OID: ObjectIdentifier = ExtendedKeyUsage::OID;
}

impl Encode for Purposes {
    fn encoded_len(&self) -> x509_cert::der::Result<Length> {
        self.0.encoded_len()
    }

    fn encode(&self, encoder: &mut impl Writer) -> x509_cert::der::Result<()> {
        self.0.encode(encoder)
    }
}

impl AsExtension for Purposes {
    fn critical(&self, _: &Name, _: &[Extension]) -> bool {
        false
    }
}

/// A key whose own crate does not sign as the certificate builder wants it, or not by the hash that Go takes.
struct PlainSigner<'a, P> {
    public: P,
    algorithm: AlgorithmIdentifierOwned,
    sign: Box<Sign<'a>>,
}

type Unsigned = rsa::signature::Error;
type Sign<'a> = dyn Fn(&[u8]) -> std::result::Result<Vec<u8>, Unsigned> + 'a;

impl<'a> PlainSigner<'a, p224::PublicKey> {
    fn p224(key: &'a p224::SecretKey) -> Self {
        Self {
            public: key.public_key(),
            algorithm: by_hash(ECDSA_WITH_SHA256),
            sign: Box::new(move |message| {
                let signer = p224::ecdsa::SigningKey::from(key);
                let signature: p224::ecdsa::Signature = signer.sign_prehash(&Sha256::digest(message))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }),
        }
    }
}

impl<'a> PlainSigner<'a, p521::PublicKey> {
    fn p521(key: &'a p521::SecretKey) -> Self {
        Self {
            public: key.public_key(),
            algorithm: by_hash(ECDSA_WITH_SHA512),
            sign: Box::new(move |message| {
                let signer = p521::ecdsa::SigningKey::from_bytes(&key.to_bytes())?;
                let signature: p521::ecdsa::Signature = signer.try_sign_with_rng(&mut OsRng, message)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }),
        }
    }
}

impl<'a> PlainSigner<'a, ed25519_dalek::VerifyingKey> {
    fn ed25519(key: &'a ed25519_dalek::SigningKey) -> x509_cert::spki::Result<Self> {
        Ok(Self {
            public: key.verifying_key(),
            algorithm: key.signature_algorithm_identifier()?,
            sign: Box::new(move |message| Ok(key.try_sign(message)?.to_bytes().to_vec())),
        })
    }
}

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

fn by_hash(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

impl<P: Clone> Keypair for PlainSigner<'_, P> {
    type VerifyingKey = P;

    fn verifying_key(&self) -> P {
        self.public.clone()
    }
}

impl<P> DynSignatureAlgorithmIdentifier for PlainSigner<'_, P> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm.clone())
    }
}

struct PlainSignature(Vec<u8>);

impl<P> Signer<PlainSignature> for PlainSigner<'_, P> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<PlainSignature, Unsigned> {
        (self.sign)(message).map(PlainSignature)
    }
}

impl SignatureBitStringEncoding for PlainSignature {
    fn to_bitstring(&self) -> x509_cert::der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

fn build_custom(args: &[Value]) -> Result<Value> {
    let decode = |value: &Value, what: &str| {
        let bytes = base64_decoded(text_of(value).as_bytes())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.ok_or_else(|| Fault::of(format!("unable to decode base64 {what}")))
    };
    let (cert, key) = (decode(&args[0], "certificate")?, decode(&args[1], "private key")?);
    read_certificate(&cert, "decodedCert.Bytes")?;
    PrivateKey::read(&key).map_err(|error| Fault::of(format!("error parsing private key: {error}")))?;
    Ok(result(cert, key))
}
