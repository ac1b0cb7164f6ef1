//! A site that still has clusters of Magnum's Heat driver: our conductor takes magnum-api's messages and passes those
//! about Heat's clusters on to a Python conductor on a topic of its own. Magnum 22.0, the last release with that driver,
//! as kolla deploys it: magnum-api as WSGI, quorum queues, and a Python conductor without the Cluster API driver.

mod storm;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::{Shared, log_tail};
use reqwest::Method;
use serde_json::{Value, json};
use stack::beside::Beside;
use stack::identity::{DEMO, Token};
use stack::life::Life;
use stack::magnum::ApiKind;
use stack::magnum_conf::RabbitOptions;
use stack::process::Process;
use stack::release::Release;
use stack::stack::{Options, Stack};

const TOPIC: &str = "magnum-conductor-heat";
const VERSION: &str = "1.30.4";
/// Python looks at its clusters every ten seconds.
const LIMIT: Duration = Duration::from_secs(300);

static SHARED: Shared = Shared::new(|| {
    let mut options = Options::new()?;
    options.release = Release::V22;
    options.api = ApiKind::Wsgi;
    options.rabbit = RabbitOptions::Kolla;
    // The suite `wsgi` has Cluster API's brakes on.
    options.fast_controllers = true;
    options.extra_conf = format!("[capi_conductor]\nother_drivers_topic = {TOPIC}\n");
    Ok(options)
});

async fn heat_conductor(stack: &Stack) -> Result<Process> {
    Beside::python("magnum-conductor-heat", Release::V22)
        .without_cluster_api_driver()
        .topic(TOPIC)
        .conf(&format!(
            "[cluster]\netcd_discovery_service_endpoint_format = {}",
            stack.cloud().discovery()
        ))
        .start(stack)
        .await
}

/// A cluster of the Heat driver.
struct HeatCluster<'a> {
    stack: &'a Stack,
    token: Token,
    name: &'static str,
    uuid: String,
}

impl<'a> HeatCluster<'a> {
    /// Asks for it, and for what it needs in the cloud.
    async fn create(stack: &'a Stack, name: &'static str) -> Result<Self> {
        let images = stack.cloud().list("images").await?;
        let mut image = images
            .into_iter()
            .next()
            .context("no image to take for a model")?;
        (image["id"], image["name"]) = (
            "fedc0de5-0000-4000-8000-000000000000".into(),
            "fedora-coreos-38".into(),
        );
        image["os_distro"] = "fedora-coreos".into();
        stack.cloud().put("images", &image).await?;
        let token = stack.token(&DEMO).await?;
        let template = json!({
            "name": "fedora", "coe": "kubernetes", "image_id": "fedora-coreos-38", "keypair_id": "mykey",
            "external_network_id": "public", "flavor_id": "m1.small", "master_flavor_id": "m1.small",
            "network_driver": "calico", "labels": {"kube_tag": "v1.27.8-rancher1"},
        });
        let template = asked(stack, &token, Method::POST, "clustertemplates", Some(&template)).await?;
        let cluster = json!({
            "name": name, "cluster_template_id": template["uuid"], "master_count": 1, "node_count": 1,
            "create_timeout": 60,
        });
        let cluster = asked(stack, &token, Method::POST, "clusters", Some(&cluster)).await?;
        let uuid = cluster["uuid"]
            .as_str()
            .context("a cluster without a uuid")?
            .to_owned();
        Ok(Self {
            stack,
            token,
            name,
            uuid,
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let path = format!("clusters/{}{path}", self.uuid);
        asked(self.stack, &self.token, method, &path, body).await
    }

    async fn resize(&self, nodes: u32) -> Result<()> {
        let body = json!({"node_count": nodes});
        self.ask(Method::POST, "/actions/resize", Some(&body))
            .await
            .map(|_| ())
    }

    async fn add_group(&self, name: &str) -> Result<()> {
        let body = json!({"name": name, "role": "worker", "node_count": 1, "min_node_count": 0});
        self.ask(Method::POST, "/nodegroups", Some(&body))
            .await
            .map(|_| ())
    }

    async fn delete(&self) -> Result<()> {
        self.ask(Method::DELETE, "", None).await.map(|_| ())
    }

    async fn count(&self, condition: &str) -> Result<u64> {
        let query = format!(
            "SELECT COUNT(*) FROM magnum.cluster c WHERE c.uuid = '{}' AND {condition}",
            self.uuid
        );
        self.stack.rows().count(&query).await
    }

    /// Waits until an SQL condition about the cluster's row `c` holds.
    async fn wait(&self, what: &str, condition: &str) -> Result<()> {
        let end = Instant::now() + LIMIT;
        while self.count(condition).await? == 0 {
            if Instant::now() > end {
                return self.late(what).await;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    async fn wait_gone(&self) -> Result<()> {
        let end = Instant::now() + LIMIT;
        while self.count("TRUE").await? > 0 {
            if Instant::now() > end {
                return self.late("be gone").await;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    /// What there is to see of a cluster that keeps us waiting.
    async fn late(&self, what: &str) -> Result<()> {
        let query = format!(
            "SELECT status, status_reason FROM magnum.cluster WHERE uuid = '{uuid}' UNION ALL \
             SELECT CONCAT(name, ' ', status), status_reason FROM magnum.nodegroup WHERE cluster_id = '{uuid}'",
            uuid = self.uuid
        );
        let rows = self.stack.rows().execute(&query).await?;
        let log = self.stack.home().log("magnum-conductor-heat");
        let log = stack::process::tail(&log, 6000);
        bail!(
            "{} does not come to {what}:\n{rows}\n{log}\n{}",
            self.name,
            log_tail(self.stack)
        );
    }

    /// Waits until its default workers are so many, and all is done.
    async fn wait_workers(&self, nodes: u32) -> Result<()> {
        let group = format!(
            "EXISTS (SELECT 1 FROM magnum.nodegroup n WHERE n.cluster_id = c.uuid AND n.role = 'worker' \
             AND n.is_default = 1 AND n.node_count = {nodes} AND n.status LIKE '%_COMPLETE')"
        );
        self.wait(
            &format!("have {nodes} workers"),
            &format!("c.status = 'UPDATE_COMPLETE' AND {group}"),
        )
        .await
    }
}

async fn asked(
    stack: &Stack,
    token: &Token,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value> {
    let (status, answer) = stack.magnum(token, method.clone(), path, body).await?;
    ensure!(status < 300, "{method} {path}: {status} {answer}");
    Ok(answer)
}

/// Neither conductor has left anything of its own at the other's cluster.
async fn check_apart(stack: &Stack, capi: &Life<'_>, heat: &HeatCluster<'_>) -> Result<()> {
    let ours = capi.uuid().await?.context("our cluster has no row")?;
    let stacks = stack.cloud().stacks().await?;
    let parameter = |stack: &Value| stack["parameters"]["cluster_uuid"].as_str().map(str::to_owned);
    ensure!(
        stacks
            .iter()
            .all(|stack| parameter(stack).as_deref() == Some(heat.uuid.as_str())),
        "a stack that is not the Heat cluster's: {stacks:?}"
    );
    let query =
        |uuid: &str| format!("SELECT COUNT(*) FROM magnum.capi_operation WHERE cluster_uuid = '{uuid}'");
    ensure!(stack.rows().count(&query(&ours)).await? > 0);
    ensure!(
        stack.rows().count(&query(&heat.uuid)).await? == 0,
        "we worked on Heat's cluster"
    );
    let clusters = stack
        .kubectl(&["get", "clusters.cluster.x-k8s.io", "-A", "-o", "name"])
        .await?;
    ensure!(
        clusters.lines().all(|name| name.contains(capi.name())),
        "in the management cluster: {clusters}"
    );
    // Each row names the stack or release of its own driver.
    ensure!(heat.count("c.stack_id LIKE '00000057-%'").await? == 1);
    let ours =
        format!("SELECT COUNT(*) FROM magnum.cluster WHERE uuid = '{ours}' AND stack_id LIKE '00000057-%'");
    ensure!(stack.rows().count(&ours).await? == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_of_both_drivers_live_side_by_side_and_survive_either_conductor() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let python = heat_conductor(stack).await?;
    Life::create_template(stack, VERSION).await?;
    let capi = Life::new(stack, "ours");

    let (heat, ()) = tokio::try_join!(HeatCluster::create(stack, "theirs"), capi.create(VERSION, 1, 1))?;
    tokio::try_join!(
        capi.wait_created(),
        heat.wait("be created", "c.status = 'CREATE_COMPLETE'")
    )?;
    let listed = stack
        .openstack(&[
            "coe", "cluster", "list", "-f", "value", "-c", "name", "-c", "status",
        ])
        .await?;
    for name in ["ours", "theirs"] {
        ensure!(listed.contains(&format!("{name} CREATE_COMPLETE")), "{listed}");
    }
    // A call: its answer goes from the Python conductor straight to magnum-api.
    for cluster in [heat.uuid.clone(), capi.uuid().await?.context("no row")?] {
        let path = format!("certificates/{cluster}");
        let answer = asked(stack, &heat.token, Method::GET, &path, None).await?;
        ensure!(
            answer["pem"]
                .as_str()
                .is_some_and(|pem| pem.contains("BEGIN CERTIFICATE")),
            "{answer}"
        );
    }
    tokio::try_join!(capi.resize(2), heat.resize(2))?;
    tokio::try_join!(capi.wait_resized(2), heat.wait_workers(2))?;
    check_apart(stack, &capi, &heat).await?;

    // Theirs dead: ours goes on, and what is asked of theirs waits for it.
    python.kill().await?;
    tokio::try_join!(heat.resize(3), capi.resize(1))?;
    capi.wait_resized(1).await.with_context(|| log_tail(stack))?;
    ensure!(
        heat.count("c.status = 'UPDATE_COMPLETE'").await? == 1,
        "nobody is there to take it up"
    );
    let python = heat_conductor(stack).await?;
    heat.wait_workers(3).await?;

    // Ours dead in the middle of its work: theirs goes on with what it has, and nothing that is asked is lost.
    heat.add_group("more").await?;
    heat.wait("have begun", "c.status = 'UPDATE_IN_PROGRESS'").await?;
    capi.create_nodegroup("more", 1).await?;
    stack.kill_conductor().await?;
    heat.wait("have its group", "c.status = 'UPDATE_COMPLETE'")
        .await?;
    tokio::try_join!(heat.resize(1), capi.resize(2))?;
    stack.start_conductor().await?;
    tokio::try_join!(capi.wait_nodegroup("more"), heat.wait_workers(1))?;
    capi.wait_resized(2).await.with_context(|| log_tail(stack))?;
    check_apart(stack, &capi, &heat).await?;

    let traces = capi.traces().await?;
    tokio::try_join!(capi.delete(), heat.delete())?;
    tokio::try_join!(capi.wait_deleted(), heat.wait_gone())?;
    capi.wait_no_traces(&traces).await?;
    let stacks = stack.cloud().stacks().await?;
    ensure!(
        stacks
            .iter()
            .all(|stack| stack["stack_status"] == "DELETE_COMPLETE"),
        "{stacks:?}"
    );
    python.kill().await
}
