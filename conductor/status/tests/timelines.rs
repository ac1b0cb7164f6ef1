//! Derivation against recordings of Cluster API's real controllers, in both API versions.
//!
//! Each recording is one scenario; its marks say what the driver of the recording did and saw. What the rows say is
//! checked against the Machines themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod data;
mod replay;

use magnum_objects::ClusterStatus;
use magnum_objects::ClusterStatus::{
    CreateComplete, CreateInProgress, DeleteInProgress, UpdateComplete, UpdateFailed, UpdateInProgress,
};
use replay::{Replay, VERSIONS, group, rows};

const HOURS_LATER: i64 = 3 * 3600 * 1000;

fn complete(mut desired: conductor_status::derive::Desired) -> conductor_status::derive::Desired {
    desired.cluster.status = Some(CreateComplete);
    for group in &mut desired.nodegroups {
        group.status = Some(CreateComplete);
    }
    desired
}

#[test]
fn creations_end_when_all_nodes_are_ready() {
    let recordings = [
        ("create-1cp-1w", 1, 1),
        ("create-1cp-2w", 1, 2),
        ("create-3cp", 3, 1),
        ("create-fast-secret", 1, 2),
        ("create-fastest-secret", 1, 2),
        ("create-premade-ca-opaque", 1, 1),
        ("create-premade-ca-secret", 1, 1),
        ("final-check", 1, 1),
    ];
    for api in VERSIONS {
        for (recording, masters, workers) in recordings {
            let mut replay = Replay::new(recording, api, rows(masters, workers, CreateInProgress));
            replay.progress.unfinished = true;
            let replay = replay.run(|_, _| {});
            let what = format!("{recording} as {api}");
            assert_eq!(
                replay.statuses(),
                ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"],
                "{what}"
            );
            for name in ["default-master", "md-0"] {
                assert_eq!(
                    replay.group_statuses(name),
                    ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"],
                    "{what}"
                );
            }
            replay.assert_never_complete_too_early(&what);
            let end = &replay.moments.last().unwrap().derived;
            assert_eq!(end.cluster.status_reason, None, "{what}");
            assert_eq!(end.cluster.coe_version.as_deref(), Some("v1.30.4"), "{what}");
            assert_eq!(end.cluster.container_version.as_deref(), Some("1.7.20"), "{what}");
            assert!(
                end.cluster
                    .api_address
                    .as_deref()
                    .unwrap()
                    .starts_with("https://127.88."),
                "{what}"
            );
            assert_eq!(end.nodegroups[0].node_addresses.len() as i64, masters, "{what}");
            assert_eq!(end.nodegroups[1].node_addresses.len() as i64, workers, "{what}");
            assert_eq!(end.next_deadline, None, "{what}");
            assert_eq!(
                replay.healths().last(),
                Some(&"HEALTHY"),
                "{what}: {:?}",
                end.cluster.health_status_reason
            );
        }
    }
}

#[test]
fn a_creation_says_what_it_waits_for() {
    for api in VERSIONS {
        let replay = Replay::new("create-1cp-2w", api, rows(1, 2, CreateInProgress)).run(|_, _| {});
        let reasons = replay.reasons();
        let told = |text: &str| reasons.iter().any(|reason| reason.contains(text));
        assert!(told("OpenStackCluster c1: "), "{reasons:#?}");
        assert!(told("Machine c1-control-plane-"), "{reasons:#?}");
        assert!(told("Machine c1-md-0-"), "{reasons:#?}");
        assert!(
            !reasons.iter().any(|reason| reason.contains('\n')),
            "{reasons:#?}"
        );
    }
}

#[test]
fn nothing_is_complete_while_an_operation_is_unfinished() {
    for api in VERSIONS {
        let mut replay = Replay::new("create-1cp-1w", api, rows(1, 1, CreateInProgress));
        replay.version = "never applied".to_owned();
        replay.progress.unfinished = true;
        let replay = replay.run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_IN_PROGRESS"]);
        assert_eq!(replay.group_statuses("md-0"), ["CREATE_IN_PROGRESS"]);
    }
}

#[test]
fn quota_is_told_and_the_creation_ends_well_once_it_is_raised() {
    for api in VERSIONS {
        let replay = Replay::new("create-cp-machine-fails", api, rows(1, 2, CreateInProgress)).run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
        replay.assert_never_complete_too_early("create-cp-machine-fails");
        let reasons = replay.reasons();
        let quota = "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances";
        assert!(
            reasons
                .iter()
                .any(|reason| reason.starts_with("OpenStackMachine c1-control-plane-")
                    && reason.ends_with(quota)),
            "{reasons:#?}"
        );
    }
}

#[test]
fn what_never_comes_fails_with_its_reason() {
    for api in VERSIONS {
        let recording = "create-cp-machine-fails-terminal";
        let mut replay = Replay::new(recording, api, rows(1, 2, CreateInProgress)).run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_IN_PROGRESS"]);
        let deadline = replay.moments.last().unwrap().derived.next_deadline;
        assert_eq!(deadline, Some(replay::at(3600 * 1000)));
        let derived = replay.derive(3600 * 1000).clone();
        assert_eq!(derived.cluster.status, Some(ClusterStatus::CreateFailed));
        let reason = derived.cluster.status_reason.unwrap();
        assert!(
            reason.starts_with("Timed out after 60 minutes: OpenStackMachine c1-control-plane-"),
            "{reason}"
        );
        assert!(reason.contains("No valid host was found"), "{reason}");
        for group in &derived.nodegroups {
            assert_eq!(group.status, Some(ClusterStatus::CreateFailed));
            assert!(
                group
                    .status_reason
                    .as_deref()
                    .unwrap()
                    .starts_with("Timed out after 60 minutes: ")
            );
        }
        assert_eq!(derived.next_deadline, None);
        let again = replay.derive(HOURS_LATER).clone();
        assert_eq!(again.cluster.status_reason.as_deref(), Some(reason.as_str()));
    }
}

#[test]
fn a_failure_of_time_ends_when_cluster_api_gets_there() {
    for api in VERSIONS {
        let mut early = rows(1, 2, CreateInProgress);
        early.cluster.create_timeout = Some(1);
        // The row is older than the recording: the limit passes 20 s into it.
        early.cluster.created_at = Some(replay::at(-40_000));
        let replay = Replay::new("create-cp-machine-fails", api, early).run(|_, _| {});
        let statuses = ["CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE"];
        assert_eq!(replay.statuses(), statuses);
        assert_eq!(replay.group_statuses("default-master"), statuses);
        assert_eq!(replay.group_statuses("md-0"), statuses);
        replay.assert_never_complete_too_early("create-cp-machine-fails, late");
        assert!(
            replay
                .moments
                .last()
                .unwrap()
                .derived
                .cluster
                .status_reason
                .is_none()
        );
    }
}

#[test]
fn a_network_that_is_not_found_is_told() {
    for api in VERSIONS {
        let replay = Replay::new("infra-cluster-fails", api, rows(1, 2, CreateInProgress)).run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_IN_PROGRESS"]);
        let reasons = replay.reasons();
        assert!(
            reasons
                .iter()
                .any(|reason| reason.starts_with("OpenStackCluster c1: Failed to find network")),
            "{reasons:#?}"
        );
        let last = reasons.last().unwrap();
        assert!(
            !last.contains("Failed to find"),
            "the error goes once it is over: {last}"
        );
    }
}

#[test]
fn a_failed_addon_is_told_and_no_node_is_ready_without_a_network() {
    for api in VERSIONS {
        let replay = Replay::new("addon-fails", api, rows(1, 2, CreateInProgress)).run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
        replay.assert_never_complete_too_early("addon-fails");
        let reasons = replay.reasons();
        assert!(
            reasons
                .iter()
                .any(|reason| reason.contains("HelmRelease c1-cni-calico: ")),
            "{reasons:#?}"
        );
    }
}

#[test]
fn a_resize_ends_when_the_nodes_are_there_or_gone() {
    for api in VERSIONS {
        let replay =
            Replay::new("scale-2-3-1", api, complete(rows(1, 2, CreateInProgress))).run(|replay, mark| {
                match mark {
                    "helm upgrade machineCount=3" => replay.resize("md-0", 3),
                    "helm upgrade machineCount=1" => replay.resize("md-0", 1),
                    _ => {}
                }
            });
        let statuses = [
            "CREATE_COMPLETE",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE",
        ];
        assert_eq!(replay.statuses(), statuses);
        assert_eq!(replay.group_statuses("md-0"), statuses);
        assert_eq!(replay.group_statuses("default-master"), ["CREATE_COMPLETE"]);
        replay.assert_never_complete_too_early("scale-2-3-1");
        assert_eq!(
            replay.moments.last().unwrap().derived.nodegroups[1]
                .node_addresses
                .len(),
            1
        );
    }
}

#[test]
fn a_node_group_comes_and_goes() {
    for api in VERSIONS {
        let replay = Replay::new(
            "nodegroup-add-remove",
            api,
            complete(rows(1, 1, CreateInProgress)),
        )
        .run(|replay, mark| match mark {
            "helm upgrade: add node group md-1" => {
                replay.accept(UpdateInProgress);
                replay
                    .desired
                    .nodegroups
                    .push(group("md-1", "worker", 1, CreateInProgress));
            }
            "helm upgrade: remove node group md-1" => {
                replay.accept(UpdateInProgress);
                replay.desired.nodegroups[2].status = Some(DeleteInProgress);
            }
            _ => {}
        });
        assert_eq!(
            replay.statuses(),
            [
                "CREATE_COMPLETE",
                "UPDATE_IN_PROGRESS",
                "UPDATE_COMPLETE",
                "UPDATE_IN_PROGRESS",
                "UPDATE_COMPLETE"
            ]
        );
        assert_eq!(
            replay.group_statuses("md-1"),
            ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"]
        );
        replay.assert_never_complete_too_early("nodegroup-add-remove");
        let gone = replay
            .moments
            .iter()
            .position(|moment| !moment.derived.gone.is_empty())
            .unwrap();
        assert_eq!(replay.moments[gone].derived.gone, ["uuid-md-1"]);
        assert_eq!(replay.desired.nodegroups.len(), 2);
        assert!(
            replay.moments[gone].true_to_rows,
            "the row goes when the last Machine has gone, not when its MachineDeployment has"
        );
    }
}

#[test]
fn node_count_follows_the_autoscaler_and_nobody_else() {
    for api in VERSIONS {
        let replay =
            Replay::new("external-replicas", api, complete(rows(1, 1, CreateInProgress))).run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_COMPLETE"]);
        assert_eq!(replay.desired.nodegroups[1].node_count, 1, "scaled by hand");

        let mut replay = Replay::new("external-replicas", api, complete(rows(1, 1, CreateInProgress)));
        replay.edit = |object| {
            if object["kind"] == "MachineDeployment" {
                let key = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
                object["metadata"]["annotations"] = serde_json::json!({ key: "1" });
            }
        };
        let replay = replay.run(|_, _| {});
        assert_eq!(replay.statuses(), ["CREATE_COMPLETE"]);
        assert_eq!(
            replay.desired.nodegroups[1].node_count, 2,
            "scaled by the autoscaler"
        );
        assert_eq!(replay.desired.nodegroups[1].node_addresses.len(), 2);
    }
}

#[test]
fn an_upgrade_ends_when_the_last_worker_is_upgraded() {
    let recordings = [
        ("upgrade-1.30-1.31", 1, 1, "v1.30.4", "v1.31.9"),
        ("upgrade-3cp", 3, 1, "v1.30.4", "v1.31.9"),
        ("downgrade-accepted", 1, 2, "v1.30.4", "v1.29.0"),
    ];
    for api in VERSIONS {
        for (recording, masters, workers, from, to) in recordings {
            let what = format!("{recording} as {api}");
            let mut replay = Replay::new(recording, api, complete(rows(masters, workers, CreateInProgress)));
            replay.version = from.to_owned();
            let replay = replay.run(|replay, mark| {
                if mark.starts_with("helm upgrade") {
                    replay.upgrade(to);
                }
            });
            let statuses = ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"];
            assert_eq!(replay.statuses(), statuses, "{what}");
            assert_eq!(replay.group_statuses("default-master"), statuses, "{what}");
            assert_eq!(replay.group_statuses("md-0"), statuses, "{what}");
            replay.assert_never_complete_too_early(&what);
            assert_eq!(replay.desired.cluster.coe_version.as_deref(), Some(to), "{what}");
        }
    }
}

#[test]
fn a_refused_upgrade_stays_failed_until_the_next_operation() {
    let refused = "admission webhook denied the request: cannot update Kubernetes version";
    for api in VERSIONS {
        for (recording, back) in [
            ("upgrade-refused-workers-suffer", "never"),
            ("upgrade-refused", "helm upgrade back to 1.30.4"),
        ] {
            let mut desired = complete(rows(1, if back == "never" { 2 } else { 1 }, CreateInProgress));
            desired.cluster.status = Some(UpdateFailed);
            desired.cluster.status_reason = Some(refused.to_owned());
            let replay = Replay::new(recording, api, desired).run(|replay, mark| {
                if mark == back {
                    replay.upgrade("v1.30.4");
                }
            });
            let what = format!("{recording} as {api}");
            if back == "never" {
                assert_eq!(replay.statuses(), ["UPDATE_FAILED"], "{what}");
                assert_eq!(
                    replay.desired.cluster.status_reason.as_deref(),
                    Some(refused),
                    "{what}"
                );
            } else {
                assert_eq!(
                    replay.statuses(),
                    ["UPDATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
                    "{what}: {:#?}",
                    replay.reasons()
                );
                replay.assert_never_complete_too_early(&what);
            }
        }
    }
}

#[test]
fn workers_that_do_not_come_are_told() {
    let recordings = [
        ("machine-fails", 3, 4, "v1.30.4", "Quota exceeded"),
        (
            "machine-fails-terminal",
            1,
            2,
            "v1.30.4",
            "Quota exceeded for cores",
        ),
        ("worker-never-ready", 2, 3, "v1.30.4", "NodeHealthy"),
        (
            "worker-stuck-building-then-notready",
            1,
            2,
            "v1.30.4",
            "Instance is building",
        ),
        ("node-startup-timeout", 2, 3, "v1.29.0", "HealthCheckSucceeded: "),
    ];
    for api in VERSIONS {
        for (recording, from, to, version, text) in recordings {
            let what = format!("{recording} as {api}");
            let mut replay = Replay::new(recording, api, complete(rows(1, from, CreateInProgress)));
            replay.version = version.to_owned();
            let mut begun = false;
            let replay = replay.run(|replay, _| {
                if !std::mem::replace(&mut begun, true) {
                    replay.resize("md-0", to);
                }
            });
            let reasons = replay.reasons();
            assert!(
                reasons.iter().any(|reason| reason.contains(text)),
                "{what}: {reasons:#?}"
            );
            let statuses = ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"];
            assert_eq!(replay.statuses(), statuses, "{what}: {reasons:#?}");
            replay.assert_never_complete_too_early(&what);
        }
    }
}

#[test]
fn trouble_in_a_complete_cluster_changes_its_health_only() {
    let recordings = [
        ("cp-notready", 3, 1),
        ("cp-etcd-and-pod-fail", 1, 1),
        ("mhc-worker", 1, 2),
        ("mhc-control-plane", 3, 1),
    ];
    for api in VERSIONS {
        for (recording, masters, workers) in recordings {
            let what = format!("{recording} as {api}");
            let replay = Replay::new(recording, api, complete(rows(masters, workers, CreateInProgress)))
                .run(|_, _| {});
            assert_eq!(replay.statuses(), ["CREATE_COMPLETE"], "{what}");
            assert_eq!(replay.group_statuses("md-0"), ["CREATE_COMPLETE"], "{what}");
            let healths = replay.healths();
            assert!(healths.contains(&"UNHEALTHY"), "{what}: {healths:?}");
            if recording != "mhc-control-plane" && recording != "mhc-worker" {
                assert_eq!(healths.last(), Some(&"HEALTHY"), "{what}");
            }
        }
    }
}

#[test]
fn a_deletion_stays_a_deletion_until_nothing_is_left() {
    let recordings = [
        ("delete-1cp", 1, 2),
        ("delete-1cp-1w", 1, 1),
        ("delete-2", 1, 2),
        ("delete-3cp", 3, 1),
        ("delete-fast-secret", 1, 2),
        ("delete-fastest-secret", 1, 2),
        ("delete-never-provisioned", 1, 2),
        ("delete-premade-ca-opaque", 1, 1),
        ("delete-premade-ca-secret", 1, 1),
        ("delete-settings", 1, 2),
        ("delete-stuck", 1, 3),
    ];
    for api in VERSIONS {
        for (recording, masters, workers) in recordings {
            let what = format!("{recording} as {api}");
            let mut replay = Replay::new(recording, api, rows(masters, workers, UpdateComplete));
            replay.progress.unfinished = true;
            replay.desired.cluster.status = Some(DeleteInProgress);
            let replay = replay.run(|_, _| {});
            assert_eq!(replay.statuses(), ["DELETE_IN_PROGRESS"], "{what}");
            assert!(replay.view().is_gone(), "{what}: {:#?}", replay.view());
            let reasons = replay.reasons();
            assert!(
                reasons.iter().any(|reason| reason.contains("being deleted")),
                "{what}: {reasons:#?}"
            );
            assert!(
                replay.moments.iter().all(|moment| moment.derived.gone.is_empty()),
                "{what}"
            );
        }
    }
}

#[test]
fn a_deletion_that_is_stuck_says_why_and_fails_in_the_end() {
    for api in VERSIONS {
        let mut desired = rows(1, 3, UpdateComplete);
        desired.cluster.status = Some(DeleteInProgress);
        let mut replay = Replay::new("delete-stuck", api, desired.clone());
        replay.progress.unfinished = true;
        // The deletion was accepted 50 s before the recording began; it may take one minute.
        replay.progress.started_at = Some(replay::at(-50_000));
        replay.rules.limits.delete = Some(1);
        let replay = replay.run(|_, _| {});
        assert_eq!(replay.statuses(), ["DELETE_IN_PROGRESS", "DELETE_FAILED"]);
        let reason = replay.desired.cluster.status_reason.unwrap();
        assert!(
            reason.starts_with("Timed out after 1 minutes: OpenStackMachine c1-md-0-"),
            "{reason}"
        );
        assert!(reason.contains("Deleting instance failed"), "{reason}");
    }
}
