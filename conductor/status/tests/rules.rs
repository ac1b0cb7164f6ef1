//! Rules of derivation that no recording shows: names that are cut or collide, addresses, limits, addons, an older
//! Cluster API without the new conditions.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use chrono::{DateTime, TimeDelta, Utc};
use conductor_status::capi::{Kind, Object};
use conductor_status::derive::{
    ClusterState, Derived, Desired, Limits, NodeGroupState, Progress, Rules, derive, may_recover,
};
use conductor_status::index::Index;
use magnum_objects::ClusterStatus::{
    self, CreateComplete, CreateFailed, CreateInProgress, DeleteFailed, DeleteInProgress, UpdateComplete,
    UpdateFailed, UpdateInProgress,
};
use serde_json::{Value, json};

const NAMESPACE: &str = "magnum-p";

struct World {
    index: Index,
    desired: Desired,
    progress: Progress,
    rules: Rules,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn row(name: &str, master: bool, count: i64, status: ClusterStatus) -> NodeGroupState {
    NodeGroupState {
        uuid: format!("uuid-of-{name}"),
        name: name.to_owned(),
        is_master: master,
        is_default: name.starts_with("default-"),
        node_count: count,
        node_addresses: Vec::new(),
        status: Some(status),
        status_reason: None,
    }
}

impl World {
    /// A cluster of one control plane node and no workers, all of it there, in the old contract's fields only.
    fn new(release: &str, status: ClusterStatus) -> Self {
        let index = Index::new();
        for kind in Kind::ALL {
            index.mark_synced(kind);
        }
        let world = Self {
            index,
            desired: Desired {
                cluster: ClusterState {
                    uuid: "c".to_owned(),
                    release: Some(release.to_owned()),
                    status: Some(status),
                    status_reason: None,
                    api_address: None,
                    coe_version: None,
                    container_version: None,
                    health_status: None,
                    health_status_reason: None,
                    create_timeout: Some(60),
                    created_at: Some(start()),
                },
                nodegroups: vec![row("default-master", true, 1, status)],
            },
            progress: Progress {
                unfinished: false,
                started_at: Some(start()),
                dead_credential: false,
            },
            rules: Rules {
                limits: Limits {
                    update: Some(60),
                    delete: Some(60),
                },
                control_plane_conditions: vec!["Ready".to_owned()],
                without_health: false,
            },
        };
        let yes = |kinds: &[&str]| {
            kinds
                .iter()
                .map(|kind| json!({"type": kind, "status": "True"}))
                .collect::<Vec<_>>()
        };
        world.put(
            Kind::Cluster,
            release,
            json!({
                "spec": {"controlPlaneEndpoint": {"host": "2001:db8::1", "port": 6443}},
                "status": {
                    "observedGeneration": 1, "infrastructureReady": true,
                    "conditions": yes(&["Ready", "InfrastructureReady", "ControlPlaneReady"]),
                },
            }),
        );
        world.put(Kind::InfraCluster, release, json!({"status": {"ready": true}}));
        world.put(
            Kind::ControlPlane,
            &format!("{release}-control-plane"),
            json!({
                "spec": {"replicas": 1, "version": "v1.30.4"},
                "status": {
                    "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                    "version": "v1.30.4", "conditions": yes(&["Ready"]),
                },
            }),
        );
        world.machine("cp-0", json!({"cluster.x-k8s.io/control-plane": ""}));
        world
    }

    fn put(&self, kind: Kind, name: &str, mut object: Value) {
        let release = self.desired.cluster.release.clone().unwrap();
        let meta = object
            .as_object_mut()
            .unwrap()
            .entry("metadata")
            .or_insert_with(|| json!({}));
        let given = meta.clone();
        *meta = json!({
            "namespace": NAMESPACE, "name": name, "uid": name, "generation": 1, "resourceVersion": "1",
            "labels": {"cluster.x-k8s.io/cluster-name": release},
        });
        for (key, value) in given.as_object().unwrap() {
            if key == "labels" {
                for (label, value) in value.as_object().unwrap() {
                    meta["labels"][label] = value.clone();
                }
            } else {
                meta[key] = value.clone();
            }
        }
        let api_version = format!("{}/v1beta1", kind.api().group);
        self.index.apply(kind, Object::read(kind, &api_version, &object));
    }

    fn machine(&self, name: &str, labels: Value) {
        self.put(Kind::Machine, name, json!({
            "metadata": {"labels": labels},
            "spec": {"version": "v1.30.4"},
            "status": {
                "nodeRef": {"name": name},
                "conditions": [{"type": "NodeHealthy", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}, {"type": "ExternalIP", "address": "192.0.2.9"}],
            },
        }));
    }

    /// A node group with one Ready node. `label` is the chart's label of the group.
    fn deployment(&self, name: &str, label: Option<&str>) {
        let mut labels = json!({});
        if let Some(label) = label {
            labels["capi.stackhpc.com/node-group"] = label.into();
        }
        self.put(
            Kind::MachineDeployment,
            name,
            json!({
                "metadata": {"labels": labels},
                "spec": {"replicas": 1, "template": {"spec": {"version": "v1.30.4"}}},
                "status": {
                    "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                    "availableReplicas": 1,
                },
            }),
        );
        labels["cluster.x-k8s.io/deployment-name"] = name.into();
        self.machine(&format!("{name}-0"), labels);
    }

    fn addon(&self, kind: Kind, status: Value) {
        let release = self.desired.cluster.release.clone().unwrap();
        self.put(kind, &format!("{release}-addon"), json!({"status": status}));
    }

    fn derive(&self, minutes: i64) -> Derived {
        let view = self
            .index
            .view(NAMESPACE, self.desired.cluster.release.as_deref().unwrap());
        derive(
            &self.desired,
            &view,
            &self.progress,
            &self.rules,
            start() + TimeDelta::minutes(minutes),
        )
    }
}

#[test]
fn the_old_contract_alone_is_enough() {
    let derived = World::new("c1", CreateInProgress).derive(1);
    assert_eq!(
        derived.cluster.status,
        Some(CreateComplete),
        "{:?}",
        derived.cluster.status_reason
    );
    assert_eq!(derived.nodegroups[0].status, Some(CreateComplete));
    assert_eq!(derived.nodegroups[0].node_addresses, ["192.0.2.9"]);
}

#[test]
fn an_ipv6_endpoint_is_bracketed_and_an_empty_one_ignored() {
    let world = World::new("c1", CreateInProgress);
    assert_eq!(
        world.derive(1).cluster.api_address.as_deref(),
        Some("https://[2001:db8::1]:6443")
    );
    world.put(
        Kind::Cluster,
        "c1",
        json!({"spec": {"controlPlaneEndpoint": {"host": "", "port": 0}}}),
    );
    assert_eq!(world.derive(1).cluster.api_address, None);
}

#[test]
fn node_groups_are_found_under_cut_names_and_labels() {
    let long = "a-group-with-a-name-that-does-not-fit-together-with-its-release";
    let release = "a-cluster-with-a-long-name-abcdefghijkl";
    let mut world = World::new(release, UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row(long, false, 1, CreateInProgress));
    let full = format!("{release}-{long}");
    let cut = full[..63].trim_end_matches('-').to_owned();
    world.deployment(&cut, None);
    assert_eq!(
        world.derive(1).nodegroups[1].status,
        Some(CreateComplete),
        "by name"
    );

    let mut world = World::new(release, UpdateInProgress);
    let longer = format!("{long}-and-longer");
    world
        .desired
        .nodegroups
        .push(row(&longer, false, 1, CreateInProgress));
    world.deployment("some-name", Some(longer[..63].trim_end_matches('-')));
    assert_eq!(
        world.derive(1).nodegroups[1].status,
        Some(CreateComplete),
        "by label"
    );
}

#[test]
fn a_name_that_is_too_short_for_us_is_found_as_an_older_driver_left_it() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("p1", false, 1, UpdateInProgress));
    world.deployment("c1-p1", Some("p1"));
    assert_eq!(world.derive(1).nodegroups[1].status, Some(UpdateComplete));
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("gpu", false, 1, UpdateComplete));
    world
        .desired
        .nodegroups
        .push(row("GPU", false, 1, CreateInProgress));
    world.deployment("c1-gpu", Some("gpu"));
    let derived = world.derive(1);
    assert_eq!(
        derived.nodegroups[2].status,
        Some(CreateInProgress),
        "the other group's is not taken"
    );
}

#[test]
fn a_cut_name_of_another_group_is_not_taken_for_it() {
    let stem = "a-group-with-a-name-that-does-not-fit";
    let release = "a-cluster-with-a-long-name-abcdefghijkl";
    let mut world = World::new(release, UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row(&format!("{stem}-one"), false, 1, CreateInProgress));
    world
        .desired
        .nodegroups
        .push(row(&format!("{stem}-other"), false, 1, CreateInProgress));
    let cut = format!("{release}-{stem}")[..63].trim_end_matches('-').to_owned();
    world.deployment(&cut, Some(&format!("{stem}-one")));
    let derived = world.derive(1);
    assert_eq!(derived.nodegroups[1].status, Some(CreateComplete));
    assert_eq!(derived.nodegroups[2].status, Some(CreateInProgress));
    assert_eq!(derived.cluster.status, Some(UpdateInProgress));
}

#[test]
fn a_group_is_not_complete_with_another_number_of_nodes() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 2, UpdateInProgress));
    world.deployment("c1-pool", Some("pool"));
    let derived = world.derive(1);
    assert_eq!(derived.cluster.status, Some(UpdateInProgress));
    assert_eq!(
        derived.nodegroups[1].status_reason.as_deref(),
        Some("MachineDeployment c1-pool: has 1 replicas, the node group 2 nodes")
    );
}

#[test]
fn stale_counts_do_not_complete_an_update() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 1, UpdateInProgress));
    world.deployment("c1-pool", Some("pool"));
    assert_eq!(world.derive(1).cluster.status, Some(UpdateComplete));
    world.put(
        Kind::MachineDeployment,
        "c1-pool",
        json!({
            "metadata": {"generation": 2, "labels": {"capi.stackhpc.com/node-group": "pool"}},
            "spec": {"replicas": 1, "template": {"spec": {"version": "v1.30.4"}}},
            "status": {"observedGeneration": 1, "phase": "Running", "replicas": 1, "updatedReplicas": 1,
                       "readyReplicas": 1, "availableReplicas": 1},
        }),
    );
    let derived = world.derive(1);
    assert_eq!(derived.cluster.status, Some(UpdateInProgress));
    assert_eq!(derived.nodegroups[1].status, Some(UpdateInProgress));
}

#[test]
fn a_failed_addon_fails_the_cluster_until_it_is_deployed() {
    for (kind, failed, text) in [
        (
            Kind::HelmRelease,
            json!({"phase": "Failed", "failureMessage": "chart not found"}),
            "chart not found",
        ),
        (Kind::Manifests, json!({"phase": "Unknown"}), "Unknown"),
    ] {
        let mut world = World::new("c1", CreateInProgress);
        world.addon(kind, json!({"phase": "Installing"}));
        let derived = world.derive(1);
        assert_eq!(derived.cluster.status, Some(CreateInProgress));
        assert!(
            derived
                .cluster
                .status_reason
                .unwrap()
                .ends_with("c1-addon: Installing")
        );
        world.addon(kind, failed);
        let derived = world.derive(1);
        assert_eq!(derived.cluster.status, Some(CreateFailed));
        assert!(derived.cluster.status_reason.as_deref().unwrap().ends_with(text));
        world.desired.cluster = derived.cluster;
        world.addon(kind, json!({"phase": "Deployed"}));
        assert_eq!(world.derive(1).cluster.status, Some(CreateComplete));
    }
}

#[test]
fn a_helm_chart_proxy_is_read_by_its_conditions() {
    let world = World::new("c1", CreateInProgress);
    world.addon(Kind::HelmChartProxy, json!({}));
    assert_eq!(world.derive(1).cluster.status, Some(CreateInProgress));
    world.addon(
        Kind::HelmChartProxy,
        json!({"conditions": [{"type": "Ready", "status": "True"}]}),
    );
    assert_eq!(world.derive(1).cluster.status, Some(CreateComplete));
}

#[test]
fn a_broken_node_of_an_untouched_group_does_not_hold_up_the_others() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 1, UpdateComplete));
    world.deployment("c1-pool", Some("pool"));
    let broken = |node: Value| {
        json!({
            "metadata": {"labels": {"cluster.x-k8s.io/deployment-name": "c1-pool"}},
            "spec": {"version": "v1.30.4"},
            "status": {"nodeRef": node, "conditions": [{"type": "NodeHealthy", "status": "False"}]},
        })
    };
    world.put(Kind::Machine, "c1-pool-0", broken(json!({"name": "n"})));
    assert_eq!(world.derive(1).cluster.status, Some(UpdateComplete));
    world.put(Kind::Machine, "c1-pool-0", broken(Value::Null));
    let derived = world.derive(1);
    assert_eq!(
        derived.cluster.status,
        Some(UpdateInProgress),
        "a node that never came does"
    );
}

#[test]
fn a_group_that_failed_for_good_does_not_hold_up_the_cluster_and_recovers_with_it() {
    let mut world = World::new("c1", UpdateInProgress);
    let mut failed = row("pool", false, 1, CreateFailed);
    failed.status_reason = Some("chart: name too short".to_owned());
    world.desired.nodegroups.push(failed);
    let derived = world.derive(1);
    assert_eq!(derived.cluster.status, Some(UpdateComplete));
    assert_eq!(derived.nodegroups[1].status, Some(CreateFailed));
    world.deployment("c1-pool", Some("pool"));
    assert_eq!(world.derive(1).nodegroups[1].status, Some(CreateComplete));
    world.desired.cluster.status = Some(UpdateComplete);
    assert_eq!(
        world.derive(1).nodegroups[1].status,
        Some(CreateFailed),
        "nothing was done about it"
    );
}

#[test]
fn updates_fail_after_their_limit_counted_from_the_newest_operation() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 1, UpdateInProgress));
    world.progress.started_at = Some(start() + TimeDelta::minutes(30));
    let derived = world.derive(89);
    assert_eq!(derived.cluster.status, Some(UpdateInProgress));
    assert_eq!(derived.next_deadline, Some(start() + TimeDelta::minutes(90)));
    let derived = world.derive(90);
    assert_eq!(derived.cluster.status, Some(UpdateFailed));
    assert_eq!(
        derived.cluster.status_reason.as_deref(),
        Some("Timed out after 60 minutes: MachineDeployment c1-pool: not in the management cluster")
    );
    assert!(may_recover(derived.cluster.status_reason.as_deref()));
    assert_eq!(derived.nodegroups[1].status, Some(UpdateFailed));
    world.rules.limits.update = None;
    assert_eq!(
        world.derive(100_000).cluster.status,
        Some(UpdateInProgress),
        "no limit"
    );
}

#[test]
fn an_operation_that_is_not_carried_out_fails_in_the_end_too() {
    let mut world = World::new("c1", UpdateInProgress);
    world.progress.unfinished = true;
    assert_eq!(world.derive(59).cluster.status, Some(UpdateInProgress));
    assert_eq!(world.derive(59).cluster.status_reason, None);
    let derived = world.derive(60);
    assert_eq!(derived.cluster.status, Some(UpdateFailed));
    world.desired.cluster = derived.cluster;
    world.desired.nodegroups = derived.nodegroups;
    assert_eq!(world.derive(61).cluster.status, Some(UpdateFailed));
    world.progress.unfinished = false;
    let derived = world.derive(62);
    assert_eq!(derived.cluster.status, Some(UpdateComplete));
    assert_eq!(derived.nodegroups[0].status, Some(UpdateComplete));
}

#[test]
fn a_creation_without_a_limit_of_its_own_gets_the_usual_one() {
    for timeout in [None, Some(0)] {
        let mut world = World::new("c1", CreateInProgress);
        world.desired.nodegroups[0].node_count = 3;
        world.desired.cluster.create_timeout = timeout;
        assert_eq!(world.derive(59).cluster.status, Some(CreateInProgress));
        assert_eq!(world.derive(60).cluster.status, Some(CreateFailed));
    }
}

#[test]
fn an_unknown_management_cluster_changes_nothing_but_ends_waiting() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 1, DeleteInProgress));
    world.index.mark_absent(Kind::Machine);
    let derived = world.derive(59);
    assert!(!derived.changes(&world.desired), "{derived:#?}");
    let derived = world.derive(60);
    assert_eq!(derived.cluster.status, Some(UpdateFailed));
    assert!(
        derived
            .cluster
            .status_reason
            .unwrap()
            .contains("has not been reached")
    );
    assert_eq!(derived.nodegroups[1].status, Some(DeleteFailed));
    assert!(derived.gone.is_empty());
}

#[test]
fn node_group_rows_go_only_when_the_operation_is_done_and_never_default_ones() {
    let mut world = World::new("c1", UpdateInProgress);
    world
        .desired
        .nodegroups
        .push(row("pool", false, 1, DeleteInProgress));
    world
        .desired
        .nodegroups
        .push(row("default-worker", false, 1, DeleteInProgress));
    world.progress.unfinished = true;
    assert!(world.derive(1).gone.is_empty());
    world.progress.unfinished = false;
    let derived = world.derive(1);
    assert_eq!(derived.gone, [world.desired.nodegroups[1].uuid.clone()]);
    assert_eq!(derived.cluster.status, Some(UpdateComplete));
    // Default or not, one whose nodes are still there holds the cluster.
    world.deployment("c1-default-worker", Some("default-worker"));
    let derived = world.derive(1);
    assert_eq!(derived.gone, [world.desired.nodegroups[1].uuid.clone()]);
    assert_eq!(derived.cluster.status, Some(UpdateInProgress));
    let reason = derived.cluster.status_reason.unwrap();
    assert_eq!(reason, "Node group default-worker: still there");
}

#[test]
fn statuses_of_others_and_failed_deletions_are_left_alone() {
    for status in [
        DeleteFailed,
        ClusterStatus::RollbackInProgress,
        ClusterStatus::AdoptComplete,
    ] {
        let world = World::new("c1", status);
        assert!(!world.derive(1000).changes(&world.desired), "{status}");
    }
}

#[test]
fn a_failure_of_an_operation_is_not_forgotten_because_the_old_state_is_fine() {
    let mut world = World::new("c1", UpdateFailed);
    world.desired.cluster.status_reason = Some("admission webhook denied the request".to_owned());
    assert_eq!(world.derive(1).cluster.status, Some(UpdateFailed));
}
