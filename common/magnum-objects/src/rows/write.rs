//! Inserts, narrow updates and deletions on any table.

use serde_json::Value;
use sqlx::mysql::MySqlConnection;

use super::{Changes, Guard};
use crate::Values;
use crate::class::{Class, Field};
use crate::coerce::coerce;
use crate::datetime;
use crate::db::{DbError, Param, Schema, Sql, now};

/// Inserts a row and gives it back as SQLAlchemy's model holds it after a flush: what was given,
/// the columns' defaults, null for the rest, `id` and `created_at`. A missing `uuid` is made.
///
/// # Errors
/// [`DbError::Duplicate`], [`DbError::Sql`], [`DbError::Value`]; `UnsupportedObjectError`.
pub async fn insert_values(
    conn: &mut MySqlConnection,
    schema: &Schema,
    class: &str,
    values: &Values,
) -> Result<Values, DbError> {
    let (class, table) = schema.stored(class)?;
    let mut row = Values::new();
    let mut columns = Sql::default();
    let mut marks = Sql::default();
    for field in class.columns() {
        let value = inserted_value(field, values.get(field.name).unwrap_or(&Value::Null));
        let param = Param::stored(field, &value).map_err(|error| unfit(table, field, error.message))?;
        row.insert(field.name.to_owned(), value);
        if field.name == "id" && param == Param::Null {
            continue;
        }
        let first = columns.is_empty();
        columns
            .push(if first { "`" } else { ", `" })
            .push(field.name)
            .push("`");
        marks.push(if first { "?" } else { ", ?" }).bind(param);
    }
    let mut sql = Sql::new(format!("INSERT INTO `{table}` ("));
    sql.append(columns).push(") VALUES (").append(marks).push(")");
    let (_, id) = sql
        .execute(conn, table, &format!("inserting into {table}"))
        .await?;
    if row.get("id").is_none_or(Value::is_null) {
        row.insert("id".into(), Value::from(id));
    }
    Ok(row)
}

fn inserted_value(field: &Field, given: &Value) -> Value {
    match field.name {
        "id" if given.as_i64() == Some(0) => Value::Null,
        "uuid" if given.as_str().is_none_or(str::is_empty) => Value::from(uuid::Uuid::new_v4().to_string()),
        "created_at" if given.is_null() => Value::from(datetime::from_utc(now())),
        _ if given.is_null() => field.column_default.map_or(Value::Null, Value::from),
        _ => given.clone(),
    }
}

fn unfit(table: &str, field: &Field, reason: String) -> DbError {
    DbError::Value {
        table: table.to_owned(),
        column: field.name.to_owned(),
        reason,
    }
}

/// Changes columns of the row with that key, if `guard` holds, and stamps `updated_at`; tells
/// whether there was such a row. A column that this release lacks is left out.
///
/// # Errors
/// [`DbError::UnknownColumn`], [`DbError::Duplicate`], [`DbError::Sql`], [`DbError::Value`].
pub async fn update_by_key(
    conn: &mut MySqlConnection,
    schema: &Schema,
    class: &str,
    key: (&str, &Value),
    changes: &Changes,
    guard: &Guard,
) -> Result<bool, DbError> {
    let (class, table) = schema.stored(class)?;
    let mut sql = Sql::new(format!("UPDATE `{table}` SET "));
    if !changes.values().contains_key("updated_at") {
        sql.push("`updated_at` = ?").bind(Param::Time(now()));
    }
    for (index, (name, value)) in changes.values().iter().enumerate() {
        let Some(field) = schema.column(class, name)? else {
            continue;
        };
        let value = coerce(field, value.clone()).map_err(|error| unfit(table, field, error.message))?;
        let param = Param::stored(field, &value).map_err(|error| unfit(table, field, error.message))?;
        let separated = index == 0 && changes.values().contains_key("updated_at");
        sql.push(if separated { "" } else { ", " })
            .push(&format!("`{}` = ?", field.name))
            .bind(param);
    }
    sql.append(condition(schema, class, key, guard)?);
    let (matched, _) = sql.execute(conn, table, &format!("updating {table}")).await?;
    Ok(matched > 0)
}

/// Deletes the row with that key, if `guard` holds; tells whether there was such a row.
///
/// # Errors
/// [`DbError::UnknownColumn`], [`DbError::Sql`], [`DbError::Value`].
pub async fn delete_by_key(
    conn: &mut MySqlConnection,
    schema: &Schema,
    class: &str,
    key: (&str, &Value),
    guard: &Guard,
) -> Result<bool, DbError> {
    Ok(delete_where(conn, schema, class, key, guard).await? > 0)
}

pub(super) async fn delete_where(
    conn: &mut MySqlConnection,
    schema: &Schema,
    class: &str,
    key: (&str, &Value),
    guard: &Guard,
) -> Result<u64, DbError> {
    let (class, table) = schema.stored(class)?;
    let mut sql = Sql::new(format!("DELETE FROM `{table}`"));
    sql.append(condition(schema, class, key, guard)?);
    let (matched, _) = sql
        .execute(conn, table, &format!("deleting from {table}"))
        .await?;
    Ok(matched)
}

fn condition(
    schema: &Schema,
    class: &'static Class,
    (key, value): (&str, &Value),
    guard: &Guard,
) -> Result<Sql, DbError> {
    let table = class.table.unwrap_or(class.name);
    let mut sql = Sql::default();
    let key_values = [value.clone()];
    let all = std::iter::once((key, key_values.as_slice())).chain(guard.conditions());
    for (index, (name, values)) in all.enumerate() {
        let Some(field) = schema.column(class, name)? else {
            continue;
        };
        if field.kind.is_json() && values.iter().any(|value| !value.is_null()) {
            return Err(unfit(
                table,
                field,
                "JSON cannot be compared in a statement".into(),
            ));
        }
        sql.push(if index == 0 { " WHERE (" } else { " AND (" });
        if values.is_empty() {
            sql.push("1 = 0");
        }
        for (place, value) in values.iter().enumerate() {
            let param = Param::of(field, value).map_err(|error| unfit(table, field, error.message))?;
            sql.push(if place == 0 { "" } else { " OR " });
            sql.push(&format!("`{}` <=> ?", field.name)).bind(param);
        }
        sql.push(")");
    }
    Ok(sql)
}
