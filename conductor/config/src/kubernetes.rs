//! `[kubernetes]`.

use oslo_config::section;

section! {
    /// Options for Kubernetes clusters.
    pub struct Kubernetes("kubernetes") {
        /// Policy file of the Keystone webhook, Heat clusters only.
        pub keystone_auth_default_policy: String = "/etc/magnum/keystone_auth_default_policy.json".into();
        /// Manifest for new clusters, Heat clusters only.
        pub post_install_manifest_url: String = String::new();
        /// Seconds between looks at a cluster's health; negative switches health off.
        pub health_polling_interval: i64 = 60;
    }
}
