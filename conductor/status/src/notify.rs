//! Notifications about clusters: CADF events with the payload of magnum's `conductor/utils.py`.

use chrono::{DateTime, NaiveDateTime, Utc};
use magnum_objects::{Cluster, ClusterStatus, NodeGroup};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const CLUSTER_TYPE: &str = "service/magnum/cluster";

/// What is done with a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is created.
    Create,
    /// It is updated, resized, upgraded.
    Update,
    /// It is deleted.
    Delete,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has begun.
    Pending,
    /// It has come to a good end.
    Success,
    /// It has failed.
    Failure,
}

/// Priority of a notification, which is also where it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// `INFO`.
    Info,
    /// `ERROR`.
    Error,
}

/// Who asked for it; all empty for the service itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Initiator {
    /// User id.
    pub user_id: Option<String>,
    /// Project id.
    pub project_id: Option<String>,
    /// Domain id.
    pub domain_id: Option<String>,
}

/// A notification to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Priority.
    pub priority: Priority,
    /// Such as `magnum.cluster.create`.
    pub event_type: String,
    /// The CADF event.
    pub payload: Value,
}

impl Action {
    /// The word in event types.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Outcome {
    /// CADF's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// The event for a cluster that has come to this status, as magnum's periodic task sends it; none for a status that
/// is not an end.
pub fn end_of(status: ClusterStatus) -> Option<(Action, Outcome)> {
    let action = match status {
        ClusterStatus::CreateComplete | ClusterStatus::CreateFailed => Action::Create,
        ClusterStatus::UpdateComplete
        | ClusterStatus::UpdateFailed
        | ClusterStatus::RollbackComplete
        | ClusterStatus::RollbackFailed => Action::Update,
        ClusterStatus::DeleteComplete | ClusterStatus::DeleteFailed => Action::Delete,
        _ => return None,
    };
    Some((
        action,
        if status.is_failed() {
            Outcome::Failure
        } else {
            Outcome::Success
        },
    ))
}

/// The notification about an operation on a cluster. `cluster` is its row with its node groups, if there is one;
/// `updated_at` in the payload is that of the row as given, which in Magnum is the one before the change.
pub fn cluster_event(
    action: Action,
    outcome: Outcome,
    initiator: &Initiator,
    cluster: Option<(&Cluster, &[NodeGroup])>,
    now: DateTime<Utc>,
) -> Notification {
    let payload = json!({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": new_id(),
        "eventTime": now.format("%Y-%m-%dT%H:%M:%S%.6f+0000").to_string(),
        "action": action.as_str(),
        "outcome": outcome.as_str(),
        "observer": {"id": new_id(), "typeURI": CLUSTER_TYPE},
        "initiator": initiated_by(initiator),
        "target": cluster.map_or_else(
            || json!({"id": new_id(), "typeURI": CLUSTER_TYPE}),
            |(cluster, nodegroups)| target(cluster, nodegroups),
        ),
    });
    Notification {
        priority: if outcome == Outcome::Failure {
            Priority::Error
        } else {
            Priority::Info
        },
        event_type: format!("magnum.cluster.{}", action.as_str()),
        payload,
    }
}

fn initiated_by(initiator: &Initiator) -> Value {
    let mut resource = Map::new();
    resource.insert("id".to_owned(), new_id().into());
    resource.insert("typeURI".to_owned(), "service/security/account/user".into());
    let parts = [
        ("user_id", &initiator.user_id),
        ("project_id", &initiator.project_id),
        ("domain_id", &initiator.domain_id),
    ];
    for (name, value) in parts {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            resource.insert(name.to_owned(), value.as_str().into());
        }
    }
    resource.into()
}

fn target(cluster: &Cluster, nodegroups: &[NodeGroup]) -> Value {
    let of = |master: bool| {
        nodegroups
            .iter()
            .filter(move |group| (group.role == "master") == master)
    };
    let addresses = |master: bool| -> Vec<&String> {
        of(master)
            .flat_map(|group| group.node_addresses.iter().flatten())
            .collect()
    };
    let count = |master: bool| -> i64 { of(master).map(|group| group.node_count).sum() };
    let content = json!({
        "status": cluster.status.map(ClusterStatus::as_str),
        "status_reason": cluster.status_reason,
        "project_id": cluster.project_id,
        "created_at": cluster.created_at.map(timestamp),
        "updated_at": cluster.updated_at.map(timestamp),
        "cluster_template_id": cluster.cluster_template_id,
        "keypair": cluster.keypair,
        // The colon is Magnum's.
        "docker_volume_size:": cluster.docker_volume_size,
        "labels": cluster.labels,
        "master_flavor_id": cluster.master_flavor_id,
        "flavor_id": cluster.flavor_id,
        "stack_id": cluster.stack_id,
        "health_status": cluster.health_status.map(magnum_objects::HealthStatus::as_str),
        "create_timeout": cluster.create_timeout,
        "api_address": cluster.api_address,
        "discovery_url": cluster.discovery_url,
        "node_addresses": addresses(false),
        "master_addresses": addresses(true),
        "node_count": count(false),
        "master_count": count(true),
    });
    json!({
        "id": cluster.uuid,
        "typeURI": CLUSTER_TYPE,
        "name": cluster.name,
        "attachments": [{"typeURI": CLUSTER_TYPE, "content": content, "name": "cluster_data"}],
    })
}

fn timestamp(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
