//! Helm 3.17.3's own answers: template snippets and the `toYaml` table.
#![allow(clippy::unwrap_used)]

use helm_template::{Capabilities, KubeVersion, Limits, NoLookup, ReleaseInfo, RenderChart, render, yaml};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn data(name: &str) -> Json {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn release() -> ReleaseInfo {
    ReleaseInfo {
        name: "rel".into(),
        namespace: "ns1".into(),
        is_install: true,
        is_upgrade: false,
        revision: 1,
        service: "Helm".into(),
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        kube_version: KubeVersion::parse("1.30.4").unwrap(),
        api_versions: vec!["v1".into(), "apps/v1".into()],
        helm_version: "v3.17.3".into(),
    }
}

/// Renders `template` as a partial that `z.yaml` includes.
fn snippet(
    template: &str,
    values: &Json,
    files: &BTreeMap<String, Arc<[u8]>>,
    chart: &Json,
) -> Result<String, String> {
    let around = "out: {{ include (print .Template.BasePath \"/_a.tpl\") . }}<end>";
    let chart = RenderChart {
        name: "sem".into(),
        path: "sem".into(),
        metadata: chart.clone(),
        files: files.clone(),
        templates: vec![
            ("templates/_a.tpl".into(), template.as_bytes().into()),
            ("templates/z.yaml".into(), around.as_bytes().into()),
        ],
        ..RenderChart::default()
    };
    let rendered = render(
        &chart,
        values,
        &release(),
        &capabilities(),
        &NoLookup,
        &Limits::default(),
    );
    rendered
        .map(|files| {
            files["sem/templates/z.yaml"]
                .trim_start_matches("out: ")
                .trim_end_matches("<end>")
                .to_owned()
        })
        .map_err(|error| error.to_string())
}

#[test]
fn template_snippets() {
    let golden = data("templates.json");
    let values = yaml::from_yaml(golden["values"].as_str().unwrap()).unwrap();
    let files: BTreeMap<String, Arc<[u8]>> = golden["files"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str().unwrap().as_bytes().into()))
        .collect();
    let cases = golden["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let template = case["template"].as_str().unwrap();
        let found = snippet(template, &values, &files, &golden["chart"]);
        let same = match (&found, case["output"].as_str()) {
            // Recorded before Helm strips it.
            (Ok(found), Some(wanted)) => *found == wanted.replace("<no value>", ""),
            (Err(found), None) => {
                let wanted = case["error"].as_str().unwrap();
                let wanted = wanted.trim_start_matches("Error: ");
                wanted.trim_end_matches("\n\nUse --debug flag to render out invalid YAML") == found
            }
            _ => false,
        };
        if !same {
            wrong.push(format!(
                "#{} {template:?}\n  found  {found:?}\n  wanted {case}",
                case["id"]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert_eq!(cases.len(), 287);
}

/// What `template` gives for `.Values.v`.
fn with_value(template: &str, value: &Json) -> String {
    let values = json!({ "v": value });
    snippet(
        template,
        &values,
        &BTreeMap::new(),
        &json!({"name": "sem", "version": "1.2.3"}),
    )
    .unwrap()
}

#[test]
fn to_yaml_of_strings() {
    let golden = data("toyaml.json");
    let mut wrong = Vec::new();
    for case in golden["strings"].as_array().unwrap() {
        let text = &case["value"];
        for (key, template) in [
            ("toYaml_root", "{{ toYaml .Values.v }}"),
            ("toYaml_map", "{{ dict \"k\" .Values.v | toYaml }}"),
            ("toYaml_seq", "{{ list .Values.v | toYaml }}"),
            ("quote", "{{ quote .Values.v }}"),
        ] {
            let found = with_value(template, text);
            if case[key].as_str() != Some(&found) {
                wrong.push(format!("{key} of {text}: found {found:?}, wanted {}", case[key]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(golden["strings"].as_array().unwrap().len(), 154);
}

#[test]
fn plain_scalars_and_structures() {
    let golden = data("toyaml.json");
    let mut wrong = Vec::new();
    let cases = golden["plain_scalars_read"]
        .as_array()
        .unwrap()
        .iter()
        .chain(golden["structures"].as_array().unwrap());
    for case in cases {
        let value = match yaml::from_yaml(&format!("v:\n  {}", case["yaml"].as_str().unwrap())) {
            Ok(value) => value["v"].clone(),
            Err(error) => {
                wrong.push(format!("{case}: {error}"));
                continue;
            }
        };
        for (key, template) in [
            ("kindOf", "{{ kindOf .Values.v }}"),
            ("printed", "{{ print .Values.v }}"),
            ("toYaml", "{{ toYaml .Values.v }}"),
            ("toYaml_map", "{{ dict \"k\" .Values.v | toYaml }}"),
            ("toJson", "{{ toJson .Values.v }}"),
            ("quote", "{{ quote .Values.v }}"),
        ] {
            let found = with_value(template, &value);
            // go-yaml's order of 9, 10 and 1x is circular: Helm prints them in
            // another order each time, so here only the lines count.
            let lines = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                if case["name"] == "order" {
                    lines.sort();
                }
                lines
            };
            if case
                .get(key)
                .is_some_and(|wanted| lines(wanted.as_str().unwrap()) != lines(&found))
            {
                wrong.push(format!(
                    "{key} of {}: found {found:?}, wanted {}",
                    case["yaml"], case[key]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
