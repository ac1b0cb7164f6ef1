//! Which driver a cluster template belongs to, as magnum `drivers/common/driver.py`.

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
/// A template that names its driver belongs to that one; else its cluster type decides. A driver in
/// `[drivers] disabled_drivers` is not chosen either way.
pub fn owner(disabled_drivers: &[String], template: &ClusterTemplate) -> Owner {
    let enabled = !disabled_drivers.iter().any(|name| name == NAME);
    if let Some(driver) = template.driver.as_deref().filter(|driver| !driver.is_empty()) {
        return match driver {
            NAME if enabled => Owner::Ours,
            other => Owner::Other(DriverError::ClusterDriverNotSupported {
                driver_name: other.to_owned(),
            }),
        };
    }
    let part = |field: &Option<String>| field.clone().unwrap_or_else(|| "None".into());
    let (server_type, os, coe) = (
        part(&template.server_type),
        part(&template.cluster_distro),
        part(&template.coe),
    );
    if enabled && provides(&server_type, &os, &coe) {
        Owner::Ours
    } else {
        Owner::Other(DriverError::ClusterTypeNotSupported { server_type, os, coe })
    }
}
