//! Go structs and types with methods that templates can meet.

use crate::files::Files;
use crate::functions::go_time;
use crate::value::{Elem, Seen, Value};
use chrono::{DateTime, FixedOffset, Local, Utc};
use std::rc::Rc;
use std::sync::Arc;

/// `time.Time`: a moment as clocks show it in some zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub at: DateTime<FixedOffset>,
    pub zone: Zone,
}

/// Where a time's clock hangs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    Utc,
    Local,
    /// `time.FixedZone` of this name, which may be empty.
    Fixed(Arc<str>),
}

impl Time {
    pub fn utc(at: DateTime<Utc>) -> Self {
        Self {
            at: at.fixed_offset(),
            zone: Zone::Utc,
        }
    }

    pub fn local(at: DateTime<Local>) -> Self {
        Self {
            at: at.fixed_offset(),
            zone: Zone::Local,
        }
    }

    /// What is printed for `MST`.
    pub fn zone_name(&self) -> String {
        match &self.zone {
            Zone::Utc => "UTC".into(),
            Zone::Local => go_time::local_name(&self.at.with_timezone(&Local)),
            Zone::Fixed(name) if name.is_empty() => go_time::unnamed(*self.at.offset()),
            Zone::Fixed(name) => name.to_string(),
        }
    }

    /// Another moment in the same zone.
    pub fn moved(&self, at: DateTime<FixedOffset>) -> Self {
        match self.zone {
            Zone::Local => Self::local(at.with_timezone(&Local)),
            _ => Self {
                at,
                zone: self.zone.clone(),
            },
        }
    }
}

/// A Go struct or a type with methods.
#[derive(Debug)]
pub(crate) enum Native {
    /// `.Chart`, its maintainers and dependencies, `.Capabilities`, ...
    Struct(Struct),
    /// `.Files`
    Files(Files),
    /// `.Capabilities.APIVersions`
    ApiVersions(Vec<String>),
    /// `time.Time`
    Time(Time),
    /// `*semver.Version`
    Version(crate::functions::version::Version),
}

/// A struct's type and fields, in Go's order.
#[derive(Debug)]
pub(crate) struct Struct {
    pub type_name: &'static str,
    /// Held through a pointer: printed with `&`, its type with `*`.
    pub pointer: bool,
    pub fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub name: &'static str,
    /// Name in JSON and YAML.
    pub json: &'static str,
    pub omit_empty: bool,
    pub value: Value,
}

impl Struct {
    /// `.Chart` embeds its metadata and adds a field: how many fields are embedded.
    pub fn embedded(&self) -> Option<usize> {
        let embeds = self.type_name.starts_with("struct { chart.Metadata");
        embeds.then(|| self.fields.len() - 1)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.value)
    }
}

impl Native {
    pub fn into_value(self) -> Value {
        Value::Native(Rc::new(self))
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Struct(s) if s.pointer => "ptr",
            Self::Struct(_) | Self::Time(_) => "struct",
            Self::Files(_) => "map",
            Self::ApiVersions(_) => "slice",
            Self::Version(_) => "ptr",
        }
    }

    pub fn type_name(&self) -> String {
        match self {
            Self::Struct(s) => format!("{}{}", if s.pointer { "*" } else { "" }, s.type_name),
            Self::Files(_) => "engine.files".into(),
            Self::ApiVersions(_) => "chartutil.VersionSet".into(),
            Self::Time(_) => "time.Time".into(),
            Self::Version(_) => "*semver.Version".into(),
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Self::Files(files) => files.len() > 0,
            Self::ApiVersions(versions) => !versions.is_empty(),
            _ => true,
        }
    }

    /// Whether Go can compare two of it: pointers, and structs without lists and maps.
    pub fn is_comparable(&self) -> bool {
        match self {
            Self::Struct(s) => {
                let is_flat =
                    |field: &Field| !matches!(field.value, Value::List(_) | Value::Map(_) | Value::Bytes(_));
                s.pointer || s.fields.iter().all(is_flat)
            }
            Self::Files(_) | Self::ApiVersions(_) => false,
            Self::Time(_) | Self::Version(_) => true,
        }
    }

    /// For `reflect.DeepEqual`, with the maps that have been met.
    pub fn equal_in(&self, other: &Self, seen: &mut Seen) -> bool {
        match (self, other) {
            (Self::Struct(a), Self::Struct(b)) => {
                a.type_name == b.type_name
                    && a.fields
                        .iter()
                        .zip(&b.fields)
                        .all(|(a, b)| a.value.equal_in(&b.value, seen))
            }
            (Self::ApiVersions(a), Self::ApiVersions(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Version(a), Self::Version(b)) => a.to_string() == b.to_string(),
            _ => false,
        }
    }

    /// The text of types that print themselves (`String()` in Go).
    pub fn stringer(&self) -> Option<String> {
        match self {
            Self::Struct(s) if s.type_name == "chartutil.KubeVersion" && s.pointer => {
                match s.get("Version") {
                    Some(Value::Str(text)) => Some(text.to_string()),
                    _ => None,
                }
            }
            Self::Time(time) => Some(crate::functions::date::go_string(time)),
            Self::Version(version) => Some(version.to_string()),
            _ => None,
        }
    }

    /// What `range` and `index` see in it, when it is a slice.
    pub fn as_list(&self) -> Option<Value> {
        match self {
            Self::ApiVersions(versions) => {
                let items = versions.iter().map(|v| Value::str(v.as_str())).collect();
                Some(Value::typed_list(Elem::Str, items))
            }
            _ => None,
        }
    }

    /// A struct's field.
    pub fn field(&self, name: &str) -> Option<Value> {
        match self {
            Self::Struct(s) => s.get(name).cloned(),
            Self::Files(files) => Some(match files.get(name) {
                Some(data) => Value::Bytes(data.clone().into()),
                None => Value::Bytes(crate::spare::Bytes::default()),
            }),
            _ => None,
        }
    }
}

impl Value {
    /// A struct's field, or no value.
    pub fn native_field(&self, name: &str) -> Value {
        match self {
            Value::Native(native) => native.field(name).unwrap_or_default(),
            _ => Value::Invalid,
        }
    }
}
