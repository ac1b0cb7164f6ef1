//! What people ask on the command line.

use std::io::Write;

use anyhow::Context;
use conductor_config::Settings;
use magnum_objects::Db;
use sqlx::Row;

use crate::{migrations, service};

/// Lists the unfinished operations, oldest first.
///
/// # Errors
/// If the database cannot be read.
pub async fn operations(settings: &Settings, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let db = Db::connect(&service::database(settings)?)
        .await
        .context("Magnum's database")?;
    let rows = sqlx::query(
        "SELECT cluster_uuid, kind, state, COALESCE(step, '-') AS step, attempts, COALESCE(request_id, '-') AS request, \
         DATE_FORMAT(created_at, '%Y-%m-%d %H:%i:%s') AS since, COALESCE(last_error, '-') AS error \
         FROM capi_operation WHERE state IN ('accepting', 'accepted') ORDER BY id",
    )
    .fetch_all(db.pool())
    .await
    .context("the operation journal")?;
    writeln!(
        out,
        "{:36} {:16} {:9} {:10} {:>8} {:19} request",
        "cluster", "operation", "state", "step", "attempts", "since (UTC)"
    )?;
    for row in &rows {
        let text = |column: &str| row.try_get::<String, _>(column);
        let attempts: u32 = row.try_get("attempts")?;
        writeln!(
            out,
            "{:36} {:16} {:9} {:10} {attempts:>8} {:19} {}",
            text("cluster_uuid")?,
            text("kind")?,
            text("state")?,
            text("step")?,
            text("since")?,
            text("request")?,
        )?;
        if attempts > 0 {
            writeln!(out, "    last error: {}", text("error")?)?;
        }
    }
    writeln!(out, "{} unfinished", rows.len())?;
    Ok(())
}

/// Creates or updates this program's own tables.
///
/// # Errors
/// If the database refuses.
pub async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let db = Db::connect(&service::database(settings)?)
        .await
        .context("Magnum's database")?;
    migrations::run(db.pool())
        .await
        .context("our tables in Magnum's database")
}
