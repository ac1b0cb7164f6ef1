//! The real Python conductor takes over clusters that ours made, and gives them back, in the middle of everything that
//! is done to them. Both use the same chart; an upgrade that changes nothing changes no object, whoever made it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::{Shared, log_tail};
use serde_json::{Value, json};
use stack::beside::Beside;
use stack::identity::DEMO;
use stack::life::Life;
use stack::magnum_conf::Chart;
use stack::process::{Process, Spec, run};
use stack::release::Release;
use stack::stack::{Options, Stack};

static SHARED: Shared = Shared::new(|| {
    let mut options = Options::new()?;
    // The built-in chart as a folder, so that helm finds it too.
    options.chart = Chart::Folder(stack::cache::source_root().join("conductor/chart"));
    options.fast_controllers = true;
    Ok(options)
});

const GRACE: Duration = Duration::from_secs(20);

/// Ours stops, with whatever it has under way, and Python starts.
async fn to_python(stack: &Stack) -> Result<Process> {
    stack.stop_conductor(GRACE).await?;
    tracing::info!("Python takes over");
    Beside::python("python-conductor", Release::V23)
        .start(stack)
        .await
}

/// Python stops, with whatever it has under way, and ours starts.
async fn to_ours(stack: &Stack, python: Process) -> Result<()> {
    python.stop(GRACE).await?;
    tracing::info!("ours takes over");
    stack.start_conductor().await
}

/// What helm and Cluster API know of a cluster's release.
struct Made<'a> {
    stack: &'a Stack,
    release: String,
    namespace: String,
}

impl<'a> Made<'a> {
    async fn of(stack: &'a Stack, life: &Life<'_>) -> Result<Self> {
        let release = life.column("stack_id").await?;
        Ok(Self {
            stack,
            release: release.context("no release has been named yet")?,
            namespace: stack.namespace(&DEMO).await?,
        })
    }

    /// The newest revision, if it is deployed; 0 when there is none.
    async fn revision(&self) -> Result<u64> {
        let labels = format!("owner=helm,name={}", self.release);
        let words = [
            "get",
            "secrets",
            "-n",
            &self.namespace,
            "-l",
            &labels,
            "-o",
            "json",
        ];
        let found: Value = serde_json::from_str(&self.stack.kubectl(&words).await?)?;
        let label =
            |record: &Value, name: &str| record["metadata"]["labels"][name].as_str().map(str::to_owned);
        let records = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let newest = records
            .iter()
            .filter_map(|record| {
                Some((
                    label(record, "version")?.parse::<u64>().ok()?,
                    label(record, "status")?,
                ))
            })
            .max();
        Ok(newest.map_or(
            0,
            |(version, status)| if status == "deployed" { version } else { 0 },
        ))
    }

    /// Waits for a deployed revision after `before`: the request is on its way in the management cluster.
    async fn after(&self, before: u64) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(90);
        while self.revision().await? <= before {
            if Instant::now() > end {
                bail!(
                    "{} has no revision after {before}:\n{}",
                    self.release,
                    log_tail(self.stack)
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// The values that the newest revision was given.
    async fn values(&self) -> Result<Value> {
        let helm = Spec::new("helm", self.stack.python().join("bin/helm"))
            .arg("--kubeconfig")
            .arg(self.stack.kubeconfig())
            .args([
                "get",
                "values",
                &self.release,
                "-n",
                &self.namespace,
                "-o",
                "json",
            ]);
        Ok(serde_json::from_str(&run(helm).await?)?)
    }

    /// What was asked for in each object of the release, without what controllers write into it.
    async fn objects(&self) -> Result<BTreeMap<String, Value>> {
        let kinds = [
            "secrets",
            "configmaps",
            "clusters.cluster.x-k8s.io",
            "machinedeployments.cluster.x-k8s.io",
            "machinehealthchecks.cluster.x-k8s.io",
            "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
            "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io",
            "openstackclusters.infrastructure.cluster.x-k8s.io",
            "openstackmachinetemplates.infrastructure.cluster.x-k8s.io",
            "helmreleases.addons.stackhpc.com",
            "manifests.addons.stackhpc.com",
        ];
        let words = ["get", &kinds.join(","), "-n", &self.namespace, "-o", "json"];
        let found: Value = serde_json::from_str(&self.stack.kubectl(&words).await?)?;
        let items = found["items"].as_array().context("a list without items")?;
        let mine = items.iter().filter(|object| {
            let of = "/metadata/annotations/meta.helm.sh~1release-name";
            object.pointer(of).and_then(Value::as_str) == Some(&self.release)
        });
        let objects: BTreeMap<String, Value> = mine
            .map(|object| {
                let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
                let meta = &object["metadata"];
                let asked = json!([
                    meta["uid"],
                    meta["generation"],
                    meta["labels"],
                    object["data"],
                    object["spec"]
                ]);
                (name, asked)
            })
            .collect();
        ensure!(
            objects.len() > 5,
            "few objects of {}: {:?}",
            self.release,
            objects.keys()
        );
        Ok(objects)
    }

    /// A change to what is already so (`workers` default workers), by whichever conductor runs.
    async fn unchanged(&self, life: &Life<'_>, workers: u32, always_a_revision: bool) -> Result<()> {
        let (values, objects, before) = (
            self.values().await?,
            self.objects().await?,
            self.revision().await?,
        );
        life.resize(workers).await?;
        if always_a_revision {
            self.after(before).await?;
        }
        life.wait_resized(workers).await?;
        let now = self.values().await?;
        ensure!(
            now == values,
            "the values of {} were\n{values:#}\nand are\n{now:#}",
            self.release
        );
        let now = self.objects().await?;
        for (name, asked) in &objects {
            ensure!(
                now.get(name) == Some(asked),
                "{name} was\n{asked:#}\nand is\n{:#}",
                now.get(name).unwrap_or(&Value::Null)
            );
        }
        ensure!(now.len() == objects.len(), "there are now {:?}", now.keys());
        Ok(())
    }
}

/// Whether helm has the cluster's first revision.
async fn begun<'a>(stack: &'a Stack, life: &Life<'_>) -> Result<Made<'a>> {
    life.wait_for("have a release", "c.stack_id IS NOT NULL").await?;
    let made = Made::of(stack, life).await?;
    made.after(0).await?;
    Ok(made)
}

#[tokio::test(flavor = "multi_thread")]
async fn python_takes_over_in_the_middle_of_everything_and_gives_back() -> Result<()> {
    let (stack, _turn) = SHARED.alone().await?;
    let [first, next] = stack::demo::VERSIONS;
    tokio::try_join!(
        Life::create_template(stack, first),
        Life::create_template(stack, next)
    )?;
    let (a, b) = (Life::new(stack, "ours"), Life::new(stack, "pythons"));

    // While it is created; Python's first look at what we made changes nothing.
    a.create(first, 1, 1).await?;
    let release_a = begun(stack, &a).await?;
    let python = to_python(stack).await?;
    a.wait_created().await?;
    release_a.unchanged(&a, 1, true).await?;

    // Ours finishes what Python began: a creation, and a resize.
    b.create(first, 1, 1).await?;
    let release_b = begun(stack, &b).await?;
    let before = release_a.revision().await?;
    a.resize(2).await?;
    release_a.after(before).await?;
    to_ours(stack, python).await?;
    a.wait_resized(2).await?;
    b.wait_created().await?;
    tokio::try_join!(
        release_a.unchanged(&a, 2, false),
        release_b.unchanged(&b, 1, false)
    )?;

    // A node group and a resize, half done by us.
    let (before_a, before_b) = (release_a.revision().await?, release_b.revision().await?);
    tokio::try_join!(a.create_nodegroup("extra", 1), b.resize(2))?;
    tokio::try_join!(release_a.after(before_a), release_b.after(before_b))?;
    let python = to_python(stack).await?;
    tokio::try_join!(a.wait_nodegroup("extra"), b.wait_resized(2))?;
    release_a.unchanged(&a, 2, true).await?;

    // A node group of Python's for us to finish.
    let before = release_b.revision().await?;
    b.create_nodegroup("extra", 1).await?;
    release_b.after(before).await?;
    to_ours(stack, python).await?;
    b.wait_nodegroup("extra").await?;

    // An upgrade, and the end of a node group, half done by us.
    let (before_a, before_b) = (release_a.revision().await?, release_b.revision().await?);
    tokio::try_join!(a.upgrade(next), b.delete_nodegroup("extra"))?;
    tokio::try_join!(release_a.after(before_a), release_b.after(before_b))?;
    let python = to_python(stack).await?;
    tokio::try_join!(a.wait_upgraded(next), b.wait_no_nodegroup("extra"))?;

    // An upgrade of Python's; and Python deletes what was ours.
    let before = release_b.revision().await?;
    b.upgrade(next).await?;
    release_b.after(before).await?;
    let traces = a.traces().await?.python_removes();
    a.delete().await?;
    a.wait_deleted().await?;
    a.wait_no_traces(&traces).await?;
    to_ours(stack, python).await?;
    b.wait_upgraded(next).await?;
    release_b.unchanged(&b, 2, false).await?;

    // And we what Python made, which ends it where we stopped.
    let traces = b.traces().await?.python_removes();
    b.delete().await?;
    b.wait_for("be going", "c.status = 'DELETE_IN_PROGRESS'").await?;
    // Python asks Cluster API whether a cluster is gone; what we accepted we have begun before we stop.
    let python = to_python(stack).await?;
    b.wait_deleted().await?;
    to_ours(stack, python).await?;
    b.wait_no_traces(&traces).await
}
