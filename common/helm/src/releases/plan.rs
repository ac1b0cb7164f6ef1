//! What an install or upgrade would do to each object, found out before anything is written.

use std::collections::{HashMap, HashSet};

use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::api::{ApiError, Mode, PatchType};
use crate::cluster::Cluster;
use crate::error::{Refusal, ReleaseError};
use crate::objects::{self, Key, Object};
use crate::patch;

/// What is to be done to an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// It does not exist.
    Create,
    /// It differs.
    Patch(PatchType, Value),
    /// It is as it should be.
    Nothing,
}

/// One object of the new manifest.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub object: Object,
    pub live: Option<Value>,
    pub action: Action,
}

/// The whole operation.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// Objects that are no longer in the manifest, and exist.
    pub deletions: Vec<Object>,
}

/// What the plan is made from.
pub(super) struct Basis<'a> {
    pub release: &'a str,
    pub namespace: &'a str,
    pub is_install: bool,
    /// Objects of the new manifest.
    pub new: Vec<Object>,
    /// Objects of the revision that is in force.
    pub old: Vec<Object>,
    /// Objects of the revisions that failed since, newest last.
    pub failed: Vec<Vec<Object>>,
    /// Objects of the revisions that failed before the one that is in force.
    pub failed_before: Vec<Vec<Object>>,
    pub parallel: usize,
}

impl Plan {
    pub(super) async fn make(cluster: &Cluster, basis: Basis<'_>) -> Result<Self, ReleaseError> {
        let parallel = basis.parallel;
        let old: HashMap<Key, &Object> = basis.old.iter().map(|object| (object.key(), object)).collect();
        let failed = Failed {
            since: Failed::by_key(&basis.failed),
            before: Failed::by_key(&basis.failed_before),
        };
        let new_keys: HashSet<Key> = basis.new.iter().map(Object::key).collect();
        let candidates: Vec<Object> = basis
            .old
            .iter()
            .chain(basis.failed.iter().flatten())
            .filter(|object| !new_keys.contains(&object.key()))
            .cloned()
            .collect();
        let found = live_objects(cluster, basis.new.clone(), parallel).await?;
        let mut steps = Vec::new();
        for (object, live) in found {
            let key = object.key();
            let before = old.get(&key).copied();
            steps.push(step(&basis, object, live, before, &failed)?);
        }
        let deletions = deletions(cluster, &basis, candidates, &old).await?;
        Ok(Self { steps, deletions })
    }

    /// Whether anything would be written.
    pub(super) fn changes_anything(&self) -> bool {
        !self.deletions.is_empty() || self.steps.iter().any(|step| step.action != Action::Nothing)
    }

    /// Puts every write to the API server with `dryRun=All`. What turns out to change nothing is dropped from
    /// the plan; what is refused is returned in Helm's words.
    pub(super) async fn rehearse(&mut self, cluster: &Cluster, parallel: usize) -> Result<(), ReleaseError> {
        let new_namespaces: HashSet<String> = self
            .steps
            .iter()
            .filter(|step| step.object.api.kind == "Namespace" && step.action == Action::Create)
            .map(|step| step.object.name.clone())
            .collect();
        let mut steps = std::mem::take(&mut self.steps);
        // Boxed and collected first: a closure over references inside the stream would make the future unfit for spawning.
        let tries: Vec<_> = steps
            .iter()
            .map(|step| {
                // What goes into a namespace of the same manifest cannot be tried before that is there.
                let possible = !new_namespaces.contains(&step.object.namespace);
                async move {
                    if possible {
                        step.write(cluster, Mode::DryRun).await
                    } else {
                        None
                    }
                }
                .boxed()
            })
            .collect();
        let answers: Vec<Option<Result<Value, ApiError>>> = futures::stream::iter(tries)
            .buffered(parallel.max(1))
            .collect()
            .await;
        let mut refusals = Vec::new();
        for (step, answer) in steps.iter_mut().zip(answers) {
            match answer {
                Some(Ok(answer)) if step.live.as_ref().is_some_and(|live| unchanged(live, &answer)) => {
                    step.action = Action::Nothing;
                }
                Some(Err(err)) if err.is_transient() => {
                    return Err(err.during(step.action_in_words()));
                }
                Some(Err(err)) if err.code == 404 && step.action != Action::Create => {
                    return Err(ReleaseError::Conflict(format!(
                        "{}: {} was deleted meanwhile",
                        step.object.namespace,
                        step.object.described()
                    )));
                }
                // Another writer was quicker; the next plan sees it.
                Some(Err(err)) if err.reason == "AlreadyExists" => {
                    return Err(ReleaseError::Conflict(format!(
                        "{}: {} was created meanwhile",
                        step.object.namespace,
                        step.object.described()
                    )));
                }
                // Somebody's webhook cannot be tried; the real write will tell.
                Some(Err(err)) if err.message.contains("does not support dry run") => {}
                Some(Err(err)) => refusals.push(step.refusal(err.message)),
                Some(Ok(_)) | None => {}
            }
        }
        self.steps = steps;
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(ReleaseError::Refused(refusals))
        }
    }
}

impl Step {
    /// Carries the action out; None if there is none.
    pub(super) async fn write(&self, cluster: &Cluster, mode: Mode) -> Option<Result<Value, ApiError>> {
        let object = &self.object;
        match &self.action {
            Action::Nothing => None,
            Action::Create => Some(
                cluster
                    .create(&object.collection(), &object.name, &object.body, mode)
                    .await,
            ),
            Action::Patch(kind, body) => Some(cluster.patch(&object.uri(), *kind, body, mode).await),
        }
    }

    /// What did not succeed, in Helm's words.
    fn action_in_words(&self) -> String {
        let Object { api, name, .. } = &self.object;
        match self.action {
            Action::Create => "failed to create resource".to_owned(),
            _ => format!("cannot patch {name:?} with kind {}", api.kind),
        }
    }

    /// What the API server said against this step, in Helm's words.
    pub(super) fn refusal(&self, message: String) -> Refusal {
        let Object {
            api, name, namespace, ..
        } = &self.object;
        Refusal {
            action: self.action_in_words(),
            kind: api.kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            message,
        }
    }
}

/// The live object of each, several at a time, in order.
async fn live_objects(
    cluster: &Cluster,
    objects: Vec<Object>,
    parallel: usize,
) -> Result<Vec<(Object, Option<Value>)>, ReleaseError> {
    futures::stream::iter(objects)
        .map(|object| {
            async move {
                let live = cluster.get(&object.uri()).await.map_err(|err| {
                    err.during(format!(
                        "could not get information about the resource {}",
                        object.described()
                    ))
                })?;
                Ok((object, live))
            }
            .boxed()
        })
        .buffered(parallel.max(1))
        .try_collect()
        .await
}

/// The objects of the revisions that failed.
struct Failed<'a> {
    /// Since the revision in force was deployed.
    since: Vec<HashMap<Key, &'a Object>>,
    /// Before that.
    before: Vec<HashMap<Key, &'a Object>>,
}

impl<'a> Failed<'a> {
    fn by_key(revisions: &'a [Vec<Object>]) -> Vec<HashMap<Key, &'a Object>> {
        let by_key = |objects: &'a Vec<Object>| objects.iter().map(|object| (object.key(), object)).collect();
        revisions.iter().map(by_key).collect()
    }

    /// The patch that puts a custom resource right.
    fn heal(&self, object: &Object, live: &Value, is_new: bool) -> Option<Value> {
        let key = object.key();
        let tried = |revisions: &[HashMap<Key, &'a Object>]| -> Vec<&'a Value> {
            let found = revisions.iter().filter_map(|objects| objects.get(&key).copied());
            found.map(|object| &object.body).collect()
        };
        let since = (is_new || !self.since.is_empty())
            .then(|| patch::heal(&object.body, live, &tried(&self.since), true))
            .flatten();
        let before = (!self.before.is_empty())
            .then(|| patch::heal(&object.body, live, &tried(&self.before), false))
            .flatten();
        match (before, since) {
            (Some(before), Some(since)) => Some(patch::combine(before, since)),
            (before, since) => before.or(since),
        }
    }
}

/// What is to be done to one object of the new manifest.
fn step(
    basis: &Basis<'_>,
    object: Object,
    live: Option<Value>,
    before: Option<&Object>,
    failed: &Failed<'_>,
) -> Result<Step, ReleaseError> {
    let object = object.owned_by(basis.release, basis.namespace);
    let Some(found) = &live else {
        return Ok(Step {
            object,
            live,
            action: Action::Create,
        });
    };
    if before.is_none() {
        objects::check_ownership(found, basis.release, basis.namespace).map_err(|message| {
            ReleaseError::NotOwned {
                action: if basis.is_install { "install" } else { "update" },
                message: format!(
                    "{} exists and cannot be imported into the current release: {message}",
                    object.described()
                ),
            }
        })?;
    }
    // Helm patches what is on its way out, and so does an upgrade; but a release that is made anew would go with it.
    if basis.is_install && found["metadata"]["deletionTimestamp"].is_string() {
        return Err(ReleaseError::BeingDeleted(object.described()));
    }
    // An object that was adopted has no old manifest: Helm takes the new one, and so patches nothing.
    let old = before.map_or(&object.body, |before| &before.body);
    let action = if patch::is_built_in(&object.api.group, &object.api.version) {
        match patch::three_way(old, &object.body, found) {
            Some(body) if !only_known_string_data(&body, found) => Action::Patch(PatchType::Strategic, body),
            _ => Action::Nothing,
        }
    } else {
        let two_way = patch::between(old, &object.body);
        let body = match (two_way, failed.heal(&object, found, before.is_none())) {
            (Some(body), Some(heal)) => Some(patch::combine(body, heal)),
            (body, heal) => body.or(heal),
        };
        match body {
            Some(body) if !patch::same(&patch::apply(found, &body), found) => {
                Action::Patch(PatchType::Merge, body)
            }
            _ => Action::Nothing,
        }
    };
    Ok(Step { object, live, action })
}

/// Whether a patch only says `stringData` that the live Secret's `data` holds already.
fn only_known_string_data(patch: &Value, live: &Value) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let Some(patch) = patch.as_object() else {
        return false;
    };
    let Some(strings) = patch.get("stringData").and_then(Value::as_object) else {
        return false;
    };
    patch.len() == 1
        && strings.iter().all(|(key, value)| {
            let packed = value.as_str().map(|value| STANDARD.encode(value));
            packed.is_some() && live["data"][key.as_str()].as_str().map(str::to_owned) == packed
        })
}

/// Whether a write that was tried leaves the object as it is.
fn unchanged(live: &Value, answer: &Value) -> bool {
    let strip = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
        }
        object
    };
    patch::same(&strip(live), &strip(answer))
}

/// Which objects are to be deleted: no longer in the manifest, there, not kept by policy, and for those that
/// only a failed revision knows, ours.
async fn deletions(
    cluster: &Cluster,
    basis: &Basis<'_>,
    candidates: Vec<Object>,
    old: &HashMap<Key, &Object>,
) -> Result<Vec<Object>, ReleaseError> {
    let mut seen = HashSet::new();
    let candidates = candidates
        .into_iter()
        .filter(|object| seen.insert(object.key()))
        .collect();
    let found = live_objects(cluster, candidates, basis.parallel).await?;
    let to_go = found.into_iter().filter_map(|(object, live)| {
        let live = live?;
        let ours = old.contains_key(&object.key())
            || objects::check_ownership(&live, basis.release, basis.namespace).is_ok();
        let going = live["metadata"]["deletionTimestamp"].is_string();
        (ours && !going && !objects::is_kept(&live)).then_some(object)
    });
    Ok(to_go.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn string_data_that_is_there_is_no_change() {
        let live = json!({"data": {"a": "eA=="}});
        assert!(only_known_string_data(&json!({"stringData": {"a": "x"}}), &live));
        assert!(!only_known_string_data(&json!({"stringData": {"a": "y"}}), &live));
        assert!(!only_known_string_data(
            &json!({"stringData": {"a": "x"}, "type": "t"}),
            &live
        ));
    }

    #[test]
    fn a_rehearsal_that_only_touches_bookkeeping_changes_nothing() {
        let live = json!({"metadata": {"resourceVersion": "1", "managedFields": [1]}, "spec": {"a": 1}});
        let answer = json!({"metadata": {"resourceVersion": "1", "managedFields": [2]}, "spec": {"a": 1.0}});
        assert!(unchanged(&live, &answer));
        assert!(!unchanged(&live, &json!({"metadata": {}, "spec": {"a": 2}})));
    }
}
