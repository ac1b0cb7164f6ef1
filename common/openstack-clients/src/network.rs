//! Neutron.

use serde::Deserialize;

use crate::cloud::{Call, Cloud};
use crate::error::OpenStackError;
use crate::identity::next_link;
use crate::settings::Service;

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
}

impl Cloud {
    /// Networks of that name which are, or are not, external.
    pub async fn networks_named(&self, name: &str, external: bool) -> Result<Vec<Network>, OpenStackError> {
        let external = if external { "True" } else { "False" };
        let call = Call::get(Service::Network, &["networks"])
            .query("name", name)
            .query("router:external", external);
        self.pages(
            call,
            |page| next_link(page, "networks_links"),
            |mut page| serde_json::from_value(page["networks"].take()),
        )
        .await
    }

    /// Subnets of that name.
    pub async fn subnets_named(&self, name: &str) -> Result<Vec<Subnet>, OpenStackError> {
        let call = Call::get(Service::Network, &["subnets"]).query("name", name);
        self.pages(
            call,
            |page| next_link(page, "subnets_links"),
            |mut page| serde_json::from_value(page["subnets"].take()),
        )
        .await
    }
}
