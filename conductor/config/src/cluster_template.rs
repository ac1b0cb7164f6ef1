//! `[cluster_template]`.

use oslo_config::section;

use crate::texts;

section! {
    /// What templates may say.
    pub struct ClusterTemplate("cluster_template") {
        /// Network drivers that may be chosen; `all` allows any.
        pub kubernetes_allowed_network_drivers: Vec<String> = texts(&["flannel", "calico"]);
        /// Network driver of templates that name none.
        pub kubernetes_default_network_driver: String = "flannel".into();
    }
}
