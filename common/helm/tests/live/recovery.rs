//! Releases that somebody left half-done.

use std::time::Duration;

use helm::{ReleaseError, ReleasesOptions, Status};
use serde_json::json;

use crate::support::state::with_status;
use crate::support::{ChartDir, Server, widgets};

#[tokio::test(flavor = "multi_thread")]
async fn half_applied_by_helm_is_healed() {
    let Some(server) = Server::with_helm("half_applied_by_helm_is_healed").await else {
        return;
    };
    let releases = server.releases();
    let fine = json!({"second": true});
    releases
        .upgrade_install(&server.request(fine.clone()))
        .await
        .unwrap();
    // What helm leaves when the second widget is refused: the first one patched, a failed record.
    let dir = ChartDir::of(&widgets());
    let path = dir.text();
    let half = [
        "upgrade",
        "rel",
        path,
        "--set",
        "second=true,version=v2,secondVersion=v9",
    ];
    assert!(!server.helm_run(&half, None).await.success);
    assert_eq!(server.widget("rel").await["version"], "v2");
    assert_eq!(
        server.statuses("rel").await,
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
    assert_eq!(server.statuses("rel").await, expected);
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
    assert_eq!(server.statuses("rel").await, expected);

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
