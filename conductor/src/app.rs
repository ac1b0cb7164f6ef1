//! What handlers and steps share.

use std::sync::Arc;

use conductor_config::Settings;
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, Db, DbError, NodeGroup, Registry, rows};
use openstack_clients::Clouds;
use sqlx::MySqlConnection;

use crate::{
    certificates,
    management::Management,
    notify::Notifications,
    operation::Journal,
    release::{Desired, Releasing},
};

/// One conductor's parts.
pub struct App {
    /// `magnum.conf`.
    pub settings: Arc<Settings>,
    /// Magnum's database.
    pub db: Db,
    /// The operation journal in it.
    pub journal: Journal,
    /// The management cluster.
    pub management: Management,
    /// Releases in it.
    pub releases: Box<dyn Releasing>,
    /// OpenStack's services.
    pub clouds: Clouds,
    /// Clusters' certificates.
    pub certificates: certificates::Store,
    /// Where cluster notifications go.
    pub notifications: Notifications,
}

impl App {
    /// Versioned object classes of the Magnum release found in the database.
    pub fn registry(&self) -> &'static Registry {
        self.db.schema().registry()
    }

    /// Rows of a cluster, the cluster's locked until the transaction ends. `None`: there is no such cluster.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lock(
        &self,
        conn: &mut MySqlConnection,
        uuid: &str,
    ) -> Result<Option<(Cluster, Vec<NodeGroup>)>, DbError> {
        let schema = self.db.schema();
        let Some(cluster) = rows::cluster::lock(conn, schema, uuid).await? else {
            return Ok(None);
        };
        let groups = rows::nodegroup::by_cluster(conn, schema, uuid).await?;
        Ok(Some((cluster, groups)))
    }

    /// What a cluster's release is to be made from, as the rows say now. `None`: the cluster or its template is gone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn desired(&self, uuid: &str) -> Result<Option<Desired>, DbError> {
        let schema = self.db.schema();
        let mut conn = self.db.acquire().await?;
        let Some(cluster) = rows::cluster::by_uuid(&mut conn, schema, uuid).await? else {
            return Ok(None);
        };
        let Some(template) = self.template(&mut conn, &cluster.cluster_template_id).await? else {
            return Ok(None);
        };
        let mut nodegroups = rows::nodegroup::by_cluster(&mut conn, schema, uuid).await?;
        nodegroups.retain(|group| !was_refused(group));
        Ok(Some(Desired {
            cluster,
            template,
            nodegroups,
        }))
    }

    /// A template by uuid, whoever owns it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn template(
        &self,
        conn: &mut MySqlConnection,
        uuid: &str,
    ) -> Result<Option<ClusterTemplate>, DbError> {
        rows::cluster_template::by_uuid(conn, self.db.schema(), uuid).await
    }
}

/// Whether a node group was refused when it was asked for: its row says why, but it never was part of the release, and
/// must not be, or it would stand in the way of every later change.
pub fn was_refused(group: &NodeGroup) -> bool {
    group.status == Some(ClusterStatus::CreateFailed) && group.stack_id.is_none() && !group.is_default
}
