//! Reading rows: conditions, tenant filter, order and pagination as `db/sqlalchemy/api.py` has them.

use serde_json::Value;
use sqlx::mysql::MySqlConnection;

use super::sql::read;
use super::{DbError, Param, Schema, Sql};
use crate::Values;
use crate::class::{Class, Field, FieldKind};
use crate::context::RequestContext;
use crate::exception::MagnumError;
use crate::ovo::Object;

/// A `SELECT` of whole rows of one class.
#[derive(Debug, Clone)]
pub struct Select {
    class: &'static Class,
    table: &'static str,
    conditions: Sql,
    tail: Sql,
}

impl Select {
    /// All rows of the class.
    ///
    /// # Errors
    /// `UnsupportedObjectError` for a class without table.
    pub fn from(schema: &Schema, class: &str) -> Result<Self, MagnumError> {
        let (class, table) = schema.stored(class)?;
        Ok(Self {
            class,
            table,
            conditions: Sql::default(),
            tail: Sql::default(),
        })
    }

    /// Only rows for which the column has that value; null selects NULL. A column that this
    /// release lacks selects everything.
    ///
    /// # Errors
    /// `InvalidRequestError` of SQLAlchemy for an unknown column.
    pub fn filter(mut self, name: &str, value: &Value) -> Result<Self, MagnumError> {
        let condition = self.equals(name, value)?;
        self.and(condition);
        Ok(self)
    }

    /// Only rows for which the column has one of the values.
    ///
    /// # Errors
    /// As [`Select::filter`].
    pub fn filter_in(mut self, name: &str, values: &[Value]) -> Result<Self, MagnumError> {
        let field = self.field(name)?;
        let mut condition = Sql::default();
        if values.is_empty() {
            condition.push("1 = 0");
        } else {
            condition.push(&format!("`{}` IN (", field.name));
            for (index, value) in values.iter().enumerate() {
                condition
                    .push(if index == 0 { "?" } else { ", ?" })
                    .bind(Param::of(field, value)?);
            }
            condition.push(")");
        }
        self.and(condition);
        Ok(self)
    }

    /// A condition of our own making.
    pub(crate) fn condition(mut self, condition: Sql) -> Self {
        self.and(condition);
        self
    }

    /// Only what the caller may see: everything for an administrator who asks for all tenants,
    /// else the caller's project, else the caller's own (`_add_tenant_filters`).
    ///
    /// # Errors
    /// As [`Select::filter`].
    pub fn tenant(mut self, context: &RequestContext) -> Result<Self, MagnumError> {
        if let Some(condition) = self.tenant_condition(context)? {
            self.and(condition);
        }
        Ok(self)
    }

    /// Only node groups that the caller may see: any for an administrator, else the project's.
    ///
    /// # Errors
    /// As [`Select::filter`].
    pub fn project_unless_admin(self, context: &RequestContext) -> Result<Self, MagnumError> {
        if context.is_admin {
            Ok(self)
        } else {
            self.filter("project_id", &Value::from(context.project_id.clone()))
        }
    }

    /// Cluster templates that the caller may see: the tenant's, public ones that are not hidden,
    /// and hidden public ones for administrators.
    ///
    /// # Errors
    /// As [`Select::filter`].
    pub fn visible_template(mut self, context: &RequestContext) -> Result<Self, MagnumError> {
        if let Some(own) = self.tenant_condition(context)? {
            let mut condition = own;
            condition.push(if context.is_admin {
                " OR (`public` = 1 AND `hidden` IN (0, 1))"
            } else {
                " OR (`public` = 1 AND `hidden` = 0)"
            });
            self.and(condition);
        }
        Ok(self)
    }

    fn tenant_condition(&self, context: &RequestContext) -> Result<Option<Sql>, MagnumError> {
        if context.is_admin && context.all_tenants {
            return Ok(None);
        }
        let condition = match context.project_id.as_deref().filter(|id| !id.is_empty()) {
            Some(project) => self.equals("project_id", &Value::from(project))?,
            None => self.equals("user_id", &Value::from(context.user_id.clone()))?,
        };
        Ok(Some(condition))
    }

    fn equals(&self, name: &str, value: &Value) -> Result<Sql, MagnumError> {
        let field = self.field(name)?;
        let mut condition = Sql::default();
        match Param::of(field, value)? {
            Param::Null => condition.push(&format!("`{}` IS NULL", field.name)),
            param => condition.push(&format!("`{}` = ?", field.name)).bind(param),
        };
        Ok(condition)
    }

    /// An unknown column in a filter is a programming error of the caller; SQLAlchemy's words.
    fn field(&self, name: &str) -> Result<&'static Field, MagnumError> {
        self.class
            .columns()
            .find(|field| field.name == name)
            .ok_or_else(|| {
                MagnumError::new(
                    "sqlalchemy.exc",
                    "InvalidRequestError",
                    format!(
                        "Entity namespace for \"{}\" has no property \"{name}\"",
                        self.table
                    ),
                )
            })
    }

    fn and(&mut self, condition: Sql) {
        self.conditions.push(if self.conditions.is_empty() {
            " WHERE ("
        } else {
            " AND ("
        });
        self.conditions.append(condition).push(")");
    }

    /// Orders by `sort_key` and then by id, starts after `marker` (an object of the class) and
    /// gives at most `limit` rows, as oslo.db's `paginate_query`.
    ///
    /// # Errors
    /// `InvalidParameterValue` for an unknown sort key, `ValueError` for an unknown direction.
    pub fn page(
        mut self,
        sort_key: Option<&str>,
        sort_dir: Option<&str>,
        marker: Option<&Object>,
        limit: Option<u64>,
    ) -> Result<Self, MagnumError> {
        let mut keys = vec![self.sort_field(Some("id"))?];
        if let Some(key) = sort_key.filter(|key| !key.is_empty() && *key != "id") {
            keys.insert(0, self.sort_field(Some(key))?);
        }
        let direction = Direction::parse(sort_dir.filter(|dir| !dir.is_empty()).unwrap_or("asc"))?;
        if let Some(marker) = marker {
            let condition = after_marker(&keys, &direction, marker)?;
            self.and(condition);
        }
        let order: Vec<String> = keys.iter().map(|field| direction.order(field.name)).collect();
        self.tail = Sql::new(format!(" ORDER BY {}", order.join(", ")));
        if let Some(limit) = limit {
            self.tail.push(&format!(" LIMIT {limit}"));
        }
        Ok(self)
    }

    fn sort_field(&self, key: Option<&str>) -> Result<&'static Field, MagnumError> {
        let key = key.unwrap_or("id");
        self.class
            .columns()
            .find(|field| field.name == key)
            .ok_or_else(|| {
                // Magnum passes the text as the exception's message, not as its keyword.
                MagnumError::positional(
                    crate::Kind::InvalidParameterValue,
                    format!("The sort_key value \"{key}\" is an invalid field for sorting"),
                )
            })
    }

    /// Locks the rows until the transaction ends.
    #[must_use]
    pub fn for_update(mut self) -> Self {
        self.tail.push(" FOR UPDATE");
        self
    }

    /// The rows.
    ///
    /// # Errors
    /// [`DbError::Sql`]; [`DbError::Value`] for a stored value that does not fit its field.
    pub async fn rows(&self, conn: &mut MySqlConnection) -> Result<Vec<Values>, DbError> {
        let names: Vec<String> = self
            .class
            .columns()
            .map(|field| format!("`{}`", field.name))
            .collect();
        let mut sql = Sql::new(format!("SELECT {} FROM `{}`", names.join(", "), self.table));
        sql.append(self.conditions.clone()).append(self.tail.clone());
        let rows = sql.fetch(conn, &format!("reading {}", self.table)).await?;
        rows.iter()
            .map(|row| {
                let columns = self.class.columns();
                columns
                    .map(|field| Ok((field.name.to_owned(), read(row, field, self.table)?)))
                    .collect()
            })
            .collect()
    }

    /// The first row.
    ///
    /// # Errors
    /// As [`Select::rows`].
    pub async fn first(&self, conn: &mut MySqlConnection) -> Result<Option<Values>, DbError> {
        Ok(self.rows(conn).await?.into_iter().next())
    }

    /// The number of rows.
    ///
    /// # Errors
    /// [`DbError::Sql`].
    pub async fn count(&self, conn: &mut MySqlConnection) -> Result<u64, DbError> {
        let mut sql = Sql::new(format!("SELECT COUNT(*) FROM `{}`", self.table));
        sql.append(self.conditions.clone());
        let number = sql.number(conn, &format!("counting {}", self.table)).await?;
        Ok(u64::try_from(number).unwrap_or_default())
    }
}

/// `asc` or `desc`, with what becomes of NULL.
struct Direction {
    descending: bool,
    nulls: &'static str,
}

impl Direction {
    fn parse(text: &str) -> Result<Self, MagnumError> {
        let (main, nulls) = text.split_once('-').unwrap_or((text, ""));
        let known = |text: &str, names: &[&'static str]| names.iter().find(|name| **name == text).copied();
        match (
            known(main, &["asc", "desc"]),
            known(nulls, &["", "nullsfirst", "nullslast"]),
        ) {
            (Some(main), Some(nulls)) => Ok(Self {
                descending: main == "desc",
                nulls,
            }),
            _ => Err(MagnumError::builtin(
                "ValueError",
                "Unknown sort direction, must be one of: asc-nullsfirst, asc-nullslast, desc-nullsfirst, desc-nullslast",
            )),
        }
    }

    fn order(&self, name: &str) -> String {
        let nulls = match self.nulls {
            "nullsfirst" => format!("`{name}` IS NULL DESC, "),
            "nullslast" => format!("`{name}` IS NOT NULL DESC, "),
            _ => String::new(),
        };
        format!("{nulls}`{name}` {}", if self.descending { "DESC" } else { "ASC" })
    }
}

/// Rows after the marker in lexicographic order; a NULL of the marker compares with nothing.
fn after_marker(keys: &[&'static Field], direction: &Direction, marker: &Object) -> Result<Sql, MagnumError> {
    let mut any = Sql::default();
    let values: Vec<Value> = keys
        .iter()
        .map(|field| marker.get(field.name).cloned().unwrap_or(Value::Null))
        .collect();
    for (index, field) in keys.iter().enumerate() {
        let value = values.get(index).unwrap_or(&Value::Null);
        if value.is_null() {
            continue;
        }
        any.push(if any.is_empty() { "(" } else { " OR (" });
        for (earlier, value) in keys
            .iter()
            .zip(&values)
            .take(index)
            .filter(|(_, value)| !value.is_null())
        {
            any.push(&format!("`{}` = ? AND ", earlier.name))
                .bind(Param::of(earlier, value)?);
        }
        let comparison = if direction.descending { "<" } else { ">" };
        any.push(&format!("(`{}` {comparison} ?", field.name))
            .bind(Param::of(field, value)?);
        let nulls_follow = if direction.descending {
            "nullsfirst"
        } else {
            "nullslast"
        };
        if direction.nulls == nulls_follow && !matches!(field.kind, FieldKind::Object(_)) {
            any.push(&format!(" OR `{}` IS NULL", field.name));
        }
        any.push("))");
    }
    if any.is_empty() {
        any.push("1 = 1");
    }
    Ok(any)
}
