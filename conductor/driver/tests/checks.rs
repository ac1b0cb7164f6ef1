//! What this driver does beyond the Python one: checks before anything is touched, names that stay valid, node labels
//! and taints, the choice of driver and chart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use conductor_config::Settings;
use conductor_driver::choice::{self, Owner};
use conductor_driver::facts::{Answers, Facts, Flavor, Image, Needs};
use conductor_driver::validate::{self, Operation, Rows};
use conductor_driver::{ChartRef, DriverError, chart, helm_values, names, values};
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, MagnumError, NodeGroup};
use serde_json::{Value, json};

fn template() -> ClusterTemplate {
    ClusterTemplate {
        uuid: "t1".into(),
        name: Some("k8s".into()),
        image_id: Some("ubuntu".into()),
        external_network_id: Some("e0000000-0000-4000-8000-000000000001".into()),
        server_type: Some("vm".into()),
        cluster_distro: Some("ubuntu".into()),
        coe: Some("kubernetes".into()),
        ..ClusterTemplate::default()
    }
}

fn cluster() -> Cluster {
    Cluster {
        uuid: "c1".into(),
        name: "demo".into(),
        project_id: "p1".into(),
        stack_id: Some("demo-abcdefghijkl".into()),
        master_flavor_id: Some("m1".into()),
        coe_version: Some("v1.30.4".into()),
        ..Cluster::default()
    }
}

fn group(uuid: &str, name: &str, role: &str) -> NodeGroup {
    NodeGroup {
        uuid: uuid.into(),
        name: name.into(),
        role: role.into(),
        flavor_id: Some("m1".into()),
        node_count: 1,
        is_default: name.starts_with("default-"),
        status: Some(ClusterStatus::CreateComplete),
        ..NodeGroup::default()
    }
}

fn groups() -> Vec<NodeGroup> {
    vec![
        group("00000001", "default-master", "master"),
        group("00000002", "default-worker", "worker"),
    ]
}

fn answers(kube_version: &str) -> Answers {
    Answers {
        images: vec![Image {
            id: "i1".into(),
            name: Some("ubuntu".into()),
            kube_version: Some(kube_version.into()),
            os_distro: Some("ubuntu".into()),
        }],
        flavors: vec![Flavor {
            id: "f1".into(),
            name: "m1".into(),
            ram: 4096,
            vcpus: 2,
        }],
        volume_types: vec!["ssd".into()],
        ..Answers::default()
    }
}

fn facts(needs: &Needs, kube_version: &str) -> Facts {
    Facts::resolve(&Settings::default().capi_helm, needs, answers(kube_version)).unwrap()
}

fn check(
    operation: Operation<'_>,
    cluster: &Cluster,
    groups: &[NodeGroup],
    version: &str,
) -> Result<(), DriverError> {
    let template = template();
    let rows = Rows {
        template: &template,
        cluster,
        groups,
    };
    validate::check(
        &Settings::default(),
        operation,
        rows,
        &facts(&rows.needs(operation), version),
    )
}

fn node_groups(groups: &[NodeGroup]) -> Value {
    let (template, cluster) = (template(), cluster());
    let rows = Rows {
        template: &template,
        cluster: &cluster,
        groups,
    };
    let facts = facts(&rows.needs(Operation::UpdateCluster), "v1.30.4");
    helm_values(&Settings::default(), &template, &cluster, groups, &facts).unwrap()["nodeGroups"].clone()
}

#[test]
fn an_upgrade_goes_forward_by_one_minor_version_at_most() {
    let upgrade = |version: &str| check(Operation::UpgradeCluster, &cluster(), &groups(), version);
    for good in ["v1.30.4", "1.30.9", "v1.31.0", "v1.31.0-rc.1"] {
        upgrade(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    let down = upgrade("v1.29.8").unwrap_err();
    assert_eq!(
        MagnumError::from(down).message,
        "Cluster Template is not valid for upgrade: Kubernetes cannot be downgraded, and it has 1.29.8 where the \
         cluster has 1.30.4."
    );
    let skips = MagnumError::from(upgrade("v1.32.0").unwrap_err());
    assert_eq!(
        (skips.class.as_str(), skips.code()),
        ("InvalidClusterTemplateForUpgrade", 409)
    );
    assert!(upgrade("v1.30.3").is_err() && upgrade("v1.30.4-rc.1").is_err() && upgrade("v2.0.0").is_err());
    // What the cluster runs is not known yet: Cluster API has the last word.
    let unknown = Cluster {
        coe_version: None,
        ..cluster()
    };
    check(Operation::UpgradeCluster, &unknown, &groups(), "v1.99.0").unwrap();
}

#[test]
fn other_operations_do_not_compare_versions() {
    check(Operation::UpdateCluster, &cluster(), &groups(), "v1.20.0").unwrap();
}

#[test]
fn a_new_node_groups_name_must_be_usable_and_its_own() {
    let create = |name: &str| {
        let mut all = groups();
        all.push(group("00000003", name, "worker"));
        check(
            Operation::CreateNodegroup("00000003"),
            &cluster(),
            &all,
            "v1.30.4",
        )
    };
    create("pool").unwrap();
    let short = MagnumError::from(create("ab").unwrap_err());
    assert_eq!(
        (short.class.as_str(), short.code()),
        ("NodeGroupInvalidInput", 409)
    );
    assert_eq!(
        short.message,
        "Node group name ab is too short: 3 characters at least."
    );
    assert_eq!(
        create("Default.Worker").unwrap_err().to_string(),
        "Node group name Default.Worker cannot be told apart from default-worker in Kubernetes: \
         both become default-worker."
    );
}

#[test]
fn a_bad_name_does_not_hold_up_the_other_groups() {
    let mut all = groups();
    all.push(group("a1b2c3d4-0000", "ab", "worker"));
    all.push(group("b1b2c3d4-0000", "$$$", "worker"));
    all.push(group("c1b2c3d4-0000", "x_y", "worker"));
    all.push(group("d1b2c3d4-0000", "x.y", "worker"));
    let named: Vec<_> = node_groups(&all)
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].clone())
        .collect();
    assert_eq!(
        named,
        [
            "default-worker",
            "ab-a1b2c3d4",
            "group-b1b2c3d4",
            "x-y",
            "x-y-d1b2c3d4"
        ]
    );
    assert_eq!(values::nodegroup_names(&all)["d1b2c3d4-0000"], "x-y-d1b2c3d4");
}

#[test]
fn a_groups_name_does_not_depend_on_groups_made_later() {
    let mut all = groups();
    all.push(group("c1b2c3d4-0000", "x_y", "worker"));
    let before = values::nodegroup_names(&all)["c1b2c3d4-0000"].clone();
    all.push(group("d1b2c3d4-0000", "x.y", "worker"));
    assert_eq!(values::nodegroup_names(&all)["c1b2c3d4-0000"], before);
}

#[test]
fn node_labels_and_taints_reach_the_chart() {
    let mut all = groups();
    let labels = [("tier".to_owned(), "gold".to_owned())];
    all[1].node_labels = Some(labels.into_iter().collect());
    let taint = json!({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"});
    all[1].node_taints = Some(vec![taint.as_object().unwrap().clone()]);
    let item = &node_groups(&all)[0];
    assert_eq!(item["nodeLabels"], json!({"tier": "gold"}));
    assert_eq!(
        item["kubeadmConfigSpec"],
        json!({"joinConfiguration": {"nodeRegistration": {"taints": [taint]}}})
    );
    all[1].node_labels = Some(Default::default());
    all[1].node_taints = Some(Vec::new());
    assert_eq!(
        node_groups(&all)[0],
        json!({"name": "default-worker", "machineFlavor": "m1", "machineCount": 1}),
        "what is not set changes nothing in releases that Python made"
    );
}

#[test]
fn a_group_being_deleted_is_neither_in_the_release_nor_checked() {
    let mut all = groups();
    let mut leaving = group("00000003", "pool", "worker");
    leaving.status = Some(ClusterStatus::DeleteInProgress);
    leaving.flavor_id = Some("gone".into());
    all.push(leaving);
    assert_eq!(node_groups(&all).as_array().unwrap().len(), 1);
    check(Operation::UpgradeCluster, &cluster(), &all, "v1.30.4").unwrap();
}

#[test]
fn a_control_plane_is_odd() {
    let good: Vec<i64> = (-2..8)
        .filter(|count| validate::master_size(*count).is_ok())
        .collect();
    assert_eq!(good, [1, 3, 5, 7]);
}

#[test]
fn a_template_belongs_to_the_driver_it_names_or_that_makes_its_type() {
    let owner = |disabled: &[&str], driver: Option<&str>, os: &str| {
        let mut template = template();
        template.driver = driver.map(str::to_owned);
        template.cluster_distro = Some(os.into());
        let disabled: Vec<String> = disabled.iter().map(|name| (*name).to_owned()).collect();
        match choice::owner(&disabled, &choice::Traits::from(&template)) {
            Owner::Ours => "ours".to_owned(),
            Owner::Other(refusal) => refusal.to_string(),
        }
    };
    assert_eq!(owner(&[], None, "ubuntu"), "ours");
    assert_eq!(owner(&[], Some(""), "flatcar"), "ours");
    assert_eq!(owner(&[], Some(choice::NAME), "anything"), "ours");
    assert_eq!(
        owner(&[], Some("heat"), "ubuntu"),
        "Cluster driver (heat) not supported."
    );
    assert_eq!(
        owner(&[], None, "fedora-coreos"),
        "Cluster type (vm, fedora-coreos, kubernetes) not supported."
    );
    let disabled = [choice::NAME];
    assert_eq!(
        owner(&disabled, None, "ubuntu"),
        "Cluster type (vm, ubuntu, kubernetes) not supported."
    );
    assert_eq!(
        owner(&disabled, Some(choice::NAME), "ubuntu"),
        "ours",
        "Magnum loads a driver that is named without asking whether it is disabled"
    );
}

#[test]
fn the_built_in_chart_is_chosen_by_its_name() {
    let mut settings = Settings::default();
    assert!(matches!(
        chart::select(&settings.capi_helm, &template()),
        ChartRef::Remote { name, repo: Some(_), version: Some(version) }
            if name == "openstack-cluster" && version == "0.10.1"
    ));
    settings.capi_helm.helm_chart_name = chart::BUILTIN.into();
    assert_eq!(chart::select(&settings.capi_helm, &template()), ChartRef::Builtin);
}

#[test]
fn facts_survive_the_journal() {
    let (template, cluster, groups) = (template(), cluster(), groups());
    let rows = Rows {
        template: &template,
        cluster: &cluster,
        groups: &groups,
    };
    let facts = facts(&rows.needs(Operation::CreateCluster), "v1.30.4");
    let stored = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), facts);
    assert_eq!(names::namespace("magnum", "P-1"), "magnum-p1");
}
