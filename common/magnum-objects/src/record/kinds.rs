//! The structs.

use chrono::NaiveDateTime;
use indexmap::IndexMap;
use secrecy::SecretString;

use super::{FieldValue, Record, RecordError};
use crate::Values;
use crate::status::{ClusterStatus, FederationStatus, HealthStatus};

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty $(= $default:expr)?,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self {$(
                    $field: {
                        #[allow(unused_variables)]
                        let default: $type = Default::default();
                        $(let default: $type = $default;)?
                        default
                    },
                )*}
            }
        }

        impl Record for $name {
            const CLASS: &'static str = stringify!($name);

            fn from_values(values: &Values) -> Result<Self, RecordError> {
                let mut record = Self::default();
                $(if let Some(value) = values.get(stringify!($field)).filter(|value| !value.is_null()) {
                    record.$field = <$type>::read(value).map_err(|reason| RecordError {
                        class: Self::CLASS,
                        field: stringify!($field),
                        reason,
                    })?;
                })*
                Ok(record)
            }

            fn to_values(&self) -> Values {
                let mut values = Values::new();
                $(values.insert(stringify!($field).to_owned(), self.$field.write());)*
                values
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let values = Values::deserialize(deserializer)?;
                Self::from_values(&values).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

records! {
    /// A cluster.
    Cluster {
        /// Row number.
        id: i64,
        /// UUID.
        uuid: String,
        /// Name, not unique.
        name: String,
        /// Owning project.
        project_id: String,
        /// Creating user.
        user_id: Option<String>,
        /// UUID of the template.
        cluster_template_id: String,
        /// Key pair name.
        keypair: Option<String>,
        /// GiB.
        docker_volume_size: Option<i64>,
        /// Labels.
        labels: Option<IndexMap<String, String>>,
        /// Flavor of the control plane.
        master_flavor_id: Option<String>,
        /// Flavor of the default workers.
        flavor_id: Option<String>,
        /// Release name in the management cluster (Heat's stack id for its drivers).
        stack_id: Option<String>,
        /// Status.
        status: Option<ClusterStatus>,
        /// Why.
        status_reason: Option<String>,
        /// Health.
        health_status: Option<HealthStatus>,
        /// Health in detail.
        health_status_reason: Option<IndexMap<String, String>>,
        /// Minutes; 0 or NULL for none.
        create_timeout: Option<i64>,
        /// URL of the Kubernetes API.
        api_address: Option<String>,
        /// Unused by Kubernetes drivers.
        discovery_url: Option<String>,
        /// Reference of the cluster CA.
        ca_cert_ref: Option<String>,
        /// Reference of Magnum's client certificate.
        magnum_cert_ref: Option<String>,
        /// Reference of etcd's CA.
        etcd_ca_cert_ref: Option<String>,
        /// Reference of the front proxy's CA.
        front_proxy_ca_cert_ref: Option<String>,
        /// Heat's trust, to 22 only.
        trust_id: Option<String>,
        /// Heat's trustee, to 22 only.
        trustee_username: Option<String>,
        /// Heat's trustee, to 22 only.
        trustee_password: Option<SecretString>,
        /// Heat's trustee, to 22 only.
        trustee_user_id: Option<String>,
        /// Kubernetes version.
        coe_version: Option<String>,
        /// Container runtime version.
        container_version: Option<String>,
        /// Network, name or UUID.
        fixed_network: Option<String>,
        /// Subnet, name or UUID.
        fixed_subnet: Option<String>,
        /// Whether nodes get floating addresses.
        floating_ip_enabled: bool = true,
        /// Whether the API has a load balancer.
        master_lb_enabled: bool = false,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A cluster template.
    ClusterTemplate {
        /// Row number.
        id: i64,
        /// UUID.
        uuid: String,
        /// Owning project.
        project_id: Option<String>,
        /// Creating user.
        user_id: Option<String>,
        /// Name, not unique.
        name: Option<String>,
        /// Image, name or UUID.
        image_id: Option<String>,
        /// Flavor of the workers.
        flavor_id: Option<String>,
        /// Flavor of the control plane.
        master_flavor_id: Option<String>,
        /// Key pair name.
        keypair_id: Option<String>,
        /// Addresses, comma separated.
        dns_nameserver: Option<String>,
        /// External network, name or UUID.
        external_network_id: Option<String>,
        /// Network, name or UUID.
        fixed_network: Option<String>,
        /// Subnet, name or UUID.
        fixed_subnet: Option<String>,
        /// CNI.
        network_driver: Option<String>,
        /// `cinder` or none.
        volume_driver: Option<String>,
        /// Port of the Kubernetes API.
        apiserver_port: Option<i64>,
        /// GiB.
        docker_volume_size: Option<i64>,
        /// Storage driver.
        docker_storage_driver: Option<String>,
        /// `os_distro` of the image.
        cluster_distro: Option<String>,
        /// `kubernetes`.
        coe: Option<String>,
        /// Proxy.
        http_proxy: Option<String>,
        /// Proxy.
        https_proxy: Option<String>,
        /// Proxy exceptions.
        no_proxy: Option<String>,
        /// Registry in the cluster.
        registry_enabled: bool = false,
        /// Labels.
        labels: Option<IndexMap<String, String>>,
        /// Plain HTTP API.
        tls_disabled: bool = false,
        /// Visible to all projects.
        public: bool = false,
        /// `vm` or `bm`.
        server_type: Option<String>,
        /// Registry without TLS.
        insecure_registry: Option<String>,
        /// Whether the API has a load balancer.
        master_lb_enabled: bool = false,
        /// Whether nodes get floating addresses.
        floating_ip_enabled: bool = true,
        /// Hidden from lists.
        hidden: bool = false,
        /// Comma separated.
        tags: Option<String>,
        /// Driver name, if fixed.
        driver: Option<String>,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A node group.
    NodeGroup {
        /// Row number.
        id: i64,
        /// UUID.
        uuid: String,
        /// Name, unique in the cluster.
        name: String,
        /// UUID of the cluster.
        cluster_id: String,
        /// Owning project.
        project_id: String,
        /// GiB.
        docker_volume_size: Option<i64>,
        /// Labels of Magnum.
        labels: Option<IndexMap<String, String>>,
        /// Flavor.
        flavor_id: Option<String>,
        /// Image, name or UUID.
        image_id: Option<String>,
        /// Addresses of the nodes.
        node_addresses: Option<Vec<String>>,
        /// Wanted number of nodes.
        node_count: i64 = 1,
        /// `master`, `worker` or any other.
        role: String,
        /// Upper limit for the autoscaler.
        max_node_count: Option<i64>,
        /// Lower limit for the autoscaler.
        min_node_count: i64 = 0,
        /// Made with the cluster.
        is_default: bool = false,
        /// Release name, as the cluster's.
        stack_id: Option<String>,
        /// Status.
        status: Option<ClusterStatus>,
        /// Why.
        status_reason: Option<String>,
        /// Template version (Heat's).
        version: Option<String>,
        /// Kubernetes node labels, from 23.
        node_labels: Option<IndexMap<String, String>>,
        /// Kubernetes taints, from 23.
        node_taints: Option<Vec<Values>>,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A certificate with its key, of the x509keypair backend.
    X509KeyPair {
        /// Row number.
        id: i64,
        /// UUID, to which the cluster's `*_cert_ref` points.
        uuid: String,
        /// PEM.
        certificate: Option<String>,
        /// PEM, encrypted with the passphrase.
        private_key: Option<SecretString>,
        /// PEM.
        intermediates: Option<String>,
        /// Passphrase of the key.
        private_key_passphrase: Option<SecretString>,
        /// Owning project.
        project_id: Option<String>,
        /// Creating user.
        user_id: Option<String>,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A conductor's heartbeat.
    MagnumService {
        /// Row number.
        id: i64,
        /// Host name.
        host: Option<String>,
        /// `magnum-conductor`.
        binary: Option<String>,
        /// Switched off.
        disabled: bool = false,
        /// Why.
        disabled_reason: Option<String>,
        /// UTC.
        last_seen_up: Option<NaiveDateTime>,
        /// Declared down.
        forced_down: bool = false,
        /// Number of heartbeats.
        report_count: i64 = 0,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A quota.
    Quota {
        /// Row number.
        id: i64,
        /// Project.
        project_id: String,
        /// `Cluster`.
        resource: String,
        /// Limit.
        hard_limit: i64,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A federation; no driver implements them.
    Federation {
        /// Row number.
        id: i64,
        /// UUID.
        uuid: String,
        /// Name, not unique.
        name: Option<String>,
        /// Owning project.
        project_id: Option<String>,
        /// UUID of the host cluster.
        hostcluster_id: Option<String>,
        /// UUIDs of the members.
        member_ids: Option<Vec<String>>,
        /// Status.
        status: Option<FederationStatus>,
        /// Why.
        status_reason: Option<String>,
        /// Properties.
        properties: Option<IndexMap<String, String>>,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// A certificate request or answer; not stored.
    Certificate {
        /// Project.
        project_id: Option<String>,
        /// User.
        user_id: Option<String>,
        /// Cluster.
        cluster_uuid: Option<String>,
        /// PEM of the request.
        csr: Option<String>,
        /// PEM of the certificate.
        pem: Option<String>,
        /// `kubernetes`, `etcd` or `front-proxy`.
        ca_cert_type: Option<String>,
        /// UTC.
        created_at: Option<NaiveDateTime>,
        /// UTC.
        updated_at: Option<NaiveDateTime>,
    }

    /// Numbers of clusters and nodes; not stored.
    Stats {
        /// Clusters.
        clusters: i64,
        /// Nodes, control plane included.
        nodes: Option<i64>,
    }
}
