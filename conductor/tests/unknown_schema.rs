//! A database that is not of a release we know: the program says so and ends, and has written nothing. Needs
//! `MARIADB_URL`, a server on which databases may be made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, Executor as _, MySqlConnection, Row};

/// A database of its own, left as `change` makes Magnum's newest; `None` without a server.
async fn database(test: &str, change: &str) -> Option<(MySqlConnection, String)> {
    let server = test_database::server(test)?;
    let name = format!("unknown_{}_{test}", std::process::id());
    test_database::create(&server, &name, test_database::SCHEMA_23).await;
    let url = format!("{server}/{name}");
    let mut conn = MySqlConnection::connect(&url).await.unwrap();
    conn.execute(AssertSqlSafe(change.to_owned())).await.unwrap();
    Some((conn, url))
}

/// Names and states of all tables: a write changes the one or the other.
async fn tables(conn: &mut MySqlConnection) -> Vec<String> {
    let rows = sqlx::query("SHOW TABLES").fetch_all(&mut *conn).await.unwrap();
    let mut states = Vec::new();
    for row in rows {
        let name: String = row.get_unchecked(0);
        let sum = sqlx::query(AssertSqlSafe(format!("CHECKSUM TABLE `{name}`")))
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        states.push(format!("{name} {:?}", sum.get_unchecked::<Option<i64>, _>(1)));
    }
    states
}

/// Starts the program on a database, and gives what it said when it had ended, unsuccessfully.
fn refusal(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("magnum.conf");
    let connection = url.replacen("mysql://", "mysql+pymysql://", 1);
    let text = format!(
        "[DEFAULT]\ntransport_url = rabbit://nobody:x@127.0.0.1:1/\nuse_stderr = true\n[database]\nconnection = {connection}\n"
    );
    std::fs::write(&file, text).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_magnum-conductor"))
        .arg("--config-file")
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{said}");
    said
}

async fn refused(test: &str, change: &str, words: &[&str]) {
    let Some((mut conn, url)) = database(test, change).await else {
        return;
    };
    let before = tables(&mut conn).await;
    let said = refusal(&url);
    for word in words {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    assert_eq!(tables(&mut conn).await, before, "something was written");
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_name_and_left_alone() {
    let change = "DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('0123456789ab')";
    refused(
        "newer",
        change,
        &["0123456789ab", "no supported release", "b3e1cf4a2d5e"],
    )
    .await;
}

#[tokio::test]
async fn a_schema_that_lacks_a_column_is_refused_and_left_alone() {
    let change = "ALTER TABLE cluster DROP COLUMN api_address";
    refused("column", change, &["cluster.api_address"]).await;
}

#[tokio::test]
async fn a_database_that_is_not_magnums_is_refused_and_left_alone() {
    refused(
        "foreign",
        "DROP TABLE alembic_version",
        &["alembic_version", "magnum-db-manage"],
    )
    .await;
}
