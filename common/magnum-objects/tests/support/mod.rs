//! Databases for tests, made on the server that `MARIADB_URL` names.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::io::Write;

use magnum_objects::{Db, DbSettings};
use serde_json::{Map, Value};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

pub const SCHEMA_18: &str = include_str!("../data/schema-18.0.1.sql");
pub const SCHEMA_23: &str = include_str!("../data/schema-23.0.0.sql");
pub const TABLES: &[(&str, &str)] = &[
    ("cluster", "Cluster"),
    ("cluster_template", "ClusterTemplate"),
    ("nodegroup", "NodeGroup"),
    ("x509keypair", "X509KeyPair"),
    ("quotas", "Quota"),
    ("magnum_service", "MagnumService"),
    ("federation", "Federation"),
];

/// A database of a test's own; [`TestDb::drop_database`] removes it.
pub struct TestDb {
    server: String,
    name: String,
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
        let name = format!("magnum_objects_{}_{test}", std::process::id());
        create(&server, &name, schema).await;
        let db = Db::connect(&settings(&server, &name)).await.unwrap();
        Some(Self { server, name, db })
    }

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
    pub async fn rows(&self, class: &str) -> Vec<Map<String, Value>> {
        let mut conn = self.db.acquire().await.unwrap();
        let select = magnum_objects::db::Select::from(self.db.schema(), class).unwrap();
        select
            .page(None, None, None, None)
            .unwrap()
            .rows(&mut conn)
            .await
            .unwrap()
    }

    pub async fn drop_database(self) {
        self.db.pool().close().await;
        let mut conn = MySqlConnection::connect(&self.server).await.unwrap();
        conn.execute(AssertSqlSafe(format!("DROP DATABASE `{}`", self.name)))
            .await
            .unwrap();
    }
}

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
