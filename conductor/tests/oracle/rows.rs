//! A database of a lane's own, and what changes in it.

use std::collections::BTreeMap;
use std::io::Write as _;

use magnum_objects::db::Select;
use magnum_objects::{Db, DbSettings, rows};
use serde_json::{Map, Value, json};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

const SCHEMA: &str = include_str!("../../../common/magnum-objects/tests/data/schema-23.0.0.sql");

/// Magnum's tables and their classes.
const TABLES: [(&str, &str); 7] = [
    ("cluster", "Cluster"),
    ("cluster_template", "ClusterTemplate"),
    ("nodegroup", "NodeGroup"),
    ("x509keypair", "X509KeyPair"),
    ("quotas", "Quota"),
    ("magnum_service", "MagnumService"),
    ("federation", "Federation"),
];

/// Tables whose changes were recorded.
const RECORDED: [&str; 4] = ["cluster", "cluster_template", "nodegroup", "x509keypair"];

type Row = Map<String, Value>;

/// All rows, by table.
pub type Snapshot = BTreeMap<&'static str, Vec<Row>>;

/// URL of the server, or `None` after saying that the test is skipped.
pub fn server(test: &str) -> Option<String> {
    let server = std::env::var("MARIADB_URL").ok().filter(|url| !url.is_empty());
    if server.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {test} needs MARIADB_URL=mysql://user:password@host:port/, a server where databases may be made"
        );
    }
    server.map(|url| url.trim_end_matches('/').to_owned())
}

/// A new database with Magnum's tables and ours.
pub async fn create(server: &str, name: &str) -> Db {
    let mut conn = MySqlConnection::connect(server).await.unwrap();
    let first = [
        format!("DROP DATABASE IF EXISTS `{name}`"),
        format!("CREATE DATABASE `{name}`"),
        format!("USE `{name}`"),
    ];
    for statement in first.into_iter().chain(SCHEMA.split(";\n").map(str::to_owned)) {
        if !statement.trim().is_empty() {
            conn.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    }
    let settings = DbSettings {
        max_connections: 8,
        ..DbSettings::new(format!("{server}/{name}"))
    };
    let db = Db::connect(&settings).await.unwrap();
    magnum_conductor::migrations::run(db.pool()).await.unwrap();
    db
}

/// Removes a database.
pub async fn remove(server: &str, name: &str) {
    let mut conn = MySqlConnection::connect(server).await.unwrap();
    conn.execute(AssertSqlSafe(format!("DROP DATABASE `{name}`")))
        .await
        .unwrap();
}

/// Deletes the clusters' rows behind everybody's back.
pub async fn lose_clusters(db: &Db) {
    sqlx::query("DELETE FROM cluster")
        .execute(db.pool())
        .await
        .unwrap();
}

/// Makes the rows those of a case.
pub async fn load(db: &Db, case: &Value, keypairs: &Value) {
    let mut conn = db.acquire().await.unwrap();
    let tables = TABLES
        .iter()
        .map(|(table, _)| *table)
        .chain(["capi_operation", "capi_lease"]);
    let empty: String = tables.map(|table| format!("DELETE FROM `{table}`;")).collect();
    sqlx::raw_sql(AssertSqlSafe(empty))
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut ids = String::new();
    for (table, class) in TABLES {
        let given = &case["rows"][table];
        let given = if given.is_string() { keypairs } else { given };
        let extra = &case["rows"]["extra"][class];
        let mut next = 1;
        for row in [given, extra].into_iter().filter_map(Value::as_array).flatten() {
            let mut row = row.as_object().unwrap().clone();
            row.insert("created_at".into(), "2024-01-02T03:04:05Z".into());
            if let Some(Value::String(time)) = row.get_mut("last_seen_up") {
                *time = format!("{}Z", time.replace(' ', "T"));
            }
            next = next.max(row["id"].as_u64().unwrap() + 1);
            rows::insert_values(&mut conn, db.schema(), class, &row)
                .await
                .unwrap();
        }
        ids += &format!("ALTER TABLE `{table}` AUTO_INCREMENT = {next};");
    }
    if creates(case) {
        sqlx::raw_sql(AssertSqlSafe(ids))
            .execute(&mut *conn)
            .await
            .unwrap();
    }
}

fn creates(case: &Value) -> bool {
    let method = case["message"]["method"].as_str().unwrap_or_default();
    method.ends_with("_create") || case["message"]["args"]["objmethod"] == "create"
}

/// All rows as the library reads them.
pub async fn snapshot(db: &Db) -> Snapshot {
    let mut conn = db.acquire().await.unwrap();
    let mut all = Snapshot::new();
    for (table, class) in TABLES {
        let select = Select::from(db.schema(), class).unwrap();
        let found = select
            .page(None, None, None, None)
            .unwrap()
            .rows(&mut conn)
            .await
            .unwrap();
        all.insert(table, found);
    }
    all
}

fn key(row: &Row) -> String {
    match row.get("uuid") {
        Some(Value::String(uuid)) => uuid.clone(),
        _ => row["id"].to_string(),
    }
}

/// Rows that were created, deleted or changed, timestamps left out.
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
