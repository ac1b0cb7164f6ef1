//! The life of one cluster, as a user leads it with the `openstack` command.
//!
//! Requests and waits are separate, so that a test can do something in between. What is waited for is stated about
//! the rows such that it cannot already have been true before the request.

mod traces;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::identity::{Account, DEMO};
use crate::stack::Stack;

pub use traces::Traces;

/// For any one step, machines included.
pub const STEP_LIMIT: Duration = Duration::from_secs(420);

const POLL: Duration = Duration::from_millis(250);

/// A cluster that has been in a failed state for so long will not leave it.
const FAILED_FOR_GOOD: Duration = Duration::from_secs(10);

/// One cluster of one account.
#[derive(Debug)]
pub struct Life<'a> {
    stack: &'a Stack,
    account: Account,
    name: String,
    began: Instant,
}

impl<'a> Life<'a> {
    /// The cluster `name` of the user demo; nothing is asked for yet.
    pub fn new(stack: &'a Stack, name: &str) -> Self {
        Self {
            stack,
            account: DEMO,
            name: name.to_owned(),
            began: Instant::now(),
        }
    }

    /// The same cluster in the hands of another user of the project.
    #[must_use]
    pub fn by(self, account: Account) -> Self {
        Self { account, ..self }
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A template's name for a Kubernetes version.
    pub fn template(version: &str) -> String {
        format!("kubernetes-{version}")
    }

    /// Creates the template for an image of the simulator's, once in a stack's life.
    pub async fn create_template(stack: &Stack, version: &str) -> Result<()> {
        let made = stack.template(version)?;
        made.get_or_try_init(async || {
            let template = Self::template(version);
            let image = format!("ubuntu-2204-kube-v{version}");
            let words = [
                "coe",
                "cluster",
                "template",
                "create",
                "--coe",
                "kubernetes",
                "--image",
                &image,
            ];
            let more = [
                "--external-network",
                "public",
                "--flavor",
                "m1.small",
                "--master-flavor",
                "m1.small",
            ];
            let rest = [
                "--network-driver",
                "calico",
                "--docker-volume-size",
                "50",
                "--master-lb-enabled",
            ];
            let last = [
                "--keypair",
                "mykey",
                "--labels",
                "monitoring_enabled=false",
                template.as_str(),
            ];
            stack
                .openstack(&[words.as_slice(), &more, &rest, &last].concat())
                .await
                .map(|_| ())
        })
        .await
        .copied()
    }

    async fn coe(&self, args: &[&str]) -> Result<String> {
        self.stack
            .openstack_as(&self.account, &[["coe"].as_slice(), args].concat())
            .await
    }

    /// Asks for the cluster.
    pub async fn create(&self, version: &str, masters: u32, workers: u32) -> Result<()> {
        let (masters, workers) = (masters.to_string(), workers.to_string());
        let template = Self::template(version);
        let words = [
            "cluster",
            "create",
            "--cluster-template",
            &template,
            "--master-count",
            &masters,
        ];
        let rest = ["--node-count", &workers, "--timeout", "60", &self.name];
        self.coe(&[words.as_slice(), &rest].concat()).await.map(|_| ())
    }

    /// Asks for another number of workers.
    pub async fn resize(&self, workers: u32) -> Result<()> {
        self.coe(&["cluster", "resize", &self.name, &workers.to_string()])
            .await
            .map(|_| ())
    }

    /// Asks for a node group.
    pub async fn create_nodegroup(&self, nodegroup: &str, nodes: u32) -> Result<()> {
        let nodes = nodes.to_string();
        let words = [
            "nodegroup",
            "create",
            "--node-count",
            &nodes,
            "--min-nodes",
            "1",
            "--role",
            "worker",
        ];
        let rest = ["--flavor", "m1.medium", &self.name, nodegroup];
        self.coe(&[words.as_slice(), &rest].concat()).await.map(|_| ())
    }

    /// Asks for the end of a node group.
    pub async fn delete_nodegroup(&self, nodegroup: &str) -> Result<()> {
        self.coe(&["nodegroup", "delete", &self.name, nodegroup])
            .await
            .map(|_| ())
    }

    /// Asks for another Kubernetes version.
    pub async fn upgrade(&self, version: &str) -> Result<()> {
        self.coe(&["cluster", "upgrade", &self.name, &Self::template(version)])
            .await
            .map(|_| ())
    }

    /// Asks for the end of the cluster.
    pub async fn delete(&self) -> Result<()> {
        self.coe(&["cluster", "delete", &self.name]).await.map(|_| ())
    }

    /// Fetches a kubeconfig as a user does; a certificate is signed for it.
    pub async fn kubeconfig(&self) -> Result<PathBuf> {
        let folder = self.stack.home().folder(&format!("kubeconfig-{}", self.name))?;
        let path = folder.to_str().context("the stack's folder is not UTF-8")?;
        self.coe(&["cluster", "config", "--force", "--dir", path, &self.name])
            .await?;
        Ok(folder.join("config"))
    }

    /// What the workload cluster's own API says of its nodes: name and kubelet version.
    pub async fn nodes(&self, kubeconfig: &std::path::Path) -> Result<Vec<(String, String)>> {
        let text = self
            .stack
            .kubectl_with(kubeconfig, &["get", "nodes", "-o", "json"])
            .await?;
        let list: Value = serde_json::from_str(&text)?;
        let text = |node: &Value, path: &str| {
            node.pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let nodes = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(nodes
            .iter()
            .map(|n| {
                (
                    text(n, "/metadata/name"),
                    text(n, "/status/nodeInfo/kubeletVersion"),
                )
            })
            .collect())
    }

    /// Waits until the cluster is created, with all of its node groups.
    pub async fn wait_created(&self) -> Result<()> {
        self.wait_for(
            "be created",
            &self.all_groups("c.status = 'CREATE_COMPLETE'", "n.status = 'CREATE_COMPLETE'"),
        )
        .await
    }

    /// Waits until the default workers are as many as asked.
    pub async fn wait_resized(&self, workers: u32) -> Result<()> {
        let group = format!("(n.is_default = 0 OR n.role <> 'worker' OR n.node_count = {workers})");
        self.wait_for("be resized", &self.settled(&group)).await
    }

    /// Waits until a node group is there and complete.
    pub async fn wait_nodegroup(&self, nodegroup: &str) -> Result<()> {
        let there = format!(
            "{} AND EXISTS (SELECT 1 FROM magnum.nodegroup g WHERE g.cluster_id = c.uuid AND g.name = '{nodegroup}' \
             AND g.status = 'CREATE_COMPLETE')",
            self.settled("1")
        );
        self.wait_for(&format!("have the node group {nodegroup}"), &there)
            .await
    }

    /// Waits until a node group is gone.
    pub async fn wait_no_nodegroup(&self, nodegroup: &str) -> Result<()> {
        let gone = format!(
            "{} AND NOT EXISTS (SELECT 1 FROM magnum.nodegroup g WHERE g.cluster_id = c.uuid AND g.name = '{nodegroup}')",
            self.settled("1")
        );
        self.wait_for(&format!("have lost the node group {nodegroup}"), &gone)
            .await
    }

    /// Waits until the cluster is upgraded.
    pub async fn wait_upgraded(&self, version: &str) -> Result<()> {
        let upgraded = format!(
            "{} AND c.cluster_template_id IN (SELECT t.uuid FROM magnum.cluster_template t WHERE t.name = '{}')",
            self.settled("1"),
            Self::template(version)
        );
        self.wait_for(&format!("be upgraded to {version}"), &upgraded)
            .await
    }

    /// Waits until the cluster's row is gone.
    pub async fn wait_deleted(&self) -> Result<()> {
        let end = Instant::now() + STEP_LIMIT;
        loop {
            // An error is a database that a test has stopped; the deadline counts all the same.
            let state = self.state().await;
            match &state {
                Ok(None) => return Ok(()),
                Ok(Some((status, reason))) if status == "DELETE_FAILED" => {
                    bail!("{} is {status}: {reason}", self.name)
                }
                _ => {}
            }
            if Instant::now() > end {
                bail!(
                    "{} is not gone after {} s: {state:?}",
                    self.name,
                    STEP_LIMIT.as_secs()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Status and reason of the cluster; `None` when there is no such cluster.
    pub async fn state(&self) -> Result<Option<(String, String)>> {
        let query = format!(
            "SELECT status, status_reason FROM magnum.cluster WHERE name = '{}'",
            self.name
        );
        let row = self.stack.rows().rows(&query).await?.into_iter().next();
        Ok(row.map(|mut row| {
            let reason = row.pop().flatten().unwrap_or_default();
            (row.pop().flatten().unwrap_or_default(), reason)
        }))
    }

    /// The UUID of the cluster, if there is one.
    pub async fn uuid(&self) -> Result<Option<String>> {
        self.column("uuid").await
    }

    /// A column of the cluster's row as text; `None` without a row or a value.
    pub async fn column(&self, column: &str) -> Result<Option<String>> {
        let query = format!("SELECT {column} FROM magnum.cluster WHERE name = '{}'", self.name);
        Ok(self
            .stack
            .rows()
            .rows(&query)
            .await?
            .into_iter()
            .flatten()
            .next()
            .flatten())
    }

    /// Condition: the cluster's row and all of its groups' rows are as said.
    fn all_groups(&self, cluster: &str, group: &str) -> String {
        format!(
            "{cluster} AND NOT EXISTS (SELECT 1 FROM magnum.nodegroup n WHERE n.cluster_id = c.uuid AND NOT ({group}))"
        )
    }

    /// Condition: the cluster is updated, no group is in between, and `group` holds for each.
    fn settled(&self, group: &str) -> String {
        self.all_groups(
            "c.status = 'UPDATE_COMPLETE'",
            &format!("n.status LIKE '%_COMPLETE' AND {group}"),
        )
    }

    /// Waits until an SQL condition about the cluster's row `c` holds.
    ///
    /// # Errors
    /// When the cluster fails or [`STEP_LIMIT`] passes: the state of its rows.
    pub async fn wait_for(&self, what: &str, condition: &str) -> Result<()> {
        let end = Instant::now() + STEP_LIMIT;
        let query = format!(
            "SELECT COUNT(*) FROM magnum.cluster c WHERE c.name = '{}' AND {condition}",
            self.name
        );
        let mut failed_since = None;
        loop {
            if self
                .stack
                .rows()
                .count(&query)
                .await
                .is_ok_and(|count| count == 1)
            {
                return Ok(());
            }
            let failed = matches!(self.state().await, Ok(Some((status, _))) if status.ends_with("_FAILED"));
            failed_since = failed.then(|| failed_since.unwrap_or_else(Instant::now));
            // A failure may be what the request is to get the cluster out of.
            let is_final = failed_since.is_some_and(|since| since.elapsed() > FAILED_FOR_GOOD);
            if is_final || Instant::now() > end {
                let after = self.began.elapsed().as_secs();
                bail!(
                    "{} does not come to {what}; {after} s after its start:\n{}",
                    self.name,
                    self.describe().await
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The rows of the cluster and the machines, for an error message.
    pub async fn describe(&self) -> String {
        let query = format!(
            "SELECT 'cluster', c.status, c.health_status, c.status_reason FROM magnum.cluster c WHERE c.name = '{name}' \
             UNION ALL SELECT n.name, n.status, n.node_count, n.status_reason FROM magnum.nodegroup n \
             JOIN magnum.cluster c ON c.uuid = n.cluster_id WHERE c.name = '{name}'",
            name = self.name
        );
        let rows = self
            .stack
            .rows()
            .execute(&query)
            .await
            .unwrap_or_else(|e| format!("{e:#}"));
        let words = [
            "get",
            "clusters.cluster.x-k8s.io,machines.cluster.x-k8s.io",
            "-A",
            "-o",
            "wide",
        ];
        let machines = self
            .stack
            .kubectl(&words)
            .await
            .unwrap_or_else(|e| format!("{e:#}"));
        format!("{rows}\n{machines}")
    }
}
