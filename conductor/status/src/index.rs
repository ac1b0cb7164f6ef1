//! What the management cluster holds, kept current by the watches and filed by cluster.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use crate::capi::{Kind, Object};
use crate::view::View;

/// Deleted objects that are remembered, so that nobody waits for one of them to appear.
const DELETIONS_REMEMBERED: usize = 4096;

/// A cluster in the management cluster: namespace and release name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterKey {
    /// Namespace of the project.
    pub namespace: String,
    /// Name of the release and of the Cluster; empty for objects that do not tell theirs.
    pub release: String,
}

/// An object that somebody has just written, to be waited for.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// `group/version`.
    pub api_version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Uid that the API server returned.
    pub uid: &'a str,
    /// Generation that it returned; 0 if the kind has none.
    pub generation: i64,
    /// Resource version that it returned.
    pub resource_version: &'a str,
}

/// Everything that the watches have seen.
#[derive(Debug)]
pub struct Index {
    held: RwLock<Held>,
    dirty: Mutex<BTreeSet<ClusterKey>>,
    dirtied: Notify,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Held {
    clusters: HashMap<ClusterKey, HashMap<(Kind, String), Object>>,
    /// Where each object is filed: namespace and name to release.
    filed: HashMap<Kind, HashMap<(String, String), String>>,
    synced: HashSet<Kind>,
    /// Kinds that this management cluster does not have.
    absent: HashSet<Kind>,
    deleted: VecDeque<String>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            held: RwLock::default(),
            dirty: Mutex::default(),
            dirtied: Notify::new(),
            revision: watch::Sender::new(0),
        }
    }
}

impl Index {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an object as just seen.
    pub fn apply(&self, kind: Kind, object: Object) {
        let changed = self.held.write().apply(kind, object);
        self.announce(changed);
    }

    /// Takes out an object that was deleted.
    pub fn remove(&self, kind: Kind, namespace: &str, name: &str) {
        let changed = self.held.write().remove(kind, namespace, name);
        self.announce(changed);
    }

    /// Takes out all objects of a kind that a complete listing did not have; `seen` is namespaces and names.
    pub fn retain(&self, kind: Kind, seen: &HashSet<(String, String)>) {
        let changed = {
            let mut held = self.held.write();
            let lost: Vec<(String, String)> = held
                .filed
                .get(&kind)
                .map(|filed| filed.keys().filter(|key| !seen.contains(*key)).cloned().collect())
                .unwrap_or_default();
            lost.iter()
                .flat_map(|(namespace, name)| held.remove(kind, namespace, name))
                .collect()
        };
        self.announce(changed);
    }

    /// Notes that a kind has been listed completely.
    pub fn mark_synced(&self, kind: Kind) {
        let mut held = self.held.write();
        held.absent.remove(&kind);
        held.synced.insert(kind);
        drop(held);
        self.announce(Vec::new());
    }

    /// Notes that the management cluster does not have a kind (any more); its objects are gone.
    pub fn mark_absent(&self, kind: Kind) {
        self.retain(kind, &HashSet::new());
        let mut held = self.held.write();
        held.absent.insert(kind);
        if kind.api().optional {
            held.synced.insert(kind);
        } else {
            held.synced.remove(&kind);
        }
        drop(held);
        self.announce(Vec::new());
    }

    /// Whether every kind has been listed completely once, optional ones that are not there aside.
    pub fn synced(&self) -> bool {
        self.held.read().synced()
    }

    /// Returns once [`Self::synced`] holds.
    pub async fn until_synced(&self) {
        let mut revision = self.revision.subscribe();
        while !self.synced() {
            if revision.changed().await.is_err() {
                return;
            }
        }
    }

    /// All objects of a cluster; none for a release without a name, which is what a cluster has before its creation
    /// has begun.
    pub fn view(&self, namespace: &str, release: &str) -> View {
        let key = ClusterKey {
            namespace: namespace.to_owned(),
            release: release.to_owned(),
        };
        let held = self.held.read();
        let objects = held
            .clusters
            .get(&key)
            .filter(|_| !release.is_empty())
            .into_iter()
            .flatten();
        let mut view = View::new(release, objects.map(|((kind, _), object)| (*kind, object)));
        view.known = held.synced();
        view
    }

    /// Whether the watches have seen these objects as they were written, or a later state of them (deletion included).
    /// Objects of kinds that are not watched do not matter.
    pub fn caught_up(&self, applied: &[Applied<'_>]) -> bool {
        let held = self.held.read();
        applied.iter().all(|object| held.has_seen(object))
    }

    /// Waits for [`Self::caught_up`], at most for `patience`; returns whether it came.
    pub async fn until_caught_up(&self, applied: &[Applied<'_>], patience: Duration) -> bool {
        let mut revision = self.revision.subscribe();
        let wait = async {
            while !self.caught_up(applied) {
                if revision.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(patience, wait).await.unwrap_or(false)
    }

    /// A counter that goes up with everything that happens; for waiting until a view is as one wants it.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Waits until something that matters has changed, and returns the clusters in question. For one reader: what it
    /// returns, it does not return again.
    pub async fn next_changes(&self) -> Vec<ClusterKey> {
        loop {
            let dirtied = self.dirtied.notified();
            let changes: Vec<ClusterKey> = std::mem::take(&mut *self.dirty.lock()).into_iter().collect();
            if !changes.is_empty() {
                return changes;
            }
            dirtied.await;
        }
    }

    /// Objects held, by kind; for metrics.
    pub fn counts(&self) -> Vec<(Kind, usize)> {
        let held = self.held.read();
        Kind::ALL
            .iter()
            .map(|kind| (*kind, held.filed.get(kind).map_or(0, HashMap::len)))
            .collect()
    }

    /// Kinds that this management cluster does not have.
    pub fn absent(&self) -> Vec<Kind> {
        let mut absent: Vec<Kind> = self.held.read().absent.iter().copied().collect();
        absent.sort();
        absent
    }

    fn announce(&self, changed: Vec<ClusterKey>) {
        if !changed.is_empty() {
            self.dirty
                .lock()
                .extend(changed.into_iter().filter(|key| !key.release.is_empty()));
            self.dirtied.notify_one();
        }
        self.revision
            .send_modify(|revision| *revision = revision.wrapping_add(1));
    }
}

impl Held {
    fn synced(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.synced.contains(kind))
    }

    /// Files an object; returns the clusters for which something that matters changed.
    fn apply(&mut self, kind: Kind, object: Object) -> Vec<ClusterKey> {
        let meta = object.meta();
        let place = (meta.namespace.clone(), meta.name.clone());
        let key = ClusterKey {
            namespace: place.0.clone(),
            release: self.release_of(kind, &object).unwrap_or_default(),
        };
        let before = self
            .filed
            .entry(kind)
            .or_default()
            .insert(place.clone(), key.release.clone());
        let mut changed = Vec::new();
        if let Some(release) = before.filter(|release| *release != key.release) {
            let old = ClusterKey {
                namespace: place.0.clone(),
                release,
            };
            self.take(&old, kind, &place.1);
            changed.push(old);
        }
        let slot = self.clusters.entry(key.clone()).or_default();
        let previous = slot.insert((kind, place.1.clone()), object);
        let current = slot.get(&(kind, place.1));
        let same = previous
            .as_ref()
            .zip(current)
            .is_some_and(|(previous, now)| previous.same_but_version(now));
        if !same {
            changed.push(key);
        }
        if let Some((previous, now)) = previous.as_ref().zip(current)
            && previous.meta().uid != now.meta().uid
        {
            let uid = previous.meta().uid.clone();
            self.remember_deleted(uid);
        }
        changed
    }

    fn remove(&mut self, kind: Kind, namespace: &str, name: &str) -> Vec<ClusterKey> {
        let place = (namespace.to_owned(), name.to_owned());
        let Some(release) = self.filed.get_mut(&kind).and_then(|filed| filed.remove(&place)) else {
            return Vec::new();
        };
        let key = ClusterKey {
            namespace: place.0,
            release,
        };
        if let Some(object) = self.take(&key, kind, name) {
            self.remember_deleted(object.meta().uid.clone());
        }
        vec![key]
    }

    fn take(&mut self, key: &ClusterKey, kind: Kind, name: &str) -> Option<Object> {
        let slot = self.clusters.get_mut(key)?;
        let object = slot.remove(&(kind, name.to_owned()));
        if slot.is_empty() {
            self.clusters.remove(key);
        }
        object
    }

    fn remember_deleted(&mut self, uid: String) {
        if self.deleted.len() >= DELETIONS_REMEMBERED {
            self.deleted.pop_front();
        }
        self.deleted.push_back(uid);
    }

    /// The cluster that an object belongs to, by its labels or by its owner.
    fn release_of(&self, kind: Kind, object: &Object) -> Option<String> {
        let meta = object.meta();
        if kind == Kind::Cluster {
            return Some(meta.name.clone());
        }
        if let Some(cluster) = &meta.cluster {
            return Some(cluster.clone());
        }
        let (owner_kind, owner) = meta.owner.as_ref()?;
        if owner_kind == Kind::Cluster.api().kind {
            return Some(owner.clone());
        }
        let owner_kind = Kind::ALL.into_iter().find(|kind| kind.api().kind == owner_kind)?;
        self.filed
            .get(&owner_kind)?
            .get(&(meta.namespace.clone(), owner.clone()))
            .cloned()
    }

    fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        let release = self
            .filed
            .get(&kind)?
            .get(&(namespace.to_owned(), name.to_owned()))?;
        let key = ClusterKey {
            namespace: namespace.to_owned(),
            release: release.clone(),
        };
        self.clusters.get(&key)?.get(&(kind, name.to_owned()))
    }

    fn has_seen(&self, applied: &Applied<'_>) -> bool {
        let Some(kind) = Kind::of(applied.api_version, applied.kind) else {
            return true;
        };
        if self.absent.contains(&kind) || self.deleted.iter().any(|uid| uid == applied.uid) {
            return true;
        }
        let Some(object) = self.find(kind, applied.namespace, applied.name) else {
            return false;
        };
        let meta = object.meta();
        // Comparable numbers in every API server so far, and by rule from Kubernetes 1.35 on.
        let newer = match (
            meta.resource_version.parse::<u64>(),
            applied.resource_version.parse::<u64>(),
        ) {
            (Ok(seen), Ok(written)) => seen >= written,
            _ => meta.resource_version == applied.resource_version,
        };
        newer || (meta.uid == applied.uid && applied.generation > 0 && meta.generation >= applied.generation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(release: &str, version: &str, phase: &str) -> Object {
        Object::read(
            Kind::Machine,
            "cluster.x-k8s.io/v1beta2",
            &json!({
                "metadata": {
                    "namespace": "ns", "name": "m", "uid": "u1", "generation": 2, "resourceVersion": version,
                    "labels": {"cluster.x-k8s.io/cluster-name": release},
                },
                "status": {"phase": phase},
            }),
        )
    }

    fn applied(uid: &'static str, generation: i64, version: &'static str) -> Applied<'static> {
        Applied {
            api_version: "cluster.x-k8s.io/v1beta1",
            kind: "Machine",
            namespace: "ns",
            name: "m",
            uid,
            generation,
            resource_version: version,
        }
    }

    #[tokio::test]
    async fn only_changes_that_matter_are_announced() {
        let index = Index::new();
        index.apply(Kind::Machine, machine("c1", "5", "Pending"));
        assert_eq!(index.next_changes().await.len(), 1);
        index.apply(Kind::Machine, machine("c1", "6", "Pending"));
        let quiet = tokio::time::timeout(Duration::from_millis(20), index.next_changes()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        index.apply(Kind::Machine, machine("c1", "7", "Running"));
        assert_eq!(index.next_changes().await[0].release, "c1");
        index.remove(Kind::Machine, "ns", "m");
        assert_eq!(index.next_changes().await[0].release, "c1");
        assert!(index.view("ns", "c1").machines.is_empty());
    }

    #[test]
    fn an_object_moves_with_its_label() {
        let index = Index::new();
        index.apply(Kind::Machine, machine("c1", "5", "Pending"));
        index.apply(Kind::Machine, machine("c2", "6", "Pending"));
        assert!(index.view("ns", "c1").machines.is_empty());
        assert_eq!(index.view("ns", "c2").machines.len(), 1);
        assert!(index.view("other", "c2").machines.is_empty());
    }

    #[test]
    fn objects_that_do_not_tell_their_cluster_are_in_no_view() {
        let index = Index::new();
        let stray = json!({"metadata": {"namespace": "ns", "name": "m"}});
        index.apply(
            Kind::Machine,
            Object::read(Kind::Machine, "cluster.x-k8s.io/v1beta2", &stray),
        );
        assert!(index.view("ns", "").machines.is_empty());
    }

    #[test]
    fn a_listing_drops_what_it_does_not_have() {
        let index = Index::new();
        index.apply(Kind::Machine, machine("c1", "5", "Pending"));
        index.retain(Kind::Machine, &HashSet::from([("ns".to_owned(), "m".to_owned())]));
        assert_eq!(index.view("ns", "c1").machines.len(), 1);
        index.retain(Kind::Machine, &HashSet::new());
        assert!(index.view("ns", "c1").machines.is_empty());
    }

    #[tokio::test]
    async fn caught_up_is_the_written_state_or_a_later_one() {
        let index = Index::new();
        assert!(!index.caught_up(&[applied("u1", 2, "5")]));
        assert!(
            !index
                .until_caught_up(&[applied("u1", 2, "5")], Duration::from_millis(10))
                .await
        );
        index.apply(Kind::Machine, machine("c1", "5", "Pending"));
        assert!(index.caught_up(&[applied("u1", 2, "5")]));
        assert!(
            index.caught_up(&[applied("u1", 2, "9")]),
            "the generation is enough"
        );
        assert!(!index.caught_up(&[applied("u1", 3, "9")]));
        index.apply(Kind::Machine, machine("c1", "10", "Pending"));
        assert!(index.caught_up(&[applied("u1", 3, "9")]));
        index.remove(Kind::Machine, "ns", "m");
        assert!(index.caught_up(&[applied("u1", 3, "9")]), "deleted since");
        let unwatched = Applied {
            kind: "Secret",
            api_version: "v1",
            ..applied("u2", 0, "99")
        };
        assert!(index.caught_up(&[unwatched]));
    }

    #[tokio::test]
    async fn synced_when_all_but_absent_optional_kinds_are_listed() {
        let index = Index::new();
        for kind in Kind::ALL {
            assert!(!index.synced());
            if kind.api().optional {
                index.mark_absent(kind);
            } else {
                index.mark_synced(kind);
            }
        }
        assert!(index.synced());
        index.until_synced().await;
        index.mark_absent(Kind::Machine);
        assert!(!index.synced());
    }
}
