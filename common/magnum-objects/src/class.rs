//! The object classes of each supported release: version, fields and table.
//!
//! Source of the rule: `magnum/objects/*.py` and `db/sqlalchemy/models.py`. Between 18 and 22 all
//! versions are the same; 23 drops the four trust fields of Cluster (1.23 → 1.24) and adds
//! `node_labels` and `node_taints` to NodeGroup (1.1 → 1.2).

use std::sync::LazyLock;

use crate::exception::MagnumError;
use crate::status::{ClusterStatus, FederationStatus, HealthStatus};

/// Magnum releases that differ in schema or objects, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Magnum 18.0 to 22.x (2024.1 to 2026.1), alembic head `c0f832afc4fd`.
    V18,
    /// Magnum 23 (2026.2), alembic head `b3e1cf4a2d5e`.
    V23,
}

impl Release {
    /// Alembic heads that we know, with what they belong to.
    pub const HEADS: &'static [(&'static str, Release, &'static str)] = &[
        ("c0f832afc4fd", Release::V18, "18 to 22 (2024.1 to 2026.1)"),
        ("b3e1cf4a2d5e", Release::V23, "23 (2026.2)"),
    ];

    /// The release of an alembic head.
    pub fn of_head(head: &str) -> Option<Release> {
        Self::HEADS
            .iter()
            .find(|(known, ..)| *known == head)
            .map(|(_, release, _)| *release)
    }
}

/// What a field holds and how it is coerced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// `IntegerField`.
    Integer,
    /// `StringField`.
    Text,
    /// `UUIDField`: a string, whatever it looks like.
    Uuid,
    /// `BooleanField`.
    Boolean,
    /// `DateTimeField`.
    DateTime,
    /// `DictOfStringsField`, a JSON column.
    TextMap,
    /// `ListOfStringsField`, a JSON column.
    TextList,
    /// Magnum's `ListOfDictsField`, a JSON column.
    MapList,
    /// An enumeration of strings.
    Enum(&'static [&'static str]),
    /// A nested object of that class; not a column.
    Object(&'static str),
}

impl FieldKind {
    /// Whether the column holds JSON text.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::TextMap | Self::TextList | Self::MapList)
    }
}

/// What a field or column has when nothing was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// A number.
    Int(i64),
    /// A truth value.
    Bool(bool),
}

impl From<Fallback> for serde_json::Value {
    fn from(fallback: Fallback) -> Self {
        match fallback {
            Fallback::Int(number) => number.into(),
            Fallback::Bool(flag) => flag.into(),
        }
    }
}

/// One field of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Field and column name.
    pub name: &'static str,
    /// Type.
    pub kind: FieldKind,
    /// Whether `None` is allowed.
    pub nullable: bool,
    /// What `None` becomes where it is not allowed (the object field's `default`).
    pub default: Option<Fallback>,
    /// What the database column gets where an insert says nothing (the model's `default`).
    pub column_default: Option<Fallback>,
    first: Release,
    last: Release,
}

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field {
        name,
        kind,
        nullable: false,
        default: None,
        column_default: None,
        first: Release::V18,
        last: Release::V23,
    }
}

const fn null(name: &'static str, kind: FieldKind) -> Field {
    Field {
        nullable: true,
        ..field(name, kind)
    }
}

/// A boolean whose object default and column default agree.
const fn flag(name: &'static str, default: bool) -> Field {
    Field {
        default: Some(Fallback::Bool(default)),
        column_default: Some(Fallback::Bool(default)),
        ..field(name, FieldKind::Boolean)
    }
}

const fn text(name: &'static str) -> Field {
    null(name, FieldKind::Text)
}

const fn number(name: &'static str) -> Field {
    null(name, FieldKind::Integer)
}

impl Field {
    const fn until(self, last: Release) -> Field {
        Field { last, ..self }
    }

    const fn since(self, first: Release) -> Field {
        Field { first, ..self }
    }

    const fn or(self, default: Fallback) -> Field {
        Field {
            default: Some(default),
            ..self
        }
    }

    const fn column_or(self, default: Fallback) -> Field {
        Field {
            column_default: Some(default),
            ..self
        }
    }
}

const ID: Field = field("id", FieldKind::Integer);
const CREATED_AT: Field = null("created_at", FieldKind::DateTime);
const UPDATED_AT: Field = null("updated_at", FieldKind::DateTime);

const CLUSTER: &[Field] = &[
    ID,
    null("uuid", FieldKind::Uuid),
    text("name"),
    text("project_id"),
    text("user_id"),
    text("cluster_template_id"),
    text("keypair"),
    number("docker_volume_size"),
    null("labels", FieldKind::TextMap),
    text("master_flavor_id"),
    text("flavor_id"),
    text("stack_id"),
    null("status", FieldKind::Enum(ClusterStatus::ALL)),
    text("status_reason"),
    null("health_status", FieldKind::Enum(HealthStatus::ALL)),
    null("health_status_reason", FieldKind::TextMap),
    number("create_timeout"),
    text("api_address"),
    text("discovery_url"),
    text("ca_cert_ref"),
    text("magnum_cert_ref"),
    text("etcd_ca_cert_ref"),
    text("front_proxy_ca_cert_ref"),
    field("cluster_template", FieldKind::Object("ClusterTemplate")),
    text("trust_id").until(Release::V18),
    text("trustee_username").until(Release::V18),
    text("trustee_password").until(Release::V18),
    text("trustee_user_id").until(Release::V18),
    text("coe_version"),
    text("container_version"),
    text("fixed_network"),
    text("fixed_subnet"),
    flag("floating_ip_enabled", true),
    flag("master_lb_enabled", false),
    CREATED_AT,
    UPDATED_AT,
];

const CLUSTER_TEMPLATE: &[Field] = &[
    ID,
    text("uuid"),
    text("project_id"),
    text("user_id"),
    text("name"),
    text("image_id"),
    text("flavor_id"),
    text("master_flavor_id"),
    text("keypair_id"),
    text("dns_nameserver"),
    text("external_network_id"),
    text("fixed_network"),
    text("fixed_subnet"),
    text("network_driver"),
    text("volume_driver"),
    number("apiserver_port"),
    number("docker_volume_size"),
    text("docker_storage_driver"),
    text("cluster_distro"),
    null("coe", FieldKind::Enum(&["kubernetes"])),
    text("http_proxy"),
    text("https_proxy"),
    text("no_proxy"),
    flag("registry_enabled", false),
    null("labels", FieldKind::TextMap),
    flag("tls_disabled", false),
    flag("public", false),
    text("server_type"),
    text("insecure_registry"),
    flag("master_lb_enabled", false),
    flag("floating_ip_enabled", true),
    flag("hidden", false),
    text("tags"),
    text("driver"),
    CREATED_AT,
    UPDATED_AT,
];

const NODE_GROUP: &[Field] = &[
    ID,
    field("uuid", FieldKind::Uuid),
    field("name", FieldKind::Text),
    field("cluster_id", FieldKind::Text),
    field("project_id", FieldKind::Text),
    number("docker_volume_size"),
    null("labels", FieldKind::TextMap),
    text("flavor_id"),
    text("image_id"),
    null("node_addresses", FieldKind::TextList),
    field("node_count", FieldKind::Integer).or(Fallback::Int(1)),
    field("role", FieldKind::Text),
    number("max_node_count"),
    field("min_node_count", FieldKind::Integer).or(Fallback::Int(0)),
    flag("is_default", false),
    text("stack_id"),
    null("status", FieldKind::Enum(ClusterStatus::ALL)),
    text("status_reason"),
    text("version"),
    null("node_labels", FieldKind::TextMap).since(Release::V23),
    null("node_taints", FieldKind::MapList).since(Release::V23),
    CREATED_AT,
    UPDATED_AT,
];

const CERTIFICATE: &[Field] = &[
    text("project_id"),
    text("user_id"),
    text("cluster_uuid"),
    text("csr"),
    text("pem"),
    text("ca_cert_type"),
    CREATED_AT,
    UPDATED_AT,
];

const X509_KEY_PAIR: &[Field] = &[
    ID,
    null("uuid", FieldKind::Uuid),
    text("certificate"),
    text("private_key"),
    text("intermediates"),
    text("private_key_passphrase"),
    text("project_id"),
    text("user_id"),
    CREATED_AT,
    UPDATED_AT,
];

const MAGNUM_SERVICE: &[Field] = &[
    ID,
    text("host"),
    text("binary"),
    field("disabled", FieldKind::Boolean).column_or(Fallback::Bool(false)),
    text("disabled_reason"),
    null("last_seen_up", FieldKind::DateTime),
    field("forced_down", FieldKind::Boolean).column_or(Fallback::Bool(false)),
    field("report_count", FieldKind::Integer).column_or(Fallback::Int(0)),
    CREATED_AT,
    UPDATED_AT,
];

const FEDERATION: &[Field] = &[
    ID,
    null("uuid", FieldKind::Uuid),
    text("name"),
    text("project_id"),
    text("hostcluster_id"),
    null("member_ids", FieldKind::TextList),
    null("status", FieldKind::Enum(FederationStatus::ALL)),
    text("status_reason"),
    null("properties", FieldKind::TextMap),
    CREATED_AT,
    UPDATED_AT,
];

const QUOTA: &[Field] = &[
    ID,
    field("project_id", FieldKind::Text),
    field("resource", FieldKind::Text),
    field("hard_limit", FieldKind::Integer),
    CREATED_AT,
    UPDATED_AT,
];

const STATS: &[Field] = &[field("clusters", FieldKind::Integer), number("nodes")];

/// An object class of one release.
#[derive(Debug)]
pub struct Class {
    /// Name on the wire.
    pub name: &'static str,
    /// Version of the release.
    pub version: &'static str,
    /// Table, for those that are stored.
    pub table: Option<&'static str>,
    /// Fields in Magnum's order.
    pub fields: Vec<Field>,
}

impl Class {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Fields that are columns.
    pub fn columns(&self) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(|field| !matches!(field.kind, FieldKind::Object(_)))
    }
}

/// The classes of one release.
#[derive(Debug)]
pub struct Registry {
    /// The release.
    pub release: Release,
    classes: Vec<Class>,
}

static V18: LazyLock<Registry> = LazyLock::new(|| Registry::build(Release::V18));
static V23: LazyLock<Registry> = LazyLock::new(|| Registry::build(Release::V23));

impl Registry {
    /// The classes of a release.
    pub fn of(release: Release) -> &'static Registry {
        match release {
            Release::V18 => &V18,
            Release::V23 => &V23,
        }
    }

    /// The classes of the newest release.
    pub fn newest() -> &'static Registry {
        &V23
    }

    fn build(release: Release) -> Registry {
        let newest = release == Release::V23;
        let specs: [(&str, &str, Option<&str>, &[Field]); 9] = [
            (
                "Cluster",
                if newest { "1.24" } else { "1.23" },
                Some("cluster"),
                CLUSTER,
            ),
            (
                "ClusterTemplate",
                "1.21",
                Some("cluster_template"),
                CLUSTER_TEMPLATE,
            ),
            (
                "NodeGroup",
                if newest { "1.2" } else { "1.1" },
                Some("nodegroup"),
                NODE_GROUP,
            ),
            ("Certificate", "1.2", None, CERTIFICATE),
            ("X509KeyPair", "1.2", Some("x509keypair"), X509_KEY_PAIR),
            ("MagnumService", "1.0", Some("magnum_service"), MAGNUM_SERVICE),
            ("Federation", "1.0", Some("federation"), FEDERATION),
            ("Quota", "1.0", Some("quotas"), QUOTA),
            ("Stats", "1.0", None, STATS),
        ];
        let classes = specs
            .into_iter()
            .map(|(name, version, table, fields)| Class {
                name,
                version,
                table,
                fields: fields
                    .iter()
                    .filter(|f| (f.first..=f.last).contains(&release))
                    .copied()
                    .collect(),
            })
            .collect();
        Registry { release, classes }
    }

    /// The class of that name with exactly that version, in whichever release has it.
    pub fn class_of_version(name: &str, version: &str) -> Option<&'static Class> {
        [Release::V18, Release::V23]
            .into_iter()
            .filter_map(|release| Self::of(release).class(name))
            .find(|class| class.version == version)
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// All classes.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The class that serves objects of this version: ours, if the sender's is of the same major
    /// version and not newer.
    ///
    /// # Errors
    /// `UnsupportedObjectError`, `IncompatibleObjectVersion` as `obj_class_from_name` raises them.
    pub fn class_for(&'static self, name: &str, version: &str) -> Result<&'static Class, MagnumError> {
        let class = self
            .class(name)
            .ok_or_else(|| MagnumError::unsupported_object(name))?;
        if class.version == version || is_compatible(version, class.version)? {
            Ok(class)
        } else {
            Err(MagnumError::incompatible_object_version(
                name,
                version,
                class.version,
            ))
        }
    }
}

/// A dotted version as numbers; versions compare part by part, a shorter one first.
///
/// # Errors
/// `ValueError` as Python's when a part is no number.
pub fn version_tuple(version: &str) -> Result<Vec<u64>, MagnumError> {
    version
        .split('.')
        .map(|part| part.parse::<u64>())
        .collect::<Result<_, _>>()
        .map_err(|_| MagnumError::builtin("ValueError", format!("Version is invalid: {version}")))
}

/// oslo.utils' `is_compatible(requested, current)` with the same major version required.
fn is_compatible(requested: &str, current: &str) -> Result<bool, MagnumError> {
    let (requested, current) = (version_tuple(requested)?, version_tuple(current)?);
    Ok(requested.first() == current.first() && current >= requested)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_is_served_newer_and_other_majors_are_not() {
        let registry = Registry::newest();
        for version in ["1.24", "1.23", "1.0"] {
            assert_eq!(registry.class_for("Cluster", version).unwrap().version, "1.24");
        }
        for version in ["1.25", "2.0", "0.9", "1.24.1"] {
            assert_eq!(
                registry.class_for("Cluster", version).unwrap_err().class,
                "IncompatibleObjectVersion"
            );
        }
        assert_eq!(
            registry.class_for("Cluster", "x").unwrap_err().class,
            "ValueError"
        );
        assert_eq!(
            registry.class_for("Bay", "1.0").unwrap_err().class,
            "UnsupportedObjectError"
        );
    }
}
