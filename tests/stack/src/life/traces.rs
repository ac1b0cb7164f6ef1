//! What a cluster leaves behind: nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Life;

/// Kinds that are not a cluster's, whatever they are called.
const NOT_THE_CLUSTERS: [&str; 3] = ["events", "events.events.k8s.io", "leases.coordination.k8s.io"];

/// What has to be gone after a cluster's deletion; read from its rows while they are there.
#[derive(Clone, Debug)]
pub struct Traces {
    uuid: String,
    release: String,
    certificates: Vec<String>,
}

impl Traces {
    /// Whether an object of that name in the management cluster is the cluster's.
    pub fn owns(&self, object: &str) -> bool {
        object.contains(&self.release)
    }

    /// Without the certificates of etcd's and the front proxy's authority, which a deletion by Python leaves behind (as
    /// magnum 23.0 `conductor/handlers/common/cert_manager.py`).
    pub fn python_removes(mut self) -> Self {
        self.certificates.truncate(2);
        self
    }
}

impl Life<'_> {
    /// What identifies the cluster's traces; call it while the cluster is there.
    pub async fn traces(&self) -> Result<Traces> {
        let query = format!(
            "SELECT uuid, stack_id, ca_cert_ref, magnum_cert_ref, etcd_ca_cert_ref, front_proxy_ca_cert_ref \
             FROM magnum.cluster WHERE name = '{}'",
            self.name
        );
        let row = self.stack.rows().rows(&query).await?.into_iter().next();
        let mut fields = row
            .with_context(|| format!("there is no cluster {}", self.name))?
            .into_iter();
        let uuid = fields.next().flatten().context("a cluster without a UUID")?;
        // A release is named after its cluster; one that has no name yet can at most have left such names.
        let release = fields
            .next()
            .flatten()
            .unwrap_or_else(|| format!("{}-", self.name));
        Ok(Traces {
            uuid,
            release,
            certificates: fields.flatten().collect(),
        })
    }

    /// Waits until nothing is left of a deleted cluster: rows, certificates, secrets, release records, application
    /// credentials, objects.
    ///
    /// # Errors
    /// When a minute has passed: what is left.
    pub async fn wait_no_traces(&self, traces: &Traces) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let left = self.left(traces).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("left of {} after its deletion:\n{}", self.name, left.join("\n"));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn left(&self, traces: &Traces) -> Result<Vec<String>> {
        let mut left = Vec::new();
        let Traces {
            uuid,
            release,
            certificates,
        } = traces;
        let references = certificates
            .iter()
            .map(|c| format!("'{c}'"))
            .collect::<Vec<_>>()
            .join(", ");
        let mut queries = vec![
            ("cluster rows", format!("cluster WHERE uuid = '{uuid}'")),
            (
                "node group rows",
                format!("nodegroup WHERE cluster_id = '{uuid}'"),
            ),
        ];
        if !certificates.is_empty() {
            queries.push((
                "certificate rows",
                format!("x509keypair WHERE uuid IN ({references})"),
            ));
        }
        for (what, query) in queries {
            let count = self
                .stack
                .rows()
                .count(&format!("SELECT COUNT(*) FROM magnum.{query}"))
                .await?;
            if count > 0 {
                left.push(format!("{count} {what}"));
            }
        }
        let token = self.stack.token(&self.account).await?;
        let credentials = self.stack.identity().application_credentials(&token).await?;
        left.extend(
            credentials
                .iter()
                .filter(|name| name.contains(uuid))
                .map(|name| format!("credential {name}")),
        );
        left.extend(self.objects(release).await?);
        Ok(left)
    }

    /// The objects in the account's namespace whose names begin with the release's, release records included.
    async fn objects(&self, release: &str) -> Result<Vec<String>> {
        let kinds = self
            .stack
            .kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o", "name"])
            .await?;
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !NOT_THE_CLUSTERS.contains(kind))
            .collect();
        let namespace = self.stack.namespace(&self.account).await?;
        let found = self
            .stack
            .kubectl(&["get", &kinds.join(","), "-n", &namespace, "-o", "name"])
            .await?;
        Ok(found
            .lines()
            .filter(|name| name.contains(release))
            .map(str::to_owned)
            .collect())
    }
}
