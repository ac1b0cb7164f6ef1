//! New certificates as the recordings sum them up.

use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use crate::rows::Snapshot;

/// Replaces new key pairs and a signed certificate by what is told of them.
pub fn summarise(ours: &mut Value, after: &Snapshot) {
    if let Some(created) = ours
        .pointer_mut("/db/x509keypair/created")
        .and_then(Value::as_array_mut)
    {
        for row in created {
            let pem = row["certificate"].as_str().unwrap().to_owned();
            row["certificate"] = json!({"x509": summary(&pem, after)});
            let key = row["private_key"].as_str().unwrap().to_owned();
            let phrase = row["private_key_passphrase"].as_str().unwrap().to_owned();
            row["private_key"] = json!({"pem_header": key.lines().next(),
                "decrypts_with_passphrase": x509::decrypt_private_key(&key.clone().into(), Some(&phrase.clone().into())).is_ok(),
                "trailing_newline": key.ends_with('\n')});
            assert_eq!(phrase.len(), 12, "a passphrase is as long as Python's");
            row["private_key_passphrase"] = "k3v5q7x2m4np".into();
        }
    }
    let data = "/reply/result/magnum_object.data";
    let signed = ours
        .pointer(data)
        .filter(|data| data["csr"].is_string() && data["pem"].is_string());
    if let Some(pem) = signed.and_then(|data| data["pem"].as_str()).map(str::to_owned) {
        ours["signed_certificate"] = summary(&pem, after);
        ours.pointer_mut(data).unwrap()["pem"] = "<PEM>".into();
    }
}

fn summary(pem: &str, after: &Snapshot) -> Value {
    let certificate = Certificate::from_pem(pem).unwrap();
    let body = &certificate.tbs_certificate;
    let day = |time: x509_cert::time::Time| time.to_unix_duration().as_secs() / 86400;
    let empty = Vec::new();
    let extensions: Vec<Value> = body
        .extensions
        .as_ref()
        .unwrap_or(&empty)
        .iter()
        .map(|extension| {
            let value = extension.extn_value.as_bytes();
            let oid = extension.extn_id.to_string();
            let hex = if oid == "2.5.29.14" {
                "<SKI>".to_owned()
            } else {
                value.iter().map(|byte| format!("{byte:02x}")).collect()
            };
            json!({"oid": oid, "critical": extension.critical, "der_hex": hex})
        })
        .collect();
    // Modulus and exponent with their lengths come to less than 16 bytes more than the modulus alone.
    let bits = body.subject_public_key_info.subject_public_key.raw_bytes().len() / 16 * 16;
    json!({
        "subject": body.subject.to_string(), "issuer": body.issuer.to_string(),
        "signature_hash": if certificate.signature_algorithm.oid.to_string() == "1.2.840.113549.1.1.11" { "sha256" } else { "another" },
        "key_bits": bits * 8,
        "signed_by_keypair": signer(&certificate, after),
        "validity_days": day(body.validity.not_after) - day(body.validity.not_before),
        "extensions": extensions,
        "trailing_newline": pem.ends_with('\n'),
    })
}

/// The key pair whose key signed a certificate.
fn signer(certificate: &Certificate, after: &Snapshot) -> String {
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    use rsa::signature::Verifier;
    let body = certificate.tbs_certificate.to_der().unwrap();
    let signature = Signature::try_from(certificate.signature.raw_bytes()).unwrap();
    for row in &after["x509keypair"] {
        let Some(ca) = row["certificate"]
            .as_str()
            .and_then(|pem| Certificate::from_pem(pem).ok())
        else {
            continue;
        };
        let spki = ca.tbs_certificate.subject_public_key_info.to_der().unwrap();
        let Ok(key) = <rsa::RsaPublicKey as rsa::pkcs8::DecodePublicKey>::from_public_key_der(&spki) else {
            continue;
        };
        if VerifyingKey::<rsa::sha2::Sha256>::new(key)
            .verify(&body, &signature)
            .is_ok()
        {
            return row["uuid"].as_str().unwrap().to_owned();
        }
    }
    "unknown".to_owned()
}

/// Keeps of a recorded summary what ours has.
pub fn reduce(summary: &mut Value) {
    let Some(map) = summary.as_object_mut() else {
        return;
    };
    for key in ["not_before_is_yesterday", "serial_bits_max128", "version"] {
        map.shift_remove(key);
    }
    for extension in map["extensions"].as_array_mut().into_iter().flatten() {
        let extension = extension.as_object_mut().unwrap();
        for key in ["name", "value", "is_sha1_of_public_key"] {
            extension.shift_remove(key);
        }
    }
}
