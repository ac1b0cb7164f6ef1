//! Between Magnum's rows and what derivation reads and writes of them.

use chrono::NaiveDateTime;
use magnum_objects::db::{DbError, Schema};
use magnum_objects::rows::{self, Changes, Guard};
use magnum_objects::{Cluster, NodeGroup};
use sqlx::MySqlConnection;

use crate::derive::{ClusterState, Derived, Desired, NodeGroupState};

/// Role of node groups that are a control plane.
const MASTER: &str = "master";

/// The rows as derivation reads them.
pub(super) fn desired(cluster: &Cluster, groups: &[NodeGroup]) -> Desired {
    Desired {
        cluster: ClusterState {
            uuid: cluster.uuid.clone(),
            release: cluster.stack_id.clone(),
            status: cluster.status,
            status_reason: cluster.status_reason.clone(),
            api_address: cluster.api_address.clone(),
            coe_version: cluster.coe_version.clone(),
            container_version: cluster.container_version.clone(),
            health_status: cluster.health_status,
            health_status_reason: cluster.health_status_reason.clone(),
            create_timeout: cluster.create_timeout,
            created_at: cluster.created_at.as_ref().map(NaiveDateTime::and_utc),
        },
        nodegroups: groups.iter().map(group).collect(),
    }
}

fn group(group: &NodeGroup) -> NodeGroupState {
    NodeGroupState {
        uuid: group.uuid.clone(),
        name: group.name.clone(),
        is_master: group.role == MASTER,
        is_default: group.is_default,
        node_count: group.node_count,
        node_addresses: group.node_addresses.clone().unwrap_or_default(),
        status: group.status,
        status_reason: group.status_reason.clone(),
    }
}

/// Writes what differs, node groups first, so that nobody sees a complete cluster with incomplete groups. Tells
/// whether the cluster's row was changed. A row whose status is not what was read any more is left alone.
pub(super) async fn write(
    conn: &mut MySqlConnection,
    schema: &Schema,
    desired: &Desired,
    derived: &Derived,
) -> Result<bool, DbError> {
    for (before, after) in desired.nodegroups.iter().zip(&derived.nodegroups) {
        if derived.gone.contains(&after.uuid) {
            rows::nodegroup::delete(conn, schema, &after.uuid).await?;
            tracing::info!(
                cluster = desired.cluster.uuid,
                nodegroup = after.name,
                "node group deleted"
            );
            continue;
        }
        let changes = group_changes(before, after);
        if !changes.is_empty() {
            let guard = Guard::none().expect("status", before.status);
            rows::nodegroup::update(conn, schema, &after.uuid, &changes, &guard).await?;
        }
    }
    let changes = cluster_changes(&desired.cluster, &derived.cluster);
    if changes.is_empty() {
        return Ok(false);
    }
    let guard = Guard::none().expect("status", desired.cluster.status);
    rows::cluster::update(conn, schema, &desired.cluster.uuid, &changes, &guard).await
}

macro_rules! differing {
    ($before:expr, $after:expr, $($field:ident),+) => {{
        let mut changes = Changes::new();
        $(if $before.$field != $after.$field {
            changes.put(stringify!($field), $after.$field.clone());
        })+
        changes
    }};
}

fn cluster_changes(before: &ClusterState, after: &ClusterState) -> Changes {
    differing!(
        before,
        after,
        status,
        status_reason,
        api_address,
        coe_version,
        container_version,
        health_status,
        health_status_reason
    )
}

fn group_changes(before: &NodeGroupState, after: &NodeGroupState) -> Changes {
    let mut changes = differing!(before, after, status, status_reason, node_count);
    if before.node_addresses != after.node_addresses {
        changes.put("node_addresses", Some(after.node_addresses.clone()));
    }
    changes
}

/// The cluster's row as it is now, but for `updated_at`.
pub(super) fn after(before: &Cluster, derived: &Derived) -> Cluster {
    let state = derived.cluster.clone();
    Cluster {
        status: state.status,
        status_reason: state.status_reason,
        api_address: state.api_address,
        coe_version: state.coe_version,
        container_version: state.container_version,
        health_status: state.health_status,
        health_status_reason: state.health_status_reason,
        ..before.clone()
    }
}

/// The node groups' rows as they are now.
pub(super) fn groups_after(before: Vec<NodeGroup>, derived: &Derived) -> Vec<NodeGroup> {
    before
        .into_iter()
        .zip(&derived.nodegroups)
        .filter(|(group, _)| !derived.gone.contains(&group.uuid))
        .map(|(group, state)| NodeGroup {
            node_count: state.node_count,
            node_addresses: Some(state.node_addresses.clone()),
            status: state.status,
            status_reason: state.status_reason.clone(),
            ..group
        })
        .collect()
}
