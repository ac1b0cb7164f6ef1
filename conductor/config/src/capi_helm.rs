//! `[capi_helm]`: the Cluster API driver.

use oslo_config::section;

use crate::texts;

section! {
    /// Options of magnum-capi-helm 1.4.0, `conf.py`.
    pub struct CapiHelm("capi_helm") {
        /// kubeconfig of the management cluster; empty looks at `$KUBECONFIG`, then `~/.kube/config`.
        pub kubeconfig_file: String = String::new();
        /// Namespaces are named `<prefix>-<project id>`.
        pub namespace_prefix: String = "magnum".into();
        /// Repository of the chart; empty if the name is an `oci://` reference or a folder.
        pub helm_chart_repo: String = "https://azimuth-cloud.github.io/capi-helm-charts".into();
        /// Chart in the repository; `builtin` is the one in this program.
        pub helm_chart_name: String = "openstack-cluster".into();
        /// Version of the chart where the template's label names none.
        pub default_helm_chart_version: String = "0.10.1".into();
        /// Smallest RAM of a flavor, MiB.
        pub minimum_flavor_ram: i64 = 2048;
        /// Fewest CPUs of a flavor.
        pub minimum_flavor_vcpus: i64 = 2;
        /// Volume type of the default storage class; Cinder's default if unset.
        pub csi_cinder_default_volume_type: Option<String> = None;
        /// Topologies of storage classes.
        pub csi_cinder_allowed_topologies: Vec<String> = Vec::new();
        /// Interface that nodes use in the catalog.
        pub app_cred_interface_type: String = "public".into();
        /// JSON object that renames Cluster API resources: `{"K8sControlPlane": {"api_version": …, "plural_name": …}}`.
        /// Empty renames none.
        pub api_resources: String = String::new();
        /// Conditions that make a control plane ready.
        pub k8s_control_plane_resource_conditions: Vec<String> = texts(&[
            "MachinesReady", "Ready", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy",
        ]);
    }
}
