//! With Cluster API's own webhooks and controllers.

use std::collections::BTreeMap;
use std::sync::Arc;

use helm::{Chart, ReleaseError, Status};
use serde_json::{Map, Value, json};

use crate::support::state::neutral;
use crate::support::{Server, charts};

const RELEASE: &str = "kube-prod-a1b2c3d4e5f6";
const RECORDED: &str = include_str!("../values/driver.json");

fn values(version: &str) -> Value {
    let cases: Map<String, Value> = serde_json::from_str(RECORDED).unwrap();
    let mut values = cases["d01-default"].clone();
    values["kubernetesVersion"] = json!(version);
    values
}

fn chart() -> Arc<Chart> {
    Arc::new(Chart::from_dir(&charts::builtin()).unwrap())
}

/// What people write: controllers only change the rest.
async fn specs(server: &Server) -> BTreeMap<String, Value> {
    let objects = server.objects().await.into_iter();
    let spec = |object: Value| {
        let neutral = neutral(object, &server.namespace);
        let mut labels = neutral["metadata"]["labels"].clone();
        // Cluster API writes its own labels when it finds the time.
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|label, _| !label.starts_with("cluster.x-k8s.io/"));
        }
        json!({"spec": neutral["spec"], "data": neutral["data"], "labels": labels})
    };
    objects.map(|(name, object)| (name, spec(object))).collect()
}

async fn workers_version(server: &Server) -> String {
    let path = format!("machinedeployments/{RELEASE}-default-worker");
    let workers = server.get(&path).await.unwrap();
    workers["spec"]["template"]["spec"]["version"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Two minors at once: Cluster API refuses the control plane, and nothing at all is changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_minor_changes_no_object() {
    let Some(server) = Server::with_cluster_api("a_skipped_minor_changes_no_object").await else {
        return;
    };
    let releases = server.releases();
    let request = |version: &str| server.request_for(RELEASE, chart(), values(version));
    releases.upgrade_install(&request("1.30.4")).await.unwrap();
    let before = specs(&server).await;
    let refused = releases.upgrade_install(&request("1.33.0")).await.unwrap_err();
    assert!(
        matches!(refused, ReleaseError::Refused(_)) && !refused.is_transient(),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("Forbidden: cannot update Kubernetes version from v1.30.4 to v1.33.0"),
        "{text}"
    );
    assert_eq!(specs(&server).await, before);
    assert_eq!(server.statuses(RELEASE).await, [(1, Status::Deployed)]);
    // What is allowed still is.
    releases.upgrade_install(&request("1.31.2")).await.unwrap();
    assert_eq!(workers_version(&server).await, "v1.31.2");
    leave(&server).await;
}

/// helm patches the workers, is refused the control plane, and its way back is an empty patch. Ours puts it
/// right, whichever way the user turns, even after helm has called its empty patch deployed, and leaves the
/// autoscaler's number alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_helm_left_half_applied_is_healed() {
    let Some(server) = Server::with_cluster_api("what_helm_left_half_applied_is_healed").await else {
        return;
    };
    for (to, helm_went_back) in [("1.30.4", true), ("1.30.4", false), ("1.31.2", false)] {
        let server = server.another_namespace().await;
        let releases = server.releases();
        let request = |version: &str| server.request_for(RELEASE, chart(), values(version));
        releases.upgrade_install(&request("1.30.4")).await.unwrap();
        let half = server
            .helm_as_the_driver(RELEASE, &charts::builtin(), &values("1.33.0"))
            .await;
        assert!(!half.success);
        assert_eq!(
            workers_version(&server).await,
            "v1.33.0",
            "helm touches the workers"
        );
        // Somebody else owns the count.
        let workers = server.path(&format!(
            "machinedeployments/{RELEASE}-default-worker?fieldManager=cluster-autoscaler"
        ));
        server
            .send("PATCH", &workers, json!({"spec": {"replicas": 5}}))
            .await
            .unwrap();
        // helm itself cannot mend it.
        if helm_went_back {
            let back = server
                .helm_as_the_driver(RELEASE, &charts::builtin(), &values(to))
                .await;
            assert!(back.success, "{}", back.stderr);
            assert_eq!(workers_version(&server).await, "v1.33.0");
        }
        releases.upgrade_install(&request(to)).await.unwrap();
        assert_eq!(workers_version(&server).await, format!("v{to}"));
        let path = format!("machinedeployments/{RELEASE}-default-worker");
        let workers = server.get(&path).await.unwrap();
        assert_eq!(workers["spec"]["replicas"], 5);
        let path = format!("kubeadmcontrolplanes/{RELEASE}-control-plane");
        let control_plane = server.get(&path).await.unwrap();
        assert_eq!(control_plane["spec"]["version"], format!("v{to}"));
        // The failed revision's record is still there; there is nothing more to put right.
        let again = releases.upgrade_install(&request(to)).await.unwrap();
        assert!(!again.changed);
        leave(&server).await;
    }
}

/// What the Python driver installed, with the same values: no object is written, nor a record.
#[tokio::test(flavor = "multi_thread")]
async fn taking_over_from_the_python_driver_changes_nothing() {
    let Some(server) = Server::with_cluster_api("taking_over_from_the_python_driver_changes_nothing").await
    else {
        return;
    };
    let cases: Map<String, Value> = serde_json::from_str(RECORDED).unwrap();
    for case in ["d01-default", "d04-autoscale", "d25-tricky-scalars"] {
        let server = server.another_namespace().await;
        let run = server
            .helm_as_the_driver(RELEASE, &charts::builtin(), &cases[case])
            .await;
        assert!(run.success, "{case}: {}", run.stderr);
        let releases = server.releases();
        let request = server.request_for(RELEASE, chart(), cases[case].clone());
        let before = writes(&server).await;
        let ours = releases.upgrade_install(&request).await.unwrap();
        assert_eq!((ours.revision, ours.changed), (1, false), "{case}");
        assert_eq!(writes(&server).await, before, "{case}");
        // A revision that is asked for all the same is a record and nothing else.
        let forced = helm::UpgradeRequest {
            force: true,
            ..request
        };
        let ours = releases.upgrade_install(&forced).await.unwrap();
        assert_eq!((ours.revision, ours.changed), (2, true), "{case}");
        assert_eq!(writes(&server).await, before, "{case}");
        // And back to Python.
        let run = server
            .helm_as_the_driver(RELEASE, &charts::builtin(), &cases[case])
            .await;
        assert!(run.success, "{case}: {}", run.stderr);
        assert_eq!(server.statuses(RELEASE).await.len(), 3);
        leave(&server).await;
    }
}

/// Everything about each object that a write by a Helm would change: its generation, and when "helm" last
/// wrote it. resourceVersions move with the controllers' statuses here; built-in kinds have them too.
async fn writes(server: &Server) -> BTreeMap<String, Value> {
    let objects = server.objects().await.into_iter();
    let helms = |object: &Value| {
        let entries = object["metadata"]["managedFields"].as_array().cloned();
        let entries = entries.unwrap_or_default().into_iter();
        let helms = entries.filter(|entry| entry["manager"] == "helm");
        Value::from(helms.collect::<Vec<_>>())
    };
    let mark = |name: &str, object: &Value| {
        let metadata = &object["metadata"];
        let is_built_in = ["configmaps/", "secrets/", "roles/", "serviceaccounts/"]
            .iter()
            .any(|kind| name.starts_with(kind));
        json!({
            "uid": metadata["uid"],
            "helm": helms(object),
            "version": is_built_in.then(|| metadata["resourceVersion"].clone()),
        })
    };
    objects
        .map(|(name, object)| {
            let mark = mark(&name, &object);
            (name, mark)
        })
        .collect()
}

/// Cluster API deletes what it made.
async fn leave(server: &Server) {
    let gone = server.releases().uninstall(RELEASE, &server.namespace).await;
    gone.unwrap();
}
