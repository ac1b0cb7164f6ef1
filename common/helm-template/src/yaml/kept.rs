//! What `fromYaml` read before in the same render: charts that merge tables by way of YAML read the same text over and
//! over.

use super::{YamlError, read_value};
use crate::functions::deep_copy;
use crate::value::Value;
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of text of which the values are kept at most.
const MAX_BYTES: usize = 8 << 20;

/// Texts read, and what they hold once they were read twice.
#[derive(Default)]
pub(crate) struct YamlRead {
    texts: RefCell<HashMap<Arc<str>, Option<Value>, RandomState>>,
    bytes: RefCell<usize>,
}

impl YamlRead {
    /// The first document of `text`, which nobody else holds.
    pub fn read(&self, text: &Arc<str>) -> Result<Value, YamlError> {
        let known = self.texts.borrow().get(text).cloned();
        if let Some(Some(value)) = &known
            && let Ok(copy) = deep_copy(value)
        {
            return Ok(copy);
        }
        let value = read_value(text.as_bytes())?;
        match known {
            // Read for the second time, it may well be for a third.
            Some(_) => {
                if let Ok(copy) = deep_copy(&value) {
                    self.texts.borrow_mut().insert(text.clone(), Some(copy));
                }
            }
            None => {
                let mut bytes = self.bytes.borrow_mut();
                if bytes.saturating_add(text.len()) <= MAX_BYTES {
                    *bytes += text.len();
                    self.texts.borrow_mut().insert(text.clone(), None);
                }
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_is_nobody_elses() {
        let read = YamlRead::default();
        let text: Arc<str> = "a: {b: [1, x]}".into();
        let expected = read_value(text.as_bytes()).unwrap();
        for _ in 0..4 {
            let value = read.read(&text).unwrap();
            assert!(value.deep_equal(&expected));
            // A template changes what it got.
            let map = value.as_map().unwrap();
            map.get("a").unwrap().as_map().unwrap().insert("b", Value::Nil);
            map.insert("c", Value::Bool(true));
        }
        let bad: Arc<str> = "a: [".into();
        assert_eq!(read.read(&bad).unwrap_err(), read.read(&bad).unwrap_err());
    }
}
