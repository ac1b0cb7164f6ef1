//! Magnum's rows and versioned objects, as the Python service keeps them.
//!
//! * [`class`]: the object classes of each supported release, with their fields and versions;
//! * [`ovo`]: an object as it travels in a message (`magnum_object.*`);
//! * [`record`]: rows as typed structs, and [`status`] their enumerations;
//! * [`db`] and [`rows`]: connection, schema and statements on MySQL or MariaDB;
//! * [`context`]: the caller, from the `_context_*` part of a message;
//! * [`exception`]: Magnum's exceptions with class, text, arguments and HTTP status;
//! * [`indirection`]: the remotable methods that magnum-api calls through the conductor.
//!
//! Supported are Magnum 18 (2024.1) to 23 (2026.2); which one it is, is read from the database.

pub mod class;
pub mod coerce;
pub mod context;
pub mod datetime;
pub mod db;
pub mod exception;
pub mod indirection;
pub mod ovo;
pub mod record;
pub mod rows;
pub mod status;

pub use class::{Class, Registry, Release};
pub use context::RequestContext;
pub use db::{Db, DbError, DbSettings, Schema};
pub use exception::{Kind, MagnumError};
pub use ovo::Object;
pub use record::{
    Certificate, Cluster, ClusterTemplate, Federation, MagnumService, NodeGroup, Quota, Record, Stats,
    X509KeyPair,
};
pub use rows::{Changes, Guard};
pub use status::{ClusterStatus, FederationStatus, HealthStatus};

/// Field or column values by name, in JSON form: datetimes are ISO 8601 strings in UTC (`…Z`),
/// JSON columns are decoded.
pub type Values = serde_json::Map<String, serde_json::Value>;
