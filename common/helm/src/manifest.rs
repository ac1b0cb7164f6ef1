//! From rendered files to documents: splitting, hooks, order (`pkg/releaseutil`, Helm 3.17).

use std::collections::BTreeMap;

use helm_template::yaml;
use serde_json::Value;

use crate::error::RenderFailure;
use crate::kinds;
use crate::release::{Event, Hook};

/// One document of the manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Template that rendered it.
    pub source: String,
    /// Its text, trimmed.
    pub text: String,
    /// Kind, empty for a document of comments only.
    pub kind: String,
}

/// The text that is stored as the release's manifest.
pub fn join(documents: &[Document]) -> String {
    documents
        .iter()
        .map(|d| format!("---\n# Source: {}\n{}\n", d.source, d.text))
        .collect()
}

/// Splits text into documents at Helm's `(?:^|\s*\n)---\s*`, and trims them.
pub fn split(text: &str) -> Vec<String> {
    let mut documents = Vec::new();
    let text = text.trim();
    let mut start = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("---") {
        let at = from + found;
        // The previous separator took the blanks after it: this one needs a line break of its own.
        let separates = at == 0 || (at > start && text[..at].ends_with('\n'));
        if !separates {
            from = at + 1;
            continue;
        }
        push(&mut documents, &text[start..at]);
        start = text.len() - text[at + 3..].trim_start().len();
        from = start;
    }
    push(&mut documents, &text[start..]);
    documents
}

fn push(documents: &mut Vec<String>, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        documents.push(text.to_owned());
    }
}

/// Sorts rendered files into hooks and documents, both in the order in which they are run or installed.
pub(crate) fn sort(files: &BTreeMap<String, String>) -> Result<(Vec<Hook>, Vec<Document>), RenderFailure> {
    let mut hooks = Vec::new();
    let mut documents = Vec::new();
    for (source, text) in files {
        let base = source.rsplit('/').next().unwrap_or(source);
        if base.starts_with('_') || text.trim().is_empty() {
            continue;
        }
        for text in split(text) {
            let parsed = yaml::from_yaml(&text).map_err(|err| RenderFailure::Yaml {
                file: source.clone(),
                message: err.to_string(),
            })?;
            sort_in(source, text, &parsed, &mut hooks, &mut documents)?;
        }
    }
    documents.sort_by(|a, b| kinds::install_order(&a.kind, &b.kind));
    hooks.sort_by(|a, b| kinds::install_order(&a.kind, &b.kind));
    Ok((hooks, documents))
}

/// Helm reads the head of a document into a structure, and fails where something else stands.
fn check_head(source: &str, parsed: &Value) -> Result<(), RenderFailure> {
    const METADATA: &str =
        r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#;
    let refuse = |value: &Value, place: &str| {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) | Value::Null => "object",
        };
        Err(RenderFailure::Yaml {
            file: source.to_owned(),
            message: format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place}"
            ),
        })
    };
    let is_table = |value: &Value| value.is_object() || value.is_null();
    if !is_table(parsed) {
        return refuse(parsed, "value of type releaseutil.SimpleHead");
    }
    for field in ["apiVersion", "kind"] {
        if parsed[field].is_array() || parsed[field].is_object() {
            return refuse(
                &parsed[field],
                &format!("struct field SimpleHead.{field} of type string"),
            );
        }
    }
    let metadata = &parsed["metadata"];
    if !is_table(metadata) {
        return refuse(
            metadata,
            &format!("struct field SimpleHead.metadata of type {METADATA}"),
        );
    }
    if !is_table(&metadata["annotations"]) {
        return refuse(
            &metadata["annotations"],
            "struct field .metadata.annotations of type map[string]string",
        );
    }
    Ok(())
}

fn sort_in(
    source: &str,
    text: String,
    parsed: &Value,
    hooks: &mut Vec<Hook>,
    documents: &mut Vec<Document>,
) -> Result<(), RenderFailure> {
    check_head(source, parsed)?;
    let metadata = &parsed["metadata"];
    let kind = parsed["kind"].as_str().unwrap_or_default().to_owned();
    for value in metadata["annotations"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values)
    {
        // Helm reads the head into a typed structure.
        if !matches!(value, Value::String(_) | Value::Null) {
            let found = match value {
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                Value::Array(_) => "array",
                _ => "object",
            };
            return Err(RenderFailure::Yaml {
                file: source.to_owned(),
                message: format!(
                    "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go struct field .metadata.annotations of type string"
                ),
            });
        }
    }
    let annotation = |name: &str| metadata["annotations"][name].as_str();
    let Some(events) = annotation("helm.sh/hook") else {
        documents.push(Document {
            source: source.to_owned(),
            text,
            kind,
        });
        return Ok(());
    };
    let events: Option<Vec<Event>> = events
        .split(',')
        .map(|event| Event::parse(&event.trim().to_lowercase()))
        .collect();
    // A hook that Helm does not know makes the document vanish.
    let Some(events) = events else { return Ok(()) };
    let list = |name: &str| -> Vec<String> {
        annotation(name)
            .map(|list| list.split(',').map(|item| item.trim().to_lowercase()).collect())
            .unwrap_or_default()
    };
    hooks.push(Hook {
        name: metadata["name"].as_str().unwrap_or_default().to_owned(),
        kind,
        path: source.to_owned(),
        weight: annotation("helm.sh/hook-weight")
            .and_then(|w| w.parse().ok())
            .unwrap_or(0),
        delete_policies: list("helm.sh/hook-delete-policy"),
        manifest: text,
        events,
        last_run: crate::release::HookRun::default(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_helm() {
        for (text, expected) in [
            ("a: 1\n---\nb: 2\n", vec!["a: 1", "b: 2"]),
            (
                "---\na: 1\n---\n---\n# only a comment\n",
                vec!["a: 1", "---\n# only a comment"],
            ),
            ("a: |\n  x---y\n  ---\n", vec!["a: |\n  x---y\n  ---"]),
            ("--- a: 1\n--- # c\nb: 2", vec!["a: 1", "# c\nb: 2"]),
            ("a: ---\n----\nb: 1", vec!["a: ---", "-\nb: 1"]),
            ("\n\n", vec![]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn kinds_then_paths() {
        let files = BTreeMap::from([
            ("c/templates/b.yaml".to_owned(), "kind: Secret\nmetadata: {name: b}".to_owned()),
            ("c/templates/a.yaml".to_owned(), "kind: Zebra\nmetadata: {name: z}\n---\nkind: Secret\nmetadata: {name: a}".to_owned()),
            ("c/templates/_p.tpl".to_owned(), "kind: Secret".to_owned()),
            ("c/templates/h.yaml".to_owned(), "kind: Job\nmetadata: {name: h, annotations: {helm.sh/hook: 'pre-install, Post-Upgrade', helm.sh/hook-weight: '-5', helm.sh/hook-delete-policy: hook-failed}}".to_owned()),
            ("c/templates/u.yaml".to_owned(), "kind: Job\nmetadata: {name: u, annotations: {helm.sh/hook: nonsense}}".to_owned()),
        ]);
        let (hooks, documents) = sort(&files).unwrap();
        let order: Vec<_> = documents
            .iter()
            .map(|d| (d.kind.as_str(), d.source.as_str()))
            .collect();
        assert_eq!(
            order,
            [
                ("Secret", "c/templates/a.yaml"),
                ("Secret", "c/templates/b.yaml"),
                ("Zebra", "c/templates/a.yaml")
            ]
        );
        assert_eq!(hooks.len(), 1);
        assert_eq!(hooks[0].events, [Event::PreInstall, Event::PostUpgrade]);
        assert_eq!(hooks[0].weight, -5);
    }
}
