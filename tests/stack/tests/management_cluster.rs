//! The management cluster starts with everything in it, survives a restart of its API server, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use stack::home::Home;
use stack::management_cluster::{ManagementCluster, Options};
use stack::process::{Spec, run};
use stack::programs;

const CLUSTER: &str = "clusters.v1beta1.cluster.x-k8s.io";

struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    folder: PathBuf,
}

impl Kubectl {
    async fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let spec = Spec::new("kubectl", &self.program)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", &self.folder)
            .args(args);
        run(spec).await
    }

    async fn create(&self, object: &Value, flags: &[&str]) -> anyhow::Result<String> {
        let file = self.folder.join("object.json");
        std::fs::write(&file, object.to_string())?;
        let mut args = vec!["create", "-f", file.to_str().unwrap(), "-o", "json"];
        args.extend(flags);
        self.run(&args).await
    }

    /// What the API server would make of the object; unknown fields are an error.
    async fn would_create(&self, object: &Value) -> anyhow::Result<Value> {
        let answer = self
            .create(object, &["--dry-run=server", "--validate=strict"])
            .await?;
        Ok(serde_json::from_str(&answer)?)
    }
}

fn object(api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    })
}

fn infrastructure(kind: &str, spec: Value) -> Value {
    object("infrastructure.cluster.x-k8s.io/v1beta1", kind, "c1", spec)
}

fn open_stack_cluster() -> Value {
    let id = "6b2ee5c5-9e2b-4b0c-8a0f-1f0f3b6b1c11";
    infrastructure(
        "OpenStackCluster",
        json!({
            "identityRef": {"name": "c1-cloud-credentials", "cloudName": "openstack"},
            "externalNetwork": {"id": id},
            "network": {"filter": {"name": "internal", "tags": ["a"]}},
            "subnets": [{"filter": {"name": "internal", "ipVersion": 4}}],
            "managedSecurityGroups": {
                "allowAllInClusterTraffic": true,
                "workerNodesSecurityGroupRules": [{
                    "name": "node ports", "direction": "ingress", "etherType": "IPv4", "protocol": "tcp",
                    "portRangeMin": 30000, "portRangeMax": 32767, "remoteIPPrefix": "0.0.0.0/0",
                }],
            },
            "apiServerLoadBalancer": {"enabled": true, "provider": "amphora", "allowedCIDRs": ["10.0.0.0/8"]},
            "disableAPIServerFloatingIP": false,
            "apiServerPort": 6443,
            "controlPlaneAvailabilityZones": ["nova"],
        }),
    )
}

fn machine_template() -> Value {
    let id = "6b2ee5c5-9e2b-4b0c-8a0f-1f0f3b6b1c11";
    let template = json!({
        "identityRef": {"name": "c1-cloud-credentials", "cloudName": "openstack"},
        "flavor": "m1.medium",
        "sshKeyName": "key",
        "configDrive": true,
        "image": {"id": id},
        "rootVolume": {"sizeGiB": 20, "type": "fast", "availabilityZone": {"from": "Machine"}},
        "additionalBlockDevices": [{
            "name": "etcd", "sizeGiB": 20,
            "storage": {"type": "Volume", "volume": {"availabilityZone": {"from": "Name", "name": "nova"}}},
        }],
        "ports": [{"network": {"id": id}, "fixedIPs": [{"subnet": {"filter": {"name": "internal"}}}], "vnicType": "direct"}],
        "serverGroup": {"id": id},
        "serverMetadata": [{"key": "owner", "value": "me"}],
    });
    infrastructure(
        "OpenStackMachineTemplate",
        json!({"template": {"spec": template}}),
    )
}

fn helm_release() -> Value {
    let spec = json!({
        "clusterName": "c1", "bootstrap": true, "targetNamespace": "kube-system", "releaseName": "ccm-openstack",
        "chart": {"repo": "https://charts.example.org", "name": "ccm", "version": "2.36.0"},
        "valuesSources": [{"secret": {"name": "c1-ccm-config", "key": "defaults"}}, {"template": "a: 1"}],
    });
    object("addons.stackhpc.com/v1alpha1", "HelmRelease", "c1-ccm", spec)
}

fn manifests() -> Value {
    let spec = json!({
        "clusterName": "c1", "targetNamespace": "kube-system", "releaseName": "cloud-config",
        "manifestSources": [{"secret": {"name": "c1-cloud-config", "keys": ["a.yaml"]}}],
    });
    object(
        "addons.stackhpc.com/v1alpha1",
        "Manifests",
        "c1-cloud-config",
        spec,
    )
}

fn cluster(pods: &str) -> Value {
    let infrastructure = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "OpenStackCluster", "name": "c1",
    });
    let spec =
        json!({"clusterNetwork": {"pods": {"cidrBlocks": [pods]}}, "infrastructureRef": infrastructure});
    object("cluster.x-k8s.io/v1beta1", "Cluster", "c1", spec)
}

/// What charts render is taken whole; what the real definitions refuse is refused.
async fn check_definitions(kubectl: &Kubectl) {
    for good in [
        open_stack_cluster(),
        machine_template(),
        helm_release(),
        manifests(),
    ] {
        let made = kubectl.would_create(&good).await.unwrap();
        let known = |part: &str| made["spec"][part] == good["spec"][part];
        assert!(known("template") || known("clusterName"), "{made}");
    }
    let wrong = [
        (open_stack_cluster(), "/spec/apiServerPort", json!("high")),
        (open_stack_cluster(), "/spec/externalNetwork", json!({})),
        (
            open_stack_cluster(),
            "/spec/subnets/0",
            json!({"id": "not-a-uuid"}),
        ),
        (
            open_stack_cluster(),
            "/spec/managedSecurityGroups/workerNodesSecurityGroupRules/0/direction",
            json!("up"),
        ),
        (machine_template(), "/spec/template/spec/flavor", json!("")),
        (
            machine_template(),
            "/spec/template/spec/image",
            json!({"id": "a", "filter": {"name": "b"}}),
        ),
        (
            machine_template(),
            "/spec/template/spec/rootVolume/sizeGiB",
            json!(0),
        ),
        (
            machine_template(),
            "/spec/template/spec/rootVolume/availabilityZone",
            json!({"from": "Name"}),
        ),
        (machine_template(), "/spec/template/spec/flavor", json!(null)),
        (helm_release(), "/spec/chart/version", json!("latest")),
        (helm_release(), "/spec/valuesSources/0", json!({})),
        (manifests(), "/spec/targetNamespace", json!("Upper")),
        (manifests(), "/spec/clusterName", json!("")),
    ];
    for (mut bad, at, value) in wrong {
        *bad.pointer_mut(at).unwrap() = value.clone();
        let answer = kubectl.would_create(&bad).await;
        assert!(answer.is_err(), "{at} = {value} was accepted");
        assert!(
            answer.unwrap_err().to_string().contains("is invalid"),
            "{at} = {value}"
        );
    }
}

/// Conversion and admission are Cluster API's own; the room provisions, and Cluster API sees it.
async fn check_controllers(kubectl: &Kubectl) {
    kubectl.create(&open_stack_cluster(), &[]).await.unwrap();
    let refusal = kubectl
        .create(&cluster("nonsense"), &[])
        .await
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("invalid CIDR address: nonsense"), "{refusal}");
    kubectl.create(&cluster("172.16.0.0/13"), &[]).await.unwrap();
    let converted = [
        "get",
        "clusters.v1beta2.cluster.x-k8s.io",
        "c1",
        "-o",
        "jsonpath={.spec.infrastructureRef.apiGroup}",
    ];
    assert_eq!(
        kubectl.run(&converted).await.unwrap(),
        "infrastructure.cluster.x-k8s.io"
    );
    for state in [
        "jsonpath={.status.phase}=Provisioned",
        "condition=InfrastructureReady",
    ] {
        kubectl
            .run(&["wait", CLUSTER, "c1", &format!("--for={state}"), "--timeout=60s"])
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_management_cluster_starts_works_and_ends() {
    let home = Home::temporary().unwrap();
    let kubernetes = programs::kubernetes(&home).await.unwrap();
    let began = Instant::now();
    let options = Options::default();
    let mut management =
        ManagementCluster::start(&kubernetes.programs, &kubernetes.cluster_api, &home, &options)
            .await
            .unwrap();
    println!(
        "management cluster ready after {:.1} s",
        began.elapsed().as_secs_f32()
    );
    assert_eq!(home.process_names().unwrap().len(), 6);

    let kubectl = Kubectl {
        program: kubernetes.programs.join("kubectl"),
        kubeconfig: management.kubeconfig().to_path_buf(),
        folder: home.folder("kubectl").unwrap(),
    };
    check_definitions(&kubectl).await;
    check_controllers(&kubectl).await;

    management.kill_api_server().await.unwrap();
    let began = Instant::now();
    management.start_api_server().await.unwrap();
    println!("API server back after {:.1} s", began.elapsed().as_secs_f32());
    kubectl
        .run(&["delete", CLUSTER, "c1", "--timeout=90s"])
        .await
        .unwrap();
    assert_eq!(
        kubectl
            .run(&["get", "openstackclusters", "-o", "name"])
            .await
            .unwrap(),
        ""
    );

    let began = Instant::now();
    management.stop().await.unwrap();
    println!("stopped after {:.1} s", began.elapsed().as_secs_f32());
    assert!(home.process_names().unwrap().is_empty());
    let root = home.root().display().to_string();
    drop(home);
    let left = run(Spec::new("ps", "ps").args(["-eo", "args"])).await.unwrap();
    assert!(!left.lines().any(|line| line.contains(&root)), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_program_is_named() {
    let home = Home::temporary().unwrap();
    let options = Options::default();
    let error = ManagementCluster::start(home.root(), home.root(), &home, &options)
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("/etcd"), "{error}");
}
