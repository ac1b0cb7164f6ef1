//! Nova.

use serde::Deserialize;

use crate::cloud::{Call, Cloud};
use crate::error::OpenStackError;
use crate::identity::next_link;
use crate::settings::Service;

/// A flavor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flavor {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// RAM in MiB.
    pub ram: i64,
    /// Number of vCPUs.
    pub vcpus: i64,
}

impl Cloud {
    /// All flavors that the user can use.
    pub async fn flavors(&self) -> Result<Vec<Flavor>, OpenStackError> {
        // For administrators the parameter includes flavors of other projects, as Magnum always saw them.
        let call = Call::get(Service::Compute, &["flavors", "detail"]).query("is_public", "None");
        self.pages(
            call,
            |page| next_link(page, "flavors_links"),
            |mut page| serde_json::from_value(page["flavors"].take()),
        )
        .await
    }
}
