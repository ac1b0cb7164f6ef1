//! sprig's passwords and symmetric encryption.

use super::encode::base64_decoded;
use super::{Row, int_of, text_of};
use crate::template::exec::Fault;
use crate::value::Value;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockDecryptMut as _, BlockEncryptMut as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("derivePassword", "issss", |_, a| derive(a)),
    ("bcrypt", "s", |_, a| Ok(Value::str(hash(&text_of(&a[0]))))),
    ("htpasswd", "ss", |_, a| {
        let user = text_of(&a[0]);
        if user.contains(':') {
            return Ok(Value::str(format!("invalid username: {user}")));
        }
        Ok(Value::str(format!("{user}:{}", hash(&text_of(&a[1])))))
    }),
    ("encryptAES", "ss", |_, a| Ok(encrypt(a))),
    ("decryptAES", "ss", |_, a| decrypt(a)),
];

fn hash(password: &str) -> String {
    if password.len() > 72 {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned();
    }
    match bcrypt::hash_with_result(password, 10) {
        // Go writes version 2a.
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

/// The Master Password algorithm's templates for each kind of password.
fn templates(kind: &str) -> &'static [&'static str] {
    match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => &[],
    }
}

fn class(letter: char) -> &'static [u8] {
    match letter {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn salted(name: &str) -> Vec<u8> {
    let mut salt = b"com.lyndir.masterpassword".to_vec();
    salt.extend_from_slice(&(name.len() as u32).to_be_bytes());
    salt.extend_from_slice(name.as_bytes());
    salt
}

fn derive(args: &[Value]) -> Result {
    let [counter, kind, password, user, site] = args else {
        return Ok(Value::Nil);
    };
    let choices = templates(&text_of(kind));
    if choices.is_empty() {
        return Ok(Value::str(format!(
            "cannot find password template {}",
            text_of(kind)
        )));
    }
    let failed = |error: &dyn std::fmt::Display| Fault::of(format!("failed to derive password: {error}"));
    let params = scrypt::Params::new(15, 8, 2, 64).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(
        text_of(password).as_bytes(),
        &salted(&text_of(user)),
        &params,
        &mut key,
    )
    .map_err(|error| failed(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(&error))?;
    mac.update(&salted(&text_of(site)));
    mac.update(&u32::try_from(int_of(counter)).unwrap_or(0).to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let template = choices[usize::from(seed[0]) % choices.len()];
    let chars = template.chars().zip(&seed[1..]).map(|(letter, byte)| {
        let class = class(letter);
        class[usize::from(*byte) % class.len()] as char
    });
    Ok(Value::str(chars.collect::<String>()))
}

/// The password cut or filled to 32 bytes, as sprig takes it for a key.
fn aes_key(password: &Value) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password.string_bytes().unwrap_or_default()) {
        *to = *from;
    }
    key
}

fn encrypt(args: &[Value]) -> Value {
    let text = args[1].string_bytes().unwrap_or_default();
    if text.is_empty() {
        return Value::str("");
    }
    let iv: [u8; 16] = rand::random();
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&aes_key(&args[0]).into(), &iv.into());
    let mut out = iv.to_vec();
    out.extend(cipher.encrypt_padded_vec_mut::<Pkcs7>(text));
    Value::str(STANDARD.encode(out))
}

/// One block of AES comes before what is encrypted.
const IV_BYTES: usize = 16;

fn decrypt(args: &[Value]) -> Result {
    let text = args[1].string_bytes().unwrap_or_default();
    if text.is_empty() {
        return Ok(Value::str(""));
    }
    let data = base64_decoded(text).map_err(Fault::of)?;
    // What Go has made room for, line ends in the text included, may be sliced beyond the data.
    let capacity = text.len() / 4 * 3;
    let (iv, body) = match data.split_at_checked(IV_BYTES) {
        Some((_, [])) => return Fault::plain("runtime error: index out of range [-1]"),
        Some(parts) => parts,
        None if capacity < IV_BYTES => {
            return Fault::plain(format!(
                "runtime error: slice bounds out of range [:{IV_BYTES}] with capacity {capacity}"
            ));
        }
        None => {
            let length = data.len();
            return Fault::plain(format!(
                "runtime error: slice bounds out of range [{IV_BYTES}:{length}]"
            ));
        }
    };
    let iv: [u8; IV_BYTES] = iv.try_into().map_err(|_| Fault::of("crypto/cipher: bad iv"))?;
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&aes_key(&args[0]).into(), &iv.into());
    let Ok(mut plain) = cipher.decrypt_padded_vec_mut::<NoPadding>(body) else {
        return Fault::plain("crypto/cipher: input not full blocks");
    };
    let padding = plain.last().copied().map_or(0, usize::from);
    match plain.len().checked_sub(padding) {
        Some(length) => {
            plain.truncate(length);
            Ok(Value::string_from(plain))
        }
        None => {
            let end = plain.len() as i64 - padding as i64;
            Fault::plain(format!("runtime error: slice bounds out of range [:{end}]"))
        }
    }
}
