//! Charts with dependencies, shared values, limits, and functions whose
//! results cannot be recorded.
#![allow(clippy::unwrap_used, clippy::panic)]

use helm_template::{
    Capabilities, KubeVersion, Limits, Lookup, LookupError, NoLookup, ReleaseInfo, RenderChart, RenderError,
    render, yaml,
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

fn chart(name: &str, path: &str, templates: &[(&str, &str)]) -> RenderChart {
    RenderChart {
        name: name.into(),
        path: path.into(),
        metadata: json!({"name": name, "version": "1.0.0"}),
        templates: templates
            .iter()
            .map(|(name, text)| ((*name).into(), text.as_bytes().into()))
            .collect(),
        ..RenderChart::default()
    }
}

fn with(
    chart: &RenderChart,
    values: &Json,
    lookup: &dyn Lookup,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, RenderError> {
    let release = ReleaseInfo {
        name: "rel".into(),
        namespace: "ns".into(),
        is_install: true,
        is_upgrade: false,
        revision: 1,
        service: "Helm".into(),
    };
    let capabilities = Capabilities {
        kube_version: KubeVersion::parse("1.30.4").unwrap(),
        api_versions: vec!["v1".into(), "batch/v1/Job".into()],
        helm_version: "v3.17.3".into(),
    };
    render(chart, values, &release, &capabilities, lookup, limits)
}

fn one(template: &str, values: &Json) -> Result<String, String> {
    let chart = chart("c", "c", &[("templates/a.yaml", template)]);
    let files = with(&chart, values, &NoLookup, &Limits::default()).map_err(|error| error.to_string())?;
    Ok(files["c/templates/a.yaml"].clone())
}

#[test]
fn a_sub_chart_sees_what_its_parent_sets() {
    let mut parent = chart(
        "p",
        "p",
        &[(
            "templates/z.yaml",
            "{{ .Values.sub.x }}{{ set .Values.sub \"y\" 5 | len }}",
        )],
    );
    let sub = chart(
        "sub",
        "p/charts/sub",
        &[("templates/a.yaml", "{{ set .Values \"x\" \"new\" | len }}")],
    );
    parent.dependencies.push(sub);
    let files = with(
        &parent,
        &json!({"sub": {"x": "old"}}),
        &NoLookup,
        &Limits::default(),
    )
    .unwrap();
    // Deeper paths are rendered first.
    assert_eq!(files["p/charts/sub/templates/a.yaml"], "1");
    assert_eq!(files["p/templates/z.yaml"], "new2");
}

#[test]
fn a_parents_definition_wins_and_libraries_render_nothing() {
    let define = "{{ define \"who\" }}%{{ end }}";
    let mut parent = chart(
        "p",
        "p",
        &[
            ("templates/_h.tpl", &define.replace('%', "parent")),
            (
                "templates/a.yaml",
                "{{ include \"who\" . }} {{ include \"lib\" . }}",
            ),
        ],
    );
    let sub = chart(
        "sub",
        "p/charts/sub",
        &[
            ("templates/_h.tpl", &define.replace('%', "sub")),
            ("templates/a.yaml", "{{ template \"who\" . }}"),
        ],
    );
    let mut library = chart(
        "lib",
        "p/charts/lib",
        &[
            ("templates/_l.tpl", "{{ define \"lib\" }}L{{ end }}"),
            ("templates/x.yaml", "no"),
        ],
    );
    library.is_library = true;
    parent.dependencies = vec![sub, library];
    let files = with(&parent, &json!({"sub": {}}), &NoLookup, &Limits::default()).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(files["p/charts/sub/templates/a.yaml"], "parent");
    assert_eq!(files["p/templates/a.yaml"], "parent L");
}

#[test]
fn what_tpl_defines_stays_in_tpl() {
    let template = "{{ tpl \"{{ define \\\"in\\\" }}I{{ end }}{{ include \\\"in\\\" . }}\" . }}";
    assert_eq!(one(template, &json!({})).unwrap(), "I");
    let outside = format!("{template}{{{{ include \"in\" . }}}}");
    assert!(
        one(&outside, &json!({}))
            .unwrap_err()
            .contains("no template \"in\" associated with template \"gotpl\"")
    );
}

#[test]
fn merges_change_their_target() {
    let values = json!({"a": {"x": 0, "keep": 1, "l": [], "m": {"p": 1}}, "b": {"x": 7, "keep": 2, "l": [1], "m": {"q": 2}}});
    let merged = one(
        "{{ $_ := merge .Values.a .Values.b }}{{ toJson .Values.a }}",
        &values,
    )
    .unwrap();
    assert_eq!(merged, r#"{"keep":1,"l":[1],"m":{"p":1,"q":2},"x":7}"#);
    let overwritten = one(
        "{{ $_ := mergeOverwrite .Values.a .Values.b }}{{ toJson .Values.a }}",
        &values,
    )
    .unwrap();
    assert_eq!(overwritten, r#"{"keep":2,"l":[1],"m":{"p":1,"q":2},"x":7}"#);
    let copied = one(
        "{{ $_ := set (deepCopy .Values.a).m \"p\" 9 }}{{ .Values.a.m.p }}",
        &values,
    )
    .unwrap();
    assert_eq!(copied, "1");
}

#[test]
fn files_and_capabilities() {
    let mut chart = chart(
        "c",
        "c",
        &[(
            "templates/a.yaml",
            "{{ .Files.Get \"f/a.bin\" | b64enc }} {{ range $p, $_ := .Files.Glob \"f/*\" }}{{ $p }},{{ end }} \
             {{ .Capabilities.APIVersions.Has \"batch/v1/Job\" }} {{ .Capabilities.KubeVersion.Minor }} \
             {{ (.Files.Glob \"f/*.txt\").AsConfig }} {{ .Chart.IsRoot }}",
        )],
    );
    chart.files.insert("f/a.bin".into(), [0xff, 0x00, 0x10].into());
    chart.files.insert("f/b.txt".into(), (*b"hi").into());
    chart.files.insert("f/g/c.txt".into(), (*b"deep").into());
    let files = with(&chart, &json!({}), &NoLookup, &Limits::default()).unwrap();
    assert_eq!(
        files["c/templates/a.yaml"],
        "/wAQ f/a.bin,f/b.txt, true 30 b.txt: hi true"
    );
}

struct Secrets;

impl Lookup for Secrets {
    fn get(&self, _: &str, kind: &str, _: &str, name: &str) -> Result<Json, LookupError> {
        match kind {
            "Secret" => Ok(json!({"metadata": {"name": name}, "data": {"n": 3}})),
            _ => Err(LookupError(
                "the server could not find the requested resource".into(),
            )),
        }
    }
}

#[test]
fn lookup_asks_the_cluster() {
    let found = chart(
        "c",
        "c",
        &[(
            "templates/a.yaml",
            "{{ (lookup \"v1\" \"Secret\" \"ns\" \"s\").metadata.name }}",
        )],
    );
    assert_eq!(
        with(&found, &json!({}), &Secrets, &Limits::default()).unwrap()["c/templates/a.yaml"],
        "s"
    );
    let failing = chart(
        "c",
        "c",
        &[("templates/a.yaml", "{{ lookup \"v1\" \"Pod\" \"\" \"\" }}")],
    );
    let error = with(&failing, &json!({}), &Secrets, &Limits::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("error calling lookup: the server could not find"),
        "{error}"
    );
}

#[test]
fn limits_end_hostile_templates() {
    let limited = |template: &str, limits: &Limits| {
        let chart = chart("c", "c", &[("templates/a.yaml", template)]);
        match with(&chart, &json!({}), &NoLookup, limits).unwrap_err() {
            RenderError::Limit { what, .. } => what,
            other => panic!("no limit: {other}"),
        }
    };
    let small = Limits {
        depth: 50,
        output_bytes: 10_000,
        time: Duration::from_millis(300),
    };
    let deep = limited(
        "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}",
        &small,
    );
    assert_eq!(deep, "more than 50 nested templates");
    assert_eq!(
        limited("{{ repeat 100000 \"x\" }}", &small),
        "more than 10000 bytes of output"
    );
    let wide = "{{ range until 5000 }}aaaaaaaaaa{{ end }}";
    assert_eq!(limited(wide, &small), "more than 10000 bytes of output");
    let slow = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    assert_eq!(limited(slow, &small), "took longer than 300ms");
    // A map that holds itself is cut off, not followed for ever.
    let cycle = one(
        "{{ $m := dict }}{{ $_ := set $m \"m\" $m }}[{{ toYaml $m }}][{{ toJson $m }}]",
        &json!({}),
    )
    .unwrap();
    assert_eq!(cycle, "[][]");
}

/// A map that holds itself in two places has a text without end, and is equal to another such.
#[test]
fn maps_that_hold_themselves_twice_come_to_an_end() {
    const MAPS: &str = r#"{{ $m := dict }}{{ $_ := set $m "a" $m }}{{ $_ := set $m "b" $m -}}
        {{ $n := dict }}{{ $_ := set $n "a" $n }}{{ $_ := set $n "b" $n }}"#;
    let render = |template: &str| {
        let chart = chart("c", "c", &[("templates/a.yaml", &format!("{MAPS}{template}"))]);
        with(&chart, &json!({}), &NoLookup, &Limits::default())
    };
    let texts = [
        "{{ $m }}",
        "{{ toString $m | len }}",
        r#"{{ printf "%#v" $m | len }}"#,
        r#"{{ printf "%d" $m | len }}"#,
        r#"{{ quote $m | len }}"#,
    ];
    for template in texts {
        match render(template).unwrap_err() {
            RenderError::Limit { what, .. } => assert!(what.starts_with("more than "), "{template}: {what}"),
            other => panic!("{template}: no limit: {other}"),
        }
    }
    let ends =
        "{{ deepEqual $m $n }} {{ len (merge $m $n) }} {{ len (mergeOverwrite $n $m) }} {{ toToml $m }}";
    let rendered = render(ends).unwrap();
    assert_eq!(
        rendered["c/templates/a.yaml"],
        "true 2 2 toml: value nests too deeply"
    );
    // By way of a list that is no list of tables.
    let listed = render("{{ $l := dict }}{{ $_ := set $l \"a\" (list $l 1) }}{{ toToml $l }}").unwrap();
    assert_eq!(listed["c/templates/a.yaml"], "toml: value nests too deeply");
}

#[test]
fn functions_with_random_results() {
    assert_eq!(
        one("{{ randAlphaNum 12 | len }}{{ uuidv4 | len }}", &json!({})).unwrap(),
        "1236"
    );
    let aes = one(
        "{{ encryptAES \"key\" \"secret\" | decryptAES \"key\" }}",
        &json!({}),
    )
    .unwrap();
    assert_eq!(aes, "secret");
    let fault = one("{{ decryptAES \"key\" \"aGVs bG8=\" }}", &json!({})).unwrap_err();
    assert!(
        fault.to_string().ends_with("illegal base64 data at input byte 4"),
        "{fault}"
    );
    let user = one("{{ htpasswd \"me\" \"pw\" }}", &json!({})).unwrap();
    assert!(user.starts_with("me:$2a$10$"), "{user}");
}

#[test]
fn certificates_are_signed_by_their_authority() {
    let key =
        std::fs::read_to_string(format!("{}/tests/data/rsa-key.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let template = "{{ $ca := genCAWithKey \"the-ca\" 365 .Values.key }}\
        {{ $c := genSignedCertWithKey \"leaf\" (list \"10.0.0.1\") (list \"a.example\" \"b.example\") 30 $ca .Values.key }}\
        {{ toJson (dict \"ca\" $ca.Cert \"cert\" $c.Cert \"key\" $c.Key) }}";
    let made: Json = serde_json::from_str(&one(template, &json!({"key": key})).unwrap()).unwrap();
    use x509_cert::der::{DecodePem as _, Encode as _};
    let read = |name: &str| x509_cert::Certificate::from_pem(made[name].as_str().unwrap()).unwrap();
    let (ca, leaf) = (read("ca"), read("cert"));
    assert_eq!(ca.tbs_certificate.subject.to_string(), "CN=the-ca");
    assert_eq!(leaf.tbs_certificate.issuer, ca.tbs_certificate.subject);
    assert_eq!(leaf.tbs_certificate.subject.to_string(), "CN=leaf");
    let text = leaf.tbs_certificate.to_der().unwrap();
    assert!(text.windows(9).any(|window| window == b"b.example"));
    assert!(
        made["key"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN RSA PRIVATE KEY-----\n")
    );
}

#[test]
fn yaml_as_go_reads_it() {
    let read = |text: &str| yaml::from_yaml(text);
    assert_eq!(
        read("a: yes\nb: 010\nc: 1_000\nd: 2001-01-01\ne: 12:30\nf: ~\n").unwrap(),
        json!({"a": true, "b": 8, "c": 1000, "d": "2001-01-01", "e": "12:30", "f": null})
    );
    // A flow list closed at its parent's indent, and no newline at the end.
    assert_eq!(
        read("k: [\n  a,\n]\nt: |\n  x").unwrap(),
        json!({"k": ["a"], "t": "x"})
    );
    assert_eq!(read("t: >-\n  a\n  b\n\n  c\n").unwrap(), json!({"t": "a b\nc"}));
    assert_eq!(
        read("a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n").unwrap(),
        json!({"a": {"p": 1}, "b": {"p": 1, "q": 2}})
    );
    assert_eq!(
        read("1: a\ntrue: b\n1.5: c\n").unwrap(),
        json!({"1": "a", "true": "b", "1.5": "c"})
    );
    assert_eq!(read("").unwrap(), Json::Null);
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(
        error("a: b: c"),
        "error converting YAML to JSON: yaml: mapping values are not allowed in this context"
    );
    assert_eq!(
        error("a: b\n c: d"),
        "error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"
    );
    assert_eq!(
        error("a: [1, 2\nb: 3"),
        "error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'"
    );
    assert_eq!(
        error("\tx: 1"),
        "error converting YAML to JSON: yaml: found character that cannot start any token"
    );
    assert_eq!(
        error("a: *nope"),
        "error converting YAML to JSON: yaml: unknown anchor 'nope' referenced"
    );
}

#[test]
fn aliases_cannot_blow_up() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let alias = format!("*a{}", i - 1);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![alias; 9].join(",")));
    }
    let error = yaml::from_yaml(&text).unwrap_err().to_string();
    assert_eq!(
        error,
        "error converting YAML to JSON: yaml: document contains excessive aliasing"
    );
}

#[test]
fn values_as_a_plain_map_are_the_same_map() {
    let template = "{{ dig \"a\" \"b\" \"none\" .Values.AsMap }} {{ kindOf .Values.AsMap }} \
        {{ typeOf .Values.AsMap }} {{ $_ := set .Values.AsMap \"x\" 1 }}{{ .Values.x }}";
    let text = one(template, &json!({"a": {"b": "c"}})).unwrap();
    assert_eq!(text, "c map map[string]interface {} 1");
}

#[test]
fn a_pipeline_that_is_called_is_named_without_its_parentheses() {
    let chart = chart(
        "c",
        "c",
        &[("templates/a", "{{ if (or .Values.a .Values.b) 1 }}{{ end }}")],
    );
    let error = with(&chart, &json!({}), &NoLookup, &Limits::default()).unwrap_err();
    let said = "can't give argument to non-function or .Values.a .Values.b";
    assert!(error.to_string().ends_with(said), "{error}");
}
