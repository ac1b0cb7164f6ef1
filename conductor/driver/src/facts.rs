//! What the values of a cluster need to know about the cloud: what to look up, and what the answers mean.
//!
//! The look-up itself is done by the conductor, in the caller's view of the cloud; here are the rules, so that the
//! same answers always give the same facts. Facts are written into the journal with the operation, because the
//! caller's token is gone by the time the release is made.

use conductor_config::CapiHelm;
use serde::{Deserialize, Serialize};

use crate::error::DriverError;
use crate::text;

/// What has to be looked up for one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Needs {
    /// Id or name of the template's image.
    pub image: Option<String>,
    /// Name of the template, for messages.
    pub template: String,
    /// The cluster's internal network, by id or name; none if the chart is to make one.
    pub fixed_network: Option<String>,
    /// The cluster's subnet, by id or name.
    pub fixed_subnet: Option<String>,
    /// The template's external network, by id or name.
    pub external_network: Option<String>,
    /// Flavors that the operation checks, in the order in which they are.
    pub flavors: Vec<FlavorNeed>,
}

/// A flavor that has to be fit for Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlavorNeed {
    /// Name of the node group that uses it.
    pub nodegroup: String,
    /// Id or name of the flavor; none is refused.
    pub flavor: Option<String>,
}

impl Needs {
    /// Name by which the internal network has to be looked up; an id is taken as it is.
    pub fn fixed_network_name(&self) -> Option<&str> {
        self.fixed_network
            .as_deref()
            .filter(|network| !network.is_empty() && !text::is_uuid_like(network))
    }

    /// Name by which the subnet has to be looked up.
    pub fn fixed_subnet_name(&self) -> Option<&str> {
        self.fixed_subnet
            .as_deref()
            .filter(|subnet| !subnet.is_empty() && !text::is_uuid_like(subnet))
    }

    /// Name by which the external network has to be looked up.
    pub fn external_network_name(&self) -> Option<&str> {
        self.external_network
            .as_deref()
            .filter(|network| !network.is_empty() && !text::is_uuid_like(network))
    }
}

/// An image as Glance describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// The property `kube_version`.
    pub kube_version: Option<String>,
    /// The property `os_distro`.
    pub os_distro: Option<String>,
}

/// A flavor as Nova describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Something with an id and a name: a network, a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
}

/// The answers of the cloud's services to [`Needs`], as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// The image with the wanted id, else those with the wanted name.
    pub images: Vec<Image>,
    /// Internal networks with the wanted name.
    pub fixed_networks: Vec<Named>,
    /// Subnets with the wanted name.
    pub fixed_subnets: Vec<Named>,
    /// External networks with the wanted name.
    pub external_networks: Vec<Named>,
    /// All flavors that the caller can use, if any had to be checked.
    pub flavors: Vec<Flavor>,
    /// Names of all volume types that the caller can use, in Cinder's order.
    pub volume_types: Vec<String>,
    /// Address of Keystone as magnum-api tells it with the request.
    pub auth_url: Option<String>,
}

/// What is known about the cloud for one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Id of the machines' image.
    pub image_id: String,
    /// Kubernetes version of the image, without the leading `v`.
    pub kube_version: String,
    /// `osDistro` of the chart.
    pub os_distro: String,
    /// Id of the cluster's own network, if it names one.
    pub fixed_network_id: Option<String>,
    /// Id of the cluster's own subnet, if it names one.
    pub fixed_subnet_id: Option<String>,
    /// Id of the external network.
    pub external_network_id: String,
    /// Names of Cinder's volume types.
    pub volume_types: Vec<String>,
    /// Address of Keystone for the webhook that authenticates the cluster's users.
    pub auth_url: Option<String>,
}

impl Facts {
    /// Draws the facts from the answers; refuses the first thing that is wrong, in the order in which Python looks.
    pub fn resolve(conf: &CapiHelm, needs: &Needs, answers: Answers) -> Result<Self, DriverError> {
        for need in &needs.flavors {
            check_flavor(conf, need, &answers.flavors)?;
        }
        let image = one_image(needs, answers.images)?;
        let kube_version = kube_version(&image)?;
        let os_distro = os_distro(&image)?;
        let fixed_network_id = match needs.fixed_network_name() {
            None => needs.fixed_network.clone().filter(|network| !network.is_empty()),
            Some(name) => Some(one_of("network", name, answers.fixed_networks)?.ok_or_else(|| {
                DriverError::FixedNetworkNotFound {
                    network: name.to_owned(),
                }
            })?),
        };
        let fixed_subnet_id = match needs.fixed_subnet_name() {
            None => needs.fixed_subnet.clone().filter(|subnet| !subnet.is_empty()),
            Some(name) => Some(one_of("subnet", name, answers.fixed_subnets)?.ok_or_else(|| {
                DriverError::FixedSubnetNotFound {
                    subnet: name.to_owned(),
                }
            })?),
        };
        let external_network_id = external_network(needs, answers.external_networks)?;
        Ok(Self {
            image_id: image.id,
            kube_version,
            os_distro,
            fixed_network_id,
            fixed_subnet_id,
            external_network_id,
            volume_types: answers.volume_types,
            auth_url: answers.auth_url,
        })
    }
}

/// The flavor that a user means: the one of that name, else the one of that id.
///
/// Python takes whichever comes first in Nova's list, so that a flavor whose id happens to be another's name hides it.
pub fn find_flavor<'a>(wanted: &str, flavors: &'a [Flavor]) -> Option<&'a Flavor> {
    let by_name = flavors.iter().find(|flavor| flavor.name == wanted);
    by_name.or_else(|| flavors.iter().find(|flavor| flavor.id == wanted))
}

fn check_flavor(conf: &CapiHelm, need: &FlavorNeed, flavors: &[Flavor]) -> Result<(), DriverError> {
    let Some(wanted) = need.flavor.clone().filter(|wanted| !wanted.is_empty()) else {
        return Err(DriverError::FlavorMissing {
            nodegroup: need.nodegroup.clone(),
        });
    };
    let Some(flavor) = find_flavor(&wanted, flavors) else {
        return Err(DriverError::FlavorNotFound { flavor: wanted });
    };
    if flavor.ram < conf.minimum_flavor_ram {
        return Err(DriverError::FlavorRam {
            flavor: wanted,
            minimum: conf.minimum_flavor_ram,
        });
    }
    if flavor.vcpus < conf.minimum_flavor_vcpus {
        return Err(DriverError::FlavorVcpus {
            flavor: wanted,
            minimum: conf.minimum_flavor_vcpus,
        });
    }
    Ok(())
}

fn one_image(needs: &Needs, mut images: Vec<Image>) -> Result<Image, DriverError> {
    let wanted = match needs.image.as_deref() {
        None | Some("") => {
            return Err(DriverError::ImageMissing {
                template: needs.template.clone(),
            });
        }
        Some(wanted) => wanted.to_owned(),
    };
    if let Some(at) = images.iter().position(|image| image.id == wanted) {
        return Ok(images.swap_remove(at));
    }
    images.retain(|image| image.name.as_deref() == Some(&wanted));
    match images.len() {
        0 => Err(DriverError::ImageNotFound { image: wanted }),
        1 => Ok(images.swap_remove(0)),
        _ => Err(DriverError::ImageAmbiguous { image: wanted }),
    }
}

/// Id of the one candidate of that name; `None` if there is none.
fn one_of(kind: &'static str, name: &str, candidates: Vec<Named>) -> Result<Option<String>, DriverError> {
    let mut found = candidates
        .into_iter()
        .filter(|candidate| candidate.name.as_deref() == Some(name));
    let first = found.next();
    match found.next() {
        Some(_) => Err(DriverError::Ambiguous {
            kind,
            name: name.to_owned(),
        }),
        None => Ok(first.map(|candidate| candidate.id)),
    }
}

fn external_network(needs: &Needs, candidates: Vec<Named>) -> Result<String, DriverError> {
    let missing = |network: &str| DriverError::ExternalNetworkNotFound {
        network: network.to_owned(),
    };
    match (needs.external_network.as_deref(), needs.external_network_name()) {
        (None, _) => Err(missing("None")),
        (Some(""), None) => Err(missing("")),
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(name)) => one_of("network", name, candidates)?.ok_or_else(|| missing(name)),
    }
}

/// Kubernetes version of an image.
///
/// Python keeps digits and dots only, which makes `1.30.4.1` of `v1.30.4-rc.1`; a version that is one is kept whole.
pub fn kube_version(image: &Image) -> Result<String, DriverError> {
    let raw = property(image, &image.kube_version, "a", "kube_version")?;
    let bare = text::strip(raw).trim_start_matches('v');
    if semver::Version::parse(bare).is_ok() {
        return Ok(bare.to_owned());
    }
    let kept: String = bare.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    if kept.chars().any(|c| c.is_ascii_digit()) {
        Ok(kept)
    } else {
        Err(DriverError::ImageKubeVersion {
            image: image.id.clone(),
            value: raw.to_owned(),
        })
    }
}

/// Operating system of an image, as the chart's `osDistro`.
pub fn os_distro(image: &Image) -> Result<String, DriverError> {
    Ok(text::keep(
        property(image, &image.os_distro, "an", "os_distro")?,
        ".-/ ",
    ))
}

fn property<'a>(
    image: &Image,
    value: &'a Option<String>,
    article: &'static str,
    property: &'static str,
) -> Result<&'a str, DriverError> {
    value
        .as_deref()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| DriverError::ImageProperty {
            image: image.id.clone(),
            article,
            property,
        })
}

/// Region for the credentials of clusters: `[cinder_client] region_name`, if Keystone has it.
///
/// As magnum `common/keystone.py` `get_validate_region_name`, texts included.
pub fn region(configured: Option<&str>, regions: &[String]) -> Result<String, DriverError> {
    let Some(configured) = configured else {
        return Err(DriverError::Region {
            message: "region_name needs to be configured in magnum.conf".into(),
        });
    };
    if regions.iter().any(|region| region == configured) {
        return Ok(configured.to_owned());
    }
    let known: String = regions.iter().map(|region| format!("{region}/")).collect();
    Err(DriverError::Region {
        message: format!(
            "region_name {configured} is invalid, expecting a region_name in {known}unspecified."
        ),
    })
}
