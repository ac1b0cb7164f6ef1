//! `nodegroup_create`, `nodegroup_update`, `nodegroup_delete`.

use conductor_driver::validate::{Operation, Rows};
use magnum_objects::{Changes, Cluster, ClusterStatus, Guard, MagnumError, NodeGroup, Object, Record, rows};

use sqlx::MySqlConnection;

use super::{Acceptor, failed, scale::member, updating};
use crate::{
    app::was_refused,
    gate,
    operation::intent::Change,
    request::{Request, RequestError},
};

/// Columns that stay NULL while nobody says a number.
const COUNTS: [&str; 2] = ["node_count", "min_node_count"];

impl Acceptor {
    /// `nodegroup_create`.
    ///
    /// # Errors
    /// `NotSupported` by the gate, `NodeGroupAlreadyExists`, what validation refuses; the last leaves a row that says why.
    pub async fn create_nodegroup(
        &self,
        request: &Request,
        cluster_uuid: &str,
        object: &Object,
    ) -> Result<NodeGroup, RequestError> {
        let mut group = NodeGroup::from_ovo(object)?;
        if self.seen(request, cluster_uuid).await? {
            return self.nodegroup(&group.uuid).await;
        }
        // A new group has no status; one that comes with a status is judged by it.
        if object.is_set("status")
            && let Some(words) = gate::nodegroup("nodegroup_create", group.status)
        {
            return Err(MagnumError::not_supported(words).into());
        }
        if group.uuid.is_empty() {
            group.uuid = uuid::Uuid::new_v4().to_string();
        }
        let mut found = self.find(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_create", found.cluster.status)?;
        group.status = Some(ClusterStatus::CreateInProgress);
        group.cluster_id = cluster_uuid.to_owned();
        group.stack_id.clone_from(&found.cluster.stack_id);
        found.groups.push(group.clone());
        let rows = Rows {
            template: &found.template,
            cluster: &found.cluster,
            groups: &found.groups,
        };
        let looked_up = self
            .facts(request, Operation::CreateNodegroup(&group.uuid), rows)
            .await;
        let schema = self.app.db.schema();
        let facts = match looked_up {
            Ok(facts) => facts,
            Err(RequestError::Refused(error)) => {
                // The row tells the user; without a stack_id it is never part of the release.
                group.status = Some(ClusterStatus::CreateFailed);
                group.status_reason = Some(error.message.clone());
                group.stack_id = None;
                let mut conn = self.app.db.acquire().await?;
                rows::nodegroup::insert(&mut conn, schema, &group).await?;
                drop(conn);
                found.groups.pop();
                self.update_failed(request, &found, None, &error).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let (mut tx, cluster, _) = self.locked(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_create", cluster.status)?;
        let mut unset = COUNTS.to_vec();
        unset.retain(|name| !object.is_set(name));
        let group = rows::nodegroup::insert_without(&mut tx, schema, &group, &unset).await?;
        self.start_update(&mut tx, &cluster).await?;
        let change = Change::NodegroupCreate {
            nodegroup: group.uuid.clone(),
        };
        self.journal(tx, request, cluster_uuid, change, Some(facts))
            .await?;
        Ok(group)
    }

    /// `nodegroup_update`: the fields that the API changed in the object.
    ///
    /// # Errors
    /// `NotSupported` by the gate, what validation refuses; the last makes the group UPDATE_FAILED with the reason.
    pub async fn update_nodegroup(
        &self,
        request: &Request,
        cluster_uuid: &str,
        object: &Object,
    ) -> Result<NodeGroup, RequestError> {
        let uuid = object.text("uuid").unwrap_or_default().to_owned();
        if self.seen(request, cluster_uuid).await? {
            return self.nodegroup(&uuid).await;
        }
        let mut found = self.find(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_update", found.cluster.status)?;
        let group = member(&mut found.groups, &uuid)?;
        if let Some(words) = gate::nodegroup("nodegroup_update", group.status) {
            return Err(MagnumError::not_supported(words).into());
        }
        group.apply_changes(object)?;
        let rows = Rows {
            template: &found.template,
            cluster: &found.cluster,
            groups: &found.groups,
        };
        let facts = match self.facts(request, Operation::UpdateNodegroup(&uuid), rows).await {
            Ok(facts) => facts,
            Err(RequestError::Refused(error)) => {
                self.update_failed(request, &found, Some(&uuid), &error).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let (mut tx, cluster, mut groups) = self.locked(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_update", cluster.status)?;
        if let Some(words) = gate::nodegroup("nodegroup_update", member(&mut groups, &uuid)?.status) {
            return Err(MagnumError::not_supported(words).into());
        }
        let schema = self.app.db.schema();
        let mut changes = Changes::from(object.changed_values());
        changes.put("status", ClusterStatus::UpdateInProgress);
        rows::nodegroup::update(&mut tx, schema, &uuid, &changes, &Guard::none()).await?;
        self.start_update(&mut tx, &cluster).await?;
        let change = Change::NodegroupUpdate {
            nodegroup: uuid.clone(),
        };
        self.journal(tx, request, cluster_uuid, change, Some(facts))
            .await?;
        self.nodegroup(&uuid).await
    }

    /// `nodegroup_delete`.
    ///
    /// # Errors
    /// What looking up the rest of the cluster refuses; then the group is DELETE_FAILED with the reason.
    pub async fn delete_nodegroup(
        &self,
        request: &Request,
        cluster_uuid: &str,
        group_uuid: &str,
    ) -> Result<(), RequestError> {
        if self.seen(request, cluster_uuid).await? {
            return Ok(());
        }
        let schema = self.app.db.schema();
        if was_refused(&self.nodegroup(group_uuid).await?) {
            // There is nothing of it but the row.
            let mut conn = self.app.db.acquire().await?;
            rows::nodegroup::delete(&mut conn, schema, group_uuid).await?;
            return Ok(());
        }
        let mut found = self.find(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_delete", found.cluster.status)?;
        let group = member(&mut found.groups, group_uuid)?;
        let before = group.status;
        group.status = Some(ClusterStatus::DeleteInProgress);
        let rows = Rows {
            template: &found.template,
            cluster: &found.cluster,
            groups: &found.groups,
        };
        let facts = match self.facts(request, Operation::DeleteNodegroup, rows).await {
            Ok(facts) => facts,
            Err(RequestError::Refused(error)) => {
                let mut conn = self.app.db.acquire().await?;
                let changes = failed(ClusterStatus::DeleteFailed, &error.message);
                let guard = Guard::none().expect("status", before);
                rows::nodegroup::update(&mut conn, schema, group_uuid, &changes, &guard).await?;
                drop(conn);
                self.update_failed(request, &found, None, &error).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let (mut tx, cluster, _) = self.locked(cluster_uuid).await?;
        refuse_while_deleting("nodegroup_delete", cluster.status)?;
        let changes = Changes::new()
            .set("status", ClusterStatus::DeleteInProgress)
            .set("status_reason", None::<String>);
        rows::nodegroup::update(&mut tx, schema, group_uuid, &changes, &Guard::none()).await?;
        self.start_update(&mut tx, &cluster).await?;
        let change = Change::NodegroupDelete {
            nodegroup: group_uuid.to_owned(),
        };
        self.journal(tx, request, cluster_uuid, change, Some(facts)).await
    }

    /// The cluster is being updated from now on; one that is still being created stays so.
    async fn start_update(&self, tx: &mut MySqlConnection, cluster: &Cluster) -> Result<(), RequestError> {
        if cluster.status != Some(ClusterStatus::CreateInProgress) {
            rows::cluster::update(
                tx,
                self.app.db.schema(),
                &cluster.uuid,
                &updating(),
                &Guard::none(),
            )
            .await?;
        }
        Ok(())
    }

    async fn nodegroup(&self, uuid: &str) -> Result<NodeGroup, RequestError> {
        let mut conn = self.app.db.acquire().await?;
        let group = rows::nodegroup::by_uuid(&mut conn, self.app.db.schema(), uuid).await?;
        Ok(group.ok_or_else(|| MagnumError::node_group_not_found(uuid))?)
    }
}

/// Python never looks at the cluster's status here, and a deleted cluster's node group comes back to life; nothing of a
/// cluster that is going can be changed.
fn refuse_while_deleting(method: &str, status: Option<ClusterStatus>) -> Result<(), MagnumError> {
    match status {
        Some(ClusterStatus::DeleteInProgress | ClusterStatus::DeleteComplete) => {
            Err(MagnumError::not_supported(format!(
                "{method} when cluster status is \"{}\"",
                status.map_or("None", ClusterStatus::as_str)
            )))
        }
        _ => Ok(()),
    }
}
