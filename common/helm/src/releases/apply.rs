//! Carrying a plan out: kinds one after the other, the objects of a kind at once.

use futures::{FutureExt, StreamExt};
use serde_json::Value;

use super::AppliedObject;
use super::plan::{Plan, Step};
use crate::api::Mode;
use crate::cluster::Cluster;
use crate::error::Refusal;
use crate::objects::Object;

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub objects: Vec<AppliedObject>,
    pub errors: Vec<Refusal>,
    /// Whether all errors are of the passing kind.
    pub transient: bool,
}

impl Applied {
    /// The errors as Helm joins them.
    pub(super) fn message(&self) -> String {
        self.errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" && ")
    }
}

/// Carries the plan out. After an error, the kinds that follow are left alone; nothing is deleted then.
pub(super) async fn apply(cluster: &Cluster, plan: Plan, parallel: usize) -> Applied {
    let mut applied = Applied {
        transient: true,
        ..Applied::default()
    };
    let Plan { steps, deletions } = plan;
    let mut rest = steps.as_slice();
    while let Some(first) = rest.first() {
        let end = rest
            .iter()
            .position(|step| step.object.api.kind != first.object.api.kind)
            .unwrap_or(rest.len());
        let (group, after) = rest.split_at(end);
        rest = after;
        if applied.errors.is_empty() {
            write_group(cluster, group, parallel, &mut applied).await;
        }
    }
    if applied.errors.is_empty() {
        delete(cluster, &deletions, parallel, &mut applied).await;
    }
    applied
}

async fn write_group(cluster: &Cluster, group: &[Step], parallel: usize, applied: &mut Applied) {
    // Boxed and collected first: a closure over references inside the stream would make the future unfit for spawning.
    let writes: Vec<_> = group
        .iter()
        .map(|step| async move { (step, step.write(cluster, Mode::Write).await) }.boxed())
        .collect();
    let answers: Vec<_> = futures::stream::iter(writes)
        .buffered(parallel.max(1))
        .collect()
        .await;
    for (step, answer) in answers {
        match answer {
            None => applied.objects.push(as_applied(
                &step.object,
                step.live.as_ref().unwrap_or(&Value::Null),
            )),
            Some(Ok(object)) => applied.objects.push(as_applied(&step.object, &object)),
            Some(Err(err)) => {
                // Somebody created or deleted the object between plan and write: the next plan sees it.
                applied.transient &= err.is_transient() || matches!(err.code, 404 | 409);
                applied.errors.push(step.refusal(err.message));
            }
        }
    }
}

/// Deletes what is no longer in the manifest. Helm only logs an error here, and the object is then never
/// deleted; as an error of the revision it is tried again by the next one.
async fn delete(cluster: &Cluster, deletions: &[Object], parallel: usize, applied: &mut Applied) {
    let deletes: Vec<_> = deletions
        .iter()
        .map(|object| async move { (object, cluster.delete(&object.uri()).await) }.boxed())
        .collect();
    let answers: Vec<_> = futures::stream::iter(deletes)
        .buffered(parallel.max(1))
        .collect()
        .await;
    for (object, answer) in answers {
        if let Err(err) = answer {
            applied.transient &= err.is_transient();
            applied.errors.push(Refusal {
                action: format!("failed to delete {:?} with kind {}", object.name, object.api.kind),
                kind: object.api.kind.clone(),
                namespace: object.namespace.clone(),
                name: object.name.clone(),
                message: err.message,
            });
        }
    }
}

/// What the caller gets to know of an object.
pub(super) fn as_applied(object: &Object, live: &Value) -> AppliedObject {
    let text = |key: &str| live["metadata"][key].as_str().unwrap_or_default().to_owned();
    AppliedObject {
        api_version: object.api.api_version(),
        kind: object.api.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        uid: text("uid"),
        generation: live["metadata"]["generation"].as_i64().unwrap_or(0),
        resource_version: text("resourceVersion"),
    }
}
