//! Which driver a cluster template belongs to, as magnum `drivers/common/driver.py` has it, alike in 18.0 to 23.0.
//!
//! `[drivers] enabled_beta_drivers` has no say, because this driver is none, and neither has `default_driver` (since
//! 23.0): magnum-api writes the default into the template before a conductor sees it.

use magnum_objects::ClusterTemplate;

use crate::error::DriverError;

/// Entry point name of this driver, as magnum-capi-helm registers it.
pub const NAME: &str = "k8s_capi_helm_v1";

/// Cluster types (server type, operating system, engine) that this driver makes.
pub const PROVIDES: [(&str, &str, &str); 2] =
    [("vm", "ubuntu", "kubernetes"), ("vm", "flatcar", "kubernetes")];

/// Whether this driver makes clusters of that type.
pub fn provides(server_type: &str, os: &str, coe: &str) -> bool {
    PROVIDES.contains(&(server_type, os, coe))
}

/// Whether a driver is in `[drivers] disabled_drivers`.
pub fn is_enabled(disabled_drivers: &[String]) -> bool {
    !disabled_drivers.iter().any(|name| name == NAME)
}

/// What of a template decides about its driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Entry point that the template names.
    pub driver: Option<String>,
    /// Kind of machines.
    pub server_type: Option<String>,
    /// Operating system, `cluster_distro`.
    pub os: Option<String>,
    /// Container orchestration engine.
    pub coe: Option<String>,
}

impl From<&ClusterTemplate> for Traits {
    fn from(template: &ClusterTemplate) -> Self {
        Self {
            driver: template.driver.clone(),
            server_type: template.server_type.clone(),
            os: template.cluster_distro.clone(),
            coe: template.coe.clone(),
        }
    }
}

/// Whose clusters a template makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Ours.
    Ours,
    /// Another driver's; the refusal is what to answer if no conductor with other drivers is known.
    Other(DriverError),
}

/// The owner of a template's clusters.
///
/// A template that names its driver belongs to that one, even if it is in `[drivers] disabled_drivers`: Magnum loads it
/// by its name then. Else the cluster type decides, and a disabled driver makes none.
pub fn owner(disabled_drivers: &[String], traits: &Traits) -> Owner {
    if let Some(driver) = traits.driver.as_deref().filter(|driver| !driver.is_empty()) {
        return match driver {
            NAME => Owner::Ours,
            other => Owner::Other(DriverError::ClusterDriverNotSupported {
                driver_name: other.to_owned(),
            }),
        };
    }
    let part = |field: &Option<String>| field.clone().unwrap_or_else(|| "None".into());
    let (server_type, os, coe) = (part(&traits.server_type), part(&traits.os), part(&traits.coe));
    if is_enabled(disabled_drivers) && provides(&server_type, &os, &coe) {
        Owner::Ours
    } else {
        Owner::Other(DriverError::ClusterTypeNotSupported { server_type, os, coe })
    }
}
