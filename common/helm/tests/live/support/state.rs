//! What a release left in its namespace, in a form in which two runs can be compared: without what the API
//! server makes up, what the clock says, and what controllers add.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use helm::Release;
use serde_json::{Map, Value, json};

use super::server::Server;

/// The kinds that the test charts make, and where they are served.
const KINDS: [(&str, &str); 19] = [
    ("configmaps", "/api/v1"),
    ("secrets", "/api/v1"),
    ("serviceaccounts", "/api/v1"),
    ("services", "/api/v1"),
    ("pods", "/api/v1"),
    ("deployments", "/apis/apps/v1"),
    ("jobs", "/apis/batch/v1"),
    ("roles", "/apis/rbac.authorization.k8s.io/v1"),
    ("rolebindings", "/apis/rbac.authorization.k8s.io/v1"),
    ("clusters", "/apis/cluster.x-k8s.io/v1beta2"),
    ("machinedeployments", "/apis/cluster.x-k8s.io/v1beta2"),
    ("machinehealthchecks", "/apis/cluster.x-k8s.io/v1beta2"),
    (
        "kubeadmconfigtemplates",
        "/apis/bootstrap.cluster.x-k8s.io/v1beta2",
    ),
    (
        "kubeadmcontrolplanes",
        "/apis/controlplane.cluster.x-k8s.io/v1beta2",
    ),
    (
        "openstackclusters",
        "/apis/infrastructure.cluster.x-k8s.io/v1beta1",
    ),
    (
        "openstackmachinetemplates",
        "/apis/infrastructure.cluster.x-k8s.io/v1beta1",
    ),
    ("helmreleases", "/apis/addons.stackhpc.com/v1alpha1"),
    ("manifests", "/apis/addons.stackhpc.com/v1alpha1"),
    ("widgets", "/apis/helm.test/v1"),
];

/// Where a kind is served.
pub fn root_of(plural: &str) -> &'static str {
    let found = KINDS.iter().find(|(known, _)| *known == plural);
    found
        .unwrap_or_else(|| panic!("{plural} is none of the kinds that tests know"))
        .1
}

/// What is in a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Objects of releases and their hooks, by `plural/name`.
    pub objects: BTreeMap<String, Value>,
    /// Decoded records with the labels of their Secrets, by `name.vN`.
    pub records: BTreeMap<String, Value>,
}

impl Server {
    /// The raw objects of releases and hooks, by `plural/name`.
    pub async fn objects(&self) -> BTreeMap<String, Value> {
        let lists = KINDS.iter().map(|(plural, _)| async move {
            let list = self.get(plural).await.unwrap_or_default();
            let items = list["items"].as_array().cloned().unwrap_or_default();
            (*plural, items)
        });
        let mut found = BTreeMap::new();
        for (plural, items) in futures::future::join_all(lists).await {
            for object in items.into_iter().filter(is_a_release_s) {
                let name = object["metadata"]["name"].as_str().unwrap();
                found.insert(format!("{plural}/{name}"), object.clone());
            }
        }
        found
    }

    /// uid and resourceVersion of each object: equal as long as nobody wrote anything.
    pub async fn versions(&self) -> BTreeMap<String, String> {
        let text = |object: &Value, key: &str| object["metadata"][key].as_str().unwrap().to_owned();
        let version = |object: &Value| format!("{} {}", text(object, "uid"), text(object, "resourceVersion"));
        let objects = self.objects().await;
        objects
            .iter()
            .map(|(name, object)| (name.clone(), version(object)))
            .collect()
    }

    /// What the test's clients and helm wrote, whatever controllers do with statuses.
    pub async fn state(&self) -> State {
        let objects = self.objects().await.into_iter();
        let objects = objects.map(|(name, object)| (name, self.neutral(object)));
        State {
            objects: objects.collect(),
            records: self.records().await,
        }
    }

    /// The records of all releases of the namespace. One that cannot be decoded fails the test.
    async fn records(&self) -> BTreeMap<String, Value> {
        let secrets = self.get("secrets?labelSelector=owner%3Dhelm").await.unwrap();
        let mut found = BTreeMap::new();
        for secret in secrets["items"].as_array().unwrap() {
            let release = Release::from_secret(secret).unwrap();
            let mut record = decode(secret);
            record["secret"] = json!({
                "type": secret["type"],
                "labels": secret["metadata"]["labels"],
                "annotations": secret["metadata"]["annotations"],
            });
            let name = format!("{}.v{}", release.name, release.version);
            assert_eq!(
                release.secret_name(),
                secret["metadata"]["name"].as_str().unwrap()
            );
            found.insert(name, self.neutral(record));
        }
        found
    }

    fn neutral(&self, value: Value) -> Value {
        neutral(value, &self.namespace)
    }
}

fn is_a_release_s(object: &Value) -> bool {
    let metadata = &object["metadata"];
    object["type"] != "helm.sh/release.v1"
        && (metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"
            || metadata["annotations"]["helm.sh/hook"].is_string())
}

/// The JSON inside a record's Secret.
pub fn decode(secret: &Value) -> Value {
    use std::io::Read;
    let outer = STANDARD
        .decode(secret["data"]["release"].as_str().unwrap())
        .unwrap();
    let packed = STANDARD.decode(outer).unwrap();
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return serde_json::from_slice(&packed).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The Secret of a record as another revision in another status.
pub fn with_status(secret: &Value, revision: u64, status: &str) -> Value {
    let mut release = decode(secret);
    release["version"] = json!(revision);
    release["info"]["status"] = json!(status);
    let name = release["name"].as_str().unwrap();
    // Un-gzipped records are valid too.
    let data = STANDARD.encode(STANDARD.encode(release.to_string()));
    json!({
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": format!("sh.helm.release.v1.{name}.v{revision}"),
            "labels": {"name": name, "owner": "helm", "status": status, "version": revision.to_string()},
        },
        "data": {"release": data},
    })
}

/// Metadata that the API server or a controller makes up.
const MADE_UP: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Annotations that Cluster API's webhooks and controllers keep for themselves.
const CONTROLLERS: [&str; 2] = [
    "cluster.x-k8s.io/conversion-data",
    "machinedeployment.clusters.x-k8s.io/revision",
];

/// Without what differs between two runs of the same program.
pub fn neutral(value: Value, namespace: &str) -> Value {
    match value {
        Value::Object(map) => Value::Object(neutral_table(map, namespace)),
        Value::Array(list) => list.into_iter().map(|item| neutral(item, namespace)).collect(),
        Value::String(text) if is_time(&text) => json!("TIME"),
        Value::String(text) => json!(text.replace(namespace, "NAMESPACE")),
        other => other,
    }
}

fn neutral_table(map: Map<String, Value>, namespace: &str) -> Map<String, Value> {
    let is_object = map
        .get("metadata")
        .is_some_and(|metadata| metadata["uid"].is_string());
    let mut found = Map::new();
    for (key, value) in map {
        let value = match key.as_str() {
            "status" if is_object && value.is_object() => continue,
            // What the API server, or the cloud, gives out.
            "clusterIP" | "clusterIPs" | "controlPlaneEndpoint" => json!("ADDRESS"),
            // Seconds since 1970 in the labels of records.
            "createdAt" | "modifiedAt" => json!("TIME"),
            "metadata" if is_object => metadata(value, namespace),
            _ => neutral(value, namespace),
        };
        found.insert(key, value);
    }
    found
}

fn metadata(value: Value, namespace: &str) -> Value {
    let Value::Object(mut map) = neutral(value, namespace) else {
        return Value::Null;
    };
    map.retain(|key, _| !MADE_UP.contains(&key.as_str()));
    if let Some(annotations) = map.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !CONTROLLERS.contains(&key.as_str()));
    }
    Value::Object(map)
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[4] == b'-' && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// Where two values differ, as `path: one | other`.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(one, other, &mut String::new(), &mut found);
    found
}

fn compare(one: &Value, other: &Value, path: &mut String, found: &mut Vec<String>) {
    let below = |path: &mut String, key: &str, one: &Value, other: &Value, found: &mut Vec<String>| {
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(key);
        compare(one, other, path, found);
        path.truncate(length);
    };
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let absent = Value::String("(absent)".to_owned());
                let (a, b) = (a.get(key).unwrap_or(&absent), b.get(key).unwrap_or(&absent));
                below(path, key, a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                below(path, &at.to_string(), a, b, found);
            }
        }
        (a, b) if a == b || (a.is_number() && a.as_f64() == b.as_f64()) => {}
        (a, b) => found.push(format!("{path}: {a} | {b}")),
    }
}

impl State {
    /// Both halves as one value.
    pub fn value(&self) -> Value {
        json!({"objects": self.objects, "records": self.records})
    }
}
