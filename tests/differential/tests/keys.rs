//! Keys and certificates: random, so that the engines cannot be compared text by text. Each goes on with what the other
//! made, and refuses what the other refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use differential::engines::{Answer, Helm, Question, ours, write_chart};
use differential::report;
use differential::snippets::{Setting, Snippet, compare};
use helm::yaml;
use serde_json::json;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

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

/// Keys on the curves that sprig reads and never makes, each as SEC 1 and as PKCS#8; made for this test.
const OTHER_CURVES: [(&str, &str); 4] = [
    (
        "P-224",
        "-----BEGIN EC PRIVATE KEY-----
MGgCAQEEHImtoUBam0eBRMf84PS6dj+tA+r7uTnf5ZyPoBqgBwYFK4EEACGhPAM6
AASIz6Keq/nnA1DMlaJj33e8qjFGGDIm/SPMDRWdwqciTEwouK/XSCmrHifvcsBL
Y4GEdTl+kuGYmg==
-----END EC PRIVATE KEY-----
",
    ),
    (
        "P-224, PKCS#8",
        "-----BEGIN PRIVATE KEY-----
MHgCAQAwEAYHKoZIzj0CAQYFK4EEACEEYTBfAgEBBBweBc8Tw60U17psun1qmWLT
QSbfm37rwFb+EGWHoTwDOgAEe7Qb5SIuQtuzGQxK6DGMQbntYCxDM3F2ebuDDnb2
osXeG8PCdS+DdouKO5N1PKx3kepmm2DAJVo=
-----END PRIVATE KEY-----
",
    ),
    (
        "P-521",
        "-----BEGIN EC PRIVATE KEY-----
MIHcAgEBBEIARY2ajM4fkk3OoqGNCiCd3Ci1YWqjMk9eIWsFKUB7SpJP9u3boex4
CaqR6+XF9qk/q91dA52COmqYjdpgGRUHtZKgBwYFK4EEACOhgYkDgYYABAGU28Au
9E/z/u0WCGWwXjeWV9sgLybeLDGoHcr26lwrh9tNBWbobAM1PsCi/uPrvXqKjfrG
snqNViZWY7WtQ0cDTQFiYr/C6lzz6C9K1YTMykS4JZMYp6iRkw4xp6dNTv0bYDAP
50zN0t24cnWbMmUGfQ3yHkYjUQFKeXdrSWNqLrRgpQ==
-----END EC PRIVATE KEY-----
",
    ),
    (
        "P-521, PKCS#8",
        "-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAriswUhx4A23z3d9t
CucZhBUyCSi+9afgbs/8wRG7Xq68tgkf73IqG1HFpdyuZ+ooEw8LqXMOZF2ySbbp
WcfzN1uhgYkDgYYABABPNrn5PJJa79jipqK4L7l3PeyeqBTFut7ev+OwdtHT/U77
VdVmpEe9qmUKF+9nfLO+gF5rkqw+k2RPBMRlRNCXaQFHZ4uYwRZ78g7Dat7LBWSK
qrkas54AA+F+mjIcc/V/to04f54yImQfazPyfqQ1dlI2UV/B1XQNfTcVrZKRcIk6
6Q==
-----END PRIVATE KEY-----
",
    ),
];

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
fn keys_on_other_curves_sign_what_the_other_takes() {
    let Some(helm) = Helm::from_env("keys on other curves") else {
        return;
    };
    let theirs = |question: &Question| helm.answer(question).unwrap();
    // An authority, what it signs for itself, and the key as it is printed.
    let make = r#"{{- $ca := genCAWithKey "the authority" 30 .Values.key }}
{{- $leaf := genSignedCertWithKey "leaf" nil (list "a.example") 20 $ca .Values.key }}
{{- toJson (dict "key" $ca.Key "ca" $ca.Cert "leaf" $leaf.Cert) }}"#;
    for (kind, key) in OTHER_CURVES {
        let wanted = json!({"key": key});
        let (by_us, by_helm) = (asked(make, &wanted, ours), asked(make, &wanted, theirs));
        assert_eq!(by_us["key"], by_helm["key"], "{kind}: the key as it is printed");
        for made in [&by_us, &by_helm] {
            let expected = json!({"same": true, "begins": "-----BEGIN CERTIFICATE-----"});
            assert_eq!(asked(GO_ON, made, ours), expected, "{kind}, taken up by us");
            assert_eq!(asked(GO_ON, made, theirs), expected, "{kind}, taken up by helm");
        }
        for name in ["ca", "leaf"] {
            assert_eq!(seen(&by_us[name]), seen(&by_helm[name]), "{kind}: {name}");
        }
    }
}

/// In seconds; a certificate's two times can be taken on either side of a second.
const DAY: i64 = 86_400;

/// A certificate without what is random or the time.
fn seen(pem: &serde_json::Value) -> serde_json::Value {
    let cert = Certificate::from_pem(pem.as_str().unwrap()).unwrap();
    let tbs = cert.tbs_certificate;
    let time = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap();
    let der = |part: &dyn Fn() -> Vec<u8>| {
        part()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    json!({
        "version": format!("{:?}", tbs.version),
        "algorithms": format!("{:?} {:?}", cert.signature_algorithm, tbs.signature),
        "names": der(&|| [tbs.issuer.to_der().unwrap(), tbs.subject.to_der().unwrap()].concat()),
        "days": (time(tbs.validity.not_after) - time(tbs.validity.not_before) + DAY / 2).div_euclid(DAY),
        "time's form": format!("{:?}", std::mem::discriminant(&tbs.validity.not_after)),
        "key": der(&|| tbs.subject_public_key_info.to_der().unwrap()),
        "extensions": der(&|| tbs.extensions.to_der().unwrap()),
    })
}

/// A key, a certificate for it that names its key in its own way, and one that does not name it; by OpenSSL for this test.
const FOREIGN_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMVV4jwcmbcsWHYFZEU/Sc4DDKl2udH6Jgm7n0TLaE/7oAoGCCqGSM49
AwEHoUQDQgAEI/EtVeFU4aRP93+7SJ2k5KT2OHfnn+R3kqSBhOn7YMABL2DOY1bn
OYvmAAe5RZwSHHIzhbdeaWdKrz3bytmdrA==
-----END EC PRIVATE KEY-----
";
const FOREIGN_AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBmDCCAT+gAwIBAgIUFc9CcUR2lPa+5JOIImTUh1cjpi4wCgYIKoZIzj0EAwIw
KTEPMA0GA1UECgwGYSBmaXJtMRYwFAYDVQQDDA1pdHMgYXV0aG9yaXR5MCAXDTI2
MTEzMDAyMjkzMFoYDzIxMjYxMTA2MDIyOTMwWjApMQ8wDQYDVQQKDAZhIGZpcm0x
FjAUBgNVBAMMDWl0cyBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQj8S1V4VThpE/3f7tInaTkpPY4d+ef5HeSpIGE6ftgwAEvYM5jVuc5i+YAB7lF
nBIccjOFt15pZ0qvPdvK2Z2so0MwQTAfBgNVHSMEGDAWgBR/psq0y/eKPWXo7tSt
mBirMC2eIDAPBgNVHRMBAf8EBTADAQH/MA0GA1UdDgQGBAQBAgMEMAoGCCqGSM49
BAMCA0cAMEQCICNldR4bJb8z/9A6+FoX1qtNO3q4CfkePBFSpav4/FvkAiBsM7b3
+Hst6lca2ZzeoleepuWrpqRYtYGQUjS8kJwiuA==
-----END CERTIFICATE-----
";
const NAMELESS_AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBRTCB7KADAgECAhNSwKHzk+r/qgxGiM0MwoI1eqqhMAoGCCqGSM49BAMCMBgx
FjAUBgNVBAMMDW5vIGlkZW50aWZpZXIwIBcNMjYxMTMwMDIyOTMwWhgPMjEyNjEx
MDYwMjI5MzBaMBgxFjAUBgNVBAMMDW5vIGlkZW50aWZpZXIwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQj8S1V4VThpE/3f7tInaTkpPY4d+ef5HeSpIGE6ftgwAEv
YM5jVuc5i+YAB7lFnBIccjOFt15pZ0qvPdvK2Z2soxMwETAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCICf5/p6RnpebWb9kHp1eu8ve1FgAvNS/Beng
FM89hw6/AiEAjA/6sv5RrAjB+WDQTXwWtA2bqnqWrnEc2vldYrrl8+s=
-----END CERTIFICATE-----
";

/// The body of a certificate is the same to the byte, but for its number, its dates and what signs it.
#[test]
fn certificates_say_the_same() {
    let Some(helm) = Helm::from_env("what certificates say") else {
        return;
    };
    let values = json!({
        "key": FOREIGN_KEY, "authority": FOREIGN_AUTHORITY, "nameless": NAMELESS_AUTHORITY,
    });
    let calls = [
        r#"genCAWithKey "an authority" 3650 .Values.key"#,
        r#"genCAWithKey "" 1 .Values.key"#,
        r#"genCAWithKey "Ü, *.x & y" 15000 .Values.key"#,
        r#"genCAWithKey "*.x" 200000 .Values.key"#,
        r#"genSelfSignedCertWithKey "a&b" (list "127.0.0.1" "::1" "::ffff:1.2.3.4") (list "a.example" "*.b" "") -3 .Values.key"#,
        r#"genSelfSignedCertWithKey "" nil (list "a.example") 0 .Values.key"#,
        r#"genSignedCertWithKey "leaf" nil nil 365 (buildCustomCert (b64enc .Values.authority) (b64enc .Values.key)) .Values.key"#,
        r#"genSignedCertWithKey "no identifier" nil nil 365 (buildCustomCert (b64enc .Values.nameless) (b64enc .Values.key)) .Values.key"#,
        r#"genSignedCertWithKey "leaf" nil (list "x") 365 (buildCustomCert (b64enc .Values.nameless) (b64enc .Values.key)) .Values.key"#,
        r#"genSignedCertWithKey "x" nil nil 365 (genCAWithKey "x" 3 .Values.key) .Values.key"#,
        r#"genCA "rsa" 30"#,
        r#"genSelfSignedCert "rsa" (list "10.0.0.1") (list "b") 30"#,
        r#"genSignedCert "rsa" (list "10.0.0.1") (list "b") 30 (genCA "rsa authority" 30)"#,
    ];
    for call in calls {
        let template = format!(r#"{{{{- toJson (dict "made" ({call}).Cert) }}}}"#);
        let ours = asked(&template, &values, ours);
        let theirs = asked(&template, &values, |question| helm.answer(question).unwrap());
        let (mut ours, mut theirs) = (seen(&ours["made"]), seen(&theirs["made"]));
        if call.contains(r#"genCA ""#) || call.contains(r#"Cert ""#) {
            // The keys are new ones, and by them the names of keys.
            for seen in [&mut ours, &mut theirs] {
                for new in ["key", "extensions"] {
                    seen[new] = json!(seen[new].as_str().unwrap().len());
                }
            }
        }
        assert_eq!(ours, theirs, "{call}");
    }
}

#[test]
fn what_is_no_key_is_refused_in_the_same_words() {
    let Some(helm) = Helm::from_env("what is no key") else {
        return;
    };
    let values = json!({
        "dsa": DSA, "certificate": DSA.replace("DSA PRIVATE KEY", "CERTIFICATE"),
        "ecdsa": FOREIGN_KEY, "other": DSA.replace("DSA", "SSH"), "text": "not one",
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
        r#"{{ genSelfSignedCertWithKey "x" nil (list "ü.example") 1 .Values.ecdsa }}"#,
        r#"{{ genSelfSignedCertWithKey "x" (list "1.2.3") nil 1 .Values.ecdsa }}"#,
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
