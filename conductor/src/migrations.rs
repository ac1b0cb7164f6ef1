//! This program's own tables, in Magnum's database (`migrations/`).

use sqlx::{MySqlPool, migrate::MigrateError, migrate::Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Where sqlx notes which migrations have run; named as ours, because the database is Magnum's.
const TABLE: &str = "capi_migration";

/// Conductors that start together may race for the same migration; the loser finds it done.
const ATTEMPTS: u32 = 5;

/// Creates or updates the tables.
///
/// # Errors
/// Those of the database; a database whose tables are newer than this program.
pub async fn run(pool: &MySqlPool) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    migrator.dangerous_set_table_name(TABLE);
    // sqlx would take a named lock, which ProxySQL cannot pass on; the statements themselves bear being repeated.
    migrator.set_locking(false);
    let mut left = ATTEMPTS;
    loop {
        match migrator.run(pool).await {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) | MigrateError::Dirty(_))
                if left > 1 =>
            {
                left -= 1;
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            done => return done,
        }
    }
}
