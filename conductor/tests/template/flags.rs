//! The flags: what they do, and what is said against wrong ones.

use crate::stage::Stage;

const TEMPLATE: &str = "v: {{ toJson .Values }}\nr: {{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.IsUpgrade }}\n\
                        k: {{ .Capabilities.KubeVersion }} {{ .Capabilities.APIVersions.Has \"b,c\" }}\n\
                        h: {{ getHostByName \"127.0.0.1\" }}\n";

const HOOK: &str = "kind: Pod\nmetadata: {name: h, annotations: {\"helm.sh/hook\": pre-install}}\n---\n\
                    kind: Pod\nmetadata: {name: t, annotations: {\"helm.sh/hook\": test}}\n";

fn stage(test: &str) -> Stage {
    Stage::new(
        test,
        &[
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/templates/a.yaml", TEMPLATE),
            ("c/templates/h.yaml", HOOK),
            ("c/crds/x.yaml", "kind: CustomResourceDefinition\n"),
            (
                "strict/Chart.yaml",
                "apiVersion: v2\nname: strict\nversion: 1.0.0\n",
            ),
            ("strict/values.schema.json", "{\"required\": [\"q\"]}"),
            ("strict/templates/a.yaml", "a: {{ fail \"no\" }}\n"),
            ("p.yaml", "p: 1\n"),
            ("a,b.yaml", "q: 2\n"),
            ("t.txt", "text, here\n"),
            ("empty", ""),
        ],
    )
}

/// Command lines, and what stands after `Error: `.
const WRONG: &[(&[&str], &str)] = &[
    (
        &[],
        "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]",
    ),
    (
        &["a", "b", "c", "d"],
        "expected at most two arguments, unexpected arguments: c, d",
    ),
    (&["c", "--x"], "unknown flag: --x"),
    (&["c", "--x=y"], "unknown flag: --x"),
    (&["c", "-xyz"], "unknown shorthand flag: 'x' in -xyz"),
    (&["c", "-gxyz"], "unknown shorthand flag: 'x' in -xyz"),
    (&["c", "-\u{e9}"], "unknown shorthand flag: '\u{c3}' in -\u{e9}"),
    (&["c", "-d"], "unknown shorthand flag: 'd' in -d"),
    (&["c", "--=x"], "bad flag syntax: --=x"),
    (&["c", "---x"], "bad flag syntax: ---x"),
    (&["c", "--version"], "flag needs an argument: --version"),
    (&["c", "-n"], "flag needs an argument: 'n' in -n"),
    (&["c", "-hn"], "flag needs an argument: 'n' in -n"),
    (
        &["c", "--is-upgrade=x"],
        "invalid argument \"x\" for \"--is-upgrade\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
    ),
    (
        &["c", "-h=x"],
        "invalid argument \"x\" for \"-h, --help\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
    ),
    (
        &["c", "--timeout", "5"],
        "invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\"",
    ),
    (
        &["c", "--timeout", "5q"],
        "invalid argument \"5q\" for \"--timeout\" flag: time: unknown unit \"q\" in duration \"5q\"",
    ),
    (
        &["c", "--timeout", "."],
        "invalid argument \".\" for \"--timeout\" flag: time: invalid duration \".\"",
    ),
    (
        &["c", "--burst-limit", "08"],
        "invalid argument \"08\" for \"--burst-limit\" flag: strconv.ParseInt: parsing \"08\": invalid syntax",
    ),
    (
        &["c", "--qps", "1e99"],
        "invalid argument \"1e99\" for \"--qps\" flag: strconv.ParseFloat: parsing \"1e99\": value out of range",
    ),
    (
        &["c", "--labels", "x"],
        "invalid argument \"x\" for \"-l, --labels\" flag: x must be formatted as key=value",
    ),
    (
        &["c", "-f", "a\"b"],
        "invalid argument \"a\\\"b\" for \"-f, --values\" flag: parse error on line 1, column 2: bare \" in \
         non-quoted-field",
    ),
    (
        &["c", "-f", "\"a\"b"],
        "invalid argument \"\\\"a\\\"b\" for \"-f, --values\" flag: parse error on line 1, column 3: extraneous or \
         missing \" in quoted-field",
    ),
    (
        &["-g", "x", "c"],
        "cannot set --generate-name and also specify a name",
    ),
    (
        &["x", "c", "--name-template", "y"],
        "cannot set --name-template and also specify a name",
    ),
    (
        &["c", "--name-template", "{{ x"],
        "template: name-template:1: function \"x\" not defined",
    ),
    (
        &["c", "--name-template", "{{ fail \"x\" }}"],
        "template: name-template:1:3: executing \"name-template\" at <fail \"x\">: error calling fail: x",
    ),
    (
        &["c", "--dry-run=x"],
        "Invalid dry-run flag. Flag must one of the following: false, true, none, client, server",
    ),
    (
        &["c", "--labels", "a=b,owner=x"],
        "user supplied labels contains system reserved label name. System labels: [name owner status version createdAt \
         modifiedAt]",
    ),
    (
        &["c", "--ca-file", "none"],
        "missing registry client: can't create TLS config for client: can't read CA file: none",
    ),
    (
        &["c", "--ca-file", "empty"],
        "missing registry client: can't create TLS config for client: failed to append certificates from file: empty",
    ),
    (
        &["c", "--cert-file", "none", "--key-file", "empty"],
        "missing registry client: can't create TLS config for client: can't load key pair from cert none and key \
         empty: open none: no such file or directory",
    ),
];

#[test]
fn wrong_command_lines_are_refused_in_helms_words() {
    let stage = stage("wrong_command_lines_are_refused_in_helms_words");
    for (arguments, expected) in WRONG {
        let said = stage.both(arguments);
        assert_eq!(said.stderr, format!("Error: {expected}\n"), "{arguments:?}");
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{arguments:?}");
    }
}

/// Command lines that differ in what they say, and not in the programs.
const RIGHT: &[&[&str]] = &[
    &["x", "c"],
    &["--", "x", "c"],
    &["-g", "c"],
    &["c", "--name-template", "{{ \"A\" | lower }}-x"],
    &["c", "--name-template", ""],
    &["c", "-nxx"],
    &["c", "-n=xx"],
    &["c", "-n", ""],
    &["c", "--is-upgrade"],
    &["c", "--is-upgrade=false"],
    &["c", "--is-upgrade", "--is-upgrade=F"],
    &["c", "--no-hooks=true"],
    &["c", "--no-hooks=0"],
    &["c", "--skip-tests"],
    &["c", "--include-crds"],
    &["c", "--enable-dns"],
    &["c", "--kube-version", "1.2", "-a", "\"b,c\",d"],
    &["c", "--dry-run"],
    &["c", "--dry-run="],
    &["c", "--dry-run=server"],
    &["c", "--help=false", "--validate=false", "--post-renderer="],
    &["c", "-f", "p.yaml,\"a,b.yaml\"", "-fp.yaml", "-f=p.yaml"],
    &[
        "c",
        "--set",
        "a=1,b.c=x",
        "--set-string=d=1",
        "--set-json",
        "e={\"f\":[1]}",
        "--set-file",
        "g=t.txt",
        "--set-literal",
        "h=a,b",
    ],
    &["c", "-s", "templates/a.yaml", "-gstemplates/h.yaml"],
    &["c", "-s", "none"],
    &["strict"],
    &["strict", "--labels", "name=x"],
    &["strict", "--skip-schema-validation"],
    &["strict", "--set", "q=1"],
];

#[test]
fn flags_do_what_helms_do() {
    let stage = stage("flags_do_what_helms_do");
    for arguments in RIGHT {
        stage.both(arguments);
    }
    let named = stage.both(&["c", "-g", "-s", "templates/a.yaml", "--enable-dns", "-ny"]);
    assert!(named.stdout.contains("r: release-name y false\n"), "{named:?}");
    assert!(named.stdout.contains("h: 127.0.0.1\n"), "{named:?}");
    let variables = [("HELM_NAMESPACE", "z")];
    let spaced = stage.both_with(&variables, &["c", "--name-template={{ \"A\" | lower }}"]);
    assert!(spaced.stdout.contains("r: a z false\n"), "{spaced:?}");
    stage.both_with(&variables, &["c", "-n", "y"]);
}

#[test]
fn flags_of_an_install_change_nothing() {
    let stage = stage("flags_of_an_install_change_nothing");
    let plain = stage.both(&["c"]);
    let flags = "--atomic --wait --wait-for-jobs --force --replace --create-namespace --description x --hide-notes \
                 --render-subchart-notes --disable-openapi-validation --take-ownership --skip-crds --devel \
                 --pass-credentials --plain-http --insecure-skip-tls-verify --username u --password p --keyring k \
                 --timeout 1h2.5m --labels a=b,c=d --kubeconfig /dev/null --kube-context= --kube-token t --kube-as-user u \
                 --kube-as-group g --kube-apiserver http://127.0.0.1:1 --kube-ca-file x --kube-tls-server-name x \
                 --kube-insecure-skip-tls-verify --registry-config r --repository-cache home --repository-config s \
                 --burst-limit 0x10 --qps 1e3 --release-name -v=3 --vmodule x=1 --logtostderr --cert-file none";
    let arguments: Vec<&str> = std::iter::once("c").chain(flags.split_whitespace()).collect();
    assert_eq!(stage.both(&arguments), plain);
}

#[test]
fn what_is_not_supported_is_told() {
    let stage = stage("what_is_not_supported_is_told");
    stage.put(
        "l/Chart.yaml",
        "apiVersion: v2\nname: l\nversion: 1.0.0\ndependencies:\n- {name: d, version: 1.0.0}\n",
    );
    stage.put("m/Chart.yaml", "apiVersion: v2\nname: m\nversion: 1.0.0\n");
    stage.put("m/templates/a.yaml", "a: {{ lookup \"v1\" \"Pod\" \"\" \"\" }}\n");
    for (arguments, expected) in [
        (
            ["c", "--validate"],
            "--validate is not supported: no cluster is asked here",
        ),
        (
            ["c", "--post-renderer=cat"],
            "--post-renderer is not supported: no other program is run here",
        ),
        (
            ["l", "--dependency-update"],
            "--dependency-update is not supported: nothing is fetched here that is found in Chart.yaml, but missing in \
             charts/ directory: d",
        ),
        (
            ["m", "--dry-run=server"],
            "lookup with --dry-run=server is not supported: no cluster is asked here",
        ),
    ] {
        let said = stage.ours(&[], &arguments);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains(expected), "{said:?}");
    }
    stage.both(&["c", "--dependency-update"]);
    let help = stage.ours(&[], &["--help"]);
    assert!(
        help.code == Some(0) && help.stdout.contains("\n  -g, --generate-name "),
        "{help:?}"
    );
}

#[test]
fn old_files_of_dependencies_are_warned_of() {
    let plain = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    let stage = Stage::new(
        "old_files_of_dependencies_are_warned_of",
        &[
            ("c/Chart.yaml", plain),
            ("c/requirements.yaml", "dependencies: []\n"),
            ("c/requirements.lock", "dependencies: []\n"),
            ("c/charts/s/Chart.yaml", plain),
            ("c/charts/s/requirements.yaml", "dependencies: []\n"),
            ("broken/Chart.yaml", "apiVersion: v2\nname: c\nversion: x.y\n"),
            ("broken/requirements.lock", "dependencies: []\n"),
            ("old/Chart.yaml", "name: old\nversion: 1.0.0\ndeprecated: true\n"),
            ("old/requirements.yaml", "dependencies: []\n"),
            ("old/Chart.lock", "dependencies: []\n"),
            (
                "library/Chart.yaml",
                "apiVersion: v2\nname: l\nversion: 1.0.0\ntype: library\ndeprecated: true\n",
            ),
        ],
    );
    let lock = "load.go:138: Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend \
                migrating to Chart.lock.\n";
    let list = "load.go:120: Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend \
                migrating dependencies to Chart.yaml.\n";
    assert_eq!(stage.both(&["c"]).stderr, format!("{lock}{list}{list}"));
    assert!(stage.both(&["broken"]).stderr.starts_with(lock));
    assert_eq!(stage.both(&["old"]).stderr, "WARNING: This chart is deprecated\n");
    assert_eq!(
        stage.both(&["library"]).stderr,
        "Error: library charts are not installable\n"
    );
}
