//! `[database]`: where Magnum's rows are.

use oslo_config::section;
use secrecy::SecretString;

section! {
    /// Options of oslo.db, and magnum's `mysql_engine`.
    pub struct Database("database") {
        /// SQLAlchemy URL, `mysql+pymysql://user:password@host:port/database?…`.
        pub connection: Option<SecretString> = None;
        /// A replica for readers; not used.
        pub slave_connection: Option<SecretString> = None;
        /// URL for asynchronous engines; not used.
        pub asyncio_connection: Option<SecretString> = None;
        /// URL for asynchronous readers; not used.
        pub asyncio_slave_connection: Option<SecretString> = None;
        /// Options appended to the URL, `name=value&…`.
        pub connection_parameters: String = String::new();
        /// `sqlalchemy`.
        pub backend: String = "sqlalchemy".into();
        /// Storage engine of new tables; tables are not ours to make.
        pub mysql_engine: String = "InnoDB".into();
        /// SQL mode of sessions; empty leaves the server's.
        pub mysql_sql_mode: String = "TRADITIONAL".into();
        /// Galera's causality checks.
        pub mysql_wsrep_sync_wait: Option<i64> = None;
        /// SQLite only.
        pub sqlite_synchronous: bool = true;
        /// Whether readers must see what writers wrote.
        pub synchronous_reader: bool = true;
        /// Seconds after which a connection is replaced.
        pub connection_recycle_time: u64 = 3600;
        /// Connections kept, per worker process in Python; 0 is no limit.
        pub max_pool_size: u32 = 5;
        /// Connections beyond `max_pool_size`.
        pub max_overflow: i64 = 50;
        /// Seconds to wait for a connection from the pool.
        pub pool_timeout: Option<u64> = None;
        /// Attempts to connect at start; -1 is for ever.
        pub max_retries: i64 = 10;
        /// Seconds between them.
        pub retry_interval: u64 = 10;
        /// Verbosity of SQL debugging, 0 to 100.
        pub connection_debug: i64 = 0, min(0), max(100);
        /// Python stack traces as SQL comments; not used.
        pub connection_trace: bool = false;
        /// Retry on lost connections.
        pub use_db_reconnect: bool = false;
        /// Seconds between attempts of an operation.
        pub db_retry_interval: u64 = 1;
        /// Whether that interval grows.
        pub db_inc_retry_interval: bool = true;
        /// Largest interval, seconds.
        pub db_max_retry_interval: u64 = 10;
        /// Attempts of an operation after deadlocks and lost connections; -1 is for ever.
        pub db_max_retries: i64 = 20;
    }
}
