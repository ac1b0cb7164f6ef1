//! Glance.

use serde::Deserialize;
use serde_json::Value;

use crate::cloud::{Call, Cloud};
use crate::error::OpenStackError;
use crate::settings::Service;

/// An image.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Everything else, properties that operators set included.
    #[serde(flatten)]
    properties: serde_json::Map<String, Value>,
}

impl Image {
    /// A property's text; `None` if it is not set.
    pub fn property(&self, name: &str) -> Option<&str> {
        let nested = || self.properties.get("properties")?.get(name);
        self.properties.get(name).or_else(nested)?.as_str()
    }
}

impl Cloud {
    /// Images that `wanted` may mean: the one of that id, those of that name, and hidden ones of that name if no
    /// other has it.
    pub async fn find_images(&self, wanted: &str) -> Result<Vec<Image>, OpenStackError> {
        let (by_id, by_name) = tokio::join!(self.image(wanted), self.images_named(wanted, false));
        if let Some(image) = by_id? {
            return Ok(vec![image]);
        }
        let by_name = by_name?;
        if by_name.is_empty() {
            self.images_named(wanted, true).await
        } else {
            Ok(by_name)
        }
    }

    /// The image of an id; `None` if there is none, or none that the user may see.
    pub async fn image(&self, id: &str) -> Result<Option<Image>, OpenStackError> {
        match self.json(Call::get(Service::Image, &["images", id])).await {
            Ok(image) => Ok(Some(image)),
            // Glance says 400 to ids that cannot be.
            Err(error) if matches!(error.status(), Some(400 | 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn images_named(&self, name: &str, hidden: bool) -> Result<Vec<Image>, OpenStackError> {
        let mut call = Call::get(Service::Image, &["images"]).query("name", name);
        if hidden {
            call = call.query("os_hidden", "true");
        }
        self.pages(
            call,
            |page| page["next"].as_str().map(str::to_owned),
            |mut page| serde_json::from_value(page["images"].take()),
        )
        .await
    }
}
