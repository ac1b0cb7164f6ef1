//! `[capi_helm_cluster_labels]`: what a site wants of labels that a cluster does not set.

use oslo_config::section;

section! {
    /// Options of magnum-capi-helm 1.4.0, `conf.py`; each stands for the label of the same name.
    pub struct CapiHelmClusterLabels("capi_helm_cluster_labels") {
        /// Size of etcd's disk, GB; 0 keeps etcd on the root disk.
        pub etcd_blockdevice_size: i64 = 0;
        /// Kind of etcd's disk.
        pub etcd_blockdevice_type: String = "volume".into(), choices("volume", "local");
        /// Volume type of etcd's disk.
        pub etcd_blockdevice_volume_type: String = String::new();
        /// Availability zone of etcd's disk.
        pub etcd_blockdevice_volume_az: String = String::new();
        /// Old name of `etcd_blockdevice_size`.
        pub etcd_volume_size: i64 = 0, deprecated("capi_helm", "etcd_volume_size");
        /// Old name of `etcd_blockdevice_volume_type`.
        pub etcd_volume_type: String = String::new(), deprecated("capi_helm", "etcd_volume_type");
        /// Monitoring addon.
        pub monitoring_enabled: bool = false;
        /// Dashboard addon.
        pub kube_dashboard_enabled: bool = true;
        /// Replace unhealthy nodes.
        pub auto_healing_enabled: bool = true;
        /// Cluster autoscaler.
        pub auto_scaling_enabled: bool = false;
        /// Fewest nodes for the autoscaler; the node group's count if unset.
        pub min_node_count: Option<i64> = None;
        /// Most nodes for the autoscaler; the node group's count if unset.
        pub max_node_count: Option<i64> = None;
        /// Keystone webhook.
        pub keystone_auth_enabled: bool = false;
        /// Availability zone of volumes.
        pub csi_cinder_availability_zone: String = "nova".into(),
            deprecated("capi_helm", "csi_cinder_availability_zone");
        /// What becomes of released volumes.
        pub csi_cinder_reclaim_policy: String = "Retain".into(),
            deprecated("capi_helm", "csi_cinder_reclaim_policy"), choices("Retain", "Delete");
        /// When volumes are bound.
        pub csi_cinder_volume_binding_mode: String = "WaitForFirstConsumer".into(),
            deprecated("capi_helm", "csi_cinder_volume_binding_mode"),
            choices("WaitForFirstConsumer", "Immediate");
        /// Filesystem of volumes.
        pub csi_cinder_fstype: String = "ext4".into(), deprecated("capi_helm", "csi_cinder_fstype");
        /// Whether volumes may grow.
        pub csi_cinder_allow_volume_expansion: bool = true,
            deprecated("capi_helm", "csi_cinder_allow_volume_expansion");
        /// Octavia provider.
        pub octavia_provider: String = "amphora".into();
        /// Load balancing algorithm; empty chooses by provider.
        pub octavia_lb_algorithm: String = String::new();
        /// Health checks of load balancers.
        pub octavia_lb_healthcheck: bool = true;
        /// Floating IP for the cluster's API.
        pub master_lb_floating_ip_enabled: bool = true;
        /// Node network where the cluster names no subnet.
        pub fixed_subnet_cidr: String = "10.0.0.0/24".into();
        /// Networks that may reach the cluster's API, separated by commas; empty is all.
        pub api_master_lb_allowed_cidrs: String = String::new();
        /// More networks for nodes, separated by spaces.
        pub extra_network_names: String = String::new(),
            deprecated("capi_helm_cluster_labels", "extra_network_name");
        /// Volume type of root volumes; `[cinder] default_boot_volume_type` if unset.
        pub boot_volume_type: Option<String> = None;
        /// Size of root volumes, GB; `[cinder] default_boot_volume_size` if unset.
        pub boot_volume_size: Option<i64> = None;
        /// Chart version; `[capi_helm] default_helm_chart_version` if empty.
        pub capi_helm_chart_version: String = String::new();
    }
}
