//! A cluster's life: 23 steps.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::stage::{Act, Stage};
use crate::support::state::with_status;
use crate::support::{ChartDir, Server, charts};

const RELEASE: &str = "kube-prod-a1b2c3d4e5f6";
const RECORDED: &str = include_str!("../../values/driver.json");

/// The charts of the play.
struct Charts {
    first: ChartDir,
    second: ChartDir,
    third: ChartDir,
    /// Names kinds that the API server does not serve.
    missing_crd: ChartDir,
}

impl Charts {
    fn given() -> Self {
        match std::env::var_os("OFFICIAL_CHARTS").map(PathBuf::from) {
            Some(folder) => Self {
                first: ChartDir::copy(&folder.join("first")),
                second: ChartDir::copy(&folder.join("second")),
                third: ChartDir::copy(&folder.join("third")),
                missing_crd: ChartDir::copy(&folder.join("missing-crd")),
            },
            None => Self::of_ours(),
        }
    }

    /// Our own chart in several versions.
    fn of_ours() -> Self {
        let folder = charts::builtin();
        let version = |version: &str| {
            let dir = ChartDir::copy(&folder);
            let metadata = std::fs::read_to_string(folder.join("Chart.yaml")).unwrap();
            dir.write(
                "Chart.yaml",
                &metadata.replace("version: 1.0.0", &format!("version: {version}")),
            );
            dir
        };
        let (second, third, missing_crd) = (version("1.1.0"), version("2.0.0"), version("0.9.0"));
        second.write(
            "templates/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-settings}\ndata: {a: b}\n",
        );
        third.write(
            "templates/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-settings-2}\ndata:\n  a: |\n    c\n",
        );
        let old = |kind: &str| {
            format!(
                "---\napiVersion: infrastructure.cluster.x-k8s.io/v1alpha7\nkind: {kind}\nmetadata: {{name: {{{{ .Release.Name }}}}}}\n"
            )
        };
        missing_crd.write(
            "templates/old.yaml",
            &(old("OpenStackCluster") + &old("OpenStackMachineTemplate")),
        );
        Self {
            first: version("1.0.0"),
            second,
            third,
            missing_crd,
        }
    }
}

/// Values as the driver sent them.
fn recorded(case: &str) -> Value {
    let cases: Map<String, Value> = serde_json::from_str(RECORDED).unwrap();
    cases[case].clone()
}

/// A fixed group and one that the autoscaler has, so that built-in kinds are there as well.
fn usual() -> Value {
    let mut values = recorded("d01-default");
    let group = recorded("d04-autoscale")["nodeGroups"][0].clone();
    let groups = values["nodeGroups"].as_array_mut().unwrap();
    groups.push(group);
    groups[1]["name"] = json!("elastic");
    values
}

fn with(case: &str, key: &str, value: Value) -> Value {
    let mut values = recorded(case);
    values[key] = value;
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_life_on_both_engines() {
    let Some(server) = Server::with_cluster_api("a_clusters_life_on_both_engines").await else {
        return;
    };
    let mut stage = Stage::new(server, RELEASE, |step| !step.starts_with("hooks")).await;
    let charts = Charts::given();
    install_and_change(&mut stage, &charts).await;
    fail_and_recover(&mut stage, &charts).await;
    leave_and_return(&mut stage, &charts).await;
    stage.end().await;
}

async fn install_and_change(stage: &mut Stage, charts: &Charts) {
    let first = &charts.first;
    let steps = [
        ("01-install-missing-crd", &charts.missing_crd, usual()),
        ("02-install", first, usual()),
        ("03-upgrade-nochange", first, usual()),
        ("04-upgrade-boot-volume", first, recorded("d08-boot-volume")),
        (
            "05-upgrade-add-nodegroups",
            first,
            recorded("d31-multi-nodegroups-ok"),
        ),
        ("06-upgrade-remove-nodegroups", first, usual()),
    ];
    for (step, chart, values) in steps {
        stage.step(step, Act::Upgrade(chart, values, 10)).await;
    }
    for server in stage.both() {
        drift(server).await;
    }
    let steps = [
        ("07-upgrade-after-drift", first, usual()),
        ("08-upgrade-second-chart", &charts.second, usual()),
        ("09-upgrade-third-chart", &charts.third, usual()),
    ];
    for (step, chart, values) in steps {
        stage.step(step, Act::Upgrade(chart, values, 10)).await;
    }
}

/// Somebody else's hand on a custom resource and on a built-in kind.
async fn drift(server: &Server) {
    let objects = server.objects().await;
    let first = |plural: &str| {
        let found = objects.keys().find(|name| name.starts_with(plural));
        found.unwrap_or_else(|| panic!("no {plural}")).clone()
    };
    server
        .patch(&first("machinedeployments/"), json!({"spec": {"replicas": 9}}))
        .await;
    let foreign = json!({"spec": {"replicas": 0}, "metadata": {"labels": {"foreign": "yes"}}});
    server.patch(&first("deployments/"), foreign).await;
}

async fn fail_and_recover(stage: &mut Stage, charts: &Charts) {
    let first = &charts.first;
    let mut imageless = usual();
    imageless.as_object_mut().unwrap().remove("machineImageId");
    stage
        .step("10-upgrade-render-error", Act::Upgrade(first, imageless, 10))
        .await;
    for step in [
        "11-upgrade-prune-0",
        "12-upgrade-prune-1",
        "13-upgrade-prune-2",
        "14-upgrade-prune-3",
    ] {
        stage.step(step, Act::Upgrade(first, usual(), 10)).await;
    }
    let refused = with("d08-boot-volume", "clusterAnnotations", json!({"bad key!": "x"}));
    stage
        .step("15-upgrade-api-error", Act::Upgrade(first, refused.clone(), 10))
        .await;
    // We have refused it whole: helm does it halfway in our namespace too, so that both start from the same.
    let run = stage
        .ours
        .helm_as_the_driver(RELEASE, first.path(), &refused)
        .await;
    assert!(!run.success);
    stage
        .step("16-upgrade-after-failed", Act::Upgrade(first, usual(), 10))
        .await;
    for server in stage.both() {
        set_status(server, "pending-upgrade").await;
    }
    stage
        .step("17-upgrade-while-pending", Act::Upgrade(first, usual(), 10))
        .await;
}

/// As a killed helm leaves its newest record.
async fn set_status(server: &Server, status: &str) {
    let (revision, _) = *server.statuses(RELEASE).await.last().unwrap();
    let path = format!("secrets/sh.helm.release.v1.{RELEASE}.v{revision}");
    let secret = server.get(&path).await.unwrap();
    let changed = with_status(&secret, revision, status);
    server
        .patch(
            &path,
            json!({"data": changed["data"], "metadata": {"labels": {"status": status}}}),
        )
        .await;
}

async fn leave_and_return(stage: &mut Stage, charts: &Charts) {
    let first = &charts.first;
    let uninstall = || Act::Uninstall { keep_history: false };
    stage.step("18-uninstall", uninstall()).await;
    stage.step("19-uninstall-again", uninstall()).await;
    until_gone(stage).await;
    stage
        .step("20-reinstall-with-kept-objects", Act::Upgrade(first, usual(), 10))
        .await;
    stage.step("21-uninstall-2", uninstall()).await;
    until_gone(stage).await;
    for server in stage.both() {
        let name = format!("{RELEASE}-foreign");
        server
            .create("configmaps", json!({"metadata": {"name": name}}))
            .await;
    }
    first.write(
        "templates/foreign.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-foreign}\n",
    );
    for step in ["22-install-foreign-object", "23-upgrade-after-failed-install"] {
        stage.step(step, Act::Upgrade(first, usual(), 10)).await;
    }
}

/// Cluster API takes a moment to let go of what was uninstalled, and the garbage collector one more for what was owned by
/// it: a kept template that it collects only after the next installation would be missing there.
async fn until_gone(stage: &Stage) {
    let deadline = Instant::now() + Duration::from_secs(120);
    for server in stage.both() {
        loop {
            let objects = server.objects().await;
            let present: Vec<&Value> = objects
                .values()
                .map(|object| &object["metadata"]["uid"])
                .collect();
            let orphaned = |object: &Value| {
                let owners = object["metadata"]["ownerReferences"].as_array();
                owners.is_some_and(|owners| owners.iter().all(|owner| !present.contains(&&owner["uid"])))
            };
            let going = objects.iter().filter(|(_, object)| {
                object["metadata"]["deletionTimestamp"].is_string() || orphaned(object)
            });
            let going: Vec<&String> = going.map(|(name, _)| name).collect();
            if going.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "not gone: {going:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
