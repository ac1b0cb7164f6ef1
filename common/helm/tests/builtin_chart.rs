//! The repository's own chart, with values as Magnum's Cluster API driver sends them (recorded): rendered here
//! and, where `HELM_TEST_PROGRAM` names helm 3.17, by helm: the same bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use helm::{Capabilities, Chart, Rendered, TemplateOptions};
use helm_template::{KubeVersion, yaml};
use serde_json::{Map, Value};

const RECORDED: &str = include_str!("values/driver.json");
const NAME: &str = "kube-prod-a1b2c3d4e5f6";

fn chart_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conductor/chart")
}

fn capabilities() -> Capabilities {
    Capabilities {
        kube_version: KubeVersion::parse("1.30.4").unwrap(),
        api_versions: vec!["v1".to_owned(), "apps/v1".to_owned()],
        helm_version: "v3.17.3".to_owned(),
    }
}

fn recorded() -> BTreeMap<String, Map<String, Value>> {
    serde_json::from_str(RECORDED).unwrap()
}

fn rendered(values: &Map<String, Value>, capabilities: &Capabilities) -> Rendered {
    let chart = Chart::from_dir(&chart_dir()).unwrap();
    helm::template(
        &chart,
        values,
        &TemplateOptions::new(NAME, "magnum-x", capabilities),
    )
    .unwrap()
}

fn objects(rendered: &Rendered) -> Vec<Value> {
    rendered
        .manifests
        .iter()
        .map(|document| yaml::from_yaml(&document.text).unwrap())
        .collect()
}

fn find<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let found = objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn same_bytes_as_helm() {
    let Some(program) = std::env::var_os("HELM_TEST_PROGRAM") else {
        return eprintln!("SKIPPED same_bytes_as_helm: HELM_TEST_PROGRAM is not set");
    };
    let dir = tempfile::tempdir().unwrap();
    for (case, values) in recorded() {
        let file = dir.path().join("values.json");
        std::fs::write(&file, serde_json::to_string(&values).unwrap()).unwrap();
        let output = Command::new(&program)
            .args(["template", NAME])
            .arg(chart_dir())
            .args(["-n", "magnum-x", "--kube-version", "1.30.4", "-f"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{case}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let ours = rendered(&values, &capabilities()).manifest();
        assert_eq!(ours, String::from_utf8(output.stdout).unwrap(), "{case}");
    }
}

/// Names that the driver and the status derivation look for.
#[test]
fn objects_have_the_names_that_are_looked_for() {
    for (case, values) in recorded() {
        let objects = objects(&rendered(&values, &capabilities()));
        let cluster = find(&objects, "Cluster", NAME);
        assert_eq!(cluster["apiVersion"], "cluster.x-k8s.io/v1beta1", "{case}");
        assert_eq!(
            cluster["spec"]["controlPlaneRef"]["name"],
            format!("{NAME}-control-plane")
        );
        let plane = find(&objects, "KubeadmControlPlane", &format!("{NAME}-control-plane"));
        assert_eq!(
            plane["spec"]["version"],
            format!("v{}", values["kubernetesVersion"].as_str().unwrap())
        );
        assert_eq!(
            plane["spec"]["replicas"], values["controlPlane"]["machineCount"],
            "{case}"
        );
        let template = &plane["spec"]["machineTemplate"]["infrastructureRef"]["name"];
        find(&objects, "OpenStackMachineTemplate", template.as_str().unwrap());
        let network = find(&objects, "OpenStackCluster", NAME);
        assert_eq!(
            network["spec"]["identityRef"]["name"],
            values["cloudCredentialsSecretName"]
        );
        for group in values["nodeGroups"].as_array().unwrap() {
            let deployment = find(
                &objects,
                "MachineDeployment",
                &format!("{NAME}-{}", group["name"].as_str().unwrap()),
            );
            let spec = &deployment["spec"]["template"]["spec"];
            find(
                &objects,
                "KubeadmConfigTemplate",
                spec["bootstrap"]["configRef"]["name"].as_str().unwrap(),
            );
            find(
                &objects,
                "OpenStackMachineTemplate",
                spec["infrastructureRef"]["name"].as_str().unwrap(),
            );
            let labels = &deployment["spec"]["template"]["metadata"]["labels"];
            assert_eq!(labels["cluster.x-k8s.io/cluster-name"], NAME);
            assert_eq!(labels["capi.stackhpc.com/cluster"], NAME);
            assert_eq!(labels["capi.stackhpc.com/component"], "worker");
            let autoscaled = group.get("autoscale").is_some();
            // The autoscaler's to set: a value here would be taken back at each upgrade.
            assert_eq!(deployment["spec"].get("replicas").is_none(), autoscaled, "{case}");
            if autoscaled {
                find(&objects, "Deployment", &format!("{NAME}-autoscaler"));
            }
        }
        let healed = values["controlPlane"]["healthCheck"]["enabled"] == true;
        assert_eq!(
            objects
                .iter()
                .any(|object| object["kind"] == "MachineHealthCheck"),
            healed,
            "{case}"
        );
    }
}

/// What Cluster API or its deletion order needs is left to Cluster API.
#[test]
fn what_cluster_api_cleans_up_is_kept() {
    let values = &recorded()["d28-kitchen-sink"];
    for object in objects(&rendered(values, &capabilities())) {
        let kept = object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
        let kind = object["kind"].as_str().unwrap();
        let expected = [
            "OpenStackCluster",
            "OpenStackMachineTemplate",
            "KubeadmControlPlane",
            "KubeadmConfigTemplate",
        ];
        assert_eq!(kept, expected.contains(&kind), "{kind}");
    }
}

/// A machine template's name changes with its content and with nothing else.
#[test]
fn template_names_follow_their_content() {
    let names = |values: &Map<String, Value>| -> Vec<String> {
        let objects = objects(&rendered(values, &capabilities()));
        let templates = objects
            .iter()
            .filter(|object| object["kind"] == "OpenStackMachineTemplate");
        templates
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let values = recorded()["d01-default"].clone();
    let before = names(&values);
    let mut scaled = values.clone();
    scaled["nodeGroups"][0]["machineCount"] = 7.into();
    scaled["kubernetesVersion"] = "1.31.0".into();
    assert_eq!(names(&scaled), before);
    let mut bigger = values;
    bigger["nodeGroups"][0]["machineFlavor"] = "m1.huge".into();
    let after = names(&bigger);
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
}

#[test]
fn newer_cluster_api_where_the_old_one_is_not_served() {
    let mut newer = capabilities();
    newer.api_versions.push("cluster.x-k8s.io/v1beta2".to_owned());
    let values = &recorded()["d04-autoscale"];
    let only_new = objects(&rendered(values, &newer));
    let cluster = find(&only_new, "Cluster", NAME);
    assert_eq!(cluster["apiVersion"], "cluster.x-k8s.io/v1beta2");
    assert_eq!(
        cluster["spec"]["infrastructureRef"]["apiGroup"],
        "infrastructure.cluster.x-k8s.io"
    );
    newer.api_versions.push("cluster.x-k8s.io/v1beta1".to_owned());
    let both = objects(&rendered(values, &newer));
    assert_eq!(
        find(&both, "Cluster", NAME)["apiVersion"],
        "cluster.x-k8s.io/v1beta1"
    );
}
