//! Connection to Magnum's database.
//!
//! Nothing of the session is changed on connect (no `SET`), so that ProxySQL can multiplex.

mod schema;
mod select;
mod sql;
mod url;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::class::Release;
use crate::exception::MagnumError;

pub use schema::Schema;
pub use select::Select;
pub(crate) use sql::{Param, Sql, now};

/// What `[database]` gives.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// SQLAlchemy URL, `mysql+pymysql://user:password@host:port/name?charset=utf8`.
    pub url: SecretString,
    /// Most connections at once.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
    /// Age at which a connection is closed (`connection_recycle_time`).
    pub max_lifetime: Duration,
}

impl DbSettings {
    /// Settings with oslo.db's defaults (5 connections and 50 more, 3600 s) around a URL.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: 55,
            acquire_timeout: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(3600),
        }
    }
}

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL cannot be understood; the text names the part, never the password.
    #[error("[database]/connection: {0}")]
    Url(String),
    /// No connection.
    #[error("cannot connect to the database at {place}: {source}")]
    Connect {
        /// Host and port, or socket.
        place: String,
        /// Cause.
        source: sqlx::Error,
    },
    /// The schema is not Magnum's.
    #[error("the database at {place} does not hold Magnum's schema ({reason}); run magnum-db-manage upgrade")]
    NotMagnum {
        /// Host and port, or socket.
        place: String,
        /// What is missing.
        reason: String,
    },
    /// The schema is of a release that we do not know.
    #[error(
        "the database at {place} has schema version {head}, which is of no supported release; supported are {}",
        supported_heads()
    )]
    UnknownHead {
        /// Host and port, or socket.
        place: String,
        /// `alembic_version.version_num`.
        head: String,
    },
    /// A statement failed.
    #[error("{action} failed: {source}")]
    Sql {
        /// What was to be done, on which table.
        action: String,
        /// Cause.
        source: sqlx::Error,
    },
    /// A unique key refused a row.
    #[error("{table}: a row with the same unique key exists")]
    Duplicate {
        /// Table.
        table: &'static str,
    },
    /// A column that the class does not have in any release.
    #[error("{table} has no column {column}")]
    UnknownColumn {
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// A stored or given value that does not fit its column.
    #[error("{table}.{column}: {reason}")]
    Value {
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// What was asked is refused with one of Magnum's exceptions.
    #[error("{0}")]
    Refused(MagnumError),
}

fn supported_heads() -> String {
    let heads = Release::HEADS
        .iter()
        .map(|(head, _, releases)| format!("{head} (Magnum {releases})"));
    heads.collect::<Vec<_>>().join(", ")
}

impl From<MagnumError> for DbError {
    fn from(error: MagnumError) -> Self {
        Self::Refused(error)
    }
}

impl From<DbError> for MagnumError {
    /// What magnum-api gets: Magnum's exception if it is one, else an error of oslo.db, whose text
    /// names statement and cause but no values.
    fn from(error: DbError) -> Self {
        match error {
            DbError::Refused(error) => error,
            DbError::Value { reason, .. } => Self::builtin("ValueError", reason),
            DbError::Connect { .. } => Self::new("oslo_db.exception", "DBConnectionError", error.to_string()),
            DbError::Duplicate { .. } => {
                Self::new("oslo_db.exception", "DBDuplicateEntry", error.to_string())
            }
            _ => Self::new("oslo_db.exception", "DBError", error.to_string()),
        }
    }
}

/// Server errors after which the same transaction may succeed: deadlock, lock wait timeout, server
/// shutting down, connection killed, Galera node not ready, read-only during fail-over.
const TRANSIENT_CODES: &[u16] = &[1213, 1205, 1053, 1927, 1047, 1290, 2006, 2013, 1040, 9001];

impl DbError {
    /// Whether the same transaction may succeed when it is tried again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { source, .. } | Self::Sql { source, .. } => match source {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) => error
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .is_some_and(|error| TRANSIENT_CODES.contains(&error.number())),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Counts attempts of a transaction and waits in between, as oslo.db's `retry_on_deadlock`.
///
/// ```ignore
/// let mut retry = Retry::default();
/// loop {
///     match attempt().await {
///         Err(error) if retry.again(&error).await => {}
///         other => return other,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Retry {
    left: u32,
    wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            left: 5,
            wait: Duration::from_millis(50),
        }
    }
}

impl Retry {
    /// Whether to try again; if so, returns after a pause that grows and is partly random.
    pub async fn again(&mut self, error: &DbError) -> bool {
        if self.left == 0 || !error.is_transient() {
            return false;
        }
        self.left -= 1;
        tracing::debug!(%error, attempts_left = self.left, "transaction is tried again");
        let jitter = rand::random_range(0.5..1.5);
        tokio::time::sleep(self.wait.mul_f64(jitter)).await;
        self.wait = (self.wait * 2).min(Duration::from_secs(2));
        true
    }
}

/// How long a connection that was in use is taken for alive.
const BELIEVED: Duration = Duration::from_secs(1);

/// Magnum's database: a pool of connections and the schema found there.
#[derive(Debug, Clone)]
pub struct Db {
    pool: MySqlPool,
    schema: Arc<Schema>,
}

impl Db {
    /// Connects once and reads the schema. Where the error [`is_transient`](DbError::is_transient)
    /// the caller may try again.
    ///
    /// # Errors
    /// [`DbError::Url`], [`DbError::Connect`], [`DbError::NotMagnum`], [`DbError::UnknownHead`].
    pub async fn connect(settings: &DbSettings) -> Result<Self, DbError> {
        let target = url::parse(&settings.url)?;
        let place = target.place;
        let failed = |source| DbError::Connect {
            place: place.clone(),
            source,
        };
        // By hand first: the pool would only say that it timed out, not why.
        let patience = tokio::time::timeout(settings.acquire_timeout, target.options.connect());
        let mut conn = match patience.await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => return Err(failed(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
        };
        let schema = Schema::read(&mut conn, &place).await?;
        if let Err(error) = conn.close().await {
            tracing::debug!(%error, "closing the first connection");
        }
        let pool = MySqlPoolOptions::new()
            .max_connections(settings.max_connections.max(1))
            .acquire_timeout(settings.acquire_timeout)
            .max_lifetime(settings.max_lifetime)
            .idle_timeout(Duration::from_secs(600))
            // Asking each time would double the round trips of a short request; a connection that was in use a moment
            // ago and is lost nevertheless fails its statement, which is tried again as any that fails underway.
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move {
                    let alive = meta.idle_for <= BELIEVED || conn.ping().await.is_ok();
                    Ok(alive)
                })
            })
            .connect_lazy_with(target.options);
        Ok(Self {
            pool,
            schema: Arc::new(schema),
        })
    }

    /// The pool, for transactions and for tables of one's own.
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// A connection.
    ///
    /// # Errors
    /// [`DbError::Sql`].
    pub async fn acquire(&self) -> Result<sqlx::pool::PoolConnection<sqlx::MySql>, DbError> {
        self.pool.acquire().await.map_err(|source| DbError::Sql {
            action: "connecting".into(),
            source,
        })
    }

    /// A transaction.
    ///
    /// # Errors
    /// [`DbError::Sql`].
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::MySql>, DbError> {
        self.pool.begin().await.map_err(|source| DbError::Sql {
            action: "beginning a transaction".into(),
            source,
        })
    }

    /// Commits.
    ///
    /// # Errors
    /// [`DbError::Sql`].
    pub async fn commit(transaction: sqlx::Transaction<'static, sqlx::MySql>) -> Result<(), DbError> {
        transaction.commit().await.map_err(|source| DbError::Sql {
            action: "committing".into(),
            source,
        })
    }
}
