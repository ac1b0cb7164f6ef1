//! `[drivers]`.

use oslo_config::section;

section! {
    /// Which drivers there are, and how nodes trust the cloud.
    pub struct Drivers("drivers") {
        /// Whether nodes verify the certificates of OpenStack's APIs.
        pub verify_ca: bool = true;
        /// CA bundle for nodes, PEM; empty is none.
        pub openstack_ca_file: String = String::new();
        /// Driver entry points that are switched off.
        pub disabled_drivers: Vec<String> = Vec::new();
        /// Beta drivers that are switched on.
        pub enabled_beta_drivers: Vec<String> = Vec::new();
        /// Driver for templates that name none; the first by name if unset. Since magnum 23.
        pub default_driver: Option<String> = None;
        /// Metrics of clusters; removed from Magnum.
        pub send_cluster_metrics: bool = false;
    }
}
