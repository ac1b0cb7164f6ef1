//! `magnum.conf` as the conductor reads it: one typed struct per group.
//!
//! Names, types, defaults and deprecated names are those of magnum 23.0.0, magnum-capi-helm 1.4.0 and the oslo
//! libraries of their time, with what releases back to magnum 18 knew beside them. Groups are in one file each.

mod capi_conductor;
mod capi_helm;
mod capi_helm_cluster_labels;
mod certificates;
mod cinder;
mod cluster;
mod cluster_template;
mod conductor;
mod database;
mod default;
mod drivers;
mod keystone_auth;
mod keystone_authtoken;
mod kubernetes;
mod oslo_concurrency;
mod quotas;
mod service_client;
mod settings;
mod trust;
mod x509;

pub use crate::capi_conductor::CapiConductor;
pub use crate::capi_helm::CapiHelm;
pub use crate::capi_helm_cluster_labels::CapiHelmClusterLabels;
pub use crate::certificates::Certificates;
pub use crate::cinder::Cinder;
pub use crate::cluster::Cluster;
pub use crate::cluster_template::ClusterTemplate;
pub use crate::conductor::Conductor;
pub use crate::database::Database;
pub use crate::default::DefaultSection;
pub use crate::drivers::Drivers;
pub use crate::keystone_auth::KeystoneAuth;
pub use crate::keystone_authtoken::KeystoneAuthtoken;
pub use crate::kubernetes::Kubernetes;
pub use crate::oslo_concurrency::OsloConcurrency;
pub use crate::quotas::Quotas;
pub use crate::service_client::ServiceClient;
pub use crate::settings::Settings;
pub use crate::trust::Trust;
pub use crate::x509::X509;
pub use oslo_config::messaging::{OsloMessagingNotifications, OsloMessagingRabbit};
pub use oslo_config::{Error, Finding, FindingKind};

/// Defaults of list options.
fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

/// The machine's host name.
pub(crate) fn hostname() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
