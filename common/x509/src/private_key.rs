//! Private keys in PEM, with and without encryption.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use md5::{Digest, Md5};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::rand_core::{OsRng, RngCore};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::certificate::encode_pem;
use crate::error::X509Error;

/// PBKDF2 rounds of what we write: what cryptography's BestAvailableEncryption writes.
const ROUNDS: u32 = 2048;
/// Most PBKDF2 rounds that we are willing to do, so that a bad row cannot hold a worker.
const MOST_ROUNDS: u32 = 10_000_000;

const MISSING: X509Error = X509Error::Passphrase {
    reason: "it is encrypted and there is no passphrase",
};
const WRONG: X509Error = X509Error::Passphrase {
    reason: "the passphrase is wrong or the key is damaged",
};

/// A new passphrase for a private key: 12 letters and digits with 60 random bits, as magnum 23.0 `common/short_id.py`.
#[must_use]
pub fn generate_passphrase() -> SecretString {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let random = Zeroizing::new(OsRng.next_u64());
    let text: String = (0..12)
        .map(|i| char::from(ALPHABET[(*random >> (5 * i)) as usize % 32]))
        .collect();
    text.into()
}

/// Decrypts a private key: PEM in, unencrypted PKCS#8 PEM out (as magnum's `decrypt_key`).
/// Reads encrypted PKCS#8, OpenSSL's older PEM encryption (AES, 3DES) and unencrypted keys.
///
/// # Errors
/// [`X509Error::Passphrase`] when it is missing or wrong, [`X509Error::UnreadableKey`] for anything else.
pub fn decrypt_private_key(
    pem: &SecretString,
    passphrase: Option<&SecretString>,
) -> Result<SecretString, X509Error> {
    let der = read(pem, passphrase)?;
    Ok(encode_pem("PRIVATE KEY", der.to_vec()).into())
}

/// Encrypts a private key (unencrypted PEM) as Magnum does: PKCS#8, PBKDF2 with HMAC-SHA256, AES-256-CBC.
///
/// # Errors
/// [`X509Error::UnreadableKey`] when `pem` is not an unencrypted private key.
pub fn encrypt_private_key(pem: &SecretString, passphrase: &SecretString) -> Result<SecretString, X509Error> {
    encrypt(&read(pem, None)?, passphrase)
}

/// PEM of an RSA key, encrypted when there is a passphrase.
pub(crate) fn write_rsa(
    key: &RsaPrivateKey,
    passphrase: Option<&SecretString>,
) -> Result<SecretString, X509Error> {
    let der = key.to_pkcs8_der().map_err(unwritable)?;
    match passphrase {
        Some(passphrase) => encrypt(der.as_bytes(), passphrase),
        None => Ok(encode_pem("PRIVATE KEY", der.as_bytes().to_vec()).into()),
    }
}

pub(crate) fn read_rsa(
    pem: &SecretString,
    passphrase: Option<&SecretString>,
) -> Result<RsaPrivateKey, X509Error> {
    RsaPrivateKey::from_pkcs8_der(&read(pem, passphrase)?).map_err(unreadable)
}

fn encrypt(der: &[u8], passphrase: &SecretString) -> Result<SecretString, X509Error> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut iv);
    let parameters = pbes2::Parameters::pbkdf2_sha256_aes256cbc(ROUNDS, &salt, &iv).map_err(unwritable)?;
    let encrypted = PrivateKeyInfo::try_from(der)
        .map_err(unwritable)?
        .encrypt_with_params(parameters, password(passphrase)?)
        .map_err(unwritable)?;
    Ok(encode_pem("ENCRYPTED PRIVATE KEY", encrypted.as_bytes().to_vec()).into())
}

/// PKCS#8 DER of the first private key in the text.
fn read(pem: &SecretString, passphrase: Option<&SecretString>) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let blocks = pem::parse_many(pem.expose_secret()).map_err(|_| unreadable("it is not PEM"))?;
    for block in blocks {
        return match block.tag() {
            "PRIVATE KEY" => checked(Zeroizing::new(block.into_contents())),
            "ENCRYPTED PRIVATE KEY" => checked(decrypt_pkcs8(block.contents(), passphrase)?),
            "RSA PRIVATE KEY" => {
                let info = block.headers().get("DEK-Info").map(ToOwned::to_owned);
                let contents = Zeroizing::new(block.into_contents());
                match info {
                    Some(info) => {
                        rsa_to_pkcs8(&decrypt_legacy(&info, &contents, passphrase)?).map_err(|_| WRONG)
                    }
                    None => rsa_to_pkcs8(&contents),
                }
            }
            _ => continue,
        };
    }
    Err(unreadable("it holds no PRIVATE KEY"))
}

fn checked(der: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    PrivateKeyInfo::try_from(der.as_slice()).map_err(unreadable)?;
    Ok(der)
}

fn decrypt_pkcs8(der: &[u8], passphrase: Option<&SecretString>) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let encrypted = EncryptedPrivateKeyInfo::try_from(der).map_err(unreadable)?;
    let kdf = encrypted
        .encryption_algorithm
        .pbes2()
        .map(|parameters| &parameters.kdf);
    if kdf
        .and_then(pbes2::Kdf::pbkdf2)
        .is_some_and(|pbkdf2| pbkdf2.iteration_count > MOST_ROUNDS)
    {
        return Err(unreadable("it asks for too many rounds of key derivation"));
    }
    let decrypted =
        encrypted
            .decrypt(password(passphrase.ok_or(MISSING)?)?)
            .map_err(|error| match error {
                pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid }) => {
                    unreadable(format!("it is encrypted with {oid}, which is not supported"))
                }
                _ => WRONG,
            })?;
    Ok(Zeroizing::new(decrypted.as_bytes().to_vec()))
}

/// OpenSSL's encryption of PEM before PKCS#8: key from MD5 over passphrase and the first half of the IV.
fn decrypt_legacy(
    info: &str,
    contents: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let (cipher, iv) = info
        .split_once(',')
        .ok_or_else(|| unreadable("its DEK-Info is damaged"))?;
    let iv = hex_bytes(iv.trim()).ok_or_else(|| unreadable("its DEK-Info is damaged"))?;
    let salt = iv.get(..8).ok_or_else(|| unreadable("its DEK-Info is damaged"))?;
    let secret = password(passphrase.ok_or(MISSING)?)?;
    let derive = |length| legacy_key(&secret, salt, length);
    match cipher.trim() {
        "AES-128-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes128>>(&derive(16), &iv, contents),
        "AES-192-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes192>>(&derive(24), &iv, contents),
        "AES-256-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes256>>(&derive(32), &iv, contents),
        "DES-EDE3-CBC" => decrypt_cbc::<cbc::Decryptor<des::TdesEde3>>(&derive(24), &iv, contents),
        other => Err(unreadable(format!(
            "it is encrypted with {other}, which is not supported"
        ))),
    }
}

fn decrypt_cbc<C: KeyIvInit + BlockDecryptMut>(
    key: &[u8],
    iv: &[u8],
    contents: &[u8],
) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let cipher = C::new_from_slices(key, iv).map_err(|_| unreadable("its DEK-Info is damaged"))?;
    cipher
        .decrypt_padded_vec_mut::<Pkcs7>(contents)
        .map(Zeroizing::new)
        .map_err(|_| WRONG)
}

fn legacy_key(secret: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut block = Zeroizing::new(Vec::new());
    while key.len() < length {
        let digest = Md5::new()
            .chain_update(&*block)
            .chain_update(secret)
            .chain_update(salt)
            .finalize();
        block = Zeroizing::new(digest.to_vec());
        key.extend_from_slice(&block);
    }
    key.truncate(length);
    key
}

fn rsa_to_pkcs8(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let key = RsaPrivateKey::from_pkcs1_der(der).map_err(unreadable)?;
    Ok(Zeroizing::new(
        key.to_pkcs8_der().map_err(unwritable)?.as_bytes().to_vec(),
    ))
}

/// Magnum encodes passphrases in Latin-1.
fn password(passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let bytes: Result<Vec<u8>, _> = passphrase
        .expose_secret()
        .chars()
        .map(|c| u8::try_from(u32::from(c)))
        .collect();
    let reason = "it has characters that are not in Latin-1";
    bytes
        .map(Zeroizing::new)
        .map_err(|_| X509Error::Passphrase { reason })
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    digits
        .filter(|digits| digits.len() % 2 == 0)
        .map(|digits| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn unreadable(reason: impl ToString) -> X509Error {
    X509Error::UnreadableKey {
        reason: reason.to_string(),
    }
}

fn unwritable(reason: impl ToString) -> X509Error {
    X509Error::UnwritableKey {
        reason: reason.to_string(),
    }
}
