//! Hooks against a real API server; the test plays the controller that runs Jobs.

use std::sync::Arc;
use std::time::Duration;

use helm::{ReleaseError, ReleasesOptions, Status};
use serde_json::{Value, json};

use crate::support::{ChartDir, Server};

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
data: {v: {{ .Values.v | quote }}, found: {{ (lookup "v1" "ConfigMap" .Release.Namespace "theirs").data | toJson | quote }}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: {{ .Values.policy }}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a, image: example/a}]
---
apiVersion: v1
kind: Pod
metadata:
  name: check
  annotations: {helm.sh/hook: post-upgrade, helm.sh/hook-delete-policy: hook-succeeded}
spec:
  containers: [{name: a, image: example/a}]
"#;

fn chart() -> Arc<helm::Chart> {
    let dir = ChartDir::with([
        ("Chart.yaml", "apiVersion: v2\nname: jobs\nversion: 1.0.0\n"),
        ("values.yaml", "policy: before-hook-creation\n"),
        ("templates/all.yaml", TEMPLATE),
    ]);
    Arc::new(dir.chart())
}

/// Waits for an object and gives it a status.
async fn finish(server: &Server, path: &str, status: Value) {
    for _ in 0..600 {
        if server.get(path).await.is_some() {
            server
                .send(
                    "PATCH",
                    &server.path(&format!("{path}/status")),
                    json!({"status": status}),
                )
                .await
                .unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never came");
}

fn ended(how: &str) -> Value {
    let time = "2026-01-01T00:00:00Z";
    let criterion = if how == "Complete" {
        "SuccessCriteriaMet"
    } else {
        "FailureTarget"
    };
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": time});
    let mut status = json!({
        "startTime": time,
        "conditions": [condition(criterion), condition(how)],
    });
    if how == "Complete" {
        status["completionTime"] = json!(time);
        status["succeeded"] = json!(1);
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_waited_for_and_their_failure_is_the_release_s() {
    let Some(server) = Server::given("jobs_are_waited_for_and_their_failure_is_the_release_s").await else {
        return;
    };
    server
        .create(
            "configmaps",
            json!({"metadata": {"name": "theirs"}, "data": {"a": "1"}}),
        )
        .await;
    // No controller makes the account that Pods run as.
    server
        .create("serviceaccounts", json!({"metadata": {"name": "default"}}))
        .await;
    let releases = server.releases();
    let request = |values: Value| server.request_for("jobs", chart(), values);

    let first = request(json!({"v": 1}));
    let (installed, ()) = tokio::join!(
        releases.upgrade_install(&first),
        finish(&server, "jobs/migrate", ended("Complete"))
    );
    assert_eq!(installed.unwrap().revision, 1);
    let plain = server.get("configmaps/plain").await.unwrap();
    assert_eq!(plain["data"]["found"], "{\"a\":\"1\"}", "lookup sees the cluster");
    assert!(
        server.get("jobs/migrate").await.is_some(),
        "kept until the next one"
    );
    assert!(server.get("pods/check").await.is_none());

    // A failed Job fails the upgrade before any object is touched.
    server
        .send(
            "DELETE",
            &server.path("jobs/migrate?propagationPolicy=Background"),
            Value::Null,
        )
        .await
        .unwrap();
    let second = request(json!({"v": 2, "policy": "hook-failed"}));
    let (failed, ()) = tokio::join!(
        releases.upgrade_install(&second),
        finish(&server, "jobs/migrate", ended("Failed"))
    );
    let failed = failed.unwrap_err();
    let words = "pre-upgrade hooks failed: 1 error occurred:\n\t* job migrate failed: BackoffLimitExceeded";
    assert!(
        matches!(failed, ReleaseError::Hook { .. })
            && !failed.is_transient()
            && failed.to_string().starts_with(words),
        "{failed}"
    );
    assert_eq!(server.get("configmaps/plain").await.unwrap()["data"]["v"], "1");
    assert!(
        server.get("jobs/migrate").await.is_none(),
        "hook-failed deletes it"
    );
    let expected = [(1, Status::Deployed), (2, Status::Failed)];
    assert_eq!(server.statuses("jobs").await, expected);
    let latest = releases.latest("jobs", &server.namespace).await.unwrap().unwrap();
    let job = latest.hooks.iter().find(|hook| hook.name == "migrate").unwrap();
    assert_eq!(job.last_run.phase, "Failed");

    // The next one goes through, with a Pod after it.
    let third = request(json!({"v": 3}));
    let (done, (), ()) = tokio::join!(
        releases.upgrade_install(&third),
        finish(&server, "jobs/migrate", ended("Complete")),
        finish(&server, "pods/check", json!({"phase": "Succeeded"}))
    );
    assert_eq!(done.unwrap().revision, 3);
    assert_eq!(server.get("configmaps/plain").await.unwrap()["data"]["v"], "3");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_never_ends_is_given_up() {
    let Some(server) = Server::given("a_hook_that_never_ends_is_given_up").await else {
        return;
    };
    let options = ReleasesOptions {
        hook_timeout: Duration::from_secs(2),
        ..ReleasesOptions::default()
    };
    let releases = server.releases_with(options);
    let request = server.request_for("jobs", chart(), json!({"v": 1}));
    let err = releases.upgrade_install(&request).await.unwrap_err();
    assert!(matches!(err, ReleaseError::DeadlineExceeded { .. }), "{err}");
    assert_eq!(server.statuses("jobs").await, [(1, Status::Failed)]);
    server.end().await;
}
