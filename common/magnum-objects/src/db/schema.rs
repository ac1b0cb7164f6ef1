//! The schema that the database really has.

use std::collections::{HashMap, HashSet};

use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use super::{DbError, Sql};
use crate::class::{Class, Field, Registry, Release};
use crate::exception::MagnumError;

/// Tables and columns, and the release that they belong to.
#[derive(Debug)]
pub struct Schema {
    head: String,
    release: Release,
    columns: HashMap<String, HashSet<String>>,
}

impl Schema {
    /// Reads `alembic_version` and `information_schema`.
    ///
    /// # Errors
    /// [`DbError::NotMagnum`], [`DbError::UnknownHead`], [`DbError::Sql`].
    pub async fn read(conn: &mut MySqlConnection, place: &str) -> Result<Self, DbError> {
        let mut columns: HashMap<String, HashSet<String>> = HashMap::new();
        let rows = Sql::new(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()",
        )
        .fetch(conn, "reading the schema")
        .await?;
        let text = |row: &sqlx::mysql::MySqlRow, index: usize| {
            row.try_get_unchecked::<String, _>(index)
                .map_err(|source| DbError::Sql {
                    action: "reading the schema".into(),
                    source,
                })
        };
        for row in &rows {
            columns.entry(text(row, 0)?).or_default().insert(text(row, 1)?);
        }
        let not_magnum = |reason: &str| DbError::NotMagnum {
            place: place.to_owned(),
            reason: reason.to_owned(),
        };
        if !columns.contains_key("alembic_version") {
            return Err(not_magnum("no table alembic_version"));
        }
        let heads = Sql::new("SELECT version_num FROM alembic_version")
            .fetch(conn, "reading alembic_version")
            .await?;
        let head = heads.first().map(|row| text(row, 0)).transpose()?;
        let head = head.ok_or_else(|| not_magnum("alembic_version is empty"))?;
        let release = Release::of_head(&head).ok_or_else(|| DbError::UnknownHead {
            place: place.to_owned(),
            head: head.clone(),
        })?;
        let schema = Self {
            head,
            release,
            columns,
        };
        for class in schema.registry().classes() {
            let Some(table) = class.table else { continue };
            let present = schema
                .columns
                .get(table)
                .ok_or_else(|| not_magnum(&format!("no table {table}")))?;
            if let Some(missing) = class.columns().find(|field| !present.contains(field.name)) {
                return Err(not_magnum(&format!("no column {table}.{}", missing.name)));
            }
        }
        Ok(schema)
    }

    /// A schema as that of a release without any database, for tests of pure code.
    pub fn of_release(release: Release) -> Self {
        let head = Release::HEADS
            .iter()
            .find(|(_, known, _)| *known == release)
            .map_or("", |(head, ..)| *head);
        let tables = Registry::of(release)
            .classes()
            .iter()
            .filter_map(|class| Some((class.table?, class)));
        let columns = tables.map(|(table, class)| {
            (
                table.to_owned(),
                class.columns().map(|field| field.name.to_owned()).collect(),
            )
        });
        Self {
            head: head.to_owned(),
            release,
            columns: columns.collect(),
        }
    }

    /// Alembic head.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Release.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The release's classes.
    pub fn registry(&self) -> &'static Registry {
        Registry::of(self.release)
    }

    /// Whether the table has the column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }

    /// Whether there is such a table.
    pub fn has_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// A stored class and its table.
    ///
    /// # Errors
    /// `UnsupportedObjectError` for an unknown class or one without table.
    pub fn stored(&self, class: &str) -> Result<(&'static Class, &'static str), MagnumError> {
        self.registry()
            .class(class)
            .and_then(|found| Some((found, found.table?)))
            .ok_or_else(|| MagnumError::unsupported_object(class))
    }

    /// A column of a class. `None` if this release lacks it but another has it: then there is
    /// nothing to write or compare.
    ///
    /// # Errors
    /// [`DbError::UnknownColumn`] if no release has it.
    pub(crate) fn column(
        &self,
        class: &'static Class,
        name: &str,
    ) -> Result<Option<&'static Field>, DbError> {
        match class.columns().find(|field| field.name == name) {
            Some(field) => Ok(Some(field)),
            None => {
                let elsewhere = [Release::V18, Release::V23]
                    .into_iter()
                    .filter_map(|release| Registry::of(release).class(class.name))
                    .any(|class| class.columns().any(|field| field.name == name));
                if elsewhere {
                    Ok(None)
                } else {
                    Err(DbError::UnknownColumn {
                        table: class.table.unwrap_or(class.name).to_owned(),
                        column: name.to_owned(),
                    })
                }
            }
        }
    }
}
