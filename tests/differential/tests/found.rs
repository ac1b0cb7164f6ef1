//! What differed once, found by random cases and by charts of others: asked of both engines again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;

use differential::engines::Helm;
use differential::report;
use differential::snippets::{Setting, Snippet, compare};

const TEMPLATES: &[&str] = &[
    // Characters that JSON does not escape, where no JSON is on the way.
    r#"{{ toYamlPretty (dict "k2" "\x7f" "\u0085" "\ufeff") }}"#,
    // Years that JSON does not take, and those beyond all calendars.
    r#"{{ $t := mustDateModify "-9223372036854775808ns" (toDate "2006" "x") }}{{ toPrettyJson $t }}{{ toYaml $t }}{{ toYamlPretty $t }}"#,
    r#"{{ mustToJson (mustDateModify "-9223372036854775808ns" (toDate "2006" "x")) }}"#,
    r#"{{ range list 9223372036854775807 -9123372036854775807 253402300800 }}{{ date "2006-01-02 06 Mon 15:04|" . }}{{ end }}"#,
    // Sums beyond what a float or 38 digits hold.
    "{{ divf 123456789.125 1e308 }} {{ mulf 1e300 1e200 }} {{ addf 1e300 1e-300 }} {{ divf -2 3 }} {{ divf 1e300 1e-5 7 }}",
    "{{ subf 0.1 0.2 }} {{ mulf 1e-200 1e-200 }} {{ divf 1 3 3 }} {{ divf 0 3 }} {{ addf 1e308 1e308 }} {{ divf 5 2 }}",
    // Pointers are followed where several arguments become one text.
    r#"{{ js "" $.Capabilities.HelmVersion nil (list 1 "x") }}{{ html $.Capabilities 1 2 }}{{ urlquery "a b" $.Capabilities.KubeVersion 1 nil 2 }}"#,
    // Names of groups that begin with a digit, or that several have; what a dollar names.
    r#"{{ regexReplaceAll "(?P<1a>b)(.)" "abcd" "$1a-${1a}-$2.$3$$${a-b}$é$" }}"#,
    r#"{{ regexReplaceAll "(?P<n>x)|(?P<n>b)c" "abcd" "<${n}$0${00}$10>" }}{{ regexMatch "(?P<1a>x)" "ax" }}"#,
    // Numbers that wrap around.
    "{{ untilStep 4 10 9223372036854775807 }} {{ seq 9223372036854775807 }} {{ untilStep -4 -10 -9223372036854775807 }} {{ seq 1 2 1 }}",
    // What is said of bytes that are no text; letters that are neither upper nor lower case.
    r#"{{ mustFromJson (b64dec "/w==") }}"#,
    r#"{{ fromJson (b64dec "W/9d") }}{{ fromJsonArray (b64dec "/w==") }}{{ snakecase "İᾼfooǅBar" }}{{ kebabcase "ᾼ ᾼA" }}"#,
    // Structs by go-yaml 3 itself.
    "{{ toYamlPretty $.Capabilities }}{{ toYamlPretty (dict \"c\" $.Chart \"d\" $.Chart.Dependencies \"f\" $.Files) }}{{ toYamlPretty $ }}",
    r#"{{ toYamlPretty (genSelfSignedCertWithKey "x" nil nil 1 "") }}{{ toYamlPretty (semver "1.2.3-a+b") }}{{ toYamlPretty (urlParse "http://x/y") }}"#,
    r#"{{ toYamlPretty (buildCustomCert "" "") }}{{ toYamlPretty (list (semver "1") $.Chart.Maintainers (index $.Chart.Maintainers 0)) }}"#,
    r#"{{ toYamlPretty (list (semver "1") $.Chart.Maintainers (index $.Chart.Maintainers 0) $.Capabilities.KubeVersion $.Capabilities.APIVersions) }}"#,
    r#"{{ fromYaml "a: >20\n" }}{{ fromYaml "a: >+0\n" }}{{ fromYaml "a: |2+0\n" }}{{ fromYaml "a: |-20\n" }}"#,
    // Room behind the bytes of a file.
    r#"{{ slice ($.Files.GetBytes "f.txt") 5 20 | len }}{{ slice (slice ($.Files.GetBytes "f.txt") 5 20) 10 507 | len }}{{ slice ($.Files.GetBytes "f.txt") 20 30 }}"#,
    r#"{{ slice ($.Files.GetBytes "f.txt") 0 513 }}"#,
    r#"{{ slice (slice ($.Files.GetBytes "f.txt") 5 20) 10 508 }}"#,
    r#"{{ slice ($.Files.GetBytes "none") 0 1 }}{{ slice (index $.Files "f.txt") 0 512 | len }}"#,
    // A document that begins with its end; numbers that JSON has not, and those that are given again.
    r#"{{ fromYaml "...\n2001-01-01: 3\n" }}{{ fromYaml "...\n---\na: 1\n" }}{{ fromYaml "...\n" }}"#,
    r#"{{ fromYaml "a: {yes: .inf, true: 1}" }}{{ fromYaml "b: [.nan]\na: -.inf\n" }}{{ fromYaml "{a: {b: .nan}, a: 1}" }}{{ fromYaml "{<<: {a: .inf}, a: 2}" }}"#,
    // A bracket where a key must be, and the end of the text.
    r#"{{ fromYaml "\nkind: Third\n[\n\n" }}{{ fromYaml "kind: Third\n[" }}{{ fromYaml "a: 1\n{\n" }}{{ fromYaml "- a\n[\n" }}{{ fromYaml "a:\n  b: 1\n[\n" }}{{ fromYaml "a:\n  b: 1\n  [\n" }}{{ fromYaml "a: 1\n[a,\n" }}{{ fromYaml "a: 1\n[a,\n b]: 1\n" }}{{ fromYaml "[\n" }}{{ fromYaml "[a" }}{{ fromYaml "a: 1\n\"\n" }}{{ fromYaml "a: 1\n&x\n" }}{{ fromYaml "a: 1\n? \n" }}{{ fromYaml "a: 1\nb\n" }}{{ fromYaml "[a\n]: 1\n" }}"#,
    // A list that is nil, by itself and in a table.
    r#"{{ mustRegexSplit "a" "b" 0 | toToml }}{{ toToml (dict "a" (mustRegexSplit "a" "b" 0)) }}{{ regexFindAll "x" "y" 1 | toToml }}"#,
    // A key over two lines in a flow mapping.
    r##"{{ fromYaml "# c\n\n{\n<Bar\"\nkind: Second\ndata: |\n  text\n" }}{{ fromYaml "{a\nb: c\nd: e}" }}{{ fromYaml "{a b: c\nd: e}" }}{{ fromYaml "{a\nb: c}" }}"##,
    r#"{{ fromYaml "{\na\nb: c\nd: |\n" }}{{ fromYaml "[a\nb: c\nd: e]" }}{{ fromYaml "{'a\nb': c\nd: e}" }}{{ fromYaml "{\n\"a\nb\": c\nd: e}" }}"#,
    // The methods of Go's type of values, which here only `.Template` has.
    r#"{{ .Template.PathValue "Name" }} {{ typeOf .Template }} {{ typeOf .Template.AsMap }} {{ .Template.YAML }}"#,
    r#"{{ .Template.PathValue "" }}"#,
    r#"{{ .Template.PathValue "No.Such" }}"#,
    r#"{{ .Template.Table "Name" }}"#,
    r#"{{ .Template.Table "" }}"#,
    "{{ .Template.Encode }}",
    "{{ .Template.Encode nil }}",
    r#"{{ .Template.Encode "x" }}"#,
    "{{ .Template.YAML.x }}",
    r#"{{ $_ := set .Template "x" (float64 "inf") }}{{ .Template.YAML }}"#,
    r#"{{ $_ := set .Template "x" "\x7f" }}{{ .Template.YAML }}"#,
    // Where dot and its values are plain maps, the same names are those of keys.
    r#"{{ typeOf . }} {{ typeOf $ }} {{ printf "%T" .Template }} {{ .Chart.Name | typeOf }} {{ len .AsMap }} {{ typeOf .AsMap }} {{ typeOf .Subcharts }}"#,
    r#"{{ .PathValue "Release.Name" }} {{ .PathValue "Template" | typeOf }} {{ .PathValue "Template.Name" }} {{ typeOf (.Table "Release") }} {{ .Values.AsMap | typeOf }}"#,
    r#"{{ .PathValue "Release" }}"#,
    r#"{{ .PathValue "" }}"#,
    r#"{{ .PathValue "Values.a.b.c" }}"#,
    r#"{{ .Table "Values.a.b" }}"#,
    r#"{{ .Table "Chart" }}"#,
    r#"{{ .Table "" }}"#,
    "{{ .Values.Encode }}",
    "{{ .Values.Encode nil }}",
    r#"{{ .Values.Encode "x" }}"#,
    "{{ $x := set .Values.AsMap \"late\" 1 }}{{ .Values }} {{ $x }} {{ .NoSuch.Field }}",
    "{{ .Values.YAML.x }}",
    "{{ .nosuch }} {{ .Values.x.y }}",
    r#"{{ eq . . }}"#,
    r#"{{ merge . (dict "a" 1) | typeOf }} {{ .a }} {{ $.a }} {{ hasKey . "Chart" }} {{ kindOf . }} {{ deepEqual . .AsMap }} {{ deepEqual .Values .Values.AsMap }}"#,
    // No callee, and one that only the pipeline gives.
    "{{ call }}",
    "{{ float64 call }}",
    "{{ 1 | call }}",
    r#"{{ tpl "{{ 1 | call }}" $ }}"#,
    r#"{{ tpl "{{ call }}" $ }}"#,
    r#"{{ minf "nan" 2 | toToml }} {{ toToml (list (minf 1 "nan") (maxf "nan" 1) (minf "nan")) }}"#,
    // A part of the API versions is of their type.
    r#"{{ slice .Capabilities.APIVersions 1 3 | typeOf }} {{ (slice .Capabilities.APIVersions 0 2).Has "v1" }} {{ slice .Capabilities.APIVersions 1 2 }}"#,
    r#"{{ slice .Capabilities.APIVersions 0 0 | toJson }} {{ printf "%#v" (slice .Capabilities.APIVersions 0 1) }} {{ slice .Capabilities.APIVersions 0 1 2 | toYaml }}"#,
    // Keys of a type that makes no text.
    r#"{{ fromYaml "? \n" }}{{ fromYaml "~: ~" }}{{ fromYaml "~: [~, {a: ~}]" }}{{ fromYaml "[~]: 1" }}"#,
];

const CHART: &str =
    "apiVersion: v2\nname: sem\nversion: 1.2.3\nmaintainers: [{name: a, email: b}, {name: c}]\n";

#[test]
fn found_once() {
    let Some(helm) = Helm::from_env("found_once") else {
        return;
    };
    let setting = Setting {
        chart: CHART.to_owned(),
        files: BTreeMap::from([("f.txt".to_owned(), b"line 1\nline 2\n".to_vec())]),
        ..Setting::default()
    };
    let snippets: Vec<Snippet> = TEMPLATES
        .iter()
        .map(|template| Snippet {
            name: (*template).to_owned(),
            template: (*template).to_owned(),
            values: "{}".to_owned(),
        })
        .collect();
    let differences = compare(&helm, &setting, &snippets).unwrap();
    if !differences.is_empty() {
        panic!("{}", report::describe("found", &differences).unwrap());
    }
}
