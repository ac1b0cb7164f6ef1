//! One request at a time for each cluster.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// A queue per cluster that has requests; tokio's mutex hands turns out in the order of asking.
#[derive(Default)]
pub struct Lanes {
    lanes: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

impl Lanes {
    /// Waits for the cluster's turn; it ends when the guard is dropped.
    pub async fn enter(&self, cluster: &str) -> OwnedMutexGuard<()> {
        let lane = {
            let mut lanes = self.lanes.lock();
            // Lanes that nobody uses any more go when somebody comes by.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            lanes.entry(cluster.to_owned()).or_default().clone()
        };
        lane.lock_owned().await
    }
}
