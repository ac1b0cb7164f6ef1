//! What a recording expects of us, and how it is compared.

use oracle::Placeholders;
use regex::Regex;
use serde_json::{Value, json};

use crate::certificates;
use crate::rows::Snapshot;

/// Bits of keys where they do not matter: making keys is most of the work.
pub const SMALL_KEY: u64 = 1024;

/// Bits of the keys that a case makes: Magnum's own number where the driver is the real one.
pub fn key_size(case: &Value) -> u64 {
    if case["driver"]["kind"] == "real" {
        2048
    } else {
        SMALL_KEY
    }
}

/// The recording's `expect`, as far as it is a contract.
pub fn expected(case: &Value) -> Value {
    let mut expected = case["expect"].clone();
    if let Some(failure) = expected["reply"]["failure"].as_object_mut() {
        failure.shift_remove("expected_exception");
    }
    if expected["notifications"].is_null() {
        expected["notifications"] = json!([]);
    }
    for call in expected["helm"].as_array_mut().into_iter().flatten() {
        let call = call.as_object_mut().unwrap();
        call.shift_remove("argv");
        call.shift_remove("exec_kwargs");
    }
    for call in expected["k8s"].as_array_mut().into_iter().flatten() {
        call.as_object_mut().unwrap().shift_remove("content_type");
        readable(call);
    }
    for row in expected
        .pointer_mut("/db/x509keypair/created")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        certificates::reduce(&mut row["certificate"]["x509"]);
        row["certificate"]["x509"]["key_bits"] = key_size(case).into();
    }
    certificates::reduce(&mut expected["signed_certificate"]);
    expected["reply"]["result"] = oracle::sorted(expected["reply"]["result"].take());
    expected["trying"] = Value::Null;
    expected
}

/// All differences between what came of a case and what is expected.
pub fn compare(case: &Value, ours: &Value, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut names = Placeholders::default();
    let real = case["driver"]["kind"] == "real";
    let mut parts = vec![
        "reply",
        "db",
        "notifications",
        "extra_rows_after",
        "signed_certificate",
        "trying",
    ];
    if real {
        parts.extend(["helm", "k8s", "openstack_mutations"]);
    }
    for part in parts {
        names.differences(part, &ours[part], &expected[part], &mut found);
    }
    found
}

/// With what is new each time as the recordings have it.
pub fn normalise(case: &Value, ours: Value, base: &str, after: &Snapshot) -> Value {
    let mut text = ours
        .to_string()
        .replace(&format!("{base}/keystone"), "http://keystone.test");
    let known = case["rows"]["cluster"].to_string();
    for row in &after["cluster"] {
        if let Some(id) = row["stack_id"]
            .as_str()
            .and_then(|name| name.len().checked_sub(12).map(|at| &name[at..]))
            && !known.contains(id)
        {
            text = text.replace(id, "k3v5q7x2m4np");
        }
    }
    let credential =
        Regex::new("(magnum-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-f]{8}\\b").unwrap();
    let text = credential.replace_all(&text, "$1-0a1b2c3d");
    let mut ours: Value = serde_json::from_str(&text).unwrap();
    for call in ours["k8s"].as_array_mut().into_iter().flatten() {
        readable(call);
        let fold = case["message"]["method"] == "cluster_create";
        for key in ["tls.crt", "tls.key"].into_iter().filter(|_| fold) {
            if let Some(pem) = call.pointer_mut(&format!("/body/stringData/{key}"))
                && let Some(first) = pem.as_str().and_then(|pem| pem.lines().next())
            {
                *pem = format!("<PEM:{}>", first.trim_matches('-')).into();
            }
        }
        if let Some(bundle) = call.pointer_mut("/body/stringData/cacert") {
            *bundle = "<CERTIFI_CA_BUNDLE>".into();
        }
    }
    ours
}

/// Of a `clouds.yaml` only the meaning counts.
fn readable(call: &mut Value) {
    if let Some(clouds) = call.pointer_mut("/body/stringData/clouds.yaml")
        && let Some(yaml) = clouds.as_str()
    {
        *clouds = serde_yaml::from_str(yaml).unwrap();
    }
}
