//! The management cluster starts with everything in it, survives a restart of its API server, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use stack::cache;
use stack::home::Home;
use stack::management_cluster::{ManagementCluster, Options};
use stack::process::{Spec, run};

/// Builds what is missing, which takes minutes the first time, and tells where it is.
async fn programs() -> (PathBuf, PathBuf) {
    let script = cache::source_root().join("tests/go/build.sh");
    let key = run(Spec::new("key", &script).arg("--key")).await.unwrap();
    let folder = cache::folder().unwrap().join(key.trim());
    run(Spec::new("build", &script).arg(&folder)).await.unwrap();
    let source = run(Spec::new("source", &script).arg("--cluster-api"))
        .await
        .unwrap();
    (folder, source.trim().into())
}

struct Kubectl<'a> {
    program: PathBuf,
    cluster: &'a ManagementCluster,
    cache: PathBuf,
}

impl Kubectl<'_> {
    async fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let spec = Spec::new("kubectl", &self.program)
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .env("KUBECACHEDIR", &self.cache)
            .args(args);
        run(spec).await
    }

    async fn apply(&self, name: &str, object: &Value) -> anyhow::Result<String> {
        let file = self.cache.join(format!("{name}.json"));
        std::fs::write(&file, object.to_string())?;
        self.run(&["apply", "-f", file.to_str().unwrap()]).await
    }
}

fn cluster(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusterNetwork": {"pods": {"cidrBlocks": ["172.16.0.0/13"]}},
            "infrastructureRef": {
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
                "kind": "OpenStackCluster", "name": name,
            },
        },
    })
}

fn open_stack_cluster(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "OpenStackCluster",
        "metadata": {"name": name, "namespace": "default", "annotations": {"room/cluster-seconds": "0"}},
        "spec": {"identityRef": {"name": "cloud", "cloudName": "openstack"}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_management_cluster_starts_works_and_ends() {
    let (programs, source) = programs().await;
    let home = Home::temporary().unwrap();
    let began = Instant::now();
    let mut management = ManagementCluster::start(&programs, &source, &home, &Options::default())
        .await
        .unwrap();
    println!(
        "management cluster ready after {:.1} s",
        began.elapsed().as_secs_f32()
    );

    let kubectl = Kubectl {
        program: programs.join("kubectl"),
        cluster: &management,
        cache: home.folder("kubectl").unwrap(),
    };
    // Conversion and admission are Cluster API's own: v1beta1 goes in, v1beta2 comes out, nonsense is refused.
    kubectl
        .apply("infrastructure", &open_stack_cluster("c1"))
        .await
        .unwrap();
    kubectl.apply("cluster", &cluster("c1")).await.unwrap();
    let version = kubectl.run(&[
        "get",
        "clusters.v1beta2.cluster.x-k8s.io",
        "c1",
        "-o",
        "jsonpath={.spec.infrastructureRef.apiGroup}",
    ]);
    assert_eq!(version.await.unwrap(), "infrastructure.cluster.x-k8s.io");
    let mut wrong = cluster("c2");
    wrong["spec"]["clusterNetwork"]["pods"]["cidrBlocks"][0] = "nonsense".into();
    let refusal = kubectl.apply("wrong", &wrong).await.unwrap_err().to_string();
    assert!(refusal.contains("invalid CIDR address: nonsense"), "{refusal}");
    let mut wrong = open_stack_cluster("c2");
    wrong["spec"]["apiServerPort"] = "high".into();
    let refusal = kubectl.apply("wrong", &wrong).await.unwrap_err().to_string();
    assert!(refusal.contains("apiServerPort"), "{refusal}");
    // The room provisions the infrastructure, and Cluster API sees it.
    let provisioned = [
        "wait",
        "clusters.v1beta1.cluster.x-k8s.io/c1",
        "--for=jsonpath={.status.phase}=Provisioned",
        "--timeout=60s",
    ];
    kubectl.run(&provisioned).await.unwrap();
    let condition = [
        "wait",
        "clusters.v1beta1.cluster.x-k8s.io/c1",
        "--for=condition=InfrastructureReady",
        "--timeout=60s",
    ];
    kubectl.run(&condition).await.unwrap();

    management.kill_api_server().await.unwrap();
    let began = Instant::now();
    management.start_api_server().await.unwrap();
    println!("API server back after {:.1} s", began.elapsed().as_secs_f32());
    let kubectl = Kubectl {
        program: programs.join("kubectl"),
        cluster: &management,
        cache: home.folder("kubectl").unwrap(),
    };
    kubectl
        .run(&[
            "delete",
            "clusters.v1beta1.cluster.x-k8s.io",
            "c1",
            "--timeout=90s",
        ])
        .await
        .unwrap();
    assert_eq!(
        kubectl
            .run(&["get", "openstackclusters", "-o", "name"])
            .await
            .unwrap(),
        ""
    );

    let pids: Vec<String> = home.process_names().unwrap();
    assert_eq!(pids.len(), 6, "{pids:?}");
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
    let error = ManagementCluster::start(home.root(), home.root(), &home, &Options::default())
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("/etcd"), "{error}");
}
