//! The life of a release, and what refuses one.

use helm::{Outcome, ReleaseError, Releases, ReleasesOptions, Status, Uninstalled};
use serde_json::json;

use crate::support::Server;
use crate::support::wire::{Fault, Wire};

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
    let before = server.versions().await;
    let again = releases
        .upgrade_install(&server.request(json!({})))
        .await
        .unwrap();
    assert_eq!(
        (again.revision, again.changed, again.applied.len()),
        (1, false, 6)
    );
    assert_eq!(server.versions().await, before);

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
    assert_eq!(server.statuses("rel").await, expected);

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
    let before = server.versions().await;
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
    assert_eq!(server.versions().await, before);
    assert_eq!(server.statuses("rel").await, [(1, Status::Deployed)]);
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
    assert_eq!(server.versions().await, before);
    server.end().await;
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
async fn what_needs_no_change_costs_a_read_of_each_object() {
    let Some(server) = Server::given("what_needs_no_change_costs_a_read_of_each_object").await else {
        return;
    };
    let wire = Wire::new(server.client.clone(), Fault::None, 0);
    let releases = Releases::new(wire.client(), ReleasesOptions::default());
    let request = server.request(json!({}));
    releases.upgrade_install(&request).await.unwrap();
    let before = wire.writes().len();
    let again = releases.upgrade_install(&request).await.unwrap();
    assert!(!again.changed);
    // The records, the objects, and one rehearsal: whether a Deployment's strategy keeps only what the chart
    // names, the API server has to say. What it serves is remembered.
    let calls = wire.writes().split_off(before);
    assert_eq!(calls, vec![false; 1 + again.applied.len() + 1]);
    server.end().await;
}
