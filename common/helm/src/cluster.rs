//! A cluster: its API server, and what that serves.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::api::{Api, ApiError};
use crate::discovery::Discovery;

/// What was read, and when.
type CachedDiscovery = Option<(Instant, Arc<Discovery>)>;

/// The API server, with the kinds that it serves remembered.
#[derive(Clone)]
pub(crate) struct Cluster {
    api: Api,
    discovery: Arc<Mutex<CachedDiscovery>>,
    discovery_ttl: Duration,
}

impl Deref for Cluster {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Cluster {
    /// `discovery_ttl`: how long the list of kinds is used before it is read again.
    pub(crate) fn new(api: Api, discovery_ttl: Duration) -> Self {
        Self {
            api,
            discovery: Arc::default(),
            discovery_ttl,
        }
    }

    /// The same, for an operation that has to end in time.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        Self {
            api: self.api.until(deadline),
            ..self.clone()
        }
    }

    /// What the API server serves; read again when the cached answer is too old.
    pub(crate) async fn discovery(&self) -> Result<Arc<Discovery>, ApiError> {
        let mut cached = self.discovery.lock().await;
        if let Some((read, discovery)) = cached.as_ref()
            && read.elapsed() < self.discovery_ttl
        {
            return Ok(Arc::clone(discovery));
        }
        self.read_discovery(&mut cached).await
    }

    /// What the API server serves, newer than what turned out to lack something. Of several operations that
    /// miss the same at once, one reads.
    pub(crate) async fn newer_discovery(&self, than: &Arc<Discovery>) -> Result<Arc<Discovery>, ApiError> {
        let mut cached = self.discovery.lock().await;
        if let Some((_, discovery)) = cached.as_ref()
            && !Arc::ptr_eq(discovery, than)
        {
            return Ok(Arc::clone(discovery));
        }
        self.read_discovery(&mut cached).await
    }

    async fn read_discovery(&self, cached: &mut CachedDiscovery) -> Result<Arc<Discovery>, ApiError> {
        let discovery = Arc::new(Discovery::read(&self.api).await?);
        *cached = Some((Instant::now(), Arc::clone(&discovery)));
        Ok(discovery)
    }
}
