//! Objects of a manifest: parsed, resolved against what the API server serves, and marked as ours.

use helm_template::yaml;
use serde_json::{Map, Value};

use crate::discovery::{ApiKind, Discovery};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// An object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    /// Its kind.
    pub api: ApiKind,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What the manifest says.
    pub body: Value,
}

/// What makes two objects of different manifests the same one; the version does not.
pub(crate) type Key = (String, String, String, String);

impl Object {
    pub(crate) fn key(&self) -> Key {
        (
            self.api.group.clone(),
            self.api.kind.clone(),
            self.namespace.clone(),
            self.name.clone(),
        )
    }

    pub(crate) fn collection(&self) -> String {
        self.api.collection(&self.namespace)
    }

    pub(crate) fn uri(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// As Helm names it in errors.
    pub(crate) fn described(&self) -> String {
        format!(
            "{} {:?} in namespace {:?}",
            self.api.kind, self.name, self.namespace
        )
    }

    /// Puts the ownership metadata on it.
    pub(crate) fn owned_by(mut self, release: &str, namespace: &str) -> Self {
        set(&mut self.body, "labels", MANAGED_BY, "Helm");
        set(&mut self.body, "annotations", RELEASE_NAME, release);
        set(&mut self.body, "annotations", RELEASE_NAMESPACE, namespace);
        self
    }
}

fn set(body: &mut Value, section: &str, key: &str, value: &str) {
    let metadata = &mut body["metadata"];
    if !metadata[section].is_object() {
        metadata[section] = Value::Object(Map::new());
    }
    metadata[section][key] = Value::String(value.to_owned());
}

/// Whether an object says that it is to be left alone when it is no longer in the manifest.
pub(crate) fn is_kept(object: &Value) -> bool {
    object["metadata"]["annotations"][RESOURCE_POLICY]
        .as_str()
        .is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// Helm's `checkOwnership`: the live object must carry all three marks.
pub(crate) fn check_ownership(live: &Value, release: &str, namespace: &str) -> Result<(), String> {
    let mut complaints = String::new();
    for (what, section, key, wanted) in [
        ("label", "labels", MANAGED_BY, "Helm"),
        ("annotation", "annotations", RELEASE_NAME, release),
        ("annotation", "annotations", RELEASE_NAMESPACE, namespace),
    ] {
        let found = live["metadata"][section][key].as_str();
        let complaint = match found {
            None => format!("missing key {key:?}: must be set to {wanted:?}"),
            Some(found) if found != wanted => {
                format!("key {key:?} must equal {wanted:?}: current value is {found:?}")
            }
            Some(_) => continue,
        };
        complaints.push_str(&format!("; {what} validation error: {complaint}"));
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("invalid ownership metadata{complaints}"))
    }
}

/// What became of the documents of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// The objects, in the order of the manifest.
    pub objects: Vec<Object>,
    /// Errors, in Helm's words, of the documents that are none.
    pub errors: Vec<String>,
    /// Whether an error is about a kind that the API server does not serve.
    pub unknown_kind: bool,
}

impl Built {
    /// All errors as Go's aggregate prints them.
    pub(crate) fn message(&self) -> String {
        match self.errors.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        }
    }
}

/// Parses a manifest and finds the kind of each document.
pub(crate) fn build(manifest: &str, namespace: &str, discovery: &Discovery) -> Built {
    let mut built = Built::default();
    for text in documents(manifest) {
        match yaml::from_yaml(&text) {
            Ok(Value::Null) => {}
            Ok(document) => add(&mut built, document, namespace, discovery),
            Err(err) => built.errors.push(format!("error parsing : {err}")),
        }
    }
    built
}

/// Splits at lines of three dashes, as Kubernetes' reader does: the line break before them belongs to the
/// document, and with it to a block of text at its end.
fn documents(manifest: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in manifest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
        }
    }
    documents
}

fn add(built: &mut Built, mut document: Value, namespace: &str, discovery: &Discovery) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&document["apiVersion"]), text(&document["kind"]));
    if kind.ends_with("List") && document["items"].is_array() {
        if let Some(Value::Array(items)) = document.get_mut("items").map(Value::take) {
            for item in items {
                add(built, item, namespace, discovery);
            }
        }
        return;
    }
    if kind.is_empty() {
        built.errors.push(format!(
            "error validating \"\": error validating data: Object 'Kind' is missing in '{document}'"
        ));
        return;
    }
    let name = text(&document["metadata"]["name"]);
    let Some(api) = discovery.kind(&api_version, &kind) else {
        let own = text(&document["metadata"]["namespace"]);
        built.unknown_kind = true;
        built.errors.push(format!(
            "resource mapping not found for name: {name:?} namespace: {own:?} from \"\": no matches for kind {kind:?} in version {api_version:?}\nensure CRDs are installed first"
        ));
        return;
    };
    if name.is_empty() {
        built
            .errors
            .push(format!("resource name may not be empty: a {kind} has none"));
        return;
    }
    let namespace = if !api.namespaced {
        String::new()
    } else {
        let own = text(&document["metadata"]["namespace"]);
        if own.is_empty() {
            document["metadata"]["namespace"] = Value::String(namespace.to_owned());
            namespace.to_owned()
        } else {
            own
        }
    };
    built.objects.push(Object {
        api: api.clone(),
        namespace,
        name,
        body: document,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_block_of_text_at_the_end_of_a_document_keeps_its_line_break() {
        let manifest = "---\n# Source: a\nb: |\n  x\n---\nc: |\n  y\n";
        let parsed: Vec<Value> = documents(manifest)
            .iter()
            .map(|text| yaml::from_yaml(text).unwrap())
            .collect();
        assert_eq!(parsed, [Value::Null, json!({"b": "x\n"}), json!({"c": "y\n"})]);
        // A hook is stored without one.
        assert_eq!(
            yaml::from_yaml(&documents("c: |\n  y")[0]).unwrap(),
            json!({"c": "y"})
        );
    }

    #[test]
    fn ownership_errors_are_helms() {
        let foreign = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
        assert_eq!(
            check_ownership(&foreign, "r", "n").unwrap_err(),
            "invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; annotation validation error: key \"meta.helm.sh/release-name\" must equal \"r\": current value is \"other\"; annotation validation error: missing key \"meta.helm.sh/release-namespace\": must be set to \"n\""
        );
        let api = ApiKind {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            plural: "secrets".to_owned(),
            namespaced: true,
        };
        let object = Object {
            api,
            namespace: "n".to_owned(),
            name: "s".to_owned(),
            body: json!({"metadata": {"name": "s"}}),
        };
        let ours = object.owned_by("r", "n");
        assert_eq!(check_ownership(&ours.body, "r", "n"), Ok(()));
    }
}
