//! Statements put together at run time, and values on their way in and out.

use chrono::{NaiveDateTime, SubsecRound, Utc};
use serde_json::Value;
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::DbError;
use crate::class::{Field, FieldKind};
use crate::coerce::{coerce, python_str};
use crate::datetime;

/// Now, in UTC, in whole seconds as the columns hold them.
pub(crate) fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(0)
}

/// A value bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Param {
    Null,
    Int(i64),
    Text(String),
    Time(NaiveDateTime),
}

impl Param {
    /// A value for a column; JSON is encoded, nothing becomes NULL.
    pub(crate) fn of(field: &Field, value: &Value) -> Result<Self, crate::MagnumError> {
        if value.is_null() {
            return Ok(Self::Null);
        }
        Ok(match field.kind {
            FieldKind::DateTime => match value {
                Value::String(text) => Self::Time(datetime::to_utc(text)?.trunc_subsecs(0)),
                other => Self::Text(python_str(other)),
            },
            kind if kind.is_json() => Self::Text(python_json(value)),
            _ => Self::plain(value),
        })
    }

    /// As [`Param::of`], but an empty JSON column gets `{}` or `[]`, as Magnum's models write it.
    pub(crate) fn stored(field: &Field, value: &Value) -> Result<Self, crate::MagnumError> {
        if value.is_null() && field.kind.is_json() {
            let empty = if field.kind == FieldKind::TextMap {
                "{}"
            } else {
                "[]"
            };
            return Ok(Self::Text(empty.into()));
        }
        Self::of(field, value)
    }

    fn plain(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Int(i64::from(*flag)),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| Self::Text(number.to_string()), Self::Int),
            Value::String(text) => Self::Text(text.clone()),
            other => Self::Text(python_json(other)),
        }
    }
}

/// JSON as Python's `json.dumps` writes it: a space after `,` and `:`, ASCII only.
pub(crate) fn python_json(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, &mut out);
    out
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_text(key, out);
                out.push_str(": ");
                write_json(item, out);
            }
            out.push('}');
        }
        Value::String(text) => write_text(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// A statement under construction. Names that are pushed come from the class tables, never from a
/// message; values are always bound.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sql {
    text: String,
    params: Vec<Param>,
}

impl Sql {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            params: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn bind(&mut self, param: Param) -> &mut Self {
        self.params.push(param);
        self
    }

    pub(crate) fn append(&mut self, other: Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.params.extend(other.params);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn arguments(&self, action: &str) -> Result<MySqlArguments, DbError> {
        let mut arguments = MySqlArguments::default();
        for param in &self.params {
            let added = match param {
                Param::Null => arguments.add(None::<String>),
                Param::Int(number) => arguments.add(*number),
                Param::Text(text) => arguments.add(text.clone()),
                Param::Time(time) => arguments.add(*time),
            };
            added.map_err(|source| DbError::Sql {
                action: action.into(),
                source: sqlx::Error::Encode(source),
            })?;
        }
        Ok(arguments)
    }

    /// All rows.
    pub(crate) async fn fetch(
        &self,
        conn: &mut MySqlConnection,
        action: &str,
    ) -> Result<Vec<MySqlRow>, DbError> {
        sqlx::query_with(AssertSqlSafe(self.text.clone()), self.arguments(action)?)
            .fetch_all(conn)
            .await
            .map_err(|source| DbError::Sql {
                action: action.to_owned(),
                source,
            })
    }

    /// The first column of the first row as a number; 0 for NULL or none.
    pub(crate) async fn number(&self, conn: &mut MySqlConnection, action: &str) -> Result<i64, DbError> {
        let rows = self.fetch(conn, action).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        row.try_get_unchecked::<Option<i64>, _>(0)
            .map(Option::unwrap_or_default)
            .map_err(|source| DbError::Sql {
                action: action.to_owned(),
                source,
            })
    }

    /// Runs it; gives the number of rows matched and the id of an inserted row.
    pub(crate) async fn execute(
        &self,
        conn: &mut MySqlConnection,
        table: &'static str,
        action: &str,
    ) -> Result<(u64, u64), DbError> {
        let result = sqlx::query_with(AssertSqlSafe(self.text.clone()), self.arguments(action)?)
            .execute(conn)
            .await;
        match result {
            Ok(done) => Ok((done.rows_affected(), done.last_insert_id())),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(DbError::Duplicate { table })
            }
            Err(source) => Err(DbError::Sql {
                action: action.to_owned(),
                source,
            }),
        }
    }
}

/// Reads a column and coerces it as the object's field would; NULL stays null.
pub(crate) fn read(row: &MySqlRow, field: &Field, table: &str) -> Result<Value, DbError> {
    let wrong = |reason: String| DbError::Value {
        table: table.to_owned(),
        column: field.name.to_owned(),
        reason,
    };
    let unreadable = |error: sqlx::Error| wrong(error.to_string());
    let value = match field.kind {
        FieldKind::Integer => row
            .try_get_unchecked::<Option<i64>, _>(field.name)
            .map_err(unreadable)?
            .map(Value::from),
        FieldKind::Boolean => row
            .try_get_unchecked::<Option<i64>, _>(field.name)
            .map_err(unreadable)?
            .map(|number| Value::from(number != 0)),
        FieldKind::DateTime => row
            .try_get_unchecked::<Option<NaiveDateTime>, _>(field.name)
            .map_err(unreadable)?
            .map(|time| Value::from(datetime::from_utc(time))),
        kind => {
            let text = row
                .try_get_unchecked::<Option<String>, _>(field.name)
                .map_err(unreadable)?;
            match text {
                Some(text) if kind.is_json() => Some(
                    serde_json::from_str(&text).map_err(|error| wrong(format!("holds no JSON: {error}")))?,
                ),
                other => other.map(Value::from),
            }
        }
    };
    match value {
        None | Some(Value::Null) => Ok(Value::Null),
        Some(value) => coerce(field, value).map_err(|error| wrong(error.message)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::Registry;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!({"a": ["ü", "😀", "x\"\\\n\u{1}"], "b": {"c": null, "d": true}, "e": {}});
        assert_eq!(
            python_json(&value),
            r#"{"a": ["\u00fc", "\ud83d\ude00", "x\"\\\n\u0001"], "b": {"c": null, "d": true}, "e": {}}"#
        );
    }

    #[test]
    fn empty_json_columns_are_stored_as_empty_containers() {
        let group = Registry::newest().class("NodeGroup").unwrap();
        let stored = |name: &str| Param::stored(group.field(name).unwrap(), &Value::Null).unwrap();
        assert_eq!(stored("labels"), Param::Text("{}".into()));
        assert_eq!(stored("node_taints"), Param::Text("[]".into()));
        assert_eq!(stored("image_id"), Param::Null);
    }
}
