//! The watches on a real API server with Cluster API's definitions: needs `MANAGEMENT_KUBECONFIG`. No controllers are
//! needed; objects are made and deleted in a namespace of the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::sync::Arc;
use std::time::Duration;

use conductor_status::capi::Kind;
use conductor_status::index::{Applied, Index};
use conductor_status::watch::{self, Options};
use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};
use serde_json::json;
use tokio_util::sync::CancellationToken;

async fn client(path: &str) -> Client {
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    Client::try_from(
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .unwrap(),
    )
    .unwrap()
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_come_into_the_index_and_go() {
    let Ok(path) = std::env::var("MANAGEMENT_KUBECONFIG") else {
        eprintln!("SKIPPED: objects_come_into_the_index_and_go needs MANAGEMENT_KUBECONFIG, a kubeconfig");
        return;
    };
    let client = client(&path).await;
    let index = Arc::new(Index::new());
    let cancel = CancellationToken::new();
    let (_keep, clients) = tokio::sync::watch::channel(Some(client.clone()));
    let prefix = format!("watchtest{}", std::process::id());
    let options = Options::new(Some(prefix.clone()), "").unwrap();
    let watching = tokio::spawn(watch::run(
        clients,
        Client::clone,
        Arc::clone(&index),
        options,
        cancel.clone().cancelled_owned(),
    ));
    tokio::time::timeout(Duration::from_secs(20), index.until_synced())
        .await
        .unwrap();

    let namespace = format!("{prefix}-p");
    let namespaces: Api<DynamicObject> = Api::all_with(client.clone(), &resource("", "v1", "Namespace"));
    let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    namespaces
        .create(&PostParams::default(), &serde_json::from_value(made).unwrap())
        .await
        .unwrap();

    let releases: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        &namespace,
        &resource("addons.stackhpc.com", "v1alpha1", "HelmRelease"),
    );
    let release = json!({
        "apiVersion": "addons.stackhpc.com/v1alpha1", "kind": "HelmRelease",
        "metadata": {"name": "c1-cni", "namespace": namespace, "labels": {"addons.stackhpc.com/cluster": "c1"}},
        "spec": {
            "clusterName": "c1", "targetNamespace": "kube-system", "releaseName": "cni",
            "chart": {"repo": "https://charts.example", "name": "cni", "version": "1.0.0"},
        },
    });
    let written = releases
        .create(&PostParams::default(), &serde_json::from_value(release).unwrap())
        .await
        .unwrap();
    let text = |value: Option<String>| value.unwrap_or_default();
    let (uid, version) = (
        text(written.metadata.uid),
        text(written.metadata.resource_version),
    );
    let applied = [Applied {
        api_version: "addons.stackhpc.com/v1alpha1",
        kind: "HelmRelease",
        namespace: &namespace,
        name: "c1-cni",
        uid: &uid,
        generation: written.metadata.generation.unwrap_or_default(),
        resource_version: &version,
    }];
    assert!(index.until_caught_up(&applied, Duration::from_secs(10)).await);
    assert_eq!(index.view(&namespace, "c1").addons.len(), 1);
    assert_eq!(index.next_changes().await[0].release, "c1");

    releases.delete("c1-cni", &DeleteParams::default()).await.unwrap();
    let mut changed = index.changed();
    let gone = async {
        while !index.view(&namespace, "c1").is_gone() {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    namespaces
        .delete(&namespace, &DeleteParams::default())
        .await
        .unwrap();
    eprintln!("not served here: {:?}", index.absent());
    assert!(!index.absent().contains(&Kind::Machine));
    cancel.cancel();
    watching.await.unwrap();
}
