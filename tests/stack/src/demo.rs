//! The demonstration: a cluster's whole life by the real command line, with what changes as it happens.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::life::Life;
use crate::stack::Stack;
use crate::watch::Changes;

/// The cluster's first Kubernetes version, and the next minor that it is upgraded to.
pub const VERSIONS: [&str; 2] = ["1.30.4", "1.31.2"];

const LOOK: Duration = Duration::from_millis(500);

/// How long one step took: in all, and in the conductor.
#[derive(Clone, Debug)]
struct Took {
    what: String,
    whole: Duration,
    conductor: Option<Duration>,
}

/// Leads a cluster of that name through its life.
///
/// # Errors
/// At the first step that does not end as it should.
pub async fn run(stack: &Stack, cluster: &str, out: &mut impl Write) -> Result<()> {
    let life = Life::new(stack, cluster);
    let mut steps = Steps {
        stack,
        life: &life,
        changes: Changes::of(cluster),
        took: Vec::new(),
        uuid: None,
        operations: 0,
        out,
    };
    let [first, next] = VERSIONS;
    steps
        .step("openstack coe cluster template create (two)", async {
            Life::create_template(stack, first).await?;
            Life::create_template(stack, next).await
        })
        .await?;
    steps
        .step("openstack coe cluster create: 1 master, 2 workers", async {
            life.create(first, 1, 2).await?;
            life.wait_created().await
        })
        .await?;
    steps
        .step("openstack coe cluster resize: 3 workers", async {
            life.resize(3).await?;
            life.wait_resized(3).await
        })
        .await?;
    steps
        .step("openstack coe nodegroup create", async {
            life.create_nodegroup("extra", 1).await?;
            life.wait_nodegroup("extra").await
        })
        .await?;
    steps
        .step("openstack coe nodegroup delete", async {
            life.delete_nodegroup("extra").await?;
            life.wait_no_nodegroup("extra").await
        })
        .await?;
    steps
        .step(
            &format!("openstack coe cluster upgrade: Kubernetes {first} to {next}"),
            async {
                life.upgrade(next).await?;
                life.wait_upgraded(next).await
            },
        )
        .await?;
    let nodes = steps
        .step(
            "openstack coe cluster config, and kubectl get nodes with it",
            async {
                let kubeconfig = life.kubeconfig().await?;
                life.nodes(&kubeconfig).await
            },
        )
        .await?;
    for (name, version) in &nodes {
        writeln!(steps.out, "           node {name} {version}")?;
    }
    check_nodes(&nodes, next)?;
    let traces = life.traces().await?;
    steps
        .step("openstack coe cluster delete", async {
            life.delete().await?;
            life.wait_deleted().await
        })
        .await?;
    steps
        .step("nothing is left of it", life.wait_no_traces(&traces))
        .await?;
    steps.summary()
}

/// One control plane node and three workers, all upgraded.
fn check_nodes(nodes: &[(String, String)], version: &str) -> Result<()> {
    let right = nodes
        .iter()
        .filter(|(_, v)| v.trim_start_matches('v') == version)
        .count();
    if nodes.len() != 4 || right != 4 {
        bail!("the workload cluster should have 4 nodes of {version}, but has {nodes:?}");
    }
    Ok(())
}

struct Steps<'a, W: Write> {
    stack: &'a Stack,
    life: &'a Life<'a>,
    changes: Changes,
    took: Vec<Took>,
    /// Of the cluster, once it has one.
    uuid: Option<String>,
    /// The newest operation of the conductor's journal that was counted.
    operations: u64,
    out: &'a mut W,
}

impl<W: Write> Steps<'_, W> {
    /// Does one step, shows what changes meanwhile, and notes how long it took.
    async fn step<T>(&mut self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        writeln!(self.out, "\n== {what}")?;
        let began = Instant::now();
        tokio::pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(LOOK) => self.show().await?,
            }
        };
        let whole = began.elapsed();
        self.show().await?;
        let value = outcome.with_context(|| what.to_owned())?;
        if self.uuid.is_none() {
            self.uuid = self.life.uuid().await?;
        }
        let conductor = self.conductor_part().await;
        self.took.push(Took {
            what: what.to_owned(),
            whole,
            conductor,
        });
        Ok(value)
    }

    async fn show(&mut self) -> Result<()> {
        for line in self.changes.look(self.stack).await {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()?;
        Ok(())
    }

    /// From acceptance to the last write of the operations that the conductor journaled since the last step.
    async fn conductor_part(&mut self) -> Option<Duration> {
        let query = format!(
            "SELECT MAX(id), SUM(TIMESTAMPDIFF(MICROSECOND, created_at, updated_at)) FROM magnum.capi_operation \
             WHERE id > {} AND state = 'done' AND cluster_uuid = '{}'",
            self.operations,
            self.uuid.as_deref()?
        );
        let row = self.stack.rows().rows(&query).await.ok()?.into_iter().next()?;
        let mut fields = row.into_iter().map(|field| field?.parse::<u64>().ok());
        self.operations = fields.next()??;
        Some(Duration::from_micros(fields.next()??))
    }

    fn summary(&mut self) -> Result<()> {
        writeln!(
            self.out,
            "\n{:62} {:>8}  {:>12}",
            "step", "seconds", "conductor's"
        )?;
        for Took {
            what,
            whole,
            conductor,
        } in &self.took
        {
            let own = conductor.map_or("-".to_owned(), |d| format!("{:.2}", d.as_secs_f64()));
            writeln!(self.out, "{what:62} {:8.1}  {own:>12}", whole.as_secs_f64())?;
        }
        writeln!(
            self.out,
            "(The conductor's part is from a request's acceptance to the operation's end; of a create, 30 s of the\n\
             rest are a fixed wait of Cluster API's. A deletion's includes waiting for the machines to go.)\n"
        )?;
        Ok(())
    }
}
