//! `[trust]`: removed from Magnum 23, still written by deployment tools and used by Heat clusters.

use oslo_config::section;
use secrecy::SecretString;

section! {
    /// Options for trustees of clusters.
    pub struct Trust("trust") {
        /// Give clusters a trust to their project.
        pub cluster_user_trust: bool = false;
        /// Domain of trustees.
        pub trustee_domain_id: Option<String> = None;
        /// Domain of trustees.
        pub trustee_domain_name: Option<String> = None;
        /// Its administrator.
        pub trustee_domain_admin_id: Option<String> = None;
        /// Its administrator.
        pub trustee_domain_admin_name: Option<String> = None;
        /// The administrator's domain.
        pub trustee_domain_admin_domain_id: Option<String> = None;
        /// The administrator's domain.
        pub trustee_domain_admin_domain_name: Option<String> = None;
        /// The administrator's password.
        pub trustee_domain_admin_password: Option<SecretString> = None;
        /// Roles that are delegated.
        pub roles: Vec<String> = Vec::new();
        /// Keystone's interface for nodes.
        pub trustee_keystone_interface: String = "public".into();
        /// Keystone's region for nodes.
        pub trustee_keystone_region_name: Option<String> = None;
    }
}
