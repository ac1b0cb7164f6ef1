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
            let head = yaml::document_head(&text).map_err(|err| RenderFailure::Yaml {
                file: source.clone(),
                message: err.to_string(),
            })?;
            sort_in(source, text, &head, &mut hooks, &mut documents)?;
        }
    }
    documents.sort_by(|a, b| kinds::install_order(&a.kind, &b.kind));
    hooks.sort_by(|a, b| kinds::install_order(&a.kind, &b.kind));
    Ok((hooks, documents))
}

/// What Helm reads of a document (`releaseutil.SimpleHead`).
#[derive(Default)]
struct Head {
    kind: String,
    name: String,
    annotations: BTreeMap<String, String>,
}

impl Head {
    /// Fails where Helm's JSON decoder does: of several misfits it names the first in the order of sorted keys.
    fn read(parsed: &Value) -> Result<Self, Misfit> {
        const METADATA: &str =
            r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#;
        table(parsed, || "value of type releaseutil.SimpleHead".to_owned())?;
        string(&parsed["apiVersion"], "SimpleHead.apiVersion")?;
        let kind = string(&parsed["kind"], "SimpleHead.kind")?;
        let metadata = &parsed["metadata"];
        table(metadata, || {
            format!("struct field SimpleHead.metadata of type {METADATA}")
        })?;
        let annotations = &metadata["annotations"];
        table(annotations, || {
            "struct field .metadata.annotations of type map[string]string".to_owned()
        })?;
        let sorted: BTreeMap<_, _> = annotations.as_object().into_iter().flatten().collect();
        let annotations = sorted
            .into_iter()
            .map(|(name, value)| Ok((name.clone(), string(value, ".metadata.annotations")?)))
            .collect::<Result<_, Misfit>>()?;
        Ok(Self {
            kind,
            annotations,
            name: string(&metadata["name"], ".metadata.name")?,
        })
    }
}

/// The kind of value that stands where Helm wants another.
struct Misfit {
    found: &'static str,
    place: String,
}

impl Misfit {
    fn new(value: &Value, place: String) -> Self {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) | Value::Null => "object",
        };
        Self { found, place }
    }

    fn in_file(&self, source: &str) -> RenderFailure {
        let Self { found, place } = self;
        RenderFailure::Yaml {
            file: source.to_owned(),
            message: format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place}"
            ),
        }
    }
}

fn table(value: &Value, place: impl Fn() -> String) -> Result<(), Misfit> {
    if value.is_object() || value.is_null() {
        return Ok(());
    }
    Err(Misfit::new(value, place()))
}

/// Text; the YAML library makes text of numbers and booleans where Helm wants text.
fn string(value: &Value, field: &str) -> Result<String, Misfit> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) => Ok(match number.as_f64() {
            Some(float) if number.is_f64() => go_shortest(float),
            _ => number.to_string(),
        }),
        Value::Array(_) | Value::Object(_) => {
            Err(Misfit::new(value, format!("struct field {field} of type string")))
        }
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 64)`.
fn go_shortest(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        // Go takes an exponent from a million on, however short the number is without.
        Ok(power) if (-4..6).contains(&power) => value.to_string(),
        Ok(power) if power < 0 => format!("{digits}e-{:02}", -power),
        Ok(power) => format!("{digits}e+{power:02}"),
        Err(_) => scientific,
    }
}

fn sort_in(
    source: &str,
    text: String,
    parsed: &Value,
    hooks: &mut Vec<Hook>,
    documents: &mut Vec<Document>,
) -> Result<(), RenderFailure> {
    let Head {
        kind,
        name,
        annotations,
    } = Head::read(parsed).map_err(|misfit| misfit.in_file(source))?;
    let annotation = |name: &str| annotations.get(name).map(String::as_str);
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
        name,
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
    fn heads_as_helm_reads_them() {
        for (text, misfit) in [
            (
                "{metadata: {name: [x], annotations: {b: [x], a: true}}}",
                "array into Go struct field .metadata.annotations of type string",
            ),
            (
                "{metadata: {annotations: {b: [x], a: {}}}}",
                "object into Go struct field .metadata.annotations of type string",
            ),
            (
                "{metadata: {name: [x]}}",
                "array into Go struct field .metadata.name of type string",
            ),
            (
                "{kind: {}, metadata: 1}",
                "object into Go struct field SimpleHead.kind of type string",
            ),
        ] {
            let file = BTreeMap::from([("c/templates/a.yaml".to_owned(), text.to_owned())]);
            let error = sort(&file).unwrap_err().to_string();
            assert!(error.contains(&format!("cannot unmarshal {misfit}")), "{error}");
        }
        let hook = "{kind: 1e7, metadata: {name: 2, annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: -5, x: true}}}";
        let file = BTreeMap::from([("c/templates/a.yaml".to_owned(), hook.to_owned())]);
        let (hooks, _) = sort(&file).unwrap();
        assert_eq!((hooks[0].name.as_str(), hooks[0].weight), ("2", -5));
        assert_eq!(hooks[0].kind, "1e+07");
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
