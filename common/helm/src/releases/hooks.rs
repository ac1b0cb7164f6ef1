//! Hooks: run at events of a release, outside its manifest (`pkg/action/hooks.go`, Helm 3.17).

use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::Value;

use super::Releases;
use crate::api::Mode;
use crate::cluster::Cluster;
use crate::error::ReleaseError;
use crate::objects::{self, Object};
use crate::release::{Event, Hook, HookRun, Release, stamp};
use crate::store::Store;

const POLL: Duration = Duration::from_secs(1);

/// How far a hook came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The API server refused it; what is there under its name is somebody else's.
    Creating,
    /// It was created.
    Running,
}

/// Errors as Go's multierror prints them.
fn go_errors(messages: &[String]) -> String {
    let count = match messages.len() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    let list: Vec<String> = messages.iter().map(|message| format!("* {message}")).collect();
    format!("{count} occurred:\n\t{}\n\n", list.join("\n\t"))
}

/// What trying again does not mend.
fn refused(message: String) -> ReleaseError {
    ReleaseError::Hook {
        message,
        transient: false,
    }
}

impl Releases {
    /// Runs the hooks of an event, in order of weight and name, and records each run.
    pub(super) async fn run_hooks(
        &self,
        store: &Store<'_>,
        release: &mut Release,
        event: Event,
    ) -> Result<(), ReleaseError> {
        let mut order: Vec<usize> = (0..release.hooks.len())
            .filter(|at| release.hooks[*at].events.contains(&event))
            .collect();
        order.sort_by(|a, b| {
            let (a, b) = (&release.hooks[*a], &release.hooks[*b]);
            a.weight.cmp(&b.weight).then_with(|| a.name.cmp(&b.name))
        });
        for at in &order {
            if release.hooks[*at].delete_policies.is_empty() {
                release.hooks[*at]
                    .delete_policies
                    .push("before-hook-creation".to_owned());
            }
            self.delete_hook(store, &release.hooks[*at], "before-hook-creation")
                .await?;
            let built = self.hook_objects(store, &release.hooks[*at], event).await?;
            release.hooks[*at].last_run = HookRun {
                started_at: stamp(Utc::now()),
                completed_at: String::new(),
                phase: "Running".to_owned(),
            };
            store.update(release).await?;
            let result = self
                .run_hook(store.cluster, &release.hooks[*at], &built, event)
                .await;
            let hook = &mut release.hooks[*at];
            hook.last_run.completed_at = stamp(Utc::now());
            hook.last_run.phase = if result.is_ok() { "Succeeded" } else { "Failed" }.to_owned();
            if let Err((stage, err)) = result {
                if stage == Stage::Running {
                    self.delete_hook(store, &release.hooks[*at], "hook-failed")
                        .await?;
                }
                return Err(err);
            }
        }
        for at in order.iter().rev() {
            self.delete_hook(store, &release.hooks[*at], "hook-succeeded")
                .await?;
        }
        Ok(())
    }

    async fn hook_objects(
        &self,
        store: &Store<'_>,
        hook: &Hook,
        event: Event,
    ) -> Result<Vec<Object>, ReleaseError> {
        let built = self.build(store.cluster, &hook.manifest, store.namespace).await?;
        match built.errors.first() {
            None => Ok(built.objects),
            Some(error) => Err(refused(format!(
                "unable to build kubernetes object for {} hook {}: {error}",
                event.as_str(),
                hook.path
            ))),
        }
    }

    async fn run_hook(
        &self,
        cluster: &Cluster,
        hook: &Hook,
        built: &[Object],
        event: Event,
    ) -> Result<(), (Stage, ReleaseError)> {
        let deadline = Instant::now() + self.options().hook_timeout;
        for object in built {
            cluster
                .create(&object.collection(), &object.name, &object.body, Mode::Write)
                .await
                .map_err(|err| {
                    let transient = err.is_transient();
                    let message = format!(
                        "warning: Hook {} {} failed: {}",
                        event.as_str(),
                        hook.path,
                        go_errors(&[err.message])
                    );
                    (Stage::Creating, ReleaseError::Hook { message, transient })
                })?;
        }
        for object in built {
            if matches!(object.api.kind.as_str(), "Job" | "Pod") {
                until_finished(cluster, object, deadline)
                    .await
                    .map_err(|err| (Stage::Running, err))?;
            }
        }
        Ok(())
    }

    async fn delete_hook(&self, store: &Store<'_>, hook: &Hook, policy: &str) -> Result<(), ReleaseError> {
        // Deleting a CRD would delete all objects of its kind.
        if hook.kind == "CustomResourceDefinition" || !hook.delete_policies.iter().any(|own| own == policy) {
            return Ok(());
        }
        let deadline = Instant::now() + self.options().hook_timeout;
        let built = self.build(store.cluster, &hook.manifest, store.namespace).await?;
        for object in &built.objects {
            let deleting =
                |err: crate::api::ApiError| err.during(format!("cannot delete hook {}", hook.path));
            if !store.cluster.delete(&object.uri()).await.map_err(deleting)? {
                continue;
            }
            while store
                .cluster
                .get(&object.uri())
                .await
                .map_err(deleting)?
                .is_some()
            {
                pause(deadline, || format!("deletion of hook {}", object.described())).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn build(
        &self,
        cluster: &Cluster,
        manifest: &str,
        namespace: &str,
    ) -> Result<objects::Built, ReleaseError> {
        let reading = |err: crate::api::ApiError| err.during("cannot read what the API server serves");
        let discovery = cluster.discovery().await.map_err(reading)?;
        let built = objects::build(manifest, namespace, &discovery);
        if !built.unknown_kind {
            return Ok(built);
        }
        // The kind may be newer than what was read.
        let discovery = cluster.newer_discovery(&discovery).await.map_err(reading)?;
        Ok(objects::build(manifest, namespace, &discovery))
    }
}

/// Waits until a Job or Pod has ended; a failed one is an error.
async fn until_finished(cluster: &Cluster, object: &Object, deadline: Instant) -> Result<(), ReleaseError> {
    loop {
        let live = cluster
            .get(&object.uri())
            .await
            .map_err(|err| err.during(format!("cannot watch hook {}", object.described())))?;
        // Somebody deleted it: Helm takes that for its end.
        let Some(live) = live else { return Ok(()) };
        if let Some(ended) = ended(&object.api.kind, &live) {
            return ended.map_err(|message| refused(go_errors(&[message])));
        }
        pause(deadline, || format!("hook {}", object.described())).await?;
    }
}

/// None while it runs.
fn ended(kind: &str, live: &Value) -> Option<Result<(), String>> {
    let status = &live["status"];
    let name = live["metadata"]["name"].as_str().unwrap_or_default();
    if kind == "Pod" {
        return match status["phase"].as_str() {
            Some("Succeeded") => Some(Ok(())),
            Some("Failed") => Some(Err(format!("pod {name} failed"))),
            _ => None,
        };
    }
    status["conditions"]
        .as_array()?
        .iter()
        .filter(|condition| condition["status"] == "True")
        .find_map(|condition| match condition["type"].as_str() {
            Some("Complete") => Some(Ok(())),
            Some("Failed") => {
                let reason = condition["reason"].as_str().unwrap_or_default();
                Some(Err(format!("job {name} failed: {reason}")))
            }
            _ => None,
        })
}

async fn pause(deadline: Instant, what: impl FnOnce() -> String) -> Result<(), ReleaseError> {
    if Instant::now() + POLL > deadline {
        return Err(ReleaseError::DeadlineExceeded {
            what: what(),
            after: Duration::ZERO,
        });
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn jobs_and_pods_end() {
        let job = |kind: &str| json!({"metadata": {"name": "j"}, "status": {"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}]}});
        assert_eq!(ended("Job", &job("Complete")), Some(Ok(())));
        assert_eq!(
            ended("Job", &job("Failed")),
            Some(Err("job j failed: BackoffLimitExceeded".to_owned()))
        );
        assert_eq!(ended("Job", &json!({})), None);
        assert_eq!(ended("Pod", &json!({"status": {"phase": "Running"}})), None);
        assert_eq!(
            ended("Pod", &json!({"status": {"phase": "Succeeded"}})),
            Some(Ok(()))
        );
    }
}
