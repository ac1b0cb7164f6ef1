//! Rust types of fields, and their way to JSON and back.

use chrono::NaiveDateTime;
use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::Values;
use crate::datetime;
use crate::status::{ClusterStatus, FederationStatus, HealthStatus};

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
