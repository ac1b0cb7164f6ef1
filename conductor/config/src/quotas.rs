//! `[quotas]`.

use oslo_config::section;

section! {
    /// Limits that the API enforces.
    pub struct Quotas("quotas") {
        /// Clusters per project.
        pub max_clusters_per_project: i64 = 20;
    }
}
