//! Looks up in the cloud, as the caller sees it, what a cluster's values need.
//!
//! What to ask and what the answers mean is `conductor_driver::facts`; here the questions are asked, side by side.

use conductor_config::Settings;
use conductor_driver::DriverError;
use conductor_driver::facts::{Answers, Facts, Flavor, Image, Named, Needs};
use magnum_objects::{Kind, MagnumError};
use openstack_clients::{Cloud, OpenStackError};

/// Why the facts could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A service failed or refused.
    #[error(transparent)]
    Cloud(#[from] OpenStackError),
    /// The answers are not what the cluster needs.
    #[error(transparent)]
    Refused(#[from] DriverError),
}

impl FactsError {
    /// Whether the same look-up may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Cloud(error) if error.is_transient())
    }
}

impl From<FactsError> for MagnumError {
    fn from(error: FactsError) -> Self {
        match error {
            FactsError::Refused(error) => error.into(),
            FactsError::Cloud(error) => cloud_error(&error),
        }
    }
}

/// An OpenStack error as the exception that the API shows.
pub fn cloud_error(error: &OpenStackError) -> MagnumError {
    let kind = match error {
        OpenStackError::NoCredentials { .. } => {
            let words = "reason Keystone API connection failed: no password or token found.";
            return MagnumError::positional(Kind::AuthorizationFailure, words)
                .with_kwarg("client", "keystone");
        }
        // A token that Keystone does not take (any more).
        OpenStackError::Refused { status: 401, .. } => Kind::AuthorizationFailure,
        _ => Kind::MagnumException,
    };
    MagnumError::positional(kind, error.to_string())
}

/// Asks the cloud for everything that `needs` names; all questions at once.
///
/// `auth_url` is Keystone's address as magnum-api told it with the request.
///
/// # Errors
/// The first failure in the order in which the Python driver asks.
pub async fn gather(
    cloud: &Cloud,
    settings: &Settings,
    needs: &Needs,
    auth_url: Option<String>,
) -> Result<Facts, FactsError> {
    // One login, then all questions at once.
    cloud.token_info().await?;
    let (flavors, images, fixed_networks, fixed_subnets, external_networks, volume_types) = tokio::join!(
        flavors(cloud, needs),
        images(cloud, needs),
        networks(cloud, needs.fixed_network_name(), false),
        subnets(cloud, needs.fixed_subnet_name()),
        networks(cloud, needs.external_network_name(), true),
        cloud.volume_types(),
    );
    let answers = Answers {
        flavors: flavors?,
        images: images?,
        fixed_networks: fixed_networks?,
        fixed_subnets: fixed_subnets?,
        external_networks: external_networks?,
        volume_types: volume_types?,
        auth_url,
    };
    Ok(Facts::resolve(&settings.capi_helm, needs, answers)?)
}

async fn flavors(cloud: &Cloud, needs: &Needs) -> Result<Vec<Flavor>, OpenStackError> {
    if needs.flavors.is_empty() {
        return Ok(Vec::new());
    }
    let flavors = cloud.flavors().await?.into_iter();
    Ok(flavors
        .map(|f| Flavor {
            id: f.id,
            name: f.name,
            ram: f.ram,
            vcpus: f.vcpus,
        })
        .collect())
}

async fn images(cloud: &Cloud, needs: &Needs) -> Result<Vec<Image>, OpenStackError> {
    let Some(wanted) = needs.image.as_deref().filter(|wanted| !wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    let images = cloud.find_images(wanted).await?.into_iter();
    Ok(images
        .map(|image| Image {
            kube_version: image.property("kube_version").map(str::to_owned),
            os_distro: image.property("os_distro").map(str::to_owned),
            id: image.id,
            name: image.name,
        })
        .collect())
}

async fn networks(cloud: &Cloud, name: Option<&str>, external: bool) -> Result<Vec<Named>, OpenStackError> {
    let Some(name) = name else { return Ok(Vec::new()) };
    let networks = cloud.networks_named(name, external).await?.into_iter();
    Ok(networks
        .map(|network| Named {
            id: network.id,
            name: network.name,
        })
        .collect())
}

async fn subnets(cloud: &Cloud, name: Option<&str>) -> Result<Vec<Named>, OpenStackError> {
    let Some(name) = name else { return Ok(Vec::new()) };
    let subnets = cloud.subnets_named(name).await?.into_iter();
    Ok(subnets
        .map(|subnet| Named {
            id: subnet.id,
            name: subnet.name,
        })
        .collect())
}
