//! Methods of classes: finding, listing and counting.

use serde_json::{Map, Value, json};
use sqlx::mysql::MySqlConnection;

use super::methods::{Bound, Method};
use super::{Outcome, Scope, identity, is_int_like, is_uuid_like, not_found, quota_not_found, update_locked};
use crate::class::FieldKind;
use crate::coerce::{coerce, parse_int, python_str, type_name};
use crate::db::{DbError, Param, Select, Sql};
use crate::exception::{Kind, MagnumError};
use crate::ovo::Object;
use crate::{RequestContext, Values};

/// Runs a method of a class.
pub(super) async fn call(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    method: &Method,
    args: &Bound,
) -> Result<Outcome, DbError> {
    match (method.class, method.name) {
        ("NodeGroup", name) => node_group(conn, scope, name, args).await,
        ("Quota", name) => quota(conn, scope, name, args).await,
        ("Stats", _) => stats(conn, scope, args).await,
        ("MagnumService", "get_by_host_and_binary") => {
            let select = scope.select("MagnumService")?;
            let select = select
                .filter("host", args.value("host"))?
                .filter("binary", args.value("binary"))?;
            match select.first(conn).await? {
                Some(row) => Ok(Outcome::Object(scope.object("MagnumService", &row)?)),
                None => Ok(Outcome::Plain(Value::Null)),
            }
        }
        ("Cluster", "get_stats") => {
            // Magnum hands the project over as the context, so that every project counts.
            let (clusters, nodes) = counts(conn, scope, None).await?;
            Ok(Outcome::Plain(json!([clusters, nodes])))
        }
        ("Federation", "get_count_all") => Err(no_such_query("get_federation_count_all").into()),
        (class, "get_count_all") => {
            let select = filtered(
                scope.select(class)?.tenant(scope.context)?,
                class,
                args.value("filters"),
            )?;
            Ok(Outcome::Plain(select.count(conn).await?.into()))
        }
        (class, "list") => {
            let select = filtered(readable(scope, class)?, class, args.value("filters"))?;
            list(conn, scope, class, select, args).await
        }
        (class, name) => {
            let key = [
                "cluster_id",
                "cluster_template_id",
                "x509keypair_id",
                "federation_id",
                "uuid",
                "name",
            ];
            let key = key
                .iter()
                .map(|name| args.value(name))
                .find(|value| !value.is_null())
                .unwrap_or(&Value::Null);
            let select = by_key(readable(scope, class)?, class, name, key)?;
            let row = one(conn, class, &select, key).await?;
            Ok(Outcome::Object(scope.object(class, &row)?))
        }
    }
}

/// What the caller may see of a class.
fn readable(scope: &Scope<'_>, class: &str) -> Result<Select, MagnumError> {
    let select = scope.select(class)?;
    match class {
        "ClusterTemplate" => select.visible_template(scope.context),
        "MagnumService" | "Quota" => Ok(select),
        "NodeGroup" => select.project_unless_admin(scope.context),
        _ => select.tenant(scope.context),
    }
}

/// `get` decides by the look of the key; templates and node groups may be named.
fn by_key(select: Select, class: &str, method: &str, key: &Value) -> Result<Select, MagnumError> {
    match method {
        "get_by_id" => select.filter("id", key),
        "get_by_uuid" => select.filter("uuid", key),
        "get_by_name" => select.filter("name", key),
        _ if is_int_like(key) || is_uuid_like(key) => identity(select, key),
        _ if matches!(class, "ClusterTemplate" | "NodeGroup") => select.filter("name", key),
        _ => Err(MagnumError::invalid_identity(key.clone())),
    }
}

/// The one row; names may be shared, which is a conflict.
async fn one(
    conn: &mut MySqlConnection,
    class: &str,
    select: &Select,
    key: &Value,
) -> Result<Values, DbError> {
    let mut rows = select.rows(conn).await?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        (None, _) => Err(not_found(class, key.clone()).into()),
        (Some(_), false) => Err(MagnumError::positional(Kind::Conflict, ambiguous(class)).into()),
    }
}

fn ambiguous(class: &str) -> &'static str {
    match class {
        "Cluster" => "Multiple clusters exist with same name. Please use the cluster uuid instead.",
        "ClusterTemplate" => {
            "Multiple ClusterTemplates exist with same name. Please use the ClusterTemplate uuid instead."
        }
        "NodeGroup" => "Multiple nodegroups exist with same name. Please use the nodegroup uuid instead.",
        _ => "Multiple federations exist with same name. Please use the federation uuid instead.",
    }
}

/// Columns that a class may be filtered by; any other key of `filters` is ignored.
fn filterable(class: &str) -> &'static [&'static str] {
    match class {
        "Cluster" => &[
            "cluster_template_id",
            "name",
            "stack_id",
            "api_address",
            "node_addresses",
            "project_id",
            "user_id",
        ],
        "NodeGroup" => &["name", "node_count", "node_addresses", "role", "is_default"],
        "X509KeyPair" => &["project_id", "user_id"],
        "Quota" => &["resource", "project_id"],
        "Federation" => &["name", "project_id", "hostcluster_id", "member_ids", "properties"],
        _ => &[],
    }
}

fn filtered(mut select: Select, class: &str, filters: &Value) -> Result<Select, MagnumError> {
    let empty = Map::new();
    let filters = match filters {
        Value::Null => &empty,
        Value::Object(filters) => filters,
        other => {
            let text = format!("'{}' object is not iterable", type_name(other));
            return Err(MagnumError::builtin("TypeError", text));
        }
    };
    for name in filterable(class) {
        if let Some(value) = filters.get(*name) {
            select = select.filter(name, value)?;
        }
    }
    if let Some(status) = filters
        .get("status")
        .filter(|_| matches!(class, "Cluster" | "NodeGroup" | "Federation"))
    {
        select = select.filter_in("status", statuses(status)?)?;
    }
    if class == "Cluster" {
        for (name, comparison) in [("node_count", "<>"), ("master_count", "=")] {
            if let Some(count) = filters.get(name) {
                select = select.condition(node_total(comparison, count));
            }
        }
    }
    Ok(select)
}

fn statuses(value: &Value) -> Result<&[Value], MagnumError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| {
        MagnumError::new(
            "sqlalchemy.exc",
            "ArgumentError",
            format!("IN expression list, SELECT construct, or bound parameter object expected, got {value}."),
        )
    })
}

/// Clusters whose masters, or whose other nodes, sum up to `count`.
fn node_total(comparison: &str, count: &Value) -> Sql {
    let mut sql = Sql::new(format!(
        "`uuid` IN (SELECT `cluster_id` FROM `nodegroup` WHERE `role` {comparison} 'master' \
         GROUP BY `cluster_id` HAVING SUM(`node_count`) = ?)"
    ));
    sql.bind(
        count
            .as_i64()
            .map_or_else(|| Param::Text(python_str(count)), Param::Int),
    );
    sql
}

async fn list(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    class: &str,
    select: Select,
    args: &Bound,
) -> Result<Outcome, DbError> {
    let marker = match args.value("marker") {
        Value::Null => None,
        value if Object::is_wire(value) => Some(Object::from_wire(scope.registry(), value)?),
        other => {
            let text = format!("'{}' object has no attribute 'id'", type_name(other));
            return Err(MagnumError::builtin("AttributeError", text).into());
        }
    };
    let limit = limit(args.value("limit"))?;
    let select = select.page(
        args.text("sort_key"),
        args.text("sort_dir"),
        marker.as_ref(),
        limit,
    )?;
    let rows = select.rows(conn).await?;
    let objects = rows
        .iter()
        .map(|row| scope.object(class, row))
        .collect::<Result<_, _>>()?;
    Ok(Outcome::List(objects))
}

fn limit(value: &Value) -> Result<Option<u64>, MagnumError> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::String(text) => parse_int(text).and_then(|number| u64::try_from(number).ok()),
        other => other.as_u64(),
    };
    number
        .map(Some)
        .ok_or_else(|| MagnumError::builtin("ValueError", format!("limit {value} is not a count")))
}

async fn node_group(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    method: &str,
    args: &Bound,
) -> Result<Outcome, DbError> {
    let cluster = if args.value("cluster_id").is_null() {
        args.value("cluster")
    } else {
        args.value("cluster_id")
    };
    let select = readable(scope, "NodeGroup")?.filter("cluster_id", cluster)?;
    match method {
        "get_count_all" => Ok(Outcome::Plain(select.count(conn).await?.into())),
        "list" => {
            let select = filtered(select, "NodeGroup", args.value("filters"))?;
            list(conn, scope, "NodeGroup", select, args).await
        }
        _ => {
            let names = ["nodegroup_id", "id_", "uuid", "name"];
            let key = names
                .iter()
                .map(|name| args.value(name))
                .find(|value| !value.is_null());
            let key = key.unwrap_or(&Value::Null);
            let row = one(conn, "NodeGroup", &by_key(select, "NodeGroup", method, key)?, key).await?;
            let row = if method == "update_nodegroup" {
                let uuid = row.get("uuid").cloned().unwrap_or(Value::Null);
                let select = scope
                    .select("NodeGroup")?
                    .filter("cluster_id", cluster)?
                    .filter("uuid", &uuid)?;
                let values = column_values(scope, "NodeGroup", args.value("values"))?;
                update_locked(conn, scope, "NodeGroup", select, &values, || {
                    not_found("NodeGroup", uuid)
                })
                .await?
            } else {
                row
            };
            Ok(Outcome::Object(scope.object("NodeGroup", &row)?))
        }
    }
}

async fn quota(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    method: &str,
    args: &Bound,
) -> Result<Outcome, DbError> {
    let select = scope.select("Quota")?;
    let (project, resource) = (args.value("project_id"), args.value("resource"));
    let row = match method {
        "list" => {
            return list(
                conn,
                scope,
                "Quota",
                filtered(select, "Quota", args.value("filters"))?,
                args,
            )
            .await;
        }
        "quota_get_all_by_project_id" => return Err(no_such_query("get_quota_by_project_id").into()),
        "get_by_id" => {
            let id = args.value("quota_id");
            let row = select.filter("id", id)?.first(conn).await?;
            row.ok_or_else(|| MagnumError::quota_not_found(format!("quota id {} .", python_str(id))))?
        }
        "update_quota" => {
            let values = column_values(scope, "Quota", args.value("quota"))?;
            let resource = values
                .get("resource")
                .cloned()
                .ok_or_else(|| MagnumError::key_error("resource"))?;
            let select = select
                .filter("project_id", project)?
                .filter("resource", &resource)?;
            let missing = || quota_not_found(project, &resource);
            update_locked(conn, scope, "Quota", select, &values, missing).await?
        }
        _ => {
            let row = select
                .filter("project_id", project)?
                .filter("resource", resource)?
                .first(conn)
                .await?;
            row.ok_or_else(|| quota_not_found(project, resource))?
        }
    };
    Ok(Outcome::Object(scope.object("Quota", &row)?))
}

/// A dictionary of new values that came as a plain argument, coerced; unknown names are dropped,
/// as SQLAlchemy takes them for plain attributes.
fn column_values(scope: &Scope<'_>, class: &str, given: &Value) -> Result<Values, MagnumError> {
    let (class, _) = scope.schema.stored(class)?;
    let given = given.as_object().ok_or_else(|| {
        MagnumError::builtin(
            "TypeError",
            format!("'{}' object is not iterable", type_name(given)),
        )
    })?;
    class
        .columns()
        .filter(|field| !matches!(field.kind, FieldKind::Object(_)))
        .filter_map(|field| given.get(field.name).map(|value| (field, value)))
        .map(|(field, value)| Ok((field.name.to_owned(), coerce(field, value.clone())?)))
        .collect()
}

async fn stats(conn: &mut MySqlConnection, scope: &Scope<'_>, args: &Bound) -> Result<Outcome, DbError> {
    let (clusters, nodes) = counts(conn, scope, args.text("project_id").filter(|id| !id.is_empty())).await?;
    let mut object = Object::new(scope.registry(), "Stats")?;
    object.set("clusters", clusters)?;
    object.set("nodes", nodes)?;
    Ok(Outcome::Object(object))
}

/// Clusters and nodes of a project, or of all; no tenant filter, as policy guards the API.
async fn counts(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    project: Option<&str>,
) -> Result<(u64, i64), DbError> {
    let mut clusters = scope.select("Cluster")?;
    let mut nodes = Sql::new("SELECT CAST(SUM(`node_count`) AS SIGNED) FROM `nodegroup`");
    if let Some(project) = project {
        clusters = clusters.filter("project_id", &project.into())?;
        nodes
            .push(" WHERE `project_id` = ?")
            .bind(Param::Text(project.into()));
    }
    Ok((
        clusters.count(conn).await?,
        nodes.number(conn, "counting nodes").await?,
    ))
}

/// Two methods of Magnum call a query that its database layer does not have.
fn no_such_query(name: &str) -> MagnumError {
    MagnumError::builtin(
        "AttributeError",
        format!("'Connection' object has no attribute '{name}'"),
    )
}

/// The template of a cluster, as `Cluster.obj_load_attr('cluster_template')` finds it.
pub(super) async fn template_of(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    context: &RequestContext,
    uuid: &Value,
) -> Result<Object, DbError> {
    let select = scope
        .select("ClusterTemplate")?
        .visible_template(context)?
        .filter("uuid", uuid)?;
    let row = one(conn, "ClusterTemplate", &select, uuid).await?;
    Ok(scope.object("ClusterTemplate", &row)?)
}
