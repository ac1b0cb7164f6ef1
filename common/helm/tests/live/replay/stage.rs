//! Two namespaces, and the same act in both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use helm::{Release, Releases, Uninstalled};
use serde_json::{Value, json};

use super::differences::Differences;
use crate::support::state::{State, differences, neutral};
use crate::support::{ChartDir, HelmRun, Server};

/// How long controllers may take to come to rest.
const SETTLING: Duration = Duration::from_secs(90);

/// What both engines are to do.
pub enum Act<'a> {
    /// `helm upgrade --install --history-max MAX`.
    Upgrade(&'a ChartDir, Value, usize),
    /// `helm uninstall`.
    Uninstall { keep_history: bool },
    /// `helm rollback`.
    Rollback(u64),
    /// `helm history`.
    History,
    /// `helm get notes`.
    Notes,
}

/// What an engine said.
struct Said {
    error: Option<String>,
    output: Value,
}

/// Both engines at work on a release of the same name.
pub struct Stage {
    pub helm: Server,
    pub ours: Server,
    pub release: &'static str,
    releases: Releases,
    differences: Differences,
}

impl Stage {
    pub async fn new(server: Server, release: &'static str, steps: impl Fn(&str) -> bool) -> Self {
        let ours = server.another_namespace().await;
        Self {
            releases: ours.releases(),
            helm: server,
            ours,
            release,
            differences: Differences::of(steps),
        }
    }

    /// Both namespaces, for what happens to them besides.
    pub fn both(&self) -> [&Server; 2] {
        [&self.helm, &self.ours]
    }

    /// One step on both engines, and the comparison of what they said and left.
    pub async fn step(&mut self, step: &str, act: Act<'_>) {
        let began = Instant::now();
        let (helm, ours) = tokio::join!(self.helm_does(&act), self.we_do(&act));
        let acted = began.elapsed();
        let said = said(&self.helm, helm);
        let mut found = differences(&said, &self::said(&self.ours, ours));
        found.extend(self.settled(step).await);
        eprintln!("{step}: {acted:.1?}, settled after {:.1?}", began.elapsed());
        for surprise in self.differences.surprises(step, &found) {
            eprintln!("    {surprise}");
        }
        self.differences.note(step, &found);
    }

    /// What differs in the namespaces, once controllers have come to rest.
    async fn settled(&self, step: &str) -> Vec<String> {
        // After a surprise there is nothing more to hope for.
        let patience = if self.differences.any_surprise() {
            Duration::from_secs(1)
        } else {
            SETTLING
        };
        let deadline = Instant::now() + patience;
        loop {
            let (helm, ours): (State, State) = tokio::join!(self.helm.state(), self.ours.state());
            let found = differences(&helm.value(), &ours.value());
            if self.differences.surprises(step, &found).is_empty() || Instant::now() > deadline {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Ends the play: everything that differed is listed.
    pub async fn end(self) {
        self.differences.settle();
        self.helm.end().await;
        self.ours.end().await;
    }

    async fn helm_does(&self, act: &Act<'_>) -> Said {
        let server = &self.helm;
        let output = match act {
            Act::Upgrade(chart, values, history_max) => {
                let max = history_max.to_string();
                let args = ["upgrade", self.release, chart.text(), "--install"];
                let more = ["--history-max", &max, "--output", "json", "--values", "-"];
                let args: Vec<&str> = args.into_iter().chain(more).collect();
                let run = server.helm_run(&args, Some(&values.to_string())).await;
                return Said::of(&run, Value::Null);
            }
            Act::Uninstall { keep_history } => {
                let mut args = vec!["uninstall", self.release];
                args.extend(keep_history.then_some("--keep-history"));
                let run = server.helm_run(&args, None).await;
                let kept = run.stdout.lines().filter(|line| line.starts_with('['));
                let mut kept: Vec<String> = kept.map(|line| line[1..].replace("] ", "/")).collect();
                kept.sort();
                return Said::of(&run, json!(kept));
            }
            Act::Rollback(revision) => {
                let revision = revision.to_string();
                let run = server
                    .helm_run(&["rollback", self.release, &revision], None)
                    .await;
                return Said::of(&run, Value::Null);
            }
            Act::History => server.helm_json(&["history", self.release]).await,
            Act::Notes => json!(server.helm(&["get", "notes", self.release]).await),
        };
        Said {
            error: None,
            output: without_times(output),
        }
    }

    async fn we_do(&self, act: &Act<'_>) -> Said {
        let (name, namespace) = (self.release, self.ours.namespace.as_str());
        match act {
            Act::Upgrade(chart, values, history_max) => {
                let chart = Arc::new(chart.chart());
                let mut request = self.ours.request_for(name, chart, values.clone());
                request.history_max = *history_max;
                // As helm: a revision each time.
                request.force = true;
                Said::ours(self.releases.upgrade_install(&request).await, |_| Value::Null)
            }
            Act::Uninstall { keep_history } => {
                let gone = if *keep_history {
                    self.releases.uninstall_keeping_history(name, namespace).await
                } else {
                    self.releases.uninstall(name, namespace).await
                };
                Said::ours(gone, |gone| match gone {
                    Uninstalled::NotFound => json!([]),
                    Uninstalled::Deleted { mut kept } => {
                        kept.sort();
                        json!(kept)
                    }
                })
            }
            Act::Rollback(revision) => {
                let back = self.releases.rollback(name, namespace, *revision, 10).await;
                Said::ours(back, |_| Value::Null)
            }
            Act::History => {
                let history = self.releases.history(name, namespace).await;
                Said::ours(history, |history| history.iter().map(history_entry).collect())
            }
            Act::Notes => {
                let latest = self.releases.latest(name, namespace).await;
                Said::ours(latest, |latest| {
                    json!(format!("NOTES:\n{}\n", latest.unwrap().info.notes))
                })
            }
        }
    }
}

impl Said {
    fn of(run: &HelmRun, output: Value) -> Self {
        Self {
            error: run.error(),
            output,
        }
    }

    fn ours<T>(result: Result<T, helm::ReleaseError>, output: impl FnOnce(T) -> Value) -> Self {
        match result {
            Ok(done) => Self {
                error: None,
                output: output(done),
            },
            // helm says nothing on standard output then, and an empty list is nothing.
            Err(err) => Self {
                error: Some(err.to_string().trim_end().to_owned()),
                output: Value::Null,
            },
        }
    }
}

fn said(server: &Server, said: Said) -> Value {
    let output = if said.output == json!([]) {
        Value::Null
    } else {
        said.output
    };
    neutral(json!({"error": said.error, "output": output}), &server.namespace)
}

/// A line of `helm history`.
fn history_entry(release: &Release) -> Value {
    let (name, version) = release.chart_version();
    json!({
        "revision": release.version,
        "status": release.info.status.as_str(),
        "chart": format!("{name}-{version}"),
        "app_version": release.chart["metadata"]["appVersion"],
        "description": release.info.description,
    })
}

fn without_times(mut output: Value) -> Value {
    for entry in output.as_array_mut().into_iter().flatten() {
        entry.as_object_mut().unwrap().remove("updated");
    }
    output
}
