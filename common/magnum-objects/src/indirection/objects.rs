//! Methods of objects: create, save, destroy, refresh and the heartbeat.

use serde_json::{Value, json};
use sqlx::mysql::MySqlConnection;

use super::methods::Method;
use super::{Scope, classes, identity, not_found, quota_not_found, update_locked, write_differences};
use crate::Values;
use crate::db::{DbError, Select, now};
use crate::exception::{Kind, MagnumError};
use crate::ovo::Object;
use crate::rows::{Guard, delete_by_key, insert_values};

/// Runs a method of an object; the object is left as it is after the call.
pub(super) async fn call(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    method: &Method,
    object: &mut Object,
) -> Result<(), DbError> {
    match method.name {
        "create" => create(conn, scope, object).await,
        "refresh" => refresh(conn, scope, object).await,
        "save" => save(conn, scope, object).await,
        "report_state_up" => {
            let count = needed(object, "report_count")?.as_i64().unwrap_or_default();
            object.set("report_count", count + 1)?;
            save(conn, scope, object).await
        }
        _ => destroy(conn, scope, object).await,
    }
}

/// A field that the method reads; unset ones cannot be loaded.
fn needed(object: &Object, field: &str) -> Result<Value, MagnumError> {
    object.get(field).cloned().ok_or_else(|| {
        MagnumError::builtin(
            "NotImplementedError",
            format!("Cannot load '{field}' in the base class"),
        )
    })
}

async fn create(conn: &mut MySqlConnection, scope: &Scope<'_>, object: &mut Object) -> Result<(), DbError> {
    let values = object.changed_values();
    let row = match insert_values(conn, scope.schema, object.name(), &values).await {
        Err(DbError::Duplicate { .. }) if object.name() == "MagnumService" => {
            let part = |name: &str| values.get(name).cloned().unwrap_or(Value::Null);
            tracing::warn!(host = %part("host"), binary = %part("binary"), "the service has its row already");
            let select = scope.select("MagnumService")?;
            let select = select
                .filter("host", &part("host"))?
                .filter("binary", &part("binary"))?;
            select.first(conn).await?.ok_or(DbError::Duplicate {
                table: "magnum_service",
            })?
        }
        Err(DbError::Duplicate { table }) => {
            return Err(exists(object.name(), &values).map_or(DbError::Duplicate { table }, DbError::Refused));
        }
        other => other?,
    };
    object.load(&row)?;
    Ok(())
}

fn exists(class: &str, values: &Values) -> Option<MagnumError> {
    let part = |name: &str| values.get(name).cloned().unwrap_or(Value::Null);
    Some(match class {
        "Cluster" => MagnumError::cluster_already_exists(part("uuid")),
        "ClusterTemplate" => MagnumError::cluster_template_already_exists(part("uuid")),
        "NodeGroup" => MagnumError::node_group_already_exists(part("cluster_id"), part("name")),
        "X509KeyPair" => MagnumError::x509_key_pair_already_exists(part("uuid")),
        "Quota" => MagnumError::quota_already_exists(part("project_id"), part("resource")),
        "Federation" => MagnumError::federation_already_exists(part("uuid")),
        _ => return None,
    })
}

/// The row behind an object and the key that Magnum names when it is not there.
fn row_of(scope: &Scope<'_>, object: &Object) -> Result<(Select, Value), MagnumError> {
    let select = scope.select(object.name())?;
    match object.name() {
        "MagnumService" => {
            let id = needed(object, "id")?;
            Ok((identity(select, &id)?, id))
        }
        "NodeGroup" => {
            let (cluster, uuid) = (needed(object, "cluster_id")?, needed(object, "uuid")?);
            Ok((identity(select, &uuid)?.filter("cluster_id", &cluster)?, uuid))
        }
        _ => {
            let uuid = needed(object, "uuid")?;
            Ok((identity(select, &uuid)?, uuid))
        }
    }
}

async fn save(conn: &mut MySqlConnection, scope: &Scope<'_>, object: &mut Object) -> Result<(), DbError> {
    let class = object.name();
    let mut values = object.changed_values();
    if values.contains_key("uuid") && class != "NodeGroup" {
        let text = format!("Cannot overwrite UUID for an existing {class}.");
        return Err(MagnumError::invalid_parameter_value(text).into());
    }
    let (select, key) = row_of(scope, object)?;
    match class {
        "ClusterTemplate" => save_template(conn, scope, select, key, &values).await?,
        "MagnumService" => {
            let row = select
                .for_update()
                .first(conn)
                .await?
                .ok_or_else(|| not_found(class, key))?;
            let counted = |values: &Values| values.get("report_count").and_then(Value::as_i64);
            if counted(&values) > counted(&row) {
                values
                    .entry("last_seen_up")
                    .or_insert_with(|| json!(crate::datetime::from_utc(now())));
            }
            write_differences(conn, scope, class, row, &values).await?;
        }
        _ => {
            update_locked(conn, scope, class, select, &values, || not_found(class, key)).await?;
        }
    }
    object.reset_changes();
    Ok(())
}

/// A template in use may only be published, hidden, tagged or renamed, one at a time.
async fn save_template(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    select: Select,
    key: Value,
    values: &Values,
) -> Result<(), DbError> {
    let row = select.for_update().first(conn).await?;
    let row = row.ok_or_else(|| MagnumError::cluster_template_not_found(key.clone()))?;
    if !harmless(values) && is_referenced(conn, scope, &row).await? {
        return Err(MagnumError::cluster_template_referenced(key).into());
    }
    write_differences(conn, scope, "ClusterTemplate", row, values).await?;
    Ok(())
}

fn harmless(values: &Values) -> bool {
    let mut each = values.iter();
    match (each.next(), each.next()) {
        (Some((name, value)), None) => match name.as_str() {
            "public" => *value == Value::Bool(true),
            "tags" => !value.is_null(),
            name => matches!(name, "hidden" | "name"),
        },
        _ => false,
    }
}

async fn is_referenced(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    template: &Values,
) -> Result<bool, DbError> {
    let uuid = template.get("uuid").unwrap_or(&Value::Null);
    Ok(scope
        .select("Cluster")?
        .filter("cluster_template_id", uuid)?
        .count(conn)
        .await?
        > 0)
}

async fn destroy(conn: &mut MySqlConnection, scope: &Scope<'_>, object: &mut Object) -> Result<(), DbError> {
    let class = object.name();
    let (select, missing) = match class {
        "Quota" => {
            let (project, resource) = (needed(object, "project_id")?, needed(object, "resource")?);
            let select = scope
                .select(class)?
                .filter("project_id", &project)?
                .filter("resource", &resource)?;
            (select, quota_not_found(&project, &resource))
        }
        "X509KeyPair" => {
            // Magnum passes the key as the exception's message.
            let (select, key) = row_of(scope, object)?;
            let text = key.as_str().unwrap_or_default().to_owned();
            (select, MagnumError::positional(Kind::X509KeyPairNotFound, text))
        }
        _ => {
            let (select, key) = row_of(scope, object)?;
            (select, not_found(class, key))
        }
    };
    let row = select.for_update().first(conn).await?.ok_or(missing)?;
    if class == "ClusterTemplate" && is_referenced(conn, scope, &row).await? {
        return Err(MagnumError::cluster_template_referenced(needed(object, "uuid")?).into());
    }
    let id = row.get("id").unwrap_or(&Value::Null);
    delete_by_key(conn, scope.schema, class, ("id", id), &Guard::none()).await?;
    object.reset_changes();
    Ok(())
}

/// Takes over what differs in the database; what was taken over is marked changed. A loaded
/// template is loaded again, and always differs.
async fn refresh(conn: &mut MySqlConnection, scope: &Scope<'_>, object: &mut Object) -> Result<(), DbError> {
    let class = object.name();
    let uuid = needed(object, "uuid")?;
    let select = scope.select(class)?;
    let select = match class {
        "ClusterTemplate" => select.visible_template(scope.context)?,
        "NodeGroup" => {
            let cluster = needed(object, "cluster_id")?;
            select
                .project_unless_admin(scope.context)?
                .filter("cluster_id", &cluster)?
        }
        _ => select.tenant(scope.context)?,
    };
    let row = select
        .filter("uuid", &uuid)?
        .first(conn)
        .await?
        .ok_or_else(|| not_found(class, uuid))?;
    let current = scope.object(class, &row)?;
    for field in object.class().columns() {
        let now = current.get(field.name).unwrap_or(&Value::Null);
        if object.get(field.name).is_some_and(|old| old != now) {
            object.set(field.name, now.clone())?;
        }
    }
    if object.is_set("cluster_template") {
        let template = row.get("cluster_template_id").unwrap_or(&Value::Null);
        let template = classes::template_of(conn, scope, scope.context, template).await?;
        object.set("cluster_template", template.to_wire())?;
    }
    Ok(())
}
