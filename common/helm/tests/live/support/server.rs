//! An API server to test against, in a namespace of the test's own, and the real helm beside it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use helm::{Releases, ReleasesOptions, Status, UpgradeRequest};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::charts::widgets;

/// The release that tests install unless they say otherwise.
pub const RELEASE: &str = "rel";

/// What the real helm said.
#[derive(Debug)]
pub struct HelmRun {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl HelmRun {
    /// The error without the API server's warnings and the command line's prefixes; None if it succeeded.
    pub fn error(&self) -> Option<String> {
        if self.success {
            return None;
        }
        let start = self.stderr.find("Error: ").expect(&self.stderr);
        let error = self.stderr[start..].trim_start_matches("Error: ");
        let error = error.trim_start_matches("UPGRADE FAILED: ");
        Some(error.trim_end().to_owned())
    }
}

/// An API server and a namespace in it.
pub struct Server {
    pub kubeconfig: PathBuf,
    pub program: Option<PathBuf>,
    pub client: kube::Client,
    pub namespace: String,
}

impl Server {
    /// None, said aloud, if there is nothing to test against.
    pub async fn given(test: &str) -> Option<Self> {
        Self::from(test, "HELM_TEST_KUBECONFIG").await
    }

    /// As [`Self::given`], and the real helm is there too.
    pub async fn with_helm(test: &str) -> Option<Self> {
        if std::env::var_os("HELM_TEST_PROGRAM").is_none() {
            eprintln!("SKIPPED: {test}: HELM_TEST_PROGRAM is not set");
            return None;
        }
        Self::given(test).await
    }

    /// A cluster with Cluster API's controllers and webhooks, and the real helm.
    pub async fn with_cluster_api(test: &str) -> Option<Self> {
        if std::env::var_os("HELM_TEST_PROGRAM").is_none() {
            eprintln!("SKIPPED: {test}: HELM_TEST_PROGRAM is not set");
            return None;
        }
        Self::from(test, "MANAGEMENT_KUBECONFIG").await
    }

    async fn from(test: &str, variable: &str) -> Option<Self> {
        let Some(kubeconfig) = std::env::var_os(variable).map(PathBuf::from) else {
            eprintln!("SKIPPED: {test}: {variable} is not set");
            return None;
        };
        let client = kube::Client::try_from(config(&kubeconfig).await).unwrap();
        let server = Self {
            kubeconfig,
            program: std::env::var_os("HELM_TEST_PROGRAM").map(PathBuf::from),
            client,
            namespace: String::new(),
        };
        Some(server.another_namespace().await)
    }

    /// The same server, another new namespace.
    pub async fn another_namespace(&self) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let server = Self {
            kubeconfig: self.kubeconfig.clone(),
            program: self.program.clone(),
            client: self.client.clone(),
            namespace: format!("helm-test-{}", &id[..10]),
        };
        // Where the machine room plays the cloud, it builds nothing here: only what is applied counts.
        let namespace = json!({"metadata": {
            "name": server.namespace,
            "annotations": {"room/cluster-fail": "this namespace has no cloud"},
        }});
        server
            .send("POST", "/api/v1/namespaces", namespace)
            .await
            .unwrap();
        server
    }

    /// The kubeconfig's connection, for clients of the test's own making.
    pub async fn config(&self) -> kube::Config {
        config(&self.kubeconfig).await
    }

    pub async fn send(&self, method: &str, uri: &str, body: Value) -> Result<Value, kube::Error> {
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("Content-Type", kind)
            .body(body);
        self.client.request(request.unwrap()).await
    }

    /// Reads `plural/name` or a whole `plural` of the namespace; None if there is none.
    pub async fn get(&self, path: &str) -> Option<Value> {
        self.send("GET", &self.path(path), Value::Null).await.ok()
    }

    /// Creates an object in a collection of the namespace.
    pub async fn create(&self, plural: &str, body: Value) -> Value {
        self.send("POST", &self.path(plural), body).await.unwrap()
    }

    /// Merges into an object of the namespace.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        self.send("PATCH", &self.path(path), body).await.unwrap()
    }

    pub async fn widget(&self, name: &str) -> Value {
        self.get(&format!("widgets/{name}")).await.unwrap()["spec"].clone()
    }

    /// The path of a collection or object in the namespace.
    pub fn path(&self, path: &str) -> String {
        let plural = path.split(['/', '?']).next().unwrap_or_default();
        let root = super::state::root_of(plural);
        format!("{root}/namespaces/{}/{path}", self.namespace)
    }

    pub fn releases(&self) -> Releases {
        self.releases_with(ReleasesOptions::default())
    }

    pub fn releases_with(&self, options: ReleasesOptions) -> Releases {
        Releases::new(self.client.clone(), options)
    }

    /// A request for the chart of widgets.
    pub fn request(&self, values: Value) -> UpgradeRequest {
        self.request_for(RELEASE, Arc::new(widgets()), values)
    }

    pub fn request_for(&self, name: &str, chart: Arc<helm::Chart>, values: Value) -> UpgradeRequest {
        UpgradeRequest {
            name: name.to_owned(),
            namespace: self.namespace.clone(),
            chart,
            values: values.as_object().unwrap().clone(),
            history_max: 10,
            force: false,
        }
    }

    /// Runs the real helm in the namespace.
    pub async fn helm_run(&self, args: &[&str], stdin: Option<&str>) -> HelmRun {
        let program = self.program.as_ref().expect("the test asked for helm");
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
        let mut child = Command::new(program)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", cache.join("discovery"))
            .env("HELM_CACHE_HOME", cache.join("cache"))
            .env("HELM_CONFIG_HOME", cache.join("config"))
            .env("HELM_DATA_HOME", cache.join("data"))
            .args(["--namespace", &self.namespace])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin.unwrap_or_default().as_bytes())
            .await
            .unwrap();
        drop(pipe);
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        HelmRun {
            success: output.status.success(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs the real helm, which has to succeed; its standard output.
    pub async fn helm(&self, args: &[&str]) -> String {
        let run = self.helm_run(args, None).await;
        assert!(run.success, "helm {args:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    /// As [`Self::helm`], with `-o json`.
    pub async fn helm_json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.helm(&args).await).unwrap()
    }

    /// helm as magnum-capi-helm calls it, with the values on standard input.
    pub async fn helm_as_the_driver(&self, release: &str, chart: &Path, values: &Value) -> HelmRun {
        let args = [
            "upgrade",
            release,
            chart.to_str().unwrap(),
            "--history-max",
            "10",
            "--install",
            "--output",
            "json",
            "--timeout",
            "5m",
            "--values",
            "-",
        ];
        self.helm_run(&args, Some(&values.to_string())).await
    }

    /// Revision and status of each record of a release, oldest first.
    pub async fn statuses(&self, release: &str) -> Vec<(u64, Status)> {
        let history = self.releases().history(release, &self.namespace).await.unwrap();
        history
            .iter()
            .map(|release| (release.version, release.info.status))
            .collect()
    }

    pub async fn end(self) {
        let uri = format!("/api/v1/namespaces/{}", self.namespace);
        let _ = self.send("DELETE", &uri, Value::Null).await;
    }
}

async fn config(kubeconfig: &Path) -> kube::Config {
    let config = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    kube::Config::from_custom_kubeconfig(config, &Default::default())
        .await
        .unwrap()
}
