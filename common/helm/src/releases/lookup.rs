//! The template function `lookup` against the cluster.

use helm_template::{Lookup, LookupError};
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use crate::cluster::Cluster;

/// Asks the API server from inside the renderer, which runs on a thread of its own.
pub(super) struct ClusterLookup {
    pub cluster: Cluster,
    pub runtime: Handle,
}

impl Lookup for ClusterLookup {
    fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, LookupError> {
        self.runtime.block_on(async {
            let fail = |err: crate::api::ApiError| LookupError(err.message);
            let discovery = self.cluster.discovery().await.map_err(fail)?;
            let Some(api) = discovery.kind(api_version, kind) else {
                return Err(LookupError(format!(
                    "unable to get apiresource from unstructured: {api_version}, Kind={kind}: the server could not find the requested resource"
                )));
            };
            let collection = api.collection(namespace);
            let uri = if name.is_empty() { collection } else { format!("{collection}/{name}") };
            let found = self.cluster.get(&uri).await.map_err(fail)?;
            Ok(found.unwrap_or_else(|| Value::Object(Map::new())))
        })
    }
}
