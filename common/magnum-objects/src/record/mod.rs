//! Rows as typed structs.
//!
//! SQL NULL becomes the field's default where Magnum's object has one (`node_count` 1,
//! `min_node_count` 0, booleans), an empty text where the column is never empty in practice
//! (uuid, name, project), `None` elsewhere.

mod kinds;
mod value;

use serde_json::Value;

use crate::Values;
use crate::class::Registry;
use crate::exception::MagnumError;
use crate::ovo::Object;

pub use kinds::{
    Certificate, Cluster, ClusterTemplate, Federation, MagnumService, NodeGroup, Quota, Stats, X509KeyPair,
};
pub use value::FieldValue;

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

    /// The wire form in `version`, or in the registry's own; fields that an older version does not have are left out.
    ///
    /// # Errors
    /// `InvalidTargetVersion` if `version` is newer than the registry's.
    fn to_ovo(&self, registry: &'static Registry, version: Option<&str>) -> Result<Value, MagnumError> {
        let object = self.to_object(registry)?;
        let Some(version) = version else {
            return Ok(object.to_wire());
        };
        let mut wire = object.to_wire_version(version, None)?;
        if let Some(class) = Registry::class_of_version(Self::CLASS, version)
            && let Some(data) = wire.get_mut("magnum_object.data").and_then(Value::as_object_mut)
        {
            data.retain(|name, _| class.field(name).is_some());
        }
        Ok(wire)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::Release;
    use crate::status::ClusterStatus;

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
