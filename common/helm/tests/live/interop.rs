//! In turns with the real helm.

use helm::{Status, Uninstalled};
use serde_json::{Value, json};

use crate::support::state::with_status;
use crate::support::{ChartDir, Server, widgets};

#[tokio::test(flavor = "multi_thread")]
async fn in_turns_with_helm() {
    let Some(server) = Server::with_helm("in_turns_with_helm").await else {
        return;
    };
    let releases = server.releases();
    let dir = ChartDir::of(&widgets());
    let path = dir.text();

    releases
        .upgrade_install(&server.request(json!({"version": "v1"})))
        .await
        .unwrap();
    let list = server.helm(&["list", "-o", "json"]).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["chart"], "widgets-1.2.3");
    assert_eq!(
        (&list[0]["status"], &list[0]["app_version"]),
        (&json!("deployed"), &json!("7"))
    );
    let values: Value =
        serde_json::from_str(&server.helm(&["get", "values", "rel", "-o", "json"]).await).unwrap();
    assert_eq!(values, json!({"version": "v1"}));

    // Text ends as helm ends it.
    let secret = server.get("secrets/rel-secret").await.unwrap();
    assert_eq!(secret["data"]["key"], "djEK", "\"v1\" and a line break");

    // helm's upgrade with the same values changes no object.
    let before = server.versions().await;
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
        .await;
    assert_eq!(server.versions().await, before);
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
    server.helm(&["rollback", "rel", "1"]).await;
    assert_eq!(server.widget("rel").await["version"], "v1");
    let history: Value = serde_json::from_str(&server.helm(&["history", "rel", "-o", "json"]).await).unwrap();
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
    assert_eq!(server.statuses("rel").await, expected);
    server.helm(&["uninstall", "rel", "--wait"]).await;
    assert!(releases.latest("rel", &server.namespace).await.unwrap().is_none());
    server.helm(&["install", "rel", path]).await;
    let gone = releases.uninstall("rel", &server.namespace).await.unwrap();
    assert!(matches!(gone, Uninstalled::Deleted { .. }));
    assert_eq!(server.helm(&["list", "-a", "-q"]).await.trim(), "");
    server.end().await;
}

/// Every command of helm's that reads or writes a release, on one that only we have written.
#[tokio::test(flavor = "multi_thread")]
async fn helms_commands_work_on_ours() {
    let Some(server) = Server::with_helm("helms_commands_work_on_ours").await else {
        return;
    };
    let releases = server.releases();
    let dir = ChartDir::of(&widgets());
    for version in ["v1", "v2"] {
        let request = server.request(json!({"version": version}));
        releases.upgrade_install(&request).await.unwrap();
    }
    let status = server.helm_json(&["status", "rel"]).await;
    assert_eq!(
        (&status["version"], &status["info"]["status"]),
        (&json!(2), &json!("deployed"))
    );
    let manifest = server.helm(&["get", "manifest", "rel"]).await;
    let latest = releases.latest("rel", &server.namespace).await.unwrap().unwrap();
    assert_eq!(manifest.trim_end(), latest.manifest.trim_end());
    let all = server.helm(&["get", "all", "rel"]).await;
    for part in [
        "REVISION: 2",
        "USER-SUPPLIED VALUES:",
        "version: v2",
        "kind: Widget",
    ] {
        assert!(all.contains(part), "{part} is missing in {all}");
    }
    let old = server
        .helm_json(&["get", "values", "rel", "--revision", "1"])
        .await;
    assert_eq!(old, json!({"version": "v1"}));

    // A release that we left pending is locked for helm too; its rollback opens it.
    let secret = server.get("secrets/sh.helm.release.v1.rel.v2").await.unwrap();
    server
        .create("secrets", with_status(&secret, 3, "pending-upgrade"))
        .await;
    let locked = server
        .helm_as_the_driver("rel", dir.path(), &json!({"version": "v3"}))
        .await;
    let error = locked.error().unwrap();
    assert_eq!(
        error,
        "another operation (install/upgrade/rollback) is in progress"
    );
    server.helm(&["rollback", "rel", "1"]).await;
    assert_eq!(server.widget("rel").await["version"], "v1");
    let ours = releases
        .upgrade_install(&server.request(json!({"version": "v1"})))
        .await;
    assert!(!ours.unwrap().changed, "helm's rollback is in force for us");

    // helm's upgrade on ours, ours on helm's, rollbacks across, uninstall.
    let run = server
        .helm_as_the_driver("rel", dir.path(), &json!({"version": "v4"}))
        .await;
    assert!(run.success, "{}", run.stderr);
    let back = releases.rollback("rel", &server.namespace, 2, 10).await.unwrap();
    assert_eq!(back.revision, 6);
    assert_eq!(server.widget("rel").await["version"], "v2");
    let history = server.helm_json(&["history", "rel"]).await;
    let last = history.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["status"], &last["description"]),
        (&json!("deployed"), &json!("Rollback to 2"))
    );
    server.helm(&["uninstall", "rel"]).await;
    assert_eq!(server.statuses("rel").await, []);
    assert!(server.get("widgets/rel").await.is_none());
    server.end().await;
}
