//! The recorded snippets and the `toYaml` table, asked of the real helm again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::Path;

use differential::engines::Helm;
use differential::report;
use differential::snippets::{Setting, Snippet, compare};
use helm::yaml;
use serde_json::{Value, json};

fn recorded(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../common/helm-template/tests/data");
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn check(suite: &str, helm: &Helm, setting: &Setting, snippets: &[Snippet]) {
    let differences = compare(helm, setting, snippets).unwrap();
    eprintln!("{suite}: {} snippets compared with helm", snippets.len());
    if !differences.is_empty() {
        panic!("{}", report::describe(suite, &differences).unwrap());
    }
}

#[test]
fn recorded_snippets() {
    let Some(helm) = Helm::from_env("recorded_snippets") else {
        return;
    };
    let golden = recorded("templates.json");
    let values = yaml::from_yaml(golden["values"].as_str().unwrap())
        .unwrap()
        .to_string();
    let mut chart = golden["chart"].clone();
    chart["apiVersion"] = json!("v2");
    let files = golden["files"].as_object().unwrap().iter();
    let setting = Setting {
        chart: chart.to_string(),
        files: files
            .map(|(name, text)| (name.clone(), text.as_str().unwrap().into()))
            .collect::<BTreeMap<String, Vec<u8>>>(),
        kube_version: golden["kube_version"].as_str().map(str::to_owned),
        ..Setting::default()
    };
    let snippets: Vec<Snippet> = golden["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Snippet {
            name: format!("#{}", case["id"]),
            template: case["template"].as_str().unwrap().to_owned(),
            values: values.clone(),
        })
        .collect();
    assert_eq!(snippets.len(), 287);
    check("recorded_snippets", &helm, &setting, &snippets);
}

#[test]
fn to_yaml_table() {
    let Some(helm) = Helm::from_env("to_yaml_table") else {
        return;
    };
    const TEMPLATES: [&str; 8] = [
        "{{ toYaml .Values.v }}",
        "{{ dict \"k\" .Values.v | toYaml }}",
        "{{ list .Values.v | toYaml }}",
        "{{ quote .Values.v }}",
        "{{ print .Values.v }}",
        "{{ toJson .Values.v }}",
        "{{ kindOf .Values.v }}",
        "{{ dict \"l\" (list .Values.v (dict \"m\" .Values.v)) | toYamlPretty }}",
    ];
    let golden = recorded("toyaml.json");
    let strings = golden["strings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["value"].to_string());
    let scalars = golden["plain_scalars_read"].as_array().unwrap().iter();
    let structures = golden["structures"].as_array().unwrap().iter();
    let written = scalars
        .chain(structures)
        // go-yaml's order of such keys is circular: helm prints them in another order each time.
        .filter(|case| case["name"] != "order")
        .map(|case| case["yaml"].as_str().unwrap().to_owned());
    let values: Vec<String> = strings.chain(written).collect();
    assert_eq!(values.len(), 154 + 75 + 13);
    let snippets: Vec<Snippet> = values
        .iter()
        .flat_map(|value| {
            TEMPLATES.map(|template| Snippet {
                name: value.clone(),
                template: template.to_owned(),
                values: format!("v:\n    {value}"),
            })
        })
        .collect();
    let setting = Setting {
        chart: "apiVersion: v2\nname: sem\nversion: 1.2.3\n".to_owned(),
        ..Setting::default()
    };
    check("to_yaml_table", &helm, &setting, &snippets);
}
