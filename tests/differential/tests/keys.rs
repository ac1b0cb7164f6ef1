//! Keys and certificates: random, so that the engines cannot be compared text by text. Each goes on with what the other
//! made, and refuses what the other refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use differential::engines::{Answer, Helm, Question, ours, write_chart};
use differential::report;
use differential::snippets::{Setting, Snippet, compare};
use helm::yaml;
use serde_json::json;

const CHART: &str = "apiVersion: v2\nname: keys\nversion: 1.0.0\n";

/// A key, an authority with it, and a certificate of that authority for the same key.
const MAKE: &str = r#"{{- $key := genPrivateKey .Values.kind }}
{{- $ca := genCAWithKey "the authority" 30 $key }}
{{- $leaf := genSignedCertWithKey "leaf" (list "127.0.0.1" "::1") (list "a.example" "*.b.example") 20 $ca $key }}
{{- toJson (dict "key" $key "ca" $ca.Cert "leaf" $leaf.Cert "same" (and (eq $ca.Key $key) (eq $leaf.Key $key))) }}"#;

/// Goes on with what somebody else made.
const GO_ON: &str = r#"{{- $ca := buildCustomCert (b64enc .Values.ca) (b64enc .Values.key) }}
{{- $leaf := buildCustomCert (b64enc .Values.leaf) (b64enc .Values.key) }}
{{- $next := genSignedCertWithKey "next" nil nil 10 $ca .Values.key }}
{{- $own := genSelfSignedCertWithKey "own" nil (list "c.example") 10 .Values.key }}
{{- toJson (dict "same" (and (eq $next.Key .Values.key) (eq $own.Key .Values.key) (eq $leaf.Key .Values.key))
  "begins" (substr 0 27 $next.Cert)) }}"#;

/// The six numbers of a toy; nobody checks them.
const DSA: &str =
    "-----BEGIN DSA PRIVATE KEY-----\nMBICAQACARcCAQsCAQQCAQgCAQM=\n-----END DSA PRIVATE KEY-----\n";

fn asked(
    template: &str,
    values: &serde_json::Value,
    engine: impl Fn(&Question) -> Answer,
) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("Chart.yaml".to_owned(), CHART.into()),
        ("templates/a.yaml".to_owned(), template.into()),
    ];
    write_chart(folder.path(), &files).unwrap();
    let question = Question {
        chart: folder.path().to_path_buf(),
        values: values.to_string(),
        ..Question::default()
    };
    let text = engine(&question).unwrap_or_else(|error| panic!("{template}\n{error}"));
    let shown = text.lines().find(|line| line.starts_with('{')).unwrap();
    serde_json::from_str(&yaml::from_yaml(shown).unwrap().to_string()).unwrap()
}

#[test]
fn each_goes_on_with_keys_and_certificates_of_the_other() {
    let Some(helm) = Helm::from_env("keys and certificates") else {
        return;
    };
    let theirs = |question: &Question| helm.answer(question).unwrap();
    for kind in ["ecdsa", "ed25519"] {
        let wanted = json!({"kind": kind});
        for (by, made) in [
            ("us", asked(MAKE, &wanted, ours)),
            ("helm", asked(MAKE, &wanted, theirs)),
        ] {
            assert_eq!(made["same"], true, "{kind} by {by}");
            for (went_on, answer) in [
                ("us", asked(GO_ON, &made, ours)),
                ("helm", asked(GO_ON, &made, theirs)),
            ] {
                let expected = json!({"same": true, "begins": "-----BEGIN CERTIFICATE-----"});
                assert_eq!(answer, expected, "{kind} of {by}, taken up by {went_on}");
            }
        }
    }
    // helm reads what we take most of the time for.
    let made = asked(
        r#"{{- toJson (dict "key" (genPrivateKey "dsa")) }}"#,
        &json!({}),
        ours,
    );
    let template = r#"{{- $_ := buildCustomCert (b64enc (genSelfSignedCert "x" nil nil 1).Cert) (b64enc .Values.key) }}{"ok": true}"#;
    assert_eq!(asked(template, &made, theirs)["ok"], true);
}

#[test]
fn what_is_no_key_is_refused_in_the_same_words() {
    let Some(helm) = Helm::from_env("what is no key") else {
        return;
    };
    let values = json!({
        "dsa": DSA, "certificate": DSA.replace("DSA PRIVATE KEY", "CERTIFICATE"),
        "other": DSA.replace("DSA", "SSH"), "text": "not one",
        "headed": DSA.replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\n\nM"),
    });
    let templates = [
        r#"{{ genPrivateKey "rot13" }}"#,
        r#"{{ genCAWithKey "x" 1 .Values.text }}"#,
        r#"{{ genCAWithKey "x" 1 .Values.certificate }}"#,
        r#"{{ genCAWithKey "x" 1 .Values.other }}"#,
        r#"{{ genCAWithKey "x" 1 .Values.dsa }}"#,
        r#"{{ genCAWithKey "x" 1 .Values.headed }}"#,
        r#"{{ genSelfSignedCertWithKey "x" nil nil 1 .Values.text }}"#,
        r#"{{ genSignedCert "x" nil nil 1 (dict) }}"#,
        r#"{{ buildCustomCert "!" "!" }}"#,
        r#"{{ buildCustomCert (b64enc "x") "!" }}"#,
        r#"{{ buildCustomCert (b64enc "x") (b64enc "y") }}"#,
        r#"{{ (buildCustomCert (b64enc (genCAWithKey "x" 1 (genPrivateKey "ecdsa")).Cert) (b64enc .Values.text)).Key }}"#,
        r#"{{ (buildCustomCert (b64enc (genCAWithKey "x" 1 (genPrivateKey "ecdsa")).Cert) (b64enc .Values.dsa)).Key }}"#,
    ];
    let snippets: Vec<Snippet> = templates
        .iter()
        .map(|template| Snippet {
            name: (*template).to_owned(),
            template: (*template).to_owned(),
            values: values.to_string(),
        })
        .collect();
    let setting = Setting {
        chart: CHART.to_owned(),
        ..Setting::default()
    };
    let differences = compare(&helm, &setting, &snippets).unwrap();
    if !differences.is_empty() {
        panic!("{}", report::describe("keys", &differences).unwrap());
    }
}
