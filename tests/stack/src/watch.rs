//! What changes while a user waits: rows of clusters and node groups, and machines.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use crate::stack::Stack;

/// Compares what is with what was.
#[derive(Debug)]
pub struct Changes {
    cluster: String,
    began: Instant,
    seen: BTreeMap<String, String>,
}

impl Changes {
    /// Of one cluster: its rows have its name, and its machines' names begin with that.
    pub fn of(cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            began: Instant::now(),
            seen: BTreeMap::new(),
        }
    }

    /// One line for each thing that is not as it was at the last call. What cannot be read right now is skipped.
    pub async fn look(&mut self, stack: &Stack) -> Vec<String> {
        let mut now = BTreeMap::new();
        let read = async {
            self.rows(stack, &mut now).await?;
            self.machines(stack, &mut now).await
        };
        if read.await.is_err() {
            return Vec::new();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let gone = self
            .seen
            .keys()
            .filter(|k| !now.contains_key(*k))
            .map(|k| (k, "gone"));
        let changed = now
            .iter()
            .filter(|(k, v)| self.seen.get(*k) != Some(v))
            .map(|(k, v)| (k, v.as_str()));
        let lines = changed
            .chain(gone)
            .map(|(k, v)| format!("{seconds:7.1} s  {k}: {v}"))
            .collect();
        self.seen = now;
        lines
    }

    async fn rows(&self, stack: &Stack, now: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
        let query = format!(
            "SELECT CONCAT('cluster ', name), CONCAT_WS(' ', status, health_status, status_reason) \
             FROM magnum.cluster WHERE name = '{cluster}' UNION ALL \
             SELECT CONCAT('node group ', n.name), CONCAT(n.status, ', ', n.node_count, ' nodes') \
             FROM magnum.nodegroup n JOIN magnum.cluster c ON c.uuid = n.cluster_id WHERE c.name = '{cluster}'",
            cluster = self.cluster
        );
        for row in stack.rows().rows(&query).await? {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            if let (Some(what), Some(state)) = (fields.next(), fields.next()) {
                now.insert(what, state);
            }
        }
        Ok(())
    }

    async fn machines(&self, stack: &Stack, now: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
        let text = stack
            .kubectl(&["get", "machines.cluster.x-k8s.io", "-A", "-o", "json"])
            .await?;
        let list: Value = serde_json::from_str(&text)?;
        for machine in list["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let word = |path: &str| machine.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let node = if word("/status/nodeRef/name").is_empty() {
                ""
            } else {
                ", node registered"
            };
            if !word("/metadata/name").starts_with(&format!("{}-", self.cluster)) {
                continue;
            }
            let state = format!("{} {}{node}", word("/status/phase"), word("/spec/version"));
            now.insert(format!("machine {}", word("/metadata/name")), state);
        }
        Ok(())
    }
}
