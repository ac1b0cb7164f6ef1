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
            tokio::try_join!(
                Life::create_template(stack, first),
                Life::create_template(stack, next)
            )
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

/// The time of the last deletion in a conductor's log without the waiting for Cluster API: until its step `wait` is
/// reached first, and after it was left last.
fn deletion(log: &str) -> Option<Duration> {
    let times: Vec<(Duration, &str)> = log
        .lines()
        .filter(|line| line.contains("operation=delete"))
        .filter_map(|line| Some((time_of_day(line)?, line)))
        .collect();
    let (began, _) = times.first()?;
    let (ended, _) = times.last()?;
    let waits = |(_, line): &&(Duration, &str)| line.contains("step=wait");
    let (reached, _) = times.iter().find(waits)?;
    let left = times
        .iter()
        .rposition(|entry| waits(&entry))
        .and_then(|place| times.get(place + 1))?
        .0;
    Some(reached.saturating_sub(*began) + ended.saturating_sub(left))
}

/// The time in a line of oslo.log's form: `2026-01-31 13:59:59.999 ...`.
fn time_of_day(line: &str) -> Option<Duration> {
    let mut parts = line
        .split_whitespace()
        .nth(1)?
        .split([':', '.'])
        .map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    let (hours, minutes, seconds, millis) = (next()?, next()?, next()?, next()?);
    Some(Duration::from_millis(
        ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis,
    ))
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

    /// From acceptance to the last write of the operations that the conductor journaled since the last step. Of a
    /// deletion the journal is gone with the cluster; the log has it.
    async fn conductor_part(&mut self) -> Option<Duration> {
        let uuid = self.uuid.clone()?;
        if let Ok(None) = self.life.uuid().await {
            self.uuid = None;
            return deletion(&self.stack.conductor_log());
        }
        let query = format!(
            "SELECT MAX(id), SUM(TIMESTAMPDIFF(MICROSECOND, created_at, updated_at)) FROM magnum.capi_operation \
             WHERE id > {} AND state = 'done' AND cluster_uuid = '{uuid}'",
            self.operations
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
            "(The conductor's part is from a request's acceptance to its last write to the management cluster, and for\n\
             a deletion also from the machines' end to the rows'. Of a create, 30 s are a fixed wait of Cluster API's.)\n"
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletions_waits_are_not_counted() {
        let log = "2026-01-01 10:00:00.000 1 DEBUG x [-] step operation=create step=wait\n\
                   2026-01-01 10:00:01.000 1 DEBUG x [-] step operation=delete step=uninstall\n\
                   2026-01-01 10:00:01.250 1 DEBUG x [-] step operation=delete step=wait\n\
                   2026-01-01 10:00:09.000 1 DEBUG x [-] step operation=delete step=wait\n\
                   2026-01-01 10:00:09.500 1 DEBUG x [-] step operation=delete step=credential\n\
                   2026-01-01 10:00:10.000 1 INFO x [-] operation carried out operation=delete request=r\n";
        assert_eq!(deletion(log), Some(Duration::from_millis(750)));
        assert_eq!(deletion(""), None);
    }
}
