//! Releases against a real API server, and in turns with the real helm.
//!
//! `HELM_TEST_KUBECONFIG` names a kubeconfig with all rights on an API server that may be written to;
//! `HELM_TEST_PROGRAM` the helm 3.17 executable. Without them these tests say that they did nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use helm::{Chart, Outcome, ReleaseError, Releases, ReleasesOptions, Status, Uninstalled, UpgradeRequest};
use serde_json::{Value, json};

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.helm.test}
spec:
  group: helm.test
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                version: {type: string}
                replicas: {type: integer, minimum: 0}
                color: {type: string, default: grey}
              x-kubernetes-validations:
                - rule: \"self.version != 'v9'\"
                  message: v9 is forbidden
";

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {v: {{ .Values.version | quote }}, revision-free: "yes"}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-secret}
stringData:
  key: |
    {{ .Values.version }}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: a}
  ports: [{name: http, port: 80}, {name: https, port: 443}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 0
  selector: {matchLabels: {app: a}}
  strategy: {type: RollingUpdate}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - name: main
          image: example/{{ .Values.version }}
          env: [{name: A, value: "1"}, {name: V, value: {{ .Values.version }}}]
---
apiVersion: helm.test/v1
kind: Widget
metadata: {name: {{ .Release.Name }}}
spec: {version: {{ .Values.version }}, replicas: 2}
{{- if .Values.second }}
---
apiVersion: helm.test/v1
kind: Widget
metadata:
  name: {{ .Release.Name }}-second
  annotations: {example.com/a: b}
spec: {version: {{ .Values.secondVersion | default .Values.version }}}
{{- end }}
{{- if .Values.kept }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-kept, annotations: {helm.sh/resource-policy: keep}}
{{- end }}
"#;

struct Server {
    kubeconfig: PathBuf,
    helm: Option<PathBuf>,
    client: kube::Client,
    namespace: String,
}

impl Server {
    /// None, said aloud, if there is nothing to test against.
    async fn given(test: &str) -> Option<Self> {
        let Some(kubeconfig) = std::env::var_os("HELM_TEST_KUBECONFIG").map(PathBuf::from) else {
            eprintln!("SKIPPED {test}: HELM_TEST_KUBECONFIG is not set");
            return None;
        };
        let config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default())
            .await
            .unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let server = Self {
            kubeconfig,
            helm: std::env::var_os("HELM_TEST_PROGRAM").map(PathBuf::from),
            client,
            namespace: format!("helm-test-{}", &id[..10]),
        };
        server
            .send(
                "POST",
                "/api/v1/namespaces",
                json!({"metadata": {"name": server.namespace}}),
            )
            .await
            .unwrap();
        Some(server)
    }

    async fn send(&self, method: &str, uri: &str, body: Value) -> Result<Value, kube::Error> {
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("Content-Type", kind)
            .body(body);
        self.client.request(request.unwrap()).await
    }

    async fn get(&self, path: &str) -> Option<Value> {
        self.send("GET", &self.path(path), Value::Null).await.ok()
    }

    async fn widget(&self, name: &str) -> Value {
        self.get(&format!("widgets/{name}")).await.unwrap()["spec"].clone()
    }

    fn path(&self, path: &str) -> String {
        let root = match path.split('/').next() {
            Some("widgets") => "/apis/helm.test/v1",
            Some("deployments") => "/apis/apps/v1",
            _ => "/api/v1",
        };
        format!("{root}/namespaces/{}/{path}", self.namespace)
    }

    fn releases(&self) -> Releases {
        self.releases_with(ReleasesOptions::default())
    }

    fn releases_with(&self, options: ReleasesOptions) -> Releases {
        Releases::new(self.client.clone(), options)
    }

    fn request(&self, values: Value) -> UpgradeRequest {
        UpgradeRequest {
            name: "rel".to_owned(),
            namespace: self.namespace.clone(),
            chart: Arc::new(chart()),
            values: values.as_object().unwrap().clone(),
            history_max: 10,
            force: false,
        }
    }

    /// Runs the real helm; None if there is none.
    fn helm(&self, args: &[&str]) -> Option<String> {
        let program = self.helm.as_ref()?;
        let output = Command::new(program)
            .env("KUBECONFIG", &self.kubeconfig)
            .args(["-n", &self.namespace])
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "helm {args:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        Some(text(&output.stdout))
    }

    async fn generations(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for path in [
            "configmaps/rel-settings",
            "secrets/rel-secret",
            "services/rel",
            "deployments/rel",
            "widgets/rel",
        ] {
            let object = self
                .get(path)
                .await
                .unwrap_or_else(|| panic!("{path} is missing"));
            found.insert(
                path.to_owned(),
                object["metadata"]["resourceVersion"].as_str().unwrap().to_owned(),
            );
        }
        found
    }

    async fn end(self) {
        let _ = self
            .send(
                "DELETE",
                &format!("/api/v1/namespaces/{}", self.namespace),
                Value::Null,
            )
            .await;
    }
}

fn chart() -> Chart {
    Chart::from_files([
        (
            "Chart.yaml",
            "apiVersion: v2\nname: widgets\nversion: 1.2.3\nappVersion: '7'\n",
        ),
        ("values.yaml", "version: v1\nsecond: false\nkept: true\n"),
        ("templates/all.yaml", TEMPLATE),
        ("crds/widgets.yaml", CRD),
    ])
    .unwrap()
}

fn chart_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let chart = chart();
    std::fs::create_dir_all(dir.path().join("templates")).unwrap();
    std::fs::create_dir_all(dir.path().join("crds")).unwrap();
    std::fs::write(
        dir.path().join("Chart.yaml"),
        serde_json::to_string(&chart.metadata).unwrap(),
    )
    .unwrap();
    std::fs::write(
        dir.path().join("values.yaml"),
        serde_json::to_string(&chart.values).unwrap(),
    )
    .unwrap();
    for file in chart.templates.iter().chain(&chart.files) {
        std::fs::write(dir.path().join(&file.name), &file.data).unwrap();
    }
    dir
}

async fn statuses(releases: &Releases, server: &Server) -> Vec<(u64, Status)> {
    let history = releases.history("rel", &server.namespace).await.unwrap();
    history
        .iter()
        .map(|release| (release.version, release.info.status))
        .collect()
}

fn kinds(outcome: &Outcome) -> Vec<&str> {
    outcome
        .applied
        .iter()
        .map(|object| object.kind.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn life_of_a_release() {
    let Some(server) = Server::given("life_of_a_release").await else {
        return;
    };
    let releases = server.releases();

    let installed = releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    assert_eq!((installed.revision, installed.changed), (1, true));
    assert_eq!(
        kinds(&installed),
        [
            "Secret",
            "ConfigMap",
            "ConfigMap",
            "Service",
            "Deployment",
            "Widget"
        ]
    );
    assert!(
        installed
            .applied
            .iter()
            .all(|object| !object.uid.is_empty() && !object.resource_version.is_empty())
    );
    let widget = server.get("widgets/rel").await.unwrap();
    assert_eq!(
        widget["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "Helm"
    );
    assert_eq!(
        widget["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "rel"
    );

    // The same again: nothing is written, not even a record.
    let before = server.generations().await;
    let again = releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    assert_eq!(
        (again.revision, again.changed, again.applied.len()),
        (1, false, 6)
    );
    assert_eq!(server.generations().await, before);

    // Foreign changes: put right in built-in kinds, left alone in custom ones.
    server
        .send(
            "PATCH",
            &server.path("widgets/rel"),
            json!({"spec": {"replicas": 9}}),
        )
        .await
        .unwrap();
    let ports = json!({"spec": {"ports": [{"name": "x", "port": 99}, {"name": "https", "port": 443}]}});
    server
        .send("PATCH", &server.path("services/rel"), ports)
        .await
        .unwrap();
    let changed = releases
        .upgrade_install(&server.request(json!({"version": "v2", "second": true})))
        .await
        .unwrap();
    assert_eq!((changed.revision, changed.changed), (2, true));
    assert_eq!(
        server.widget("rel").await,
        json!({"version": "v2", "replicas": 9, "color": "grey"})
    );
    let service = server.get("services/rel").await.unwrap();
    let mut ports: Vec<i64> = service["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["port"].as_i64().unwrap())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [80, 99, 443]);
    let deployment = server.get("deployments/rel").await.unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "example/v2");
    assert_eq!(container["env"][1], json!({"name": "V", "value": "v2"}));

    // What is no longer in the manifest goes, unless it is to be kept.
    let smaller = releases
        .upgrade_install(&server.request(json!({"version": "v2", "kept": false})))
        .await
        .unwrap();
    assert_eq!(smaller.revision, 3);
    assert!(server.get("widgets/rel-second").await.is_none());
    assert!(server.get("configmaps/rel-kept").await.is_some());

    let back = releases.rollback("rel", &server.namespace, 1, 10).await.unwrap();
    assert_eq!(back.revision, 4);
    assert_eq!(server.widget("rel").await["version"], "v1");
    let superseded = |revision| (revision, Status::Superseded);
    let expected = vec![superseded(1), superseded(2), superseded(3), (4, Status::Deployed)];
    assert_eq!(statuses(&releases, &server).await, expected);

    let gone = releases.uninstall("rel", &server.namespace).await.unwrap();
    assert_eq!(
        gone,
        Uninstalled::Deleted {
            kept: vec!["ConfigMap/rel-kept".to_owned()]
        }
    );
    assert!(server.get("deployments/rel").await.is_none());
    assert_eq!(
        releases.uninstall("rel", &server.namespace).await.unwrap(),
        Uninstalled::NotFound
    );

    // Installed again over what was kept.
    let reinstalled = releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    assert_eq!(reinstalled.revision, 1);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_means_untouched() {
    let Some(server) = Server::given("refused_means_untouched").await else {
        return;
    };
    let releases = server.releases();
    let refused = releases
        .upgrade_install(&server.request(json!({"version": "v9"})))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ReleaseError::Refused(_)) && !refused.is_transient(),
        "{refused}"
    );
    assert!(server.get("configmaps/rel-settings").await.is_none());
    assert!(releases.latest("rel", &server.namespace).await.unwrap().is_none());

    releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    let before = server.generations().await;
    let refused = releases
        .upgrade_install(&server.request(json!({"version": "v9", "second": true})))
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("cannot patch \"rel\" with kind Widget: "),
        "{text}"
    );
    assert!(
        text.contains("v9 is forbidden") && text.contains(" && failed to create resource: "),
        "{text}"
    );
    assert_eq!(server.generations().await, before);
    assert_eq!(statuses(&releases, &server).await, [(1, Status::Deployed)]);
    assert!(
        releases
            .dry_run(&server.request(json!({"version": "v9"})))
            .await
            .is_err()
    );
    releases
        .dry_run(&server.request(json!({"version": "v2"})))
        .await
        .unwrap();
    assert_eq!(server.generations().await, before);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_applied_by_helm_is_healed() {
    let Some(server) = Server::given("half_applied_by_helm_is_healed").await else {
        return;
    };
    let releases = server.releases();
    let fine = json!({"second": true});
    releases
        .upgrade_install(&server.request(fine.clone()))
        .await
        .unwrap();
    // What helm leaves when the second widget is refused: the first one patched, a failed record.
    let dir = chart_dir();
    let path = dir.path().to_str().unwrap();
    let Some(program) = &server.helm else {
        eprintln!("SKIPPED half_applied_by_helm_is_healed: HELM_TEST_PROGRAM is not set");
        return server.end().await;
    };
    let half = [
        "upgrade",
        "rel",
        path,
        "--set",
        "second=true,version=v2,secondVersion=v9",
    ];
    let output = Command::new(program)
        .env("KUBECONFIG", &server.kubeconfig)
        .args(["-n", &server.namespace])
        .args(half)
        .output();
    assert!(!output.unwrap().status.success());
    assert_eq!(server.widget("rel").await["version"], "v2");
    assert_eq!(
        statuses(&releases, &server).await,
        [(1, Status::Deployed), (2, Status::Failed)]
    );
    // Somebody else's change in between is left alone.
    server
        .send(
            "PATCH",
            &server.path("widgets/rel"),
            json!({"spec": {"replicas": 7}}),
        )
        .await
        .unwrap();

    let healed = releases.upgrade_install(&server.request(fine)).await.unwrap();
    assert_eq!((healed.revision, healed.changed), (3, true));
    assert_eq!(
        server.widget("rel").await,
        json!({"version": "v1", "replicas": 7, "color": "grey"})
    );
    let expected = [
        (1, Status::Superseded),
        (2, Status::Failed),
        (3, Status::Deployed),
    ];
    assert_eq!(statuses(&releases, &server).await, expected);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_releases_are_waited_for_or_taken_over() {
    let Some(server) = Server::given("pending_releases_are_waited_for_or_taken_over").await else {
        return;
    };
    let releases = server.releases();
    releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    // A helm that was killed: its record stays pending. Made by storing our own as a second, pending one.
    let name = "sh.helm.release.v1.rel.v1";
    let secret = server.get(&format!("secrets/{name}")).await.unwrap();
    let pending = with_status(&secret, 2, "pending-upgrade");
    server
        .send("POST", &server.path("secrets"), pending.clone())
        .await
        .unwrap();

    let err = releases
        .upgrade_install(&server.request(json!({"version": "v2"})))
        .await
        .unwrap_err();
    assert!(
        matches!(err, ReleaseError::Pending { .. }) && err.is_transient(),
        "{err}"
    );
    assert!(
        err.to_string()
            .starts_with("another operation (install/upgrade/rollback) is in progress")
    );

    let patient = ReleasesOptions {
        pending_grace: Duration::ZERO,
        ..ReleasesOptions::default()
    };
    let taken = server
        .releases_with(patient)
        .upgrade_install(&server.request(json!({"version": "v2"})))
        .await
        .unwrap();
    assert_eq!(taken.revision, 3);
    let expected = [
        (1, Status::Superseded),
        (2, Status::Failed),
        (3, Status::Deployed),
    ];
    assert_eq!(statuses(&releases, &server).await, expected);

    // Our own is taken over at once.
    let ours = ReleasesOptions {
        writer: "us".to_owned(),
        ..ReleasesOptions::default()
    };
    let mut pending = with_status(&secret, 4, "pending-upgrade");
    pending["metadata"]["annotations"] = json!({"release.helm.sh/writer": "us"});
    server
        .send("POST", &server.path("secrets"), pending)
        .await
        .unwrap();
    let taken = server
        .releases_with(ours)
        .upgrade_install(&server.request(json!({"version": "v3"})))
        .await
        .unwrap();
    assert_eq!(taken.revision, 5);
    server.end().await;
}

/// The Secret of a record as another revision in another status.
fn with_status(secret: &Value, revision: u64, status: &str) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use std::io::Read;
    let outer = STANDARD
        .decode(secret["data"]["release"].as_str().unwrap())
        .unwrap();
    let packed = STANDARD.decode(outer).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let mut release: Value = serde_json::from_str(&text).unwrap();
    release["version"] = json!(revision);
    release["info"]["status"] = json!(status);
    // Un-gzipped records are valid too.
    let data = STANDARD.encode(STANDARD.encode(release.to_string()));
    json!({
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": format!("sh.helm.release.v1.rel.v{revision}"),
            "labels": {"name": "rel", "owner": "helm", "status": status, "version": revision.to_string()},
        },
        "data": {"release": data},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_objects_are_not_taken() {
    let Some(server) = Server::given("foreign_objects_are_not_taken").await else {
        return;
    };
    let foreign = json!({"metadata": {"name": "rel-settings"}});
    server
        .send("POST", &server.path("configmaps"), foreign)
        .await
        .unwrap();
    let err = server
        .releases()
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap_err();
    let expected = format!(
        "Unable to continue with install: ConfigMap \"rel-settings\" in namespace \"{}\" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"",
        server.namespace
    );
    assert!(err.to_string().starts_with(&expected), "{err}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_turns_with_helm() {
    let Some(server) = Server::given("in_turns_with_helm").await else {
        return;
    };
    if server.helm.is_none() {
        eprintln!("SKIPPED in_turns_with_helm: HELM_TEST_PROGRAM is not set");
        return server.end().await;
    }
    let releases = server.releases();
    let dir = chart_dir();
    let path = dir.path().to_str().unwrap();

    releases
        .upgrade_install(&server.request(json!({"version": "v1"})))
        .await
        .unwrap();
    let list = server.helm(&["list", "-o", "json"]).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["chart"], "widgets-1.2.3");
    assert_eq!(
        (&list[0]["status"], &list[0]["app_version"]),
        (&json!("deployed"), &json!("7"))
    );
    let values: Value =
        serde_json::from_str(&server.helm(&["get", "values", "rel", "-o", "json"]).unwrap()).unwrap();
    assert_eq!(values, json!({"version": "v1"}));

    // Text ends as helm ends it.
    let secret = server.get("secrets/rel-secret").await.unwrap();
    assert_eq!(secret["data"]["key"], "djEK", "\"v1\" and a line break");

    // helm's upgrade with the same values changes no object.
    let before = server.generations().await;
    server
        .helm(&[
            "upgrade",
            "rel",
            path,
            "--set",
            "version=v1",
            "--history-max",
            "10",
        ])
        .unwrap();
    assert_eq!(server.generations().await, before);
    // And ours finds nothing to do on what helm wrote: the same chart, values and manifest.
    let ours = releases
        .upgrade_install(&server.request(json!({"version": "v1"})))
        .await
        .unwrap();
    assert_eq!((ours.revision, ours.changed), (2, false));

    releases
        .upgrade_install(&server.request(json!({"version": "v2"})))
        .await
        .unwrap();
    server.helm(&["rollback", "rel", "1"]).unwrap();
    assert_eq!(server.widget("rel").await["version"], "v1");
    let history: Value =
        serde_json::from_str(&server.helm(&["history", "rel", "-o", "json"]).unwrap()).unwrap();
    let descriptions: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["description"].as_str().unwrap())
        .collect();
    assert_eq!(
        descriptions,
        [
            "Install complete",
            "Upgrade complete",
            "Upgrade complete",
            "Rollback to 1"
        ]
    );

    // helm writes as we read: pruning, and uninstall.
    for version in ["v3", "v4", "v5"] {
        let mut request = server.request(json!({"version": version}));
        request.history_max = 3;
        releases.upgrade_install(&request).await.unwrap();
    }
    let expected = [
        (5, Status::Superseded),
        (6, Status::Superseded),
        (7, Status::Deployed),
    ];
    assert_eq!(statuses(&releases, &server).await, expected);
    server.helm(&["uninstall", "rel", "--wait"]).unwrap();
    assert!(releases.latest("rel", &server.namespace).await.unwrap().is_none());
    server.helm(&["install", "rel", path]).unwrap();
    let gone = releases.uninstall("rel", &server.namespace).await.unwrap();
    assert!(matches!(gone, Uninstalled::Deleted { .. }));
    assert_eq!(server.helm(&["list", "-a", "-q"]).unwrap().trim(), "");
    server.end().await;
}
