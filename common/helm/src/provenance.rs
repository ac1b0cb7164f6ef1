//! Provenance files: who packaged a chart, as `helm package --sign` writes it and `helm --verify` checks it.
//!
//! A provenance file is a clear-signed text of two YAML documents: the chart's metadata, and the SHA-256 of the
//! archive under the archive's file name. As in Helm, neither the age of a key nor the trust in it counts: the
//! keyring holds the keys that are trusted. Unlike Helm's OpenPGP library, ours knows Ed25519 keys, and a
//! keyring may be armored.

use std::path::Path;

use helm_template::yaml;
use pgp::composed::{CleartextSignedMessage, PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag, VerifyingKey};

use crate::digest::sha256;
use crate::error::{ProvenanceError, go_file_error, go_reason};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const END: &str = "\n-----END PGP SIGNATURE-----";
const ARMOR: &[u8] = b"-----BEGIN PGP ";

/// Ends the metadata: what YAML has for it that OpenPGP does not escape.
const DIVIDER: &str = "\n...\n";

/// The keys whose signatures count.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// Reads a file of public (or secret) keys, binary as `gpg --export` writes them or armored.
    ///
    /// # Errors
    /// [`ProvenanceError::Keyring`]: a file that cannot be read, or has keys none of which can be used.
    pub fn read(path: &Path) -> Result<Self, ProvenanceError> {
        let bytes = std::fs::read(path)
            .map_err(|error| ProvenanceError::Keyring(go_file_error(&path.to_string_lossy(), &error)))?;
        Self::parse(&bytes)
    }

    /// Reads keys; those that cannot be used are passed over if there are others.
    fn parse(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        let failed = |error: &dyn std::fmt::Display| ProvenanceError::Keyring(format!("openpgp: {error}"));
        let Some(first) = bytes.first() else {
            return Ok(Self { keys: Vec::new() });
        };
        let packets = if first & 0x80 != 0 {
            PublicOrSecret::from_bytes_many(bytes)
        } else if bytes.starts_with(ARMOR) {
            PublicOrSecret::from_armor_many_buf(bytes).map(|(keys, _)| keys)
        } else {
            // A keybox, the format in which GnuPG keeps keys since 2.1, comes here too.
            return Err(failed(&"invalid data: tag byte does not have MSB set"));
        };
        let mut keys = Vec::new();
        let mut last = None;
        // There are no more keys than bytes, whatever the reader makes of them.
        for key in packets.map_err(|error| failed(&error))?.take(bytes.len()) {
            match key {
                Ok(PublicOrSecret::Public(key)) => keys.push(key),
                Ok(PublicOrSecret::Secret(key)) => keys.push(key.to_public_key()),
                Err(error) => last = Some(failed(&error)),
            }
        }
        match last {
            Some(error) if keys.is_empty() => Err(error),
            _ => Ok(Self { keys }),
        }
    }

    /// Verifies an archive, whose file name is `name`, by its provenance file.
    ///
    /// # Errors
    /// A signature that is not there, not good or of nobody known, and an archive that is not what was signed.
    pub fn verify(&self, name: &str, archive: &[u8], provenance: &[u8]) -> Result<(), ProvenanceError> {
        let message = signed_message(provenance)?;
        let text = message.signed_text();
        self.check(text.as_bytes(), message.signatures())?;
        let got = format!("sha256:{}", sha256(archive));
        match signed_sum(&text, name)? {
            None => Err(ProvenanceError::NoSum(name.to_owned())),
            Some(want) if want != got => Err(ProvenanceError::Sum {
                name: name.to_owned(),
                want,
                got,
            }),
            Some(_) => Ok(()),
        }
    }

    /// Whether one of the keys made one of the signatures: the first that is of a key which is here decides.
    fn check(&self, text: &[u8], signatures: &[Signature]) -> Result<(), ProvenanceError> {
        for signature in signatures {
            if signature.issuer_key_id().is_empty() && signature.issuer_fingerprint().is_empty() {
                let message = "signature doesn't have an issuer".to_owned();
                return Err(ProvenanceError::Malformed(message));
            }
            let mut refused = None;
            for outcome in self.keys.iter().flat_map(|key| outcomes(key, signature, text)) {
                match outcome {
                    Ok(()) => return Ok(()),
                    Err(error) => refused = Some(error),
                }
            }
            if let Some(refused) = refused {
                return Err(refused);
            }
        }
        Err(ProvenanceError::UnknownEntity)
    }
}

/// What each key of a certificate says that is meant by the signature and may sign.
fn outcomes(key: &SignedPublicKey, signature: &Signature, text: &[u8]) -> Vec<Result<(), ProvenanceError>> {
    let primary = &key.primary_key;
    let mut outcomes = Vec::new();
    if is_by(signature, primary) && primary_may_sign(key) {
        outcomes.push(verified(signature, primary, text));
    }
    for subkey in &key.public_subkeys {
        if is_by(signature, &subkey.key) && is_valid(key) && subkey_may_sign(key, subkey) {
            outcomes.push(verified(signature, &subkey.key, text));
        }
    }
    outcomes
}

fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    ids.iter().any(|id| **id == key.legacy_key_id())
        || fingerprints.iter().any(|of| **of == key.fingerprint())
}

/// Signed by itself and not revoked. What says that it is revoked need not be understood.
fn is_valid(key: &SignedPublicKey) -> bool {
    key.details.revocation_signatures.is_empty() && self_signature(key).is_some()
}

/// The newest signature of the key over one of its own names.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let own = key.details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|signature| {
            let certifies = matches!(
                signature.typ(),
                Some(
                    SignatureType::CertGeneric
                        | SignatureType::CertPersona
                        | SignatureType::CertCasual
                        | SignatureType::CertPositive
                )
            );
            certifies
                && signature
                    .verify_certification(&key.primary_key, Tag::UserId, &user.id)
                    .is_ok()
        })
    });
    own.max_by_key(|signature| signature.created())
}

/// A key that does not say what it is for may sign.
fn primary_may_sign(key: &SignedPublicKey) -> bool {
    let says = |signature: &Signature| {
        let config = signature.config();
        config.is_some_and(|config| {
            let mut hashed = config.hashed_subpackets();
            hashed.any(|packet| matches!(packet.data, SubpacketData::KeyFlags(_)))
        })
    };
    let may = |signature: &Signature| !says(signature) || signature.key_flags().sign();
    is_valid(key) && self_signature(key).is_some_and(may)
}

/// A subkey has to say that it signs, and to have agreed to belong to the key.
fn subkey_may_sign(key: &SignedPublicKey, subkey: &SignedPublicSubKey) -> bool {
    let revoked = |signature: &Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
    let newest = subkey
        .signatures
        .iter()
        .max_by_key(|signature| signature.created());
    !subkey.signatures.iter().any(revoked)
        && newest.is_some_and(|signature| signature.key_flags().sign())
        && subkey.verify_bindings(&key.primary_key).is_ok()
}

fn verified(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> Result<(), ProvenanceError> {
    let kind = signature.typ();
    if !matches!(kind, Some(SignatureType::Binary | SignatureType::Text)) {
        let kind = kind.map_or(0, u8::from);
        return Err(ProvenanceError::Unsupported(format!(
            "unsupported signature type: {kind}"
        )));
    }
    signature.verify(key, text).map_err(|error| {
        let error = error.to_string();
        ProvenanceError::BadSignature(if error.contains("invalid signed hash value") {
            "hash tag doesn't match".to_owned()
        } else {
            format!("{:?} verification failure", key.algorithm())
        })
    })
}

/// Verifies the archive at a path by the provenance file beside it, and gives the archive's bytes, which are
/// what was verified even if the file changes.
///
/// # Errors
/// What is not as `helm --verify` wants it, in Helm's words.
pub fn verify_file(archive: &Path, keyring: &Path) -> Result<Vec<u8>, ProvenanceError> {
    let failed = |path: &Path, error: &std::io::Error| ProvenanceError::File {
        path: path.display().to_string(),
        reason: go_reason(error),
    };
    let archive = &std::path::absolute(archive).map_err(|error| failed(archive, &error))?;
    let metadata = std::fs::metadata(archive).map_err(|error| failed(archive, &error))?;
    if metadata.is_dir() {
        return Err(ProvenanceError::Directory);
    }
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    is_archive_name(&name)?;
    let mut beside = archive.clone().into_os_string();
    beside.push(".prov");
    let beside = Path::new(&beside);
    std::fs::metadata(beside).map_err(|error| ProvenanceError::Missing {
        path: beside.display().to_string(),
        reason: go_reason(&error),
    })?;
    let keyring = Keyring::read(keyring)?;
    let provenance = std::fs::read(beside).map_err(|error| failed(beside, &error))?;
    let bytes = std::fs::read(archive).map_err(|error| failed(archive, &error))?;
    keyring.verify(&name, &bytes, &provenance)?;
    Ok(bytes)
}

/// Helm takes only archives of this name for verifiable.
pub(crate) fn is_archive_name(name: &str) -> Result<(), ProvenanceError> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match ending {
        Some(ending) if ending.eq_ignore_ascii_case("tgz") => Ok(()),
        _ => Err(ProvenanceError::NotTgz),
    }
}

/// The first clear-signed message in a file.
fn signed_message(file: &[u8]) -> Result<CleartextSignedMessage, ProvenanceError> {
    let text = String::from_utf8_lossy(file);
    let begin = if text.starts_with(BEGIN) {
        Some(0)
    } else {
        text.find(&format!("\n{BEGIN}")).map(|at| at + 1)
    };
    let message = begin.and_then(|begin| {
        let end = text[begin..].find(END)? + END.len();
        Some(&text[begin..begin + end])
    });
    let message = message.ok_or(ProvenanceError::NoSignature)?;
    let (message, _) = CleartextSignedMessage::from_string(message).map_err(|error| {
        tracing::debug!(%error, "clear-signed message cannot be read");
        ProvenanceError::NoSignature
    })?;
    Ok(message)
}

/// What the signed text says of a file.
fn signed_sum(text: &str, name: &str) -> Result<Option<String>, ProvenanceError> {
    let text = format!("{}\n", text.replace("\r\n", "\n"));
    let mut parts = text.split(DIVIDER);
    let (Some(metadata), Some(sums)) = (parts.next(), parts.next()) else {
        return Err(ProvenanceError::Parts);
    };
    let parse = |part: &str| yaml::from_yaml(part).map_err(|error| ProvenanceError::Yaml(error.to_string()));
    parse(metadata)?;
    Ok(parse(sums)?["files"][name].as_str().map(str::to_owned))
}
