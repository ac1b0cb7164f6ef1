//! Status and health of clusters, from watches on the management cluster to Magnum's rows.
//!
//! ```text
//! watch -> index -> view -> derive -> writer -> rows, notifications
//! ```
//!
//! * [`capi`]: typed views of Cluster API's objects in either API version;
//! * [`view`]: all objects of one cluster;
//! * [`derive`](mod@derive): the pure rules;
//! * [`index`] and [`watch`]: what the management cluster holds, always current;
//! * [`writer`]: rows changed by compare-and-set, notifications sent once; [`edges`]: what it asks of the conductor;
//! * [`notify`]: notifications as Magnum words them;
//! * [`heartbeat`]: this conductor's row in `magnum_service`.

pub mod capi;
pub mod derive;
pub mod edges;
pub mod heartbeat;
pub mod index;
pub mod notify;
pub mod view;
pub mod watch;
pub mod writer;
