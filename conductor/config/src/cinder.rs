//! `[cinder]`.

use oslo_config::section;

section! {
    /// Volumes where labels name none.
    pub struct Cinder("cinder") {
        /// Volume type for containers' storage.
        pub default_docker_volume_type: String = String::new();
        /// Volume type for etcd.
        pub default_etcd_volume_type: String = String::new();
        /// Volume type of boot volumes.
        pub default_boot_volume_type: String = String::new();
        /// Size of boot volumes, GB; 0 boots from the flavor's disk.
        pub default_boot_volume_size: i64 = 0;
    }
}
