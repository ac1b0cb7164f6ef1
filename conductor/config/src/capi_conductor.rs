//! `[capi_conductor]`: options of this program that Magnum does not have.

use oslo_config::section;

section! {
    /// Each has a default that needs no thought.
    pub struct CapiConductor("capi_conductor") {
        /// Topic of a Python conductor that has the clusters of other drivers; such clusters are refused if unset.
        pub other_drivers_topic: Option<String> = None;
        /// Seconds for which a conductor holds a cluster without renewing its claim.
        pub lease_seconds: u64 = 30, min(3);
        /// Minutes until an update that does not end counts as failed; 0 is never.
        pub update_timeout_minutes: u64 = 60, min(0);
        /// Minutes until a deletion that does not end counts as failed; 0 is never.
        pub delete_timeout_minutes: u64 = 60, min(0);
        /// Seconds between questions to Keystone whether it still takes a cluster's application credential; 0 never asks.
        pub credential_check_interval: u64 = 3600, min(0);
        /// Operations on different clusters at once.
        pub max_concurrent_operations: usize = 64, min(1);
        /// Folder of downloaded charts.
        pub chart_cache_dir: String = "$state_path/charts".into();
        /// Keyring with a key of which charts have to be signed; they are not verified if unset.
        pub chart_keyring: Option<String> = None;
        /// Seconds per request to the management cluster, watches aside.
        pub kube_request_timeout: u64 = 30, min(1);
        /// Address and port of metrics and health, such as `127.0.0.1:9515`; none if unset.
        pub admin_bind: Option<String> = None;
        /// Connections to the database; `[database] max_pool_size` times the number of workers if unset.
        pub database_pool_size: Option<u32> = None, min(1);
    }
}
