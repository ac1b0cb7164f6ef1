//! Rows as typed structs.
//!
//! SQL NULL becomes the field's default where Magnum's object has one (`node_count` 1,
//! `min_node_count` 0, booleans), an empty text where the column is never empty in practice
//! (uuid, name, project), `None` elsewhere.

use chrono::NaiveDateTime;
use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::Values;
use crate::class::Registry;
use crate::datetime;
use crate::exception::MagnumError;
use crate::ovo::Object;
use crate::status::{ClusterStatus, FederationStatus, HealthStatus};

/// A stored value that does not fit the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class}.{field}: {reason}")]
pub struct RecordError {
    /// Class name.
    pub class: &'static str,
    /// Field name.
    pub field: &'static str,
    /// What is wrong; never the value of a secret.
    pub reason: String,
}

/// A Rust type that a field can have.
pub trait FieldValue: Sized {
    /// From the JSON form of the value.
    ///
    /// # Errors
    /// The reason, without the value where that may be secret.
    fn read(value: &Value) -> Result<Self, String>;

    /// To the JSON form of the value.
    fn write(&self) -> Value;
}

impl<T: FieldValue> FieldValue for Option<T> {
    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            Ok(None)
        } else {
            T::read(value).map(Some)
        }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
}

impl FieldValue for Value {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }

    fn write(&self) -> Value {
        self.clone()
    }
}

impl FieldValue for String {
    fn read(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "not a text".into())
    }

    fn write(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl FieldValue for &str {
    fn read(_: &Value) -> Result<Self, String> {
        Err("a borrowed text can only be written".into())
    }

    fn write(&self) -> Value {
        Value::from(*self)
    }
}

impl FieldValue for SecretString {
    fn read(value: &Value) -> Result<Self, String> {
        String::read(value).map(Self::from)
    }

    fn write(&self) -> Value {
        Value::from(self.expose_secret())
    }
}

impl FieldValue for i64 {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_i64().ok_or_else(|| format!("{value} is not an integer"))
    }

    fn write(&self) -> Value {
        Value::from(*self)
    }
}

impl FieldValue for bool {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Ok(number.as_i64() != Some(0)),
            other => other.as_bool().ok_or_else(|| format!("{value} is not a boolean")),
        }
    }

    fn write(&self) -> Value {
        Value::from(*self)
    }
}

impl FieldValue for NaiveDateTime {
    fn read(value: &Value) -> Result<Self, String> {
        datetime::to_utc(value.as_str().unwrap_or_default()).map_err(|error| error.message)
    }

    fn write(&self) -> Value {
        Value::from(datetime::from_utc(*self))
    }
}

impl FieldValue for IndexMap<String, String> {
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or("not a dictionary")?;
        map.iter()
            .map(|(key, value)| String::read(value).map(|value| (key.clone(), value)))
            .collect()
    }

    fn write(&self) -> Value {
        Value::Object(
            self.iter()
                .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
                .collect(),
        )
    }
}

impl FieldValue for Vec<String> {
    fn read(value: &Value) -> Result<Self, String> {
        value
            .as_array()
            .ok_or("not a list")?
            .iter()
            .map(String::read)
            .collect()
    }

    fn write(&self) -> Value {
        Value::from(self.clone())
    }
}

impl FieldValue for Vec<Values> {
    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or("not a list")?.iter();
        items
            .map(|item| {
                item.as_object()
                    .cloned()
                    .ok_or_else(|| "not a list of dictionaries".to_owned())
            })
            .collect()
    }

    fn write(&self) -> Value {
        Value::Array(self.iter().cloned().map(Value::Object).collect())
    }
}

macro_rules! status_value {
    ($($name:ty),*) => {$(
        impl FieldValue for $name {
            fn read(value: &Value) -> Result<Self, String> {
                value.as_str().unwrap_or_default().parse().map_err(|error: crate::status::UnknownStatus| error.to_string())
            }

            fn write(&self) -> Value {
                Value::from(self.as_str())
            }
        }
    )*};
}

status_value!(ClusterStatus, HealthStatus, FederationStatus);

/// A typed row of one class.
pub trait Record: Sized + Send + Sync {
    /// Class name, which also says the table.
    const CLASS: &'static str;

    /// From column (or field) values; what is missing counts as NULL.
    ///
    /// # Errors
    /// [`RecordError`] naming the field.
    fn from_values(values: &Values) -> Result<Self, RecordError>;

    /// All fields as column values.
    fn to_values(&self) -> Values;

    /// From a versioned object; unset fields count as null.
    ///
    /// # Errors
    /// `ValueError` naming the field.
    fn from_ovo(object: &Object) -> Result<Self, MagnumError> {
        Self::from_values(object.data())
            .map_err(|error| MagnumError::builtin("ValueError", error.to_string()))
    }

    /// A versioned object with every field of the release set and nothing changed.
    ///
    /// # Errors
    /// What [`crate::coerce::coerce`] raises.
    fn to_object(&self, registry: &'static Registry) -> Result<Object, MagnumError> {
        let mut object = Object::new(registry, Self::CLASS)?;
        object.load(&self.to_values())?;
        Ok(object)
    }

    /// The wire form in `version`, or in the registry's own.
    ///
    /// # Errors
    /// `InvalidTargetVersion` if `version` is newer than the registry's.
    fn to_ovo(&self, registry: &'static Registry, version: Option<&str>) -> Result<Value, MagnumError> {
        let object = self.to_object(registry)?;
        version.map_or_else(
            || Ok(object.to_wire()),
            |version| object.to_wire_version(version, None),
        )
    }

    /// Overwrites the fields that are marked changed in `object`, as `obj_get_changes` gives them.
    ///
    /// # Errors
    /// `ValueError` naming the field.
    fn apply_changes(&mut self, object: &Object) -> Result<(), MagnumError> {
        let mut values = self.to_values();
        for (name, value) in object.changed_values() {
            values.insert(name, value);
        }
        *self = Self::from_values(&values)
            .map_err(|error| MagnumError::builtin("ValueError", error.to_string()))?;
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::Release;

    fn same_fields<R: Record + Default>() {
        let ours: Vec<String> = R::default()
            .to_values()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for release in [Release::V18, Release::V23] {
            for field in Registry::of(release).class(R::CLASS).unwrap().columns() {
                assert!(
                    ours.contains(&field.name.to_owned()),
                    "{}.{}",
                    R::CLASS,
                    field.name
                );
            }
        }
        for name in &ours {
            let known = [Release::V18, Release::V23].into_iter().any(|release| {
                Registry::of(release)
                    .class(R::CLASS)
                    .unwrap()
                    .field(name)
                    .is_some()
            });
            assert!(known, "{}.{name} is in no release", R::CLASS);
        }
    }

    #[test]
    fn structs_and_classes_have_the_same_fields() {
        same_fields::<Cluster>();
        same_fields::<ClusterTemplate>();
        same_fields::<NodeGroup>();
        same_fields::<X509KeyPair>();
        same_fields::<MagnumService>();
        same_fields::<Quota>();
        same_fields::<Federation>();
        same_fields::<Certificate>();
        same_fields::<Stats>();
    }

    #[test]
    fn null_counts_become_magnums_defaults() {
        let group: NodeGroup =
            serde_json::from_value(json!({"node_count": null, "min_node_count": null})).unwrap();
        assert_eq!(
            (group.node_count, group.min_node_count, group.is_default),
            (1, 0, false)
        );
    }

    #[test]
    fn values_survive_the_way_there_and_back() {
        let values = json!({
            "id": 3, "uuid": "u", "name": "n", "labels": {"a": "b"}, "status": "UPDATE_FAILED",
            "created_at": "2024-01-02T03:04:05Z", "floating_ip_enabled": false, "health_status": "HEALTHY",
        });
        let cluster = Cluster::from_values(values.as_object().unwrap()).unwrap();
        assert_eq!(cluster.status, Some(ClusterStatus::UpdateFailed));
        let back = cluster.to_values();
        for (name, value) in values.as_object().unwrap() {
            assert_eq!(&back[name], value, "{name}");
        }
    }

    #[test]
    fn changes_of_an_object_are_applied_and_nothing_else() {
        let mut cluster = Cluster {
            uuid: "u".into(),
            name: "old".into(),
            create_timeout: Some(5),
            ..Cluster::default()
        };
        let mut object = cluster.to_object(Registry::newest()).unwrap();
        object.set("name", "new").unwrap();
        cluster.create_timeout = Some(7);
        cluster.apply_changes(&object).unwrap();
        assert_eq!((cluster.name.as_str(), cluster.create_timeout), ("new", Some(7)));
    }

    #[test]
    fn keys_are_not_shown() {
        let pair: X509KeyPair =
            serde_json::from_value(json!({"private_key": "k3y", "private_key_passphrase": "k3y"})).unwrap();
        assert!(!format!("{pair:?}").contains("k3y"));
    }
}
