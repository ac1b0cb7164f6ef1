//! What the driver refuses, in the words and with the exception class that Magnum's users know.

use magnum_objects::{Kind, MagnumError};

/// A refusal of the driver.
///
/// Where magnum-capi-helm 1.4.0 refuses with an exception of Magnum, class, code and text are the same. Where it ends
/// in a raw Python error, the text says which field is wrong and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The flavor has less RAM than `[capi_helm] minimum_flavor_ram`.
    #[error("Flavor {flavor} does not have enough RAM to run Kubernetes. Minimum {minimum} MB required.")]
    FlavorRam {
        /// As the user named it.
        flavor: String,
        /// MiB.
        minimum: i64,
    },
    /// The flavor has fewer vCPUs than `[capi_helm] minimum_flavor_vcpus`.
    #[error("Flavor {flavor} does not have enough CPU to run Kubernetes. Minimum {minimum} vcpus required.")]
    FlavorVcpus {
        /// As the user named it.
        flavor: String,
        /// Number of vCPUs.
        minimum: i64,
    },
    /// No flavor of that name or id is visible to the caller.
    #[error("Unable to find flavor {flavor}.")]
    FlavorNotFound {
        /// As the user named it.
        flavor: String,
    },
    /// Neither cluster nor template names a flavor for these nodes.
    #[error("No flavor is set for node group {nodegroup}.")]
    FlavorMissing {
        /// Name of the node group.
        nodegroup: String,
    },
    /// Autoscaling limits or a node count that cannot be.
    #[error("{message}")]
    NodeGroupInvalidInput {
        /// What is wrong.
        message: String,
    },
    /// The control plane has an even or negative number of nodes.
    #[error("master nodegroup size of {requested_size} is invalid, size cannot be an even number.")]
    MasterSize {
        /// Number of control plane nodes asked for.
        requested_size: i64,
    },
    /// The template names no image.
    #[error("Cluster template {template} does not name an image.")]
    ImageMissing {
        /// Name or UUID of the template.
        template: String,
    },
    /// No image of that name or id is visible to the caller.
    #[error("Image {image} could not be found.")]
    ImageNotFound {
        /// As the template names it.
        image: String,
    },
    /// Several images carry the name.
    #[error("More than one Image exists with the name '{image}'.")]
    ImageAmbiguous {
        /// As the template names it.
        image: String,
    },
    /// The image lacks `kube_version` or `os_distro`.
    #[error("Image {image} does not have {article} {property} property.")]
    ImageProperty {
        /// Id of the image.
        image: String,
        /// `a` or `an`.
        article: &'static str,
        /// Name of the property.
        property: &'static str,
    },
    /// `kube_version` of the image is not a version.
    #[error("Image {image} has the kube_version property '{value}', which is not a Kubernetes version.")]
    ImageKubeVersion {
        /// Id of the image.
        image: String,
        /// The property.
        value: String,
    },
    /// The new template's Kubernetes is older than the cluster's.
    #[error("Cluster Template is not valid for upgrade: {}", self.reason())]
    Downgrade {
        /// Version that the cluster runs.
        from: String,
        /// Version that the new template's image carries.
        to: String,
    },
    /// The new template's Kubernetes is more than one minor release ahead.
    #[error("Cluster Template is not valid for upgrade: {}", self.reason())]
    UpgradeSkips {
        /// Version that the cluster runs.
        from: String,
        /// Version that the new template's image carries.
        to: String,
    },
    /// No such internal network.
    #[error("Unable to find fixed network {network}.")]
    FixedNetworkNotFound {
        /// As the user named it.
        network: String,
    },
    /// No such subnet.
    #[error("Unable to find fixed subnet {subnet}.")]
    FixedSubnetNotFound {
        /// As the user named it.
        subnet: String,
    },
    /// No such external network.
    #[error("Unable to find external network {network}.")]
    ExternalNetworkNotFound {
        /// As the user named it; `None` if no template names one.
        network: String,
    },
    /// Several networks or subnets carry the name.
    #[error("Multiple {kind}s exist with same name '{name}'. Please use the {kind} ID instead.")]
    Ambiguous {
        /// `network` or `subnet`.
        kind: &'static str,
        /// As the user named it.
        name: String,
    },
    /// `[capi_helm] csi_cinder_default_volume_type` names a type that Cinder does not offer.
    #[error("{volume_type} is not a valid Cinder volume type.")]
    VolumeTypeUnknown {
        /// The configured type.
        volume_type: String,
    },
    /// Cinder offers this project no volume type at all.
    #[error("Cinder offers this project no volume type, so no storage class can be made.")]
    NoVolumeTypes,
    /// The template's name servers are not a list of addresses.
    #[error(
        "dns_nameserver of the cluster template is '{value}', which is not a comma-separated list of addresses."
    )]
    DnsNameserver {
        /// The template's field.
        value: String,
    },
    /// The cluster has not been given a release name yet.
    #[error("Cluster {cluster} has no stack_id, so nothing of it was ever created.")]
    NoRelease {
        /// UUID of the cluster.
        cluster: String,
    },
    /// The region of the generated credentials is not one of Keystone's.
    #[error("{message}")]
    Region {
        /// As Magnum says it.
        message: String,
    },
    /// The template names a driver that is not available.
    #[error("Cluster driver ({driver_name}) not supported.")]
    ClusterDriverNotSupported {
        /// The name.
        driver_name: String,
    },
    /// No enabled driver handles the combination.
    #[error("Cluster type ({server_type}, {os}, {coe}) not supported.")]
    ClusterTypeNotSupported {
        /// `vm` or `bm`.
        server_type: String,
        /// `cluster_distro` of the template.
        os: String,
        /// `kubernetes`.
        coe: String,
    },
}

impl DriverError {
    /// Why a template cannot be upgraded to; empty for other refusals. The versions come last, because the command line
    /// shows an error up to its first full stop only.
    fn reason(&self) -> String {
        match self {
            Self::Downgrade { from, to } => {
                format!("Kubernetes cannot be downgraded, and it has {to} where the cluster has {from}.")
            }
            Self::UpgradeSkips { from, to } => format!(
                "Kubernetes is upgraded one minor version at a time, and it has {to} where the cluster has {from}."
            ),
            _ => String::new(),
        }
    }
}

/// The exception under which the API shows the refusal.
impl From<DriverError> for MagnumError {
    fn from(error: DriverError) -> Self {
        let text = error.to_string();
        let reason = error.reason();
        match error {
            DriverError::NodeGroupInvalidInput { .. } => Self::positional(Kind::NodeGroupInvalidInput, text),
            DriverError::MasterSize { requested_size } => Self::master_ng_size_invalid(requested_size),
            DriverError::FlavorNotFound { flavor } => Self::flavor_not_found(flavor),
            DriverError::ImageNotFound { image } => Self::image_not_found(image),
            DriverError::FixedNetworkNotFound { network } => Self::fixed_network_not_found(network),
            DriverError::FixedSubnetNotFound { subnet } => Self::fixed_subnet_not_found(subnet),
            DriverError::ExternalNetworkNotFound { network } => Self::external_network_not_found(network),
            DriverError::Ambiguous { .. } | DriverError::ImageAmbiguous { .. } => {
                Self::positional(Kind::Conflict, text)
            }
            DriverError::Downgrade { .. } | DriverError::UpgradeSkips { .. } => {
                Self::invalid_cluster_template_for_upgrade(reason)
            }
            DriverError::Region { .. } | DriverError::DnsNameserver { .. } => {
                Self::positional(Kind::InvalidParameterValue, text)
            }
            DriverError::ClusterDriverNotSupported { driver_name } => {
                Self::cluster_driver_not_supported(driver_name)
            }
            DriverError::ClusterTypeNotSupported { server_type, os, coe } => {
                Self::cluster_type_not_supported(server_type, os, coe)
            }
            _ => Self::positional(Kind::MagnumException, text),
        }
    }
}
