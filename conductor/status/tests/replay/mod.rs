//! Replays a recording of Cluster API's real controllers through the index into derivation.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use conductor_status::capi::{Kind, Object};
use conductor_status::derive::{
    ClusterState, Derived, Desired, Limits, NodeGroupState, Progress, Rules, derive,
};
use conductor_status::index::Index;
use conductor_status::view::View;
use magnum_objects::ClusterStatus;
use serde_json::Value;

use crate::data;

/// API versions in which Cluster API's kinds were recorded side by side.
pub const VERSIONS: [&str; 2] = ["v1beta2", "v1beta1"];

/// What a moment of the replay looked like.
#[derive(Debug, Clone)]
pub struct Moment {
    pub ms: i64,
    pub derived: Derived,
    /// Whether the raw Machines are what the rows ask for, all with Ready nodes.
    pub true_to_rows: bool,
}

/// The rows and the index, as a recording goes by.
pub struct Replay {
    pub index: Index,
    pub desired: Desired,
    pub progress: Progress,
    pub rules: Rules,
    pub moments: Vec<Moment>,
    /// Version that the Machines should have.
    pub version: String,
    /// Changes an object before it is seen.
    pub edit: fn(&mut Value),
    lines: Vec<Value>,
    api: &'static str,
    namespace: String,
    machines: BTreeMap<String, Value>,
}

pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub fn at(ms: i64) -> DateTime<Utc> {
    start() + TimeDelta::milliseconds(ms)
}

pub fn group(name: &str, role: &str, count: i64, status: ClusterStatus) -> NodeGroupState {
    NodeGroupState {
        uuid: format!("uuid-{name}"),
        name: name.to_owned(),
        is_master: role == "master",
        is_default: name == "md-0" || role == "master",
        node_count: count,
        node_addresses: Vec::new(),
        status: Some(status),
        status_reason: None,
    }
}

pub fn rows(masters: i64, workers: i64, status: ClusterStatus) -> Desired {
    Desired {
        cluster: ClusterState {
            uuid: "c1000000-0000-4000-8000-000000000001".to_owned(),
            release: Some("c1".to_owned()),
            status: Some(status),
            status_reason: None,
            api_address: None,
            coe_version: None,
            container_version: None,
            health_status: None,
            health_status_reason: None,
            create_timeout: Some(60),
            created_at: Some(start()),
        },
        nodegroups: vec![
            group("default-master", "master", masters, status),
            group("md-0", "worker", workers, status),
        ],
    }
}

impl Replay {
    pub fn new(recording: &str, api: &'static str, desired: Desired) -> Self {
        let lines = data::lines(&format!("timelines/{recording}.jsonl.gz"));
        let namespace = lines
            .iter()
            .find_map(|line| line["seen"]["metadata"]["namespace"].as_str())
            .expect("a recording has objects")
            .to_owned();
        let conditions = [
            "MachinesReady",
            "Ready",
            "EtcdClusterHealthy",
            "ControlPlaneComponentsHealthy",
        ]
        .map(str::to_owned);
        let index = Index::new();
        for kind in Kind::ALL {
            index.mark_synced(kind);
        }
        Self {
            index,
            desired,
            progress: Progress {
                unfinished: false,
                started_at: Some(start()),
                dead_credential: false,
            },
            rules: Rules {
                limits: Limits {
                    update: Some(60),
                    delete: Some(60),
                },
                control_plane_conditions: conditions.to_vec(),
                without_health: false,
            },
            moments: Vec::new(),
            version: "v1.30.4".to_owned(),
            edit: |_| {},
            lines,
            api,
            namespace,
            machines: BTreeMap::new(),
        }
    }

    pub fn view(&self) -> View {
        self.index.view(&self.namespace, "c1")
    }

    /// An operation was accepted; it is carried out when [`Self::run`]'s `applied` says so.
    pub fn accept(&mut self, status: ClusterStatus) {
        self.desired.cluster.status = Some(status);
        self.desired.cluster.status_reason = None;
        self.progress.unfinished = true;
    }

    pub fn resize(&mut self, name: &str, count: i64) {
        self.accept(ClusterStatus::UpdateInProgress);
        let group = self
            .desired
            .nodegroups
            .iter_mut()
            .find(|group| group.name == name)
            .unwrap();
        group.node_count = count;
        group.status = Some(ClusterStatus::UpdateInProgress);
    }

    pub fn upgrade(&mut self, version: &str) {
        self.accept(ClusterStatus::UpdateInProgress);
        self.version = version.to_owned();
        for group in &mut self.desired.nodegroups {
            group.status = Some(ClusterStatus::UpdateInProgress);
        }
    }

    /// Plays the recording; `mark` does what the recording's driver did, in the rows.
    pub fn run(mut self, mut mark: impl FnMut(&mut Self, &str)) -> Self {
        for line in std::mem::take(&mut self.lines) {
            let ms = line["t"].as_i64().unwrap();
            if let Some(text) = line["mark"].as_str() {
                mark(&mut self, text);
            } else if let Some(gone) = line["gone"].as_array() {
                let gone: Vec<&str> = gone.iter().filter_map(Value::as_str).collect();
                self.forget(gone[0], gone[1], gone[2]);
            } else {
                self.see(line["seen"].clone());
            }
            if self.progress.unfinished && self.is_applied() {
                self.progress.unfinished = false;
            }
            self.derive(ms);
        }
        self
    }

    /// What the writer does.
    pub fn derive(&mut self, ms: i64) -> &Derived {
        let derived = derive(&self.desired, &self.view(), &self.progress, &self.rules, at(ms));
        self.desired.cluster = derived.cluster.clone();
        self.desired.nodegroups = derived
            .nodegroups
            .iter()
            .filter(|group| !derived.gone.contains(&group.uuid))
            .cloned()
            .collect();
        let true_to_rows = self.is_true_to_rows();
        self.moments.push(Moment {
            ms,
            derived,
            true_to_rows,
        });
        &self.moments.last().unwrap().derived
    }

    fn see(&mut self, mut object: Value) {
        let api_version = object["apiVersion"].as_str().unwrap().to_owned();
        let kind = object["kind"].as_str().unwrap().to_owned();
        if !self.is_watched(&api_version) {
            return;
        }
        (self.edit)(&mut object);
        let kind = Kind::of(&api_version, &kind).unwrap();
        if kind == Kind::Machine {
            self.machines.insert(
                object["metadata"]["name"].as_str().unwrap().to_owned(),
                object.clone(),
            );
        }
        self.index.apply(kind, Object::read(kind, &api_version, &object));
    }

    fn forget(&mut self, gvk: &str, namespace: &str, name: &str) {
        let (api_version, kind) = gvk.rsplit_once('/').unwrap();
        if self.is_watched(api_version) {
            let kind = Kind::of(api_version, kind).unwrap();
            if kind == Kind::Machine {
                self.machines.remove(name);
            }
            self.index.remove(kind, namespace, name);
        }
    }

    fn is_watched(&self, api_version: &str) -> bool {
        let both = api_version.starts_with("cluster.x-k8s.io/") || api_version.starts_with("controlplane.");
        !both || api_version.ends_with(self.api)
    }

    /// Whether the specs in the management cluster are what the rows ask for: the release has been applied and seen.
    fn is_applied(&self) -> bool {
        let view = self.view();
        let wanted: HashSet<&str> = self
            .desired
            .nodegroups
            .iter()
            .filter(|group| !group.is_master && group.status != Some(ClusterStatus::DeleteInProgress))
            .map(|group| group.name.as_str())
            .collect();
        let deployments = |name: &str| view.deployment(name);
        let groups_applied = wanted.iter().all(|name| {
            let row = self
                .desired
                .nodegroups
                .iter()
                .find(|group| group.name == *name)
                .unwrap();
            deployments(name).is_some_and(|found| {
                found.fleet.replicas.desired() == row.node_count
                    && found.fleet.version.as_ref() == Some(&self.version)
            })
        });
        let surplus = view.deployments.values().any(|deployment| {
            !wanted.contains(deployment.meta.node_group.as_deref().unwrap_or_default())
                && !deployment.meta.is_deleting()
        });
        groups_applied
            && !surplus
            && view.cluster.is_some()
            && view
                .control_plane
                .as_ref()
                .is_some_and(|found| found.fleet.version.as_ref() == Some(&self.version))
    }

    /// Judged from the raw Machines alone.
    fn is_true_to_rows(&self) -> bool {
        let count = |master: bool| -> i64 {
            let groups = self.desired.nodegroups.iter();
            groups
                .filter(|group| group.is_master == master)
                .map(|group| group.node_count)
                .sum()
        };
        let is_master = |machine: &Value| {
            machine["metadata"]["labels"]
                .get("cluster.x-k8s.io/control-plane")
                .is_some()
        };
        let number = |master: bool| {
            self.machines
                .values()
                .filter(|machine| is_master(machine) == master)
                .count()
        };
        let ready = self.machines.values().all(|machine| {
            let conditions = machine["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            machine["status"]["nodeRef"]["name"].is_string()
                && machine["spec"]["version"] == self.version.as_str()
                && machine["metadata"].get("deletionTimestamp").is_none()
                && conditions
                    .iter()
                    .any(|one| one["type"] == "NodeHealthy" && one["status"] == "True")
        });
        ready && number(true) as i64 == count(true) && number(false) as i64 == count(false)
    }

    /// The cluster's statuses, one after the other.
    pub fn statuses(&self) -> Vec<&'static str> {
        sequence(
            self.moments
                .iter()
                .filter_map(|moment| moment.derived.cluster.status),
        )
    }

    /// A group's statuses, one after the other.
    pub fn group_statuses(&self, name: &str) -> Vec<&'static str> {
        sequence(self.moments.iter().filter_map(|moment| {
            moment
                .derived
                .nodegroups
                .iter()
                .find(|group| group.name == name)
                .and_then(|group| group.status)
        }))
    }

    /// The cluster's reasons, one after the other.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self
            .moments
            .iter()
            .filter_map(|moment| moment.derived.cluster.status_reason.clone())
            .collect();
        reasons.dedup();
        reasons
    }

    /// Health, one after the other.
    pub fn healths(&self) -> Vec<&'static str> {
        let mut healths: Vec<&'static str> = self
            .moments
            .iter()
            .filter_map(|moment| moment.derived.cluster.health_status)
            .map(|health| health.as_str())
            .collect();
        healths.dedup();
        healths
    }

    /// Fails if any status was COMPLETE, newly, while the Machines were not what the rows asked for.
    pub fn assert_never_complete_too_early(&self, what: &str) {
        for pair in self.moments.windows(2) {
            let [before, after] = pair else { unreachable!() };
            let became = |status: Option<ClusterStatus>, was: Option<ClusterStatus>| {
                status.is_some_and(ClusterStatus::is_complete) && !was.is_some_and(ClusterStatus::is_complete)
            };
            if became(after.derived.cluster.status, before.derived.cluster.status) {
                assert!(
                    after.true_to_rows,
                    "{what}: {:?} at {} ms",
                    after.derived.cluster.status, after.ms
                );
            }
        }
    }
}

fn sequence(statuses: impl Iterator<Item = ClusterStatus>) -> Vec<&'static str> {
    let mut sequence: Vec<&'static str> = statuses.map(ClusterStatus::as_str).collect();
    sequence.dedup();
    sequence
}
