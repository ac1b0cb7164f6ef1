//! Two writers at once.

use std::sync::Arc;
use std::time::Duration;

use helm::{ReleaseError, Releases, ReleasesOptions, Status};
use serde_json::{Value, json};

use crate::support::{ChartDir, Server, widgets};

fn options(writer: &str) -> ReleasesOptions {
    ReleasesOptions {
        writer: writer.to_owned(),
        ..ReleasesOptions::default()
    }
}

/// What must hold when all have come to rest: one revision in force, none pending, objects as it says.
async fn at_rest(server: &Server) {
    let statuses = server.statuses("rel").await;
    let of = |wanted: Status| statuses.iter().filter(|(_, status)| *status == wanted).count();
    assert_eq!(of(Status::Deployed), 1, "{statuses:?}");
    assert!(
        !statuses.iter().any(|(_, status)| status.is_pending()),
        "{statuses:?}"
    );
    let (revision, _) = *statuses
        .iter()
        .find(|(_, status)| *status == Status::Deployed)
        .unwrap();
    let history = server.releases().history("rel", &server.namespace).await.unwrap();
    let in_force = history
        .iter()
        .find(|release| release.version == revision)
        .unwrap();
    let version = in_force.config.as_ref().unwrap()["version"].clone();
    assert_eq!(server.widget("rel").await["version"], version);
    let settings = server.get("configmaps/rel-settings").await.unwrap();
    assert_eq!(settings["data"]["v"], version);
    // The next call finds nothing wrong.
    let again = server.request(Value::Object(in_force.config.clone().unwrap()));
    let outcome = server.releases().upgrade_install(&again).await.unwrap();
    assert!(!outcome.changed, "revision {}", outcome.revision);
}

/// Whether the other writer was in the way, as opposed to anything else.
fn is_rivalry(err: &ReleaseError) -> bool {
    err.is_transient()
        && matches!(
            err,
            ReleaseError::Pending { .. } | ReleaseError::Conflict(_) | ReleaseError::Apply { .. }
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_ours() {
    let Some(server) = Server::given("two_of_ours").await else {
        return;
    };
    let server = Arc::new(server);
    let chart = Arc::new(widgets());
    let mut done = 0;
    for round in 0..6 {
        let writers = ["one", "other"].map(|name| {
            let (server, chart) = (Arc::clone(&server), Arc::clone(&chart));
            tokio::spawn(async move {
                let releases = Releases::new(server.client.clone(), options(name));
                let version = format!("v{round}{name}");
                let request = server.request_for("rel", chart, json!({"version": version}));
                releases.upgrade_install(&request).await
            })
        });
        for writer in writers {
            match writer.await.unwrap() {
                Ok(_) => done += 1,
                Err(err) => assert!(is_rivalry(&err), "{err:?}"),
            }
        }
        at_rest(&server).await;
    }
    assert!(done >= 6, "one of two gets through each time");
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_and_helm() {
    let Some(server) = Server::with_helm("ours_and_helm").await else {
        return;
    };
    let dir = ChartDir::of(&widgets());
    let releases = Releases::new(server.client.clone(), options("ours"));
    releases
        .upgrade_install(&server.request(json!({"version": "v1"})))
        .await
        .unwrap();
    for round in 0..5_u64 {
        let theirs = json!({"version": format!("vh{round}")});
        let request = server.request(json!({"version": format!("vo{round}")}));
        let ours = async {
            // helm needs a moment to start; each round meets it elsewhere.
            tokio::time::sleep(Duration::from_millis(40 * round)).await;
            releases.upgrade_install(&request).await
        };
        let (ours, helms) = tokio::join!(ours, server.helm_as_the_driver("rel", dir.path(), &theirs));
        if let Err(err) = ours {
            assert!(is_rivalry(&err), "{err:?}");
        }
        if let Some(error) = helms.error() {
            let known = error.contains("another operation") || error.contains("already exists");
            assert!(known, "{error}");
        }
        at_rest(&server).await;
    }
    server.end().await;
}
