//! A database of a lane's own, and what changes in it.

use magnum_objects::{Db, DbSettings, rows};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use test_database::{SCHEMA_23, TABLES};
pub use test_database::{Snapshot, difference, remove, server, snapshot};

/// A new database with Magnum's tables and ours.
pub async fn create(server: &str, name: &str) -> Db {
    test_database::create(server, name, SCHEMA_23).await;
    let settings = DbSettings {
        max_connections: 8,
        ..test_database::settings(server, name)
    };
    let db = Db::connect(&settings).await.unwrap();
    magnum_conductor::migrations::run(db.pool()).await.unwrap();
    db
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
    let tables =
        TABLES
            .iter()
            .map(|(table, _)| *table)
            .chain(["capi_operation", "capi_lease", "capi_credential"]);
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
