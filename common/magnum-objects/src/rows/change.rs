//! What an update changes, and what it expects to find.

use serde_json::Value;

use crate::Values;
use crate::record::FieldValue;

/// New values for columns. `updated_at` is set by the update itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes(Values);

impl Changes {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a column.
    #[must_use]
    pub fn set(mut self, column: &str, value: impl FieldValue) -> Self {
        self.put(column, value);
        self
    }

    /// Sets a column.
    pub fn put(&mut self, column: &str, value: impl FieldValue) {
        self.0.insert(column.to_owned(), value.write());
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values by column.
    pub fn values(&self) -> &Values {
        &self.0
    }
}

impl From<Values> for Changes {
    fn from(values: Values) -> Self {
        Self(values)
    }
}

/// What columns must hold for an update or deletion to happen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guard(Vec<(String, Vec<Value>)>);

impl Guard {
    /// No condition.
    pub fn none() -> Self {
        Self::default()
    }

    /// The column must hold that value; `None` stands for NULL.
    #[must_use]
    pub fn expect(mut self, column: &str, value: impl FieldValue) -> Self {
        self.0.push((column.to_owned(), vec![value.write()]));
        self
    }

    /// The column must hold one of the values; `None` among them stands for NULL.
    #[must_use]
    pub fn expect_one_of<T: FieldValue>(mut self, column: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.0.push((
            column.to_owned(),
            values.into_iter().map(|value| value.write()).collect(),
        ));
        self
    }

    pub(crate) fn conditions(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.0
            .iter()
            .map(|(column, values)| (column.as_str(), values.as_slice()))
    }
}
