//! The same changes by both engines on the same drifted objects: strategic merges of lists with and without
//! merge keys, deletions, nulls, and the custom resource that is only merged.

use serde_json::{Value, json};

use crate::support::state::{differences, neutral};
use crate::support::{ChartDir, Server};

const WORKLOAD: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: w
  labels: {{- toYaml .Values.labels | nindent 4 }}
  {{- with .Values.finalizers }}
  finalizers: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  replicas: 0
  selector: {matchLabels: {app: w}}
  strategy: {{- toYaml .Values.strategy | nindent 4 }}
  template:
    metadata: {labels: {app: w}}
    spec: {{- toYaml .Values.pod | nindent 6 }}
---
apiVersion: v1
kind: Service
metadata: {name: w}
spec: {{- toYaml .Values.service | nindent 2 }}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: w}
imagePullSecrets: {{- toYaml .Values.pull | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: w}
rules: {{- toYaml .Values.rules | nindent 2 }}
---
apiVersion: helm.test/v1
kind: Widget
metadata: {name: w}
spec: {{- toYaml .Values.widget | nindent 2 }}
"#;

fn before() -> Value {
    json!({
        "labels": {"a": "1", "gone": "x"},
        "finalizers": ["example.com/one"],
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}},
        "pod": {
            "containers": [
                {"name": "main", "image": "example/1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
                 "ports": [{"containerPort": 80}, {"containerPort": 443}],
                 "volumeMounts": [{"name": "v", "mountPath": "/v"}], "command": ["a", "b"]},
                {"name": "side", "image": "example/1"},
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "tolerations": [{"key": "a", "operator": "Exists"}],
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
            "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
            "nodeSelector": {"a": "1", "b": "2"},
        },
        "service": {"selector": {"app": "w"}, "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "http", "port": 80}]},
        "pull": [{"name": "one"}, {"name": "two"}],
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        "widget": {"version": "v1", "replicas": 1, "color": "red"},
    })
}

fn after() -> Value {
    json!({
        "labels": {"a": "2", "came": "y"},
        "finalizers": ["example.com/two"],
        "strategy": {"type": "Recreate"},
        "pod": {
            "containers": [
                {"name": "extra", "image": "example/2"},
                {"name": "main", "image": "example/2", "env": [{"name": "C", "value": "2"}, {"name": "A", "value": "2"}],
                 "ports": [{"containerPort": 443, "name": "tls"}],
                 "volumeMounts": [{"name": "v", "mountPath": "/w"}], "command": ["b"]},
            ],
            "volumes": [{"name": "v", "configMap": {"name": "c"}}],
            "tolerations": [{"key": "b", "operator": "Exists"}],
            "hostAliases": [{"ip": "10.0.0.2", "hostnames": ["b"]}],
            "imagePullSecrets": [{"name": "two"}, {"name": "three"}],
            "nodeSelector": {"a": "1"},
        },
        "service": {"selector": {"app": "w"}, "ports": [
            {"name": "http", "port": 80, "targetPort": 8080}]},
        "pull": [{"name": "three"}],
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}],
        "widget": {"version": "v2", "replicas": 1},
    })
}

/// What others have changed meanwhile.
async fn drift(server: &Server) {
    let injected = json!({"metadata": {"labels": {"foreign": "z", "a": "9"}}, "spec": {"template": {"spec": {
        "nodeSelector": {"foreign": "1"}, "priorityClassName": null, "tolerations": []}}}});
    server.patch("deployments/w", injected).await;
    let ports = json!({"spec": {"ports": [
        {"name": "x", "port": 99}, {"name": "dns", "port": 53, "protocol": "UDP"}], "externalTrafficPolicy": null}});
    server.patch("services/w", ports).await;
    server
        .patch("widgets/w", json!({"spec": {"replicas": 7, "color": "blue"}}))
        .await;
    server.patch("roles/w", json!({"rules": []})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_maps_and_nulls_merge_as_helm_merges_them() {
    let Some(helms) = Server::with_helm("lists_maps_and_nulls_merge_as_helm_merges_them").await else {
        return;
    };
    let ours = helms.another_namespace().await;
    let dir = ChartDir::with([
        ("Chart.yaml", "apiVersion: v2\nname: patches\nversion: 1.0.0\n"),
        ("templates/all.yaml", WORKLOAD),
    ]);
    // The Widget's CRD.
    let other = ours.another_namespace().await;
    other
        .releases()
        .upgrade_install(&other.request(json!({})))
        .await
        .unwrap();
    let chart = std::sync::Arc::new(dir.chart());
    let releases = ours.releases();
    for (step, values, drifted) in [
        ("install", before(), false),
        ("change", after(), false),
        ("back over drift", before(), true),
        ("drift alone", before(), true),
        ("change over drift", after(), true),
    ] {
        if drifted {
            drift(&helms).await;
            drift(&ours).await;
        }
        let request = ours.request_for("p", std::sync::Arc::clone(&chart), values.clone());
        let (run, outcome) = tokio::join!(
            helms.helm_as_the_driver("p", dir.path(), &values),
            releases.upgrade_install(&request)
        );
        assert!(run.success, "{step}: {}", run.stderr);
        outcome.unwrap_or_else(|err| panic!("{step}: {err}"));
        let objects = async |server: &Server| {
            let objects = server.objects().await.into_iter();
            let neutral = objects.map(|(name, object)| (name, finalized(object, &server.namespace)));
            Value::Object(neutral.collect())
        };
        let found = differences(&objects(&helms).await, &objects(&ours).await);
        assert!(found.is_empty(), "{step} (helm | ours):\n{}", found.join("\n"));
    }
    // Nobody else will.
    for server in [&helms, &ours] {
        server
            .patch("deployments/w", json!({"metadata": {"finalizers": null}}))
            .await;
    }
    helms.end().await;
    ours.end().await;
}

/// Somebody's finalizer holds objects that were deleted: an upgrade that wants them goes on, whether the revision
/// before had them or not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_out_is_patched_as_helm_patches_it() {
    let Some(helms) = Server::with_helm("what_is_on_its_way_out_is_patched_as_helm_patches_it").await else {
        return;
    };
    let ours = helms.another_namespace().await;
    let dir = ChartDir::with([
        ("Chart.yaml", "apiVersion: v2\nname: held\nversion: 1.0.0\n"),
        (
            "templates/all.yaml",
            "{{- range .Values.names }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ . }}\n  finalizers: [example.com/held]\ndata: {text: {{ $.Values.text }}}\n{{- end }}\n",
        ),
    ]);
    let chart = std::sync::Arc::new(dir.chart());
    let releases = ours.releases();
    for (step, names, deleted) in [
        ("install", json!(["dropped", "stays"]), false),
        ("drop one", json!(["stays"]), false),
        ("want it back", json!(["dropped", "stays"]), true),
    ] {
        if deleted {
            for server in [&helms, &ours] {
                let stays = server.path("configmaps/stays");
                server.send("DELETE", &stays, Value::Null).await.unwrap();
            }
        }
        let values = json!({"names": names, "text": step});
        let request = ours.request_for("h", std::sync::Arc::clone(&chart), values.clone());
        let (run, outcome) = tokio::join!(
            helms.helm_as_the_driver("h", dir.path(), &values),
            releases.upgrade_install(&request)
        );
        assert!(run.success, "{step}: {}", run.stderr);
        outcome.unwrap_or_else(|err| panic!("{step}: {err}"));
        for name in names.as_array().unwrap() {
            let path = format!("configmaps/{}", name.as_str().unwrap());
            for server in [&helms, &ours] {
                let object = server.get(&path).await.unwrap();
                assert_eq!(object["data"]["text"], step, "{path}");
                assert_eq!(
                    object["metadata"]["deletionTimestamp"].is_string(),
                    deleted,
                    "{step}: {path}"
                );
            }
        }
    }
    for server in [&helms, &ours] {
        for path in ["configmaps/dropped", "configmaps/stays"] {
            server
                .patch(path, json!({"metadata": {"finalizers": null}}))
                .await;
        }
    }
    helms.end().await;
    ours.end().await;
}

/// Finalizers are compared too here.
fn finalized(object: Value, namespace: &str) -> Value {
    let finalizers = object["metadata"]["finalizers"].clone();
    let mut found = neutral(object, namespace);
    found["finalizers"] = finalizers;
    found
}
