//! Versioned objects as they travel: `magnum_object.name`, `.namespace`, `.version`, `.data` and
//! `.changes`.
//!
//! Source of the rule: `oslo_versionedobjects/base.py`. An object keeps the version that it came
//! with, unknown fields are dropped, known ones are coerced, and a field may be unset.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::Values;
use crate::class::{Class, FieldKind, Registry, version_tuple};
use crate::coerce::{coerce, type_name};
use crate::exception::MagnumError;

const NAME: &str = "magnum_object.name";
const NAMESPACE: &str = "magnum_object.namespace";
const VERSION: &str = "magnum_object.version";
const DATA: &str = "magnum_object.data";
const CHANGES: &str = "magnum_object.changes";
const OUR_NAMESPACE: &str = "magnum";

/// An object with the fields that are set and the names of those that were changed since it was
/// loaded.
#[derive(Clone)]
pub struct Object {
    class: &'static Class,
    registry: &'static Registry,
    version: String,
    data: Values,
    changed: BTreeSet<String>,
}

/// Values may be private keys, so only names are shown.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.class.name)
            .field("version", &self.version)
            .field("set", &self.data.keys().collect::<Vec<_>>())
            .field("changed", &self.changed)
            .finish()
    }
}

impl Object {
    /// An object of that class with nothing set, of the registry's version.
    ///
    /// # Errors
    /// `UnsupportedObjectError` for an unknown class.
    pub fn new(registry: &'static Registry, class: &str) -> Result<Self, MagnumError> {
        let class = registry
            .class(class)
            .ok_or_else(|| MagnumError::unsupported_object(class))?;
        Ok(Self {
            class,
            registry,
            version: class.version.to_owned(),
            data: Values::new(),
            changed: BTreeSet::new(),
        })
    }

    /// Whether a value of a message is an object (and so has to be read by [`Object::from_wire`]).
    pub fn is_wire(value: &Value) -> bool {
        value.as_object().is_some_and(|map| map.contains_key(NAME))
    }

    /// Reads an object of a message, as Magnum's serializer does: a third part of the version is
    /// ignored where the first two are ours.
    ///
    /// # Errors
    /// `IncompatibleObjectVersion` if the sender's version is newer than ours,
    /// `UnsupportedObjectError` for another namespace or an unknown class, `KeyError` for a missing
    /// part, and what [`coerce`] raises.
    pub fn from_wire(registry: &'static Registry, value: &Value) -> Result<Self, MagnumError> {
        match Self::from_primitive(registry, value, None) {
            Err(error) if error.class == "IncompatibleObjectVersion" => {
                let version = value.get(VERSION).and_then(Value::as_str).unwrap_or_default();
                match version.splitn(3, '.').collect::<Vec<_>>().as_slice() {
                    [major, minor, patch] if !patch.contains('.') => {
                        Self::from_primitive(registry, value, Some(format!("{major}.{minor}")))
                    }
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    fn from_primitive(
        registry: &'static Registry,
        value: &Value,
        version: Option<String>,
    ) -> Result<Self, MagnumError> {
        let part = |key: &str| value.get(key).ok_or_else(|| MagnumError::key_error(key));
        let text = |key: &str| part(key).map(|value| value.as_str().unwrap_or_default().to_owned());
        let (namespace, name) = (text(NAMESPACE)?, text(NAME)?);
        let version = version.map_or_else(|| text(VERSION), Ok)?;
        if namespace != OUR_NAMESPACE {
            return Err(MagnumError::unsupported_object(&format!("{namespace}.{name}")));
        }
        let class = registry.class_for(&name, &version)?;
        let given = part(DATA)?.as_object().ok_or_else(|| {
            MagnumError::builtin("TypeError", format!("{DATA} of {name} must be a dictionary"))
        })?;
        let mut object = Self {
            class,
            registry,
            version,
            data: Values::new(),
            changed: BTreeSet::new(),
        };
        for field in &class.fields {
            if let Some(value) = given.get(field.name) {
                let value = object.coerced(field.name, value.clone())?;
                object.data.insert(field.name.to_owned(), value);
            }
        }
        object.changed = value
            .get(CHANGES)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|name| class.field(name).is_some())
            .map(str::to_owned)
            .collect();
        Ok(object)
    }

    /// Class name.
    pub fn name(&self) -> &'static str {
        self.class.name
    }

    /// The class.
    pub fn class(&self) -> &'static Class {
        self.class
    }

    /// Version: the one that came in, or ours for an object that we made.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All fields that are set.
    pub fn data(&self) -> &Values {
        &self.data
    }

    /// A field's value; `None` if it is unset.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.data.get(field)
    }

    /// A field's value as text; `None` if it is unset, null or no text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }

    /// A field's value as a number; `None` if it is unset, null or no number.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.get(field).and_then(Value::as_i64)
    }

    /// Whether the field is set (null counts as set).
    pub fn is_set(&self, field: &str) -> bool {
        self.data.contains_key(field)
    }

    /// The nested object of a field, if set.
    ///
    /// # Errors
    /// None in practice: what is stored was read once already.
    pub fn nested(&self, field: &str) -> Result<Option<Object>, MagnumError> {
        match self.get(field) {
            Some(value) if Self::is_wire(value) => Self::from_primitive(self.registry, value, None).map(Some),
            _ => Ok(None),
        }
    }

    /// Sets a field and marks it changed.
    ///
    /// # Errors
    /// What [`coerce`] raises; `AttributeError` for a field that the class does not have.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) -> Result<(), MagnumError> {
        let value = self.coerced(field, value.into())?;
        self.data.insert(field.to_owned(), value);
        self.changed.insert(field.to_owned());
        Ok(())
    }

    /// Takes all fields from a row and forgets what was changed, as Magnum's `_from_db_object`.
    /// Nested objects stay as they are.
    ///
    /// # Errors
    /// What [`coerce`] raises.
    pub fn load(&mut self, row: &Values) -> Result<(), MagnumError> {
        for field in self.class.columns() {
            let value = row.get(field.name).cloned().unwrap_or(Value::Null);
            self.data.insert(field.name.to_owned(), coerce(field, value)?);
        }
        self.changed.clear();
        Ok(())
    }

    /// Names of the changed fields, those with a changed object inside included.
    pub fn what_changed(&self) -> BTreeSet<String> {
        let nested = self.data.iter().filter(|(_, value)| {
            Self::is_wire(value)
                && value
                    .get(CHANGES)
                    .and_then(Value::as_array)
                    .is_some_and(|changes| !changes.is_empty())
        });
        self.changed
            .iter()
            .cloned()
            .chain(nested.map(|(name, _)| name.clone()))
            .collect()
    }

    /// The changed fields with their values, in the class's order.
    pub fn changed_values(&self) -> Values {
        let changed = self.what_changed();
        let names = self
            .class
            .fields
            .iter()
            .map(|field| field.name)
            .filter(|name| changed.contains(*name));
        names
            .filter_map(|name| self.data.get(name).map(|value| (name.to_owned(), value.clone())))
            .collect()
    }

    /// Forgets what was changed.
    pub fn reset_changes(&mut self) {
        self.changed.clear();
    }

    /// The wire form, in the object's own version.
    pub fn to_wire(&self) -> Value {
        self.primitive(&self.version, self.data.clone())
    }

    /// The wire form in an older version. As in Python the fields stay; only the version changes,
    /// and that of a nested object, to what `manifest` (class name to version) says.
    ///
    /// # Errors
    /// `InvalidTargetVersion` if the target is newer than the object, `ObjectActionError` if there
    /// is a nested object and no manifest.
    pub fn to_wire_version(
        &self,
        target: &str,
        manifest: Option<&Map<String, Value>>,
    ) -> Result<Value, MagnumError> {
        if version_tuple(target)? > version_tuple(&self.version)? {
            return Err(MagnumError::invalid_target_version(target));
        }
        let manifest = manifest.filter(|manifest| !manifest.is_empty());
        let mut data = self.data.clone();
        if target != self.version || manifest.is_some() {
            for field in &self.class.fields {
                let FieldKind::Object(class) = field.kind else {
                    continue;
                };
                let Some(nested) = data.get_mut(field.name).and_then(Value::as_object_mut) else {
                    continue;
                };
                let Some(manifest) = manifest else {
                    let reason = format!("No rule for {}", field.name);
                    return Err(MagnumError::object_action("obj_make_compatible", &reason));
                };
                if let Some(version) = manifest.get(class) {
                    nested.insert(VERSION.into(), version.clone());
                }
            }
        }
        Ok(self.primitive(target, data))
    }

    fn primitive(&self, version: &str, data: Values) -> Value {
        let changes: Vec<_> = self
            .what_changed()
            .into_iter()
            .filter(|name| data.contains_key(name))
            .collect();
        let mut out = json!({
            NAME: self.class.name,
            NAMESPACE: OUR_NAMESPACE,
            VERSION: version,
        });
        if let Value::Object(map) = &mut out {
            map.insert(DATA.into(), Value::Object(self.ordered(data)));
            if !changes.is_empty() {
                map.insert(CHANGES.into(), Value::from(changes));
            }
        }
        out
    }

    /// Python emits the fields in the order of the class.
    fn ordered(&self, mut data: Values) -> Values {
        let fields = self.class.fields.iter();
        fields
            .filter_map(|field| {
                data.shift_remove(field.name)
                    .map(|value| (field.name.to_owned(), value))
            })
            .collect()
    }

    fn coerced(&self, name: &str, value: Value) -> Result<Value, MagnumError> {
        let field = self.class.field(name).ok_or_else(|| {
            MagnumError::builtin(
                "AttributeError",
                format!("'{}' object has no attribute '{name}'", self.class.name),
            )
        })?;
        match field.kind {
            FieldKind::Object(class) if Self::is_wire(&value) => {
                let nested = Self::from_primitive(self.registry, &value, None)?;
                if nested.name() == class {
                    Ok(nested.to_wire())
                } else {
                    Err(wrong_class(class, name, nested.name()))
                }
            }
            FieldKind::Object(_) if value.is_null() => coerce(field, value),
            FieldKind::Object(class) => Err(wrong_class(class, name, type_name(&value))),
            _ => coerce(field, value),
        }
    }
}

fn wrong_class(wanted: &str, field: &str, given: &str) -> MagnumError {
    MagnumError::builtin(
        "ValueError",
        format!("An object of type {wanted} is required in field {field}, not a {given}"),
    )
}

/// Reads every object inside a message's argument, so that a bad one is refused before anything
/// is done, as the serializer does; returns the argument with the objects in normal form.
///
/// # Errors
/// What [`Object::from_wire`] raises.
pub fn check_entities(registry: &'static Registry, value: Value) -> Result<Value, MagnumError> {
    match value {
        value if Object::is_wire(&value) => {
            Object::from_wire(registry, &value).map(|object| object.to_wire())
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| check_entities(registry, item))
            .collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, item)| check_entities(registry, item).map(|item| (key, item)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(data: Value, changes: &[&str]) -> Value {
        json!({NAME: "Cluster", NAMESPACE: "magnum", VERSION: "1.23", DATA: data, CHANGES: changes})
    }

    #[test]
    fn the_reply_keeps_the_version_that_came_in_and_drops_unknown_fields() {
        let wire = cluster(
            json!({"name": "a", "some_future_field": 5}),
            &["name", "some_future_field"],
        );
        let object = Object::from_wire(Registry::newest(), &wire).unwrap();
        assert_eq!(
            object.to_wire(),
            json!({NAME: "Cluster", NAMESPACE: "magnum", VERSION: "1.23", DATA: {"name": "a"}, CHANGES: ["name"]})
        );
    }

    #[test]
    fn a_changed_nested_object_counts_as_a_change() {
        let template = json!({NAME: "ClusterTemplate", NAMESPACE: "magnum", VERSION: "1.21",
            DATA: {"name": "t"}, CHANGES: ["name"]});
        let object = Object::from_wire(
            Registry::newest(),
            &cluster(json!({"cluster_template": template}), &[]),
        )
        .unwrap();
        assert_eq!(
            object.what_changed().into_iter().collect::<Vec<_>>(),
            ["cluster_template"]
        );
        assert_eq!(
            object.nested("cluster_template").unwrap().unwrap().text("name"),
            Some("t")
        );
    }

    #[test]
    fn a_nested_object_of_another_class_is_refused() {
        let wrong = json!({NAME: "Quota", NAMESPACE: "magnum", VERSION: "1.0", DATA: {}});
        let error = Object::from_wire(
            Registry::newest(),
            &cluster(json!({"cluster_template": wrong}), &[]),
        )
        .unwrap_err();
        assert_eq!(error.class, "ValueError");
    }

    #[test]
    fn a_missing_part_is_a_key_error() {
        let error = Object::from_wire(
            Registry::newest(),
            &json!({NAME: "Cluster", NAMESPACE: "magnum", VERSION: "1.24"}),
        );
        assert_eq!(error.unwrap_err().message, "'magnum_object.data'");
    }

    #[test]
    fn debug_shows_no_values() {
        let object = Object::from_wire(Registry::newest(), &cluster(json!({"name": "hidden"}), &[])).unwrap();
        assert!(!format!("{object:?}").contains("hidden"));
    }
}
