//! `cluster_update` and `cluster_resize`: a node group gets another size.

use conductor_driver::validate::{Operation, Rows, master_size};
use indexmap::IndexMap;
use magnum_objects::{
    Changes, Cluster, ClusterStatus, Guard, HealthStatus, MagnumError, NodeGroup, Object, rows,
};

use super::{Acceptor, updating};
use crate::{
    gate::Wish,
    notify::Outcome,
    operation::intent::Change,
    request::{Request, RequestError},
};

/// What a `cluster_update` says about the cluster's health, where it differs from what the API had read.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// `health_status`.
    pub status: Option<HealthStatus>,
    /// `health_status_reason`.
    pub reason: Option<IndexMap<String, String>>,
}

/// Fields of a cluster that a `cluster_update` does not take from the object: what it is known by, and what only this
/// conductor writes.
const NOT_FOR_UPDATES: [&str; 7] = [
    "id",
    "uuid",
    "status",
    "status_reason",
    "health_status",
    "health_status_reason",
    "cluster_template",
];

impl Acceptor {
    /// `cluster_update`: the default worker group's node count, health as an outside monitor sees it, and whatever else
    /// is changed in the object, if any of the first two is. `None`: there is nothing to change.
    ///
    /// # Errors
    /// `NotSupported` by the gate, what validation refuses.
    pub async fn update(
        &self,
        request: &Request,
        object: &Object,
        node_count: Option<i64>,
        health: Option<Health>,
    ) -> Result<Option<Cluster>, RequestError> {
        let cluster_uuid = object.text("uuid").unwrap_or_default();
        let found = self.find_for(request, Wish::Update, cluster_uuid).await?;
        let worker = found
            .groups
            .iter()
            .find(|group| group.is_default && group.role != "master");
        let worker = worker.ok_or_else(|| MagnumError::node_group_not_found("default-worker"))?;
        let same = node_count == Some(worker.node_count);
        if same && health.is_none() {
            return Ok(None);
        }
        self.write_rest(object, health).await?;
        if same {
            return Ok(Some(self.find(cluster_uuid).await?.cluster));
        }
        let worker = worker.uuid.clone();
        let to = node_count.unwrap_or(NodeGroup::default().node_count);
        self.scale(request, cluster_uuid, &worker, to, Vec::new(), true)
            .await
            .map(Some)
    }

    /// `cluster_resize`: any group's node count.
    ///
    /// # Errors
    /// `NotSupported` by the gate, what validation refuses.
    pub async fn resize(
        &self,
        request: &Request,
        cluster_uuid: &str,
        group_uuid: &str,
        node_count: i64,
        remove: Vec<String>,
    ) -> Result<Cluster, RequestError> {
        self.scale(request, cluster_uuid, group_uuid, node_count, remove, false)
            .await
    }

    async fn scale(
        &self,
        request: &Request,
        cluster_uuid: &str,
        group_uuid: &str,
        to: i64,
        remove: Vec<String>,
        update: bool,
    ) -> Result<Cluster, RequestError> {
        let wish = if update { Wish::Update } else { Wish::Resize };
        if self.seen(request, cluster_uuid).await? {
            return Ok(self.find(cluster_uuid).await?.cluster);
        }
        let mut found = self.find_for(request, wish, cluster_uuid).await?;
        let group = member(&mut found.groups, group_uuid)?;
        let from = std::mem::replace(&mut group.node_count, to);
        let is_master = group.role == "master";
        let rows = Rows {
            template: &found.template,
            cluster: &found.cluster,
            groups: &found.groups,
        };
        let checked = if is_master {
            master_size(to).map_err(MagnumError::from)
        } else {
            Ok(())
        };
        let looked_up = match checked {
            Ok(()) => self.facts(request, Operation::UpdateCluster, rows).await,
            Err(error) => Err(error.into()),
        };
        let facts = match looked_up {
            Ok(facts) => facts,
            Err(RequestError::Refused(error)) => {
                let group = (!update).then_some(group_uuid);
                // As in Python, the notification of a resize tells the size asked for, that of an update the size before.
                if update {
                    member(&mut found.groups, group_uuid)?.node_count = from;
                }
                self.tell_update(request, Outcome::Pending, &found.cluster, &found.groups);
                member(&mut found.groups, group_uuid)?.node_count = from;
                self.update_failed(request, &found, group, &error).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let (mut tx, cluster, mut groups) = self.locked_for(request, wish, cluster_uuid).await?;
        let schema = self.app.db.schema();
        let group = member(&mut groups, group_uuid)?;
        let from = group.node_count;
        if !update {
            group.node_count = to;
        }
        let changes = Changes::new()
            .set("node_count", to)
            .set("status", ClusterStatus::UpdateInProgress);
        rows::nodegroup::update(&mut tx, schema, group_uuid, &changes, &Guard::none()).await?;
        rows::cluster::update(&mut tx, schema, cluster_uuid, &updating(), &Guard::none()).await?;
        let change = Change::Scale {
            update,
            nodegroup: group_uuid.to_owned(),
            from,
            to,
            remove,
        };
        self.journal(tx, request, cluster_uuid, change, Some(facts))
            .await?;
        self.tell_update(request, Outcome::Pending, &cluster, &groups);
        Ok(self.find(cluster_uuid).await?.cluster)
    }

    /// What an update changes besides the node count.
    async fn write_rest(&self, object: &Object, health: Option<Health>) -> Result<(), RequestError> {
        let mut values = object.changed_values();
        values.retain(|name, _| !NOT_FOR_UPDATES.contains(&name.as_str()));
        let mut changes = Changes::from(values);
        if let Some(health) = health {
            changes.put("health_status", health.status);
            changes.put("health_status_reason", health.reason);
        }
        if changes.is_empty() {
            return Ok(());
        }
        let cluster_uuid = object.text("uuid").unwrap_or_default();
        let mut conn = self.app.db.acquire().await?;
        rows::cluster::update(
            &mut conn,
            self.app.db.schema(),
            cluster_uuid,
            &changes,
            &Guard::none(),
        )
        .await?;
        Ok(())
    }
}

/// A node group of the cluster.
pub(super) fn member<'a>(groups: &'a mut [NodeGroup], uuid: &str) -> Result<&'a mut NodeGroup, MagnumError> {
    groups
        .iter_mut()
        .find(|group| group.uuid == uuid)
        .ok_or_else(|| MagnumError::node_group_not_found(uuid))
}
