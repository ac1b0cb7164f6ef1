//! Whatever happens at whichever call: the next operation puts it right.
//!
//! `HELM_TEST_FAULTS=all` tries every fault at every call; without it each call meets one of them, and being
//! killed before and, where it changes something, after.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use helm::{Outcome, ReleaseError, Releases, ReleasesOptions, Status};
use serde_json::{Value, json};

use crate::support::state::{State, differences};
use crate::support::wire::{Fault, Wire};
use crate::support::{ChartDir, Server};

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {v: {{ .Values.v | quote }}}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
stringData: {v: {{ .Values.v | quote }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: only-{{ .Values.v }}}
---
apiVersion: helm.test/v1
kind: Widget
metadata: {name: w}
spec: {version: {{ .Values.v }}, replicas: 1}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: hook
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}
data: {v: {{ .Values.v | quote }}}
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Install,
    Upgrade,
    Uninstall,
}

const STAGES: [Stage; 3] = [Stage::Install, Stage::Upgrade, Stage::Uninstall];

impl Stage {
    async fn run(self, server: &Server, releases: &Releases) -> Result<(), ReleaseError> {
        let upgrade = async |values: Value| -> Result<Outcome, ReleaseError> {
            let request = server.request_for("rel", Arc::new(chart()), values);
            releases.upgrade_install(&request).await
        };
        match self {
            Self::Install => upgrade(json!({"v": "v1"})).await.map(drop),
            Self::Upgrade => upgrade(json!({"v": "v2"})).await.map(drop),
            Self::Uninstall => releases.uninstall("rel", &server.namespace).await.map(drop),
        }
    }

    /// Brings a new namespace to where the stage begins.
    async fn begin(self, server: &Server) {
        if self != Self::Install {
            let releases = server.releases_with(options(3));
            Self::Install.run(server, &releases).await.unwrap();
        }
    }
}

fn chart() -> helm::Chart {
    ChartDir::with([
        ("Chart.yaml", "apiVersion: v2\nname: faults\nversion: 1.0.0\n"),
        ("templates/all.yaml", TEMPLATE),
    ])
    .chart()
}

fn options(retries: u32) -> ReleasesOptions {
    ReleasesOptions {
        writer: "us".to_owned(),
        retries,
        parallel: 2,
        ..ReleasesOptions::default()
    }
}

/// The Widget's CRD, which the chart does not bring.
async fn crd(server: &Server) {
    let prepared = server.another_namespace().await;
    prepared
        .releases()
        .upgrade_install(&prepared.request(json!({})))
        .await
        .unwrap();
}

/// A stage that nothing disturbed: what it leaves, and for each of its calls whether it is a write.
struct Undisturbed {
    stage: Stage,
    left: State,
    writes: Vec<bool>,
}

impl Undisturbed {
    async fn run(server: &Server, stage: Stage) -> Self {
        let server = server.another_namespace().await;
        stage.begin(&server).await;
        let wire = Wire::new(server.client.clone(), Fault::None, 0);
        let releases = Releases::new(wire.client(), options(3));
        stage.run(&server, &releases).await.unwrap();
        Self {
            stage,
            left: server.state().await,
            writes: wire.writes(),
        }
    }

    /// Which fault is to be tried at which call.
    fn plan(&self) -> Vec<(usize, Fault)> {
        let all = std::env::var("HELM_TEST_FAULTS").is_ok_and(|wanted| wanted == "all");
        let faults = [
            Fault::LostAnswer,
            Fault::Status(500),
            Fault::Down,
            Fault::Status(429),
            Fault::LostRequest,
            Fault::Delay,
        ];
        let mut plan = Vec::new();
        for (n, is_write) in self.writes.iter().enumerate() {
            plan.push((n, Fault::KilledBefore));
            if *is_write {
                plan.push((n, Fault::KilledAfter));
            }
            if all {
                plan.extend(faults.map(|fault| (n, fault)));
            } else {
                plan.push((n, faults[n % faults.len()]));
            }
        }
        plan
    }

    /// The stage with a fault, then again without; complaints about what it left.
    async fn disturbed(&self, server: &Server, n: usize, fault: Fault) -> Vec<String> {
        let server = server.another_namespace().await;
        self.stage.begin(&server).await;
        let wire = Wire::new(server.client.clone(), fault, n);
        let retries = if fault == Fault::Down { 0 } else { 3 };
        let releases = Releases::new(wire.client(), options(retries));
        let mut complaints = Vec::new();
        tokio::select! {
            result = self.stage.run(&server, &releases) => match result {
                Err(err) if !err.is_transient() => complaints.push(format!("said for good: {err}")),
                Err(err) if fault != Fault::Down => complaints.push(format!("not repeated: {err}")),
                Err(_) | Ok(()) => {}
            },
            // Dropped where it stands, as a process that dies.
            () = wire.dead.notified() => {}
        }
        complaints.extend(in_force(&server).await);
        let next = server.releases_with(options(3));
        if let Err(err) = self.stage.run(&server, &next).await {
            complaints.push(format!("not recovered: {err}"));
        }
        complaints.extend(in_force(&server).await);
        complaints.extend(self.compare(&server).await);
        let case = |complaint| format!("{:?}, call {n}, {fault:?}: {complaint}", self.stage);
        complaints.into_iter().map(case).collect()
    }

    /// The objects have to be those of the undisturbed run, and the newest record but for its number.
    async fn compare(&self, server: &Server) -> Vec<String> {
        let found = server.state().await;
        let mut complaints = differences(&json!(self.left.objects), &json!(found.objects));
        complaints.extend(differences(&newest(&self.left), &newest(&found)));
        complaints
    }
}

/// Never two revisions in force. Records that cannot be decoded fail the test where they are read.
async fn in_force(server: &Server) -> Option<String> {
    let statuses = server.statuses("rel").await;
    let deployed = statuses.iter().filter(|(_, status)| *status == Status::Deployed);
    (deployed.count() > 1).then(|| format!("two in force: {statuses:?}"))
}

fn newest(state: &State) -> Value {
    let newest = state
        .records
        .values()
        .max_by_key(|record| record["version"].as_u64());
    let Some(newest) = newest else { return Value::Null };
    let mut newest = newest.clone();
    newest["version"] = Value::Null;
    newest["secret"]["labels"]["version"] = Value::Null;
    // An install that was taken up again is an upgrade of the failed one.
    newest["info"]["description"] = Value::Null;
    for hook in newest["hooks"].as_array_mut().into_iter().flatten() {
        hook["last_run"] = Value::Null;
        hook["delete_policies"] = Value::Null;
    }
    newest
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_whichever_call() {
    let Some(server) = Server::given("whatever_happens_at_whichever_call").await else {
        return;
    };
    crd(&server).await;
    let mut complaints = Vec::new();
    let mut cases = 0;
    for stage in STAGES {
        let undisturbed = Undisturbed::run(&server, stage).await;
        let plan = undisturbed.plan();
        cases += plan.len();
        let runs = plan
            .into_iter()
            .map(|(n, fault)| undisturbed.disturbed(&server, n, fault));
        let found: Vec<Vec<String>> = futures::stream::iter(runs).buffer_unordered(6).collect().await;
        complaints.extend(found.into_iter().flatten());
    }
    eprintln!("{cases} disturbed operations");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A connection that is cut again and again, on a real socket.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut() {
    let Some(server) = Server::given("connections_are_cut").await else {
        return;
    };
    crd(&server).await;
    let undisturbed = Undisturbed::run(&server, Stage::Upgrade).await;
    let mut config = server.config().await;
    let port = cutting_proxy(&config.cluster_url).await;
    config.cluster_url = format!("https://127.0.0.1:{port}").parse().unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let releases = Releases::new(client, options(20));
    for stage in STAGES {
        stage.run(&server, &releases).await.unwrap();
        if stage == Stage::Upgrade {
            let complaints = undisturbed.compare(&server).await;
            assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        }
    }
    assert_eq!(server.statuses("rel").await, []);
    server.end().await;
}

/// Forwards to the API server, and cuts each connection after some time; its port.
async fn cutting_proxy(to: &http::Uri) -> u16 {
    let target = format!("{}:{}", to.host().unwrap(), to.port_u16().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for n in 0_u64.. {
            let Ok((mut down, _)) = listener.accept().await else {
                return;
            };
            let target = target.clone();
            tokio::spawn(async move {
                let Ok(mut up) = tokio::net::TcpStream::connect(target).await else {
                    return;
                };
                // Some are cut before they can be of use, some live long enough for a few calls.
                let life = Duration::from_millis([5, 150, 40, 600][(n % 4) as usize]);
                let _ = tokio::time::timeout(life, tokio::io::copy_bidirectional(&mut down, &mut up)).await;
            });
        }
    });
    port
}
