//! Databases of tests, made on the server that `MARIADB_URL` names, and what changes in them.
//!
//! Without such a server a test says `SKIPPED:` and is over.

#![allow(clippy::unwrap_used, reason = "part of tests")]

use std::collections::BTreeMap;
use std::io::Write;

use magnum_objects::db::Select;
use magnum_objects::{Db, DbSettings};
use serde_json::{Map, Value, json};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Magnum's tables in releases 18 to 22.
pub const SCHEMA_18: &str = include_str!("../../../common/magnum-objects/tests/data/schema-18.0.1.sql");
/// Magnum's tables in release 23.
pub const SCHEMA_23: &str = include_str!("../../../common/magnum-objects/tests/data/schema-23.0.0.sql");
/// Magnum's tables and their classes.
pub const TABLES: &[(&str, &str)] = &[
    ("cluster", "Cluster"),
    ("cluster_template", "ClusterTemplate"),
    ("nodegroup", "NodeGroup"),
    ("x509keypair", "X509KeyPair"),
    ("quotas", "Quota"),
    ("magnum_service", "MagnumService"),
    ("federation", "Federation"),
];

/// Tables whose changes are recorded.
const RECORDED: [&str; 4] = ["cluster", "cluster_template", "nodegroup", "x509keypair"];

/// Columns and their values.
pub type Row = Map<String, Value>;

/// All rows, by table.
pub type Snapshot = BTreeMap<&'static str, Vec<Row>>;

/// A database of a test's own; [`TestDb::drop_database`] removes it.
pub struct TestDb {
    server: String,
    name: String,
    /// Connections to it.
    pub db: Db,
}

/// URL of the server, or `None` after saying that the test is skipped.
pub fn server(test: &str) -> Option<String> {
    let server = std::env::var("MARIADB_URL").ok().filter(|url| !url.is_empty());
    if server.is_none() {
        // The test harness shows what goes through the handle even of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {test} needs MARIADB_URL=mysql://user:password@host:port/, a server where databases may be made"
        );
    }
    server.map(|url| url.trim_end_matches('/').to_owned())
}

impl TestDb {
    /// A new database with that schema.
    pub async fn new(test: &str, schema: &str) -> Option<Self> {
        let server = server(test)?;
        let name = format!("test_{}_{test}", std::process::id());
        create(&server, &name, schema).await;
        let db = Db::connect(&settings(&server, &name)).await.unwrap();
        Some(Self { server, name, db })
    }

    /// How to connect to it.
    pub fn settings(&self) -> DbSettings {
        settings(&self.server, &self.name)
    }

    /// Empties all tables and starts their ids anew.
    pub async fn empty(&self) {
        let mut conn = self.db.acquire().await.unwrap();
        for (table, _) in TABLES {
            conn.execute(AssertSqlSafe(format!("DELETE FROM `{table}`")))
                .await
                .unwrap();
        }
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &str) {
        let mut conn = self.db.acquire().await.unwrap();
        conn.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    /// All rows of a table as the library reads them.
    pub async fn rows(&self, class: &str) -> Vec<Row> {
        rows(&self.db, class).await
    }

    /// All rows.
    pub async fn snapshot(&self) -> Snapshot {
        snapshot(&self.db).await
    }

    /// Removes it.
    pub async fn drop_database(self) {
        self.db.pool().close().await;
        remove(&self.server, &self.name).await;
    }
}

/// How to connect to a database.
pub fn settings(server: &str, name: &str) -> DbSettings {
    DbSettings {
        max_connections: 4,
        ..DbSettings::new(format!("{server}/{name}"))
    }
}

/// Makes a database from a file of statements.
pub async fn create(server: &str, name: &str, schema: &str) {
    let mut conn = MySqlConnection::connect(server).await.unwrap();
    conn.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS `{name}`")))
        .await
        .unwrap();
    conn.execute(AssertSqlSafe(format!("CREATE DATABASE `{name}`")))
        .await
        .unwrap();
    conn.execute(AssertSqlSafe(format!("USE `{name}`")))
        .await
        .unwrap();
    for statement in schema
        .split(";\n")
        .filter(|statement| !statement.trim().is_empty())
    {
        conn.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
}

/// Removes a database.
pub async fn remove(server: &str, name: &str) {
    let mut conn = MySqlConnection::connect(server).await.unwrap();
    conn.execute(AssertSqlSafe(format!("DROP DATABASE `{name}`")))
        .await
        .unwrap();
}

/// All rows as the library reads them.
pub async fn snapshot(db: &Db) -> Snapshot {
    let mut all = Snapshot::new();
    for (table, class) in TABLES {
        all.insert(table, rows(db, class).await);
    }
    all
}

async fn rows(db: &Db, class: &str) -> Vec<Row> {
    let mut conn = db.acquire().await.unwrap();
    let select = Select::from(db.schema(), class).unwrap();
    let page = select.page(None, None, None, None).unwrap();
    page.rows(&mut conn).await.unwrap()
}

fn key(row: &Row) -> String {
    match row.get("uuid") {
        Some(Value::String(uuid)) => uuid.clone(),
        _ => row["id"].to_string(),
    }
}

/// Rows that were created, deleted or changed, timestamps left out.
///
/// # Panics
/// If a row was changed without a stamp.
pub fn difference(before: &Snapshot, after: &Snapshot) -> Value {
    let mut all = Map::new();
    for (table, rows) in after.iter().filter(|(table, _)| RECORDED.contains(*table)) {
        let old: BTreeMap<String, &Row> = before[table].iter().map(|row| (key(row), row)).collect();
        let plain = |row: &Row| {
            let mut row = row.clone();
            row.shift_remove("created_at");
            row.shift_remove("updated_at");
            row
        };
        let mut out = Map::new();
        let (mut created, mut changed) = (Vec::new(), Map::new());
        for row in rows {
            let Some(old) = old.get(&key(row)) else {
                created.push(Value::Object(plain(row)));
                continue;
            };
            let values: Row = plain(row)
                .into_iter()
                .filter(|(name, value)| old.get(name) != Some(value))
                .collect();
            if !values.is_empty() {
                assert!(!row["updated_at"].is_null(), "{table}: changed without a stamp");
                changed.insert(key(row), values.into());
            }
        }
        let kept: Vec<String> = rows.iter().map(key).collect();
        let deleted: Vec<&String> = old.keys().filter(|key| !kept.contains(key)).collect();
        if !changed.is_empty() {
            out.insert("changed".into(), changed.into());
        }
        if !created.is_empty() {
            out.insert("created".into(), created.into());
        }
        if !deleted.is_empty() {
            out.insert("deleted".into(), json!(deleted));
        }
        if !out.is_empty() {
            all.insert((*table).to_owned(), out.into());
        }
    }
    all.into()
}
