//! JSON merge patches (RFC 7386).

use serde_json::{Map, Value};

use super::same;

/// The patch that turns `old` into `new`; None if there is nothing to do. Lists are replaced whole.
pub(crate) fn between(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return (!same(old, new)).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(before) => {
                if let Some(change) = between(before, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// What a patch makes of a document.
pub(crate) fn apply(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut result = match target {
        Value::Object(target) => target.clone(),
        _ => Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            result.shift_remove(key);
        } else {
            let below = result.get(key).unwrap_or(&Value::Null);
            result.insert(key.clone(), apply(below, value));
        }
    }
    Value::Object(result)
}

/// One patch that does what `first` does and then what `second` does.
pub(crate) fn combine(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            for (key, value) in second {
                let combined = match first.shift_remove(&key) {
                    Some(below) => combine(below, value),
                    None => value,
                };
                first.insert(key, combined);
            }
            Value::Object(first)
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_way() {
        let old = json!({"a": 1, "b": {"x": 1, "y": 2}, "l": [1, 2], "gone": true});
        let new = json!({"a": 1.0, "b": {"x": 1, "y": 3}, "l": [1], "came": {}});
        let patch = between(&old, &new).unwrap();
        assert_eq!(patch, json!({"b": {"y": 3}, "l": [1], "came": {}, "gone": null}));
        assert!(same(&apply(&old, &patch), &new));
        assert_eq!(between(&new, &new), None);
    }

    #[test]
    fn what_the_chart_never_set_stays() {
        let live = json!({"spec": {"replicas": 9, "foreign": 1}});
        let patch = between(
            &json!({"spec": {"replicas": 3}}),
            &json!({"spec": {"replicas": 3}}),
        );
        assert_eq!(patch, None);
        assert_eq!(
            apply(&live, &json!({"spec": {"version": "x"}}))["spec"]["foreign"],
            json!(1)
        );
    }

    #[test]
    fn combining() {
        let both = combine(json!({"a": {"x": 1}, "b": null}), json!({"a": {"y": 2}, "b": 3}));
        assert_eq!(both, json!({"a": {"x": 1, "y": 2}, "b": 3}));
    }
}
