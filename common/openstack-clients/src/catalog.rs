//! Keystone's service catalog.

use serde::Deserialize;
use url::Url;

use crate::error::OpenStackError;

/// Services and their endpoints, as a token carries them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Catalog {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    url: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    region_id: Option<String>,
}

impl Catalog {
    /// Whether the token came without a catalog.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Address of the first service type in `types` that has an endpoint with this interface in this region.
    ///
    /// `interface` may be written as in old configuration files (`publicURL`).
    pub fn endpoint(
        &self,
        types: &[&str],
        interface: &str,
        region: Option<&str>,
    ) -> Result<Url, OpenStackError> {
        let interface = match interface.strip_suffix("URL").unwrap_or(interface) {
            "" => "public",
            interface => interface,
        };
        let region = region.filter(|region| !region.is_empty());
        let fits = |endpoint: &&Endpoint| {
            let place = endpoint.region.as_deref().or(endpoint.region_id.as_deref());
            endpoint.interface == interface && (region.is_none() || place == region)
        };
        let found = types.iter().find_map(|kind| {
            let mut endpoints = self
                .entries
                .iter()
                .filter(|entry| entry.kind == *kind)
                .flat_map(|e| &e.endpoints);
            endpoints.find(fits)
        });
        let found = found.ok_or_else(|| OpenStackError::NoEndpoint {
            service_type: types.first().copied().unwrap_or_default().to_owned(),
            interface: interface.to_owned(),
            region: region.map(str::to_owned),
        })?;
        Url::parse(&found.url).map_err(|error| OpenStackError::Settings {
            what: format!("endpoint {} of the service catalog", found.url),
            cause: error.to_string(),
        })
    }
}
