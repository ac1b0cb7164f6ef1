//! Private keys that Python, OpenSSL and we encrypt can be read here, and ours there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use x509::{X509Error, decrypt_private_key, encrypt_private_key, generate_passphrase};

fn recorded() -> (SecretString, SecretString) {
    let rows: Value = serde_json::from_str(include_str!("recorded/keypairs.json")).unwrap();
    let text = |key: &str| rows[0][key].as_str().unwrap().into();
    (text("private_key"), text("private_key_passphrase"))
}

/// `openssl` of the machine; these tests compare with the real thing.
fn openssl(args: &[&str], input: &str) -> String {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl must be installed for this test");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_python_encrypted_is_decrypted_as_python_writes_it() {
    let (key, passphrase) = recorded();
    let ours = decrypt_private_key(&key, Some(&passphrase)).unwrap();
    let theirs = openssl(
        &["pkey", "-passin", &format!("pass:{}", passphrase.expose_secret())],
        key.expose_secret(),
    );
    assert_eq!(ours.expose_secret(), theirs);
}

#[test]
fn what_we_encrypt_openssl_decrypts() {
    let (key, passphrase) = recorded();
    let plain = decrypt_private_key(&key, Some(&passphrase)).unwrap();
    let passphrase = generate_passphrase();
    let ours = encrypt_private_key(&plain, &passphrase).unwrap();
    assert!(
        ours.expose_secret()
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    );
    let theirs = openssl(
        &["pkey", "-passin", &format!("pass:{}", passphrase.expose_secret())],
        ours.expose_secret(),
    );
    assert_eq!(theirs, plain.expose_secret());
}

#[test]
fn older_forms_are_read() {
    let (key, passphrase) = recorded();
    let plain = decrypt_private_key(&key, Some(&passphrase)).unwrap();
    let old = openssl(&["rsa", "-traditional"], plain.expose_secret());
    assert!(old.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert_eq!(
        decrypt_private_key(&old.into(), None).unwrap().expose_secret(),
        plain.expose_secret()
    );
    for cipher in ["-aes128", "-aes192", "-aes256", "-des3"] {
        let old = openssl(
            &["rsa", "-traditional", cipher, "-passout", "pass:sesame"],
            plain.expose_secret(),
        );
        assert!(old.contains("DEK-Info"), "{old}");
        let old = SecretString::from(old);
        let ours = decrypt_private_key(&old, Some(&"sesame".into())).unwrap();
        assert_eq!(ours.expose_secret(), plain.expose_secret(), "{cipher}");
        assert!(
            matches!(decrypt_private_key(&old, None), Err(X509Error::Passphrase { .. })),
            "{cipher}"
        );
        assert!(
            matches!(
                decrypt_private_key(&old, Some(&"Sesame".into())),
                Err(X509Error::Passphrase { .. })
            ),
            "{cipher}"
        );
    }
    for cipher in ["aes-128-cbc", "des3"] {
        let new = openssl(
            &["pkcs8", "-topk8", "-v2", cipher, "-passout", "pass:sesame"],
            plain.expose_secret(),
        );
        let ours = decrypt_private_key(&new.into(), Some(&"sesame".into())).unwrap();
        assert_eq!(ours.expose_secret(), plain.expose_secret(), "{cipher}");
    }
}

#[test]
fn what_cannot_be_decrypted_is_named_and_not_shown() {
    let (key, passphrase) = recorded();
    assert!(matches!(
        decrypt_private_key(&key, None),
        Err(X509Error::Passphrase { .. })
    ));
    let error = decrypt_private_key(&key, Some(&"wrong".into())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot decrypt the private key: the passphrase is wrong or the key is damaged"
    );
    for damaged in [
        "",
        "nothing",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let error = decrypt_private_key(&damaged.into(), Some(&passphrase)).unwrap_err();
        assert!(
            matches!(error, X509Error::UnreadableKey { .. }),
            "{damaged}: {error}"
        );
        assert!(!error.to_string().contains("AAAA"));
    }
}

#[test]
fn passphrases_are_twelve_characters_of_base32_and_differ() {
    let one = generate_passphrase();
    assert_eq!(one.expose_secret().len(), 12);
    assert!(
        one.expose_secret()
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '2'..='7'))
    );
    assert_ne!(one.expose_secret(), generate_passphrase().expose_secret());
}
