//! `[cluster]`.

use oslo_config::section;

section! {
    /// Options for clusters of any driver.
    pub struct Cluster("cluster") {
        /// etcd discovery; not used by Cluster API.
        pub etcd_discovery_service_endpoint_format: String =
            "https://discovery.etcd.io/new?size=%(size)d".into(),
            deprecated("bay", "etcd_discovery_service_endpoint_format");
        /// Server group policy of Heat clusters.
        pub nodes_affinity_policy: String = "soft-anti-affinity".into();
        /// Folder for certificates on their way to an HTTP client.
        pub temp_cache_dir: String = "/var/lib/magnum/certificate-cache".into();
        /// Seconds to wait for load balancers to go before a cluster is deleted.
        pub pre_delete_lb_timeout: i64 = 60;
    }
}
