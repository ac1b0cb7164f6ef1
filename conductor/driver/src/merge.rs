//! Merging of values, as magnum-capi-helm `helm.mergeconcat`.

use serde_json::Value;

/// Lays `over` on `base`: objects are merged key by key, lists concatenated, anything else replaced unless `over` is
/// null. Keys keep the place that they had in `base`; new ones follow.
pub fn mergeconcat(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = match base.get_mut(&key) {
                    Some(old) => mergeconcat(old.take(), value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            Value::Array(base)
        }
        (base, Value::Null) => base,
        (_, over) => over,
    }
}
