//! Statements on Magnum's tables. All take a connection, so that they join a transaction.
//!
//! Reading by the conductor itself sees every row; what a caller may see goes through the
//! `visible*` functions or [`crate::db::Select`].

mod change;
mod write;

use serde_json::Value;
use sqlx::mysql::MySqlConnection;

use crate::Values;
use crate::context::RequestContext;
use crate::db::{DbError, Schema, Select};
use crate::exception::MagnumError;
use crate::record::{FieldValue, Record};
use crate::status::ClusterStatus;

pub use change::{Changes, Guard};
pub use write::{delete_by_key, insert_values, update_by_key};

fn typed<R: Record>(values: &Values) -> Result<R, DbError> {
    R::from_values(values).map_err(|error| DbError::Value {
        table: error.class.to_owned(),
        column: error.field.to_owned(),
        reason: error.reason,
    })
}

/// Rows of a selection, typed.
///
/// # Errors
/// [`DbError::Sql`], [`DbError::Value`].
pub async fn all<R: Record>(conn: &mut MySqlConnection, select: &Select) -> Result<Vec<R>, DbError> {
    select.rows(conn).await?.iter().map(typed).collect()
}

/// The first row of a selection, typed.
///
/// # Errors
/// [`DbError::Sql`], [`DbError::Value`].
pub async fn first<R: Record>(conn: &mut MySqlConnection, select: &Select) -> Result<Option<R>, DbError> {
    select.first(conn).await?.as_ref().map(typed).transpose()
}

async fn by_column<R: Record>(
    conn: &mut MySqlConnection,
    schema: &Schema,
    column: &str,
    value: Value,
) -> Result<Option<R>, DbError> {
    first(conn, &Select::from(schema, R::CLASS)?.filter(column, &value)?).await
}

/// Inserts a row; `id`, an empty `uuid` and `created_at` are filled in.
async fn insert_record<R: Record>(
    conn: &mut MySqlConnection,
    schema: &Schema,
    record: &R,
    exists: impl FnOnce(&Values) -> MagnumError,
) -> Result<R, DbError> {
    insert_row(conn, schema, &record.to_values(), exists).await
}

async fn insert_row<R: Record>(
    conn: &mut MySqlConnection,
    schema: &Schema,
    values: &Values,
    exists: impl FnOnce(&Values) -> MagnumError,
) -> Result<R, DbError> {
    match insert_values(conn, schema, R::CLASS, values).await {
        Ok(row) => typed(&row),
        Err(DbError::Duplicate { .. }) => Err(DbError::Refused(exists(values))),
        Err(error) => Err(error),
    }
}

fn part(values: &Values, name: &str) -> Value {
    values.get(name).cloned().unwrap_or(Value::Null)
}

macro_rules! common {
    ($record:ident, $key:literal: $key_type:ty, $by:ident) => {
        /// The row of that key.
        ///
        /// # Errors
        /// [`DbError::Sql`], [`DbError::Value`].
        pub async fn $by(
            conn: &mut MySqlConnection,
            schema: &Schema,
            key: $key_type,
        ) -> Result<Option<$record>, DbError> {
            by_column(conn, schema, $key, key.into()).await
        }

        /// The row of that key, locked until the transaction ends.
        ///
        /// # Errors
        /// [`DbError::Sql`], [`DbError::Value`].
        pub async fn lock(
            conn: &mut MySqlConnection,
            schema: &Schema,
            key: $key_type,
        ) -> Result<Option<$record>, DbError> {
            let select = Select::from(schema, $record::CLASS)?
                .filter($key, &key.into())?
                .for_update();
            first(conn, &select).await
        }

        /// All rows, by id.
        ///
        /// # Errors
        /// [`DbError::Sql`], [`DbError::Value`].
        pub async fn list(conn: &mut MySqlConnection, schema: &Schema) -> Result<Vec<$record>, DbError> {
            all(
                conn,
                &Select::from(schema, $record::CLASS)?.page(None, None, None, None)?,
            )
            .await
        }

        /// Changes those columns, if the row is there and `guard` holds; tells whether it did.
        ///
        /// # Errors
        /// [`DbError::Sql`], [`DbError::Duplicate`], [`DbError::UnknownColumn`], [`DbError::Value`].
        pub async fn update(
            conn: &mut MySqlConnection,
            schema: &Schema,
            key: $key_type,
            changes: &Changes,
            guard: &Guard,
        ) -> Result<bool, DbError> {
            update_by_key(
                conn,
                schema,
                $record::CLASS,
                ($key, &key.into()),
                changes,
                guard,
            )
            .await
        }

        /// Deletes the row; tells whether it was there.
        ///
        /// # Errors
        /// [`DbError::Sql`].
        pub async fn delete(
            conn: &mut MySqlConnection,
            schema: &Schema,
            key: $key_type,
        ) -> Result<bool, DbError> {
            delete_by_key(
                conn,
                schema,
                $record::CLASS,
                ($key, &key.into()),
                &Guard::none(),
            )
            .await
        }
    };
}

/// Table `cluster`.
pub mod cluster {
    use super::*;
    use crate::record::Cluster;

    common!(Cluster, "uuid": &str, by_uuid);

    /// Clusters in one of those states, by id.
    ///
    /// # Errors
    /// [`DbError::Sql`], [`DbError::Value`].
    pub async fn by_status(
        conn: &mut MySqlConnection,
        schema: &Schema,
        statuses: &[ClusterStatus],
    ) -> Result<Vec<Cluster>, DbError> {
        let statuses: Vec<Value> = statuses.iter().map(FieldValue::write).collect();
        let select = Select::from(schema, Cluster::CLASS)?.filter_in("status", &statuses)?;
        all(conn, &select.page(None, None, None, None)?).await
    }

    /// Clusters made from a template, by id.
    ///
    /// # Errors
    /// [`DbError::Sql`], [`DbError::Value`].
    pub async fn by_template(
        conn: &mut MySqlConnection,
        schema: &Schema,
        template_uuid: &str,
    ) -> Result<Vec<Cluster>, DbError> {
        let select =
            Select::from(schema, Cluster::CLASS)?.filter("cluster_template_id", &template_uuid.into())?;
        all(conn, &select.page(None, None, None, None)?).await
    }

    /// The cluster, if the caller may see it, as Magnum's `Cluster.get_by_uuid(context, uuid)`.
    ///
    /// # Errors
    /// `ClusterNotFound` ([`DbError::Refused`]); [`DbError::Sql`], [`DbError::Value`].
    pub async fn visible(
        conn: &mut MySqlConnection,
        schema: &Schema,
        context: &RequestContext,
        uuid: &str,
    ) -> Result<Cluster, DbError> {
        let select = Select::from(schema, Cluster::CLASS)?
            .tenant(context)?
            .filter("uuid", &uuid.into())?;
        first(conn, &select)
            .await?
            .ok_or_else(|| MagnumError::cluster_not_found(uuid).into())
    }

    /// Inserts a cluster and gives it back as stored.
    ///
    /// # Errors
    /// `ClusterAlreadyExists` ([`DbError::Refused`]); [`DbError::Sql`].
    pub async fn insert(
        conn: &mut MySqlConnection,
        schema: &Schema,
        cluster: &Cluster,
    ) -> Result<Cluster, DbError> {
        insert_record(conn, schema, cluster, |row| {
            MagnumError::cluster_already_exists(part(row, "uuid"))
        })
        .await
    }
}

/// Table `cluster_template`.
pub mod cluster_template {
    use super::*;
    use crate::record::ClusterTemplate;

    common!(ClusterTemplate, "uuid": &str, by_uuid);

    /// The template, if the caller may see it, as Magnum's `ClusterTemplate.get_by_uuid(context, uuid)`.
    ///
    /// # Errors
    /// `ClusterTemplateNotFound` ([`DbError::Refused`]); [`DbError::Sql`], [`DbError::Value`].
    pub async fn visible(
        conn: &mut MySqlConnection,
        schema: &Schema,
        context: &RequestContext,
        uuid: &str,
    ) -> Result<ClusterTemplate, DbError> {
        let select = Select::from(schema, ClusterTemplate::CLASS)?;
        let select = select.visible_template(context)?.filter("uuid", &uuid.into())?;
        first(conn, &select)
            .await?
            .ok_or_else(|| MagnumError::cluster_template_not_found(uuid).into())
    }

    /// Inserts a template and gives it back as stored.
    ///
    /// # Errors
    /// `ClusterTemplateAlreadyExists` ([`DbError::Refused`]); [`DbError::Sql`].
    pub async fn insert(
        conn: &mut MySqlConnection,
        schema: &Schema,
        template: &ClusterTemplate,
    ) -> Result<ClusterTemplate, DbError> {
        let exists = |row: &Values| MagnumError::cluster_template_already_exists(part(row, "uuid"));
        insert_record(conn, schema, template, exists).await
    }
}

/// Table `nodegroup`.
pub mod nodegroup {
    use super::*;
    use crate::record::NodeGroup;

    common!(NodeGroup, "uuid": &str, by_uuid);

    /// The cluster's node groups, by id.
    ///
    /// # Errors
    /// [`DbError::Sql`], [`DbError::Value`].
    pub async fn by_cluster(
        conn: &mut MySqlConnection,
        schema: &Schema,
        cluster_uuid: &str,
    ) -> Result<Vec<NodeGroup>, DbError> {
        let select = Select::from(schema, NodeGroup::CLASS)?.filter("cluster_id", &cluster_uuid.into())?;
        all(conn, &select.page(None, None, None, None)?).await
    }

    /// Inserts a node group and gives it back as stored.
    ///
    /// # Errors
    /// `NodeGroupAlreadyExists` ([`DbError::Refused`]); [`DbError::Sql`].
    pub async fn insert(
        conn: &mut MySqlConnection,
        schema: &Schema,
        group: &NodeGroup,
    ) -> Result<NodeGroup, DbError> {
        insert_without(conn, schema, group, &[]).await
    }

    /// Inserts a node group of which some fields were never set: Magnum leaves their columns NULL, and reads them as
    /// the fields' defaults.
    ///
    /// # Errors
    /// `NodeGroupAlreadyExists` ([`DbError::Refused`]); [`DbError::Sql`].
    pub async fn insert_without(
        conn: &mut MySqlConnection,
        schema: &Schema,
        group: &NodeGroup,
        unset: &[&str],
    ) -> Result<NodeGroup, DbError> {
        let exists =
            |row: &Values| MagnumError::node_group_already_exists(part(row, "cluster_id"), part(row, "name"));
        let mut values = group.to_values();
        values.retain(|name, _| !unset.contains(&name.as_str()));
        insert_row(conn, schema, &values, exists).await
    }

    /// Deletes all node groups of a cluster; gives their number.
    ///
    /// # Errors
    /// [`DbError::Sql`].
    pub async fn delete_by_cluster(
        conn: &mut MySqlConnection,
        schema: &Schema,
        cluster_uuid: &str,
    ) -> Result<u64, DbError> {
        write::delete_where(
            conn,
            schema,
            NodeGroup::CLASS,
            ("cluster_id", &cluster_uuid.into()),
            &Guard::none(),
        )
        .await
    }
}

/// Table `x509keypair`.
pub mod x509keypair {
    use super::*;
    use crate::record::X509KeyPair;

    common!(X509KeyPair, "uuid": &str, by_uuid);

    /// The key pair, if the caller may see it, as Magnum's `X509KeyPair.get_by_uuid(context, uuid)`.
    ///
    /// # Errors
    /// `X509KeyPairNotFound` ([`DbError::Refused`]); [`DbError::Sql`], [`DbError::Value`].
    pub async fn visible(
        conn: &mut MySqlConnection,
        schema: &Schema,
        context: &RequestContext,
        uuid: &str,
    ) -> Result<X509KeyPair, DbError> {
        let select = Select::from(schema, X509KeyPair::CLASS)?
            .tenant(context)?
            .filter("uuid", &uuid.into())?;
        first(conn, &select)
            .await?
            .ok_or_else(|| MagnumError::x509_key_pair_not_found(uuid).into())
    }

    /// Inserts a key pair and gives it back as stored.
    ///
    /// # Errors
    /// `X509KeyPairAlreadyExists` ([`DbError::Refused`]); [`DbError::Sql`].
    pub async fn insert(
        conn: &mut MySqlConnection,
        schema: &Schema,
        pair: &X509KeyPair,
    ) -> Result<X509KeyPair, DbError> {
        insert_record(conn, schema, pair, |row| {
            MagnumError::x509_key_pair_already_exists(part(row, "uuid"))
        })
        .await
    }
}

/// Table `magnum_service`.
pub mod magnum_service {
    use super::*;
    use crate::db::now;
    use crate::record::MagnumService;

    common!(MagnumService, "id": i64, by_id);

    /// The heartbeat of that process.
    ///
    /// # Errors
    /// [`DbError::Sql`], [`DbError::Value`].
    pub async fn by_host_and_binary(
        conn: &mut MySqlConnection,
        schema: &Schema,
        host: &str,
        binary: &str,
    ) -> Result<Option<MagnumService>, DbError> {
        let select = Select::from(schema, MagnumService::CLASS)?;
        first(
            conn,
            &select
                .filter("host", &host.into())?
                .filter("binary", &binary.into())?,
        )
        .await
    }

    /// Says that the process is alive: counts up and stamps `last_seen_up`, making the row first
    /// if it is not there, as `servicegroup/magnum_service_periodic.py` does every 60 s.
    ///
    /// # Errors
    /// [`DbError::Sql`], [`DbError::Value`].
    pub async fn report(
        conn: &mut MySqlConnection,
        schema: &Schema,
        host: &str,
        binary: &str,
    ) -> Result<(), DbError> {
        let mut service = by_host_and_binary(conn, schema, host, binary).await?;
        if service.is_none() {
            let mut row = Values::new();
            row.insert("host".into(), host.into());
            row.insert("binary".into(), binary.into());
            match insert_values(conn, schema, MagnumService::CLASS, &row).await {
                // Another process of the same host was quicker.
                Ok(_) | Err(DbError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
            service = by_host_and_binary(conn, schema, host, binary).await?;
        }
        if let Some(service) = service {
            let changes = Changes::new()
                .set("report_count", service.report_count + 1)
                .set("last_seen_up", now());
            update(conn, schema, service.id, &changes, &Guard::none()).await?;
        }
        Ok(())
    }
}

/// Table `quotas`.
pub mod quota {
    use super::*;
    use crate::record::Quota;

    common!(Quota, "id": i64, by_id);
}

/// Table `federation`.
pub mod federation {
    use super::*;
    use crate::record::Federation;

    common!(Federation, "uuid": &str, by_uuid);
}
