//! Cinder.

use serde::Deserialize;

use crate::cloud::{Call, Cloud};
use crate::error::OpenStackError;
use crate::identity::next_link;
use crate::settings::Service;

impl Cloud {
    /// Names of all volume types that the user can use, in Cinder's order.
    pub async fn volume_types(&self) -> Result<Vec<String>, OpenStackError> {
        #[derive(Deserialize)]
        struct VolumeType {
            name: String,
        }
        let types: Vec<VolumeType> = self
            .pages(
                Call::get(Service::BlockStorage, &["types"]),
                |page| next_link(page, "volume_type_links"),
                |mut page| serde_json::from_value(page["volume_types"].take()),
            )
            .await?;
        Ok(types.into_iter().map(|kind| kind.name).collect())
    }
}
