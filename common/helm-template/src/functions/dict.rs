//! sprig's functions on maps.

use super::merge::merge_into;
use super::{Row, strval_text, text_of};
use crate::spare::Beyond;
use crate::template::exec::Fault;
use crate::value::{Elem, Entries, List, Map, MapKind, Value};
use std::cell::RefCell;
use std::rc::Rc;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("dict", "a*", |_, a| Ok(dict(a))),
    ("get", "ms", |_, a| {
        Ok(a[0]
            .as_map()
            .and_then(|map| map.get(&text_of(&a[1])))
            .unwrap_or_else(|| Value::str("")))
    }),
    ("set", "msa", |_, a| set(a)),
    ("unset", "ms", |_, a| unset(a)),
    ("hasKey", "ms", |_, a| {
        Ok(Value::Bool(a[0].as_map().is_some_and(|m| {
            m.entries.borrow().contains_key(&*text_of(&a[1]))
        })))
    }),
    ("pluck", "sm*", |_, a| {
        let found = a[1..].iter().filter_map(|map| map.as_map()?.get(&text_of(&a[0])));
        Ok(Value::grown(Elem::Any, found.collect()))
    }),
    ("keys", "m*", |_, a| {
        let maps = a.iter().filter_map(Value::as_map);
        let names = maps.flat_map(|map| map.entries.borrow().keys().cloned().collect::<Vec<_>>());
        Ok(Value::grown(Elem::Str, names.map(Value::Str).collect()))
    }),
    ("values", "m", |_, a| {
        let values = a[0]
            .as_map()
            .map(|map| map.entries.borrow().values().cloned().collect());
        Ok(Value::grown(Elem::Any, values.unwrap_or_default()))
    }),
    ("pick", "ms*", |_, a| Ok(filter(a, true))),
    ("omit", "ms*", |_, a| Ok(filter(a, false))),
    ("merge", "mm*", |_, a| merge(a, false)),
    ("mustMerge", "mm*", |_, a| merge(a, false)),
    ("mergeOverwrite", "mm*", |_, a| merge(a, true)),
    ("mustMergeOverwrite", "mm*", |_, a| merge(a, true)),
    ("deepCopy", "a", |_, a| copied(&a[0])),
    ("mustDeepCopy", "a", |_, a| copied(&a[0])),
    ("dig", "a*", |_, a| dig(a)),
];

fn dict(args: &[Value]) -> Value {
    let mut entries = Entries::new();
    for pair in args.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::str(""));
        entries.insert(strval_text(&pair[0]).into(), value.settled());
    }
    Value::map(entries)
}

/// The same map as `map[string]interface {}`, which is what sprig takes and gives.
fn plain(value: &Value) -> Value {
    match value {
        Value::Map(map) if map.kind == MapKind::Values => value.map_as(MapKind::Any),
        other => other.clone(),
    }
}

fn set(args: &[Value]) -> Result {
    match args[0].as_map().filter(|map| !map.is_nil()) {
        Some(map) => {
            map.insert(text_of(&args[1]).as_ref(), args[2].clone());
            Ok(plain(&args[0]))
        }
        None => Fault::plain("assignment to entry in nil map"),
    }
}

fn unset(args: &[Value]) -> Result {
    if let Some(map) = args[0].as_map() {
        map.entries.borrow_mut().remove(&*text_of(&args[1]));
    }
    Ok(plain(&args[0]))
}

fn filter(args: &[Value], keep: bool) -> Value {
    let names: Vec<_> = args[1..].iter().map(text_of).collect();
    let Some(map) = args[0].as_map() else {
        return Value::map(Entries::new());
    };
    let entries = map.entries.borrow();
    let chosen = entries
        .iter()
        .filter(|(key, _)| names.iter().any(|name| **name == ***key) == keep);
    Value::map(chosen.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn merge(args: &[Value], overwrite: bool) -> Result {
    let Some(target) = args[0].as_map().filter(|map| !map.is_nil()) else {
        // A nil map: what is merged into it is not seen by anybody else.
        let fresh = Value::map(Entries::new());
        if let Some(target) = fresh.as_map() {
            args[1..]
                .iter()
                .filter_map(Value::as_map)
                .for_each(|source| merge_into(target, source, overwrite));
        }
        return Ok(fresh);
    };
    for source in args[1..].iter().filter_map(Value::as_map) {
        merge_into(target, source, overwrite);
    }
    Ok(plain(&args[0]))
}

fn copied(value: &Value) -> Result {
    if value.is_nil() {
        return Fault::plain("reflect: call of reflect.Value.Type on zero Value");
    }
    deep_copy(value, 0)
}

/// Values nested deeper than this are refused: only cycles are.
const MAX_DEPTH: usize = 10_000;

pub(super) fn deep_copy(value: &Value, depth: usize) -> Result {
    if depth > MAX_DEPTH {
        return Fault::plain("deepCopy error: value nests too deeply");
    }
    crate::stack::grow(|| match value {
        Value::Map(map) => {
            let mut copied = map.entries.borrow().clone();
            for value in copied.values_mut().filter(|value| !is_scalar(value)) {
                *value = deep_copy(value, depth + 1)?;
            }
            Ok(Value::Map(Rc::new(Map {
                kind: map.kind,
                entries: Rc::new(RefCell::new(copied)),
            })))
        }
        // Lists are never changed; only maps in them are.
        Value::List(list) if list.items.iter().all(is_scalar) => Ok(value.clone()),
        Value::List(list) => {
            let items: std::result::Result<Vec<_>, Fault> =
                list.items.iter().map(|item| deep_copy(item, depth + 1)).collect();
            Ok(Value::List(Rc::new(List {
                elem: list.elem,
                items: items?,
                nil: list.nil,
                beyond: Beyond::zeros(list.capacity() - list.items.len()),
            })))
        }
        other => Ok(other.clone()),
    })
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Map(_) | Value::List(_))
}

fn conversion<T>(value: &Value, wanted: &str) -> std::result::Result<T, Fault> {
    let found = if value.is_nil() {
        "nil".to_owned()
    } else {
        value.type_name()
    };
    Fault::plain(format!(
        "interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}

fn dig(args: &[Value]) -> Result {
    let [keys @ .., default, root] = args else {
        return Fault::plain("dig needs at least three arguments");
    };
    if keys.is_empty() {
        return Fault::plain("dig needs at least three arguments");
    }
    let is_map = |value: &Value| value.type_name() == "map[string]interface {}";
    if !is_map(root) {
        return conversion(root, "map[string]interface {}");
    }
    let mut names = Vec::new();
    for key in keys {
        if key.string_bytes().is_none() {
            return conversion(key, "string");
        }
        names.push(text_of(key));
    }
    let mut value = root.clone();
    for (i, name) in names.iter().enumerate() {
        if i > 0 && !is_map(&value) {
            return conversion(&value, "map[string]interface {}");
        }
        match value.as_map().and_then(|map| map.get(name)) {
            Some(found) => value = found,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}
