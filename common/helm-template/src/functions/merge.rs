//! Merging of maps in place, as `dario.cat/mergo` does it for sprig.

use crate::value::{Map, Seen, Value};
use std::rc::Rc;

/// mergo's emptiness: zero numbers and false are empty too.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Native(_) => false,
        other => !other.is_true(),
    }
}

/// Merges `source` into `target`. Maps are merged recursively and in place;
/// lists are taken whole. Without `overwrite` only what is missing or empty
/// in the target is set; with it everything is, nil included.
pub(super) fn merge_into(target: &Rc<Map>, source: &Rc<Map>, overwrite: bool) {
    merge(target, source, overwrite, &mut Seen::default());
}

fn merge(target: &Rc<Map>, source: &Rc<Map>, overwrite: bool, seen: &mut Seen) {
    let pair = (Rc::as_ptr(&target.entries), Rc::as_ptr(&source.entries));
    // Maps that contain themselves are met again and again.
    if Rc::ptr_eq(target, source) || !seen.insert(pair) {
        return;
    }
    let incoming: Vec<_> = source
        .entries
        .borrow()
        .iter()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    for (key, new) in incoming {
        if new.is_nil() {
            if overwrite {
                target.insert(key, Value::Nil);
            }
            continue;
        }
        let old = target.get(&key);
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &new) {
            crate::stack::grow(|| merge(old, new, overwrite, seen));
            if old.len() > 0 {
                continue;
            }
        }
        if overwrite || old.is_none_or(|old| is_empty(&old)) {
            target.insert(key, new);
        }
    }
}
