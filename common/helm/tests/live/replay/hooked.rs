//! A chart full of hooks: 9 steps.

use serde_json::{Value, json};

use super::stage::{Act, Stage};
use crate::support::{ChartDir, Server, widgets};

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
data: {v: {{ .Values.v | quote }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}
---
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {ports: [{port: 80, name: a}], selector: {a: b}}
---
apiVersion: helm.test/v1
kind: Widget
metadata: {name: w1}
spec: {version: v1, replicas: {{ .Values.v }}}
{{- range $event := list "pre-install" "post-install" "pre-upgrade" "post-upgrade" "pre-rollback" "post-rollback" "pre-delete" "post-delete" }}
{{- range $name, $policy := dict "5" "before-hook-creation,hook-failed" "m5" "" "0" "hook-succeeded" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: hook-{{ $event }}-{{ $name }}
  annotations:
    helm.sh/hook: {{ $event }}
    helm.sh/hook-weight: {{ replace "m" "-" $name | quote }}
    {{- with $policy }}
    helm.sh/hook-delete-policy: {{ . }}
    {{- end }}
data: {rev: {{ $.Release.Revision | quote }}}
{{- end }}
{{- end }}
---
apiVersion: v1
kind: Pod
metadata: {name: t, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: example/a}]}
"#;

fn chart() -> ChartDir {
    let crd = widgets()
        .files
        .iter()
        .find(|file| file.name == "crds/widgets.yaml")
        .map(|file| String::from_utf8(file.data.to_vec()).unwrap())
        .unwrap();
    ChartDir::with([
        (
            "Chart.yaml",
            "apiVersion: v2\nname: hooked\nversion: 0.1.0\nappVersion: '1'\n",
        ),
        ("values.yaml", "v: 1\n"),
        ("templates/all.yaml", TEMPLATE),
        (
            "templates/NOTES.txt",
            "Hello {{ .Release.Name }} rev {{ .Release.Revision }} {{ .Release.IsUpgrade }}\n",
        ),
        ("crds/crd.yaml", &crd),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_on_both_engines() {
    let Some(server) = Server::with_helm("hooks_on_both_engines").await else {
        return;
    };
    let mut stage = Stage::new(server, "hk", |step| step.starts_with("hooks")).await;
    let chart = chart();
    let upgrade = |values: Value| Act::Upgrade(&chart, values, 3);
    stage.step("hooks-01-install", upgrade(json!({}))).await;
    stage.step("hooks-02-upgrade", upgrade(json!({"v": 2}))).await;
    for server in stage.both() {
        server
            .patch(
                "services/svc",
                json!({"spec": {"ports": [{"name": "x", "port": 99}]}}),
            )
            .await;
        server.patch("widgets/w1", json!({"spec": {"replicas": 7}})).await;
        server
            .patch("configmaps/plain", json!({"data": {"v": "x"}}))
            .await;
    }
    stage
        .step("hooks-03-upgrade-after-drift", upgrade(json!({"v": 2})))
        .await;
    stage.step("hooks-04-get-notes", Act::Notes).await;
    stage.step("hooks-05-history", Act::History).await;
    stage.step("hooks-06-rollback", Act::Rollback(1)).await;
    let uninstall = |keep_history| Act::Uninstall { keep_history };
    stage
        .step("hooks-07-uninstall-keep-history", uninstall(true))
        .await;
    stage
        .step(
            "hooks-08-upgrade-install-after-keep-history",
            Act::Upgrade(&chart, json!({}), 10),
        )
        .await;
    stage.step("hooks-09-uninstall", uninstall(false)).await;
    stage.end().await;
}
