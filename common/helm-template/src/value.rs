//! Values as templates see them: Go's dynamic values, maps shared by reference.

use crate::native::Native;
use crate::spare::Beyond;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

/// One Go value, or none.
#[derive(Clone, Debug, Default)]
// A kind of one byte would have the other seven of its word copied with the payload, unaligned, which processors are slow at.
#[repr(u64)]
pub(crate) enum Value {
    /// No value at all: Go's zero `reflect.Value`, printed `<no value>`.
    #[default]
    Invalid,
    /// A nil `interface{}`, as found in a map or list.
    Nil,
    Bool(bool),
    Int(i64, IntKind),
    Uint(u64, UintKind),
    Float(f64),
    Str(Arc<str>),
    /// A string that is not UTF-8.
    RawStr(Arc<[u8]>),
    /// `[]byte`
    Bytes(crate::spare::Bytes),
    List(Rc<List>),
    Map(Rc<Map>),
    /// Go structs and types with methods.
    Native(Rc<Native>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntKind {
    Int,
    Int64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UintKind {
    Uint8,
    Uint64,
}

/// The element type of a slice; slices are never changed in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elem {
    Any,
    Str,
    Int,
    /// `[][]interface{}`, of `chunk`
    AnyList,
    /// `[]map[string]interface{}`, of `fromToml`
    Map,
    /// A slice of some Go struct, of the given type name.
    Struct(&'static str),
}

#[derive(Debug)]
pub(crate) struct List {
    pub elem: Elem,
    pub items: Vec<Value>,
    /// A nil slice: empty, but null in JSON and not equal to an empty one.
    pub nil: bool,
    /// What slices of it may reach behind its end.
    pub beyond: Beyond,
}

/// The type of a map, keys always strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    /// `map[string]interface {}`
    Any,
    /// `chartutil.Values`
    Values,
    /// `map[string]string`
    Str,
    /// A nil `map[string]interface {}`: empty, null in JSON, and nothing can be put into it.
    Nil,
    /// A nil `map[string]string`.
    NilStr,
}

pub(crate) type Entries = BTreeMap<Arc<str>, Value>;

/// A map that everybody who holds it sees changing.
#[derive(Debug)]
pub(crate) struct Map {
    pub kind: MapKind,
    /// One map may be seen under two types.
    pub entries: Rc<RefCell<Entries>>,
}

// What nests deeply needs as much stack to be freed as to be read.
impl Drop for List {
    fn drop(&mut self) {
        let items = std::mem::take(&mut self.items);
        if !items.is_empty() {
            crate::stack::grow(|| drop(items));
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if Rc::strong_count(&self.entries) == 1 {
            let entries = self.entries.take();
            crate::stack::grow(|| drop(entries));
        }
    }
}

impl Map {
    pub fn get(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Whether Go's map is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self.kind, MapKind::Nil | MapKind::NilStr)
    }

    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// What a missing key gives: the element type's zero.
    pub fn zero(&self) -> Value {
        match self.kind {
            MapKind::Str | MapKind::NilStr => Value::str(""),
            _ => Value::Nil,
        }
    }

    pub fn insert(&self, key: impl Into<Arc<str>>, value: Value) {
        self.entries.borrow_mut().insert(key.into(), value.settled());
    }
}

impl Value {
    pub fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    pub fn int(value: i64) -> Self {
        Self::Int(value, IntKind::Int)
    }

    pub fn int64(value: i64) -> Self {
        Self::Int(value, IntKind::Int64)
    }

    /// A string from bytes, UTF-8 or not.
    pub fn string_from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::str(text),
            Err(bad) => Self::RawStr(bad.into_bytes().into()),
        }
    }

    /// As [`Self::string_from`], of bytes that stay where they are.
    pub fn string_of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::str(text),
            Err(_) => Self::RawStr(bytes.into()),
        }
    }

    pub fn list(items: Vec<Value>) -> Self {
        let items = items.into_iter().map(Value::settled).collect();
        Self::List(Rc::new(List {
            elem: Elem::Any,
            items,
            nil: false,
            beyond: Beyond::Nothing,
        }))
    }

    pub fn strings<T: Into<Arc<str>>>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(|item| Self::str(item)).collect();
        Self::List(Rc::new(List {
            elem: Elem::Str,
            items,
            nil: false,
            beyond: Beyond::Nothing,
        }))
    }

    pub fn typed_list(elem: Elem, items: Vec<Value>) -> Self {
        Self::List(Rc::new(List {
            elem,
            items,
            nil: false,
            beyond: Beyond::Nothing,
        }))
    }

    /// A slice to which Go appended one item after the other.
    pub fn grown(elem: Elem, items: Vec<Value>) -> Self {
        let beyond = Beyond::grown(elem, items.len());
        Self::List(Rc::new(List {
            elem,
            items,
            nil: false,
            beyond,
        }))
    }

    /// A nil slice.
    pub fn nil_list(elem: Elem) -> Self {
        Self::List(Rc::new(List {
            elem,
            items: Vec::new(),
            nil: true,
            beyond: Beyond::Nothing,
        }))
    }

    pub fn map(entries: Entries) -> Self {
        Self::map_of(MapKind::Any, entries)
    }

    pub fn map_of(kind: MapKind, entries: Entries) -> Self {
        Self::Map(Rc::new(Map {
            kind,
            entries: Rc::new(RefCell::new(entries)),
        }))
    }

    /// The same map under another type: what changes in one changes in the other.
    pub fn map_as(&self, kind: MapKind) -> Self {
        match self {
            Self::Map(map) if map.kind != kind => Self::Map(Rc::new(Map {
                kind,
                entries: map.entries.clone(),
            })),
            other => other.clone(),
        }
    }

    /// As stored in an `interface{}`: no value becomes nil.
    pub fn settled(self) -> Self {
        if matches!(self, Self::Invalid) {
            Self::Nil
        } else {
            self
        }
    }

    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Invalid | Self::Nil)
    }

    /// The bytes of a string of either kind.
    pub fn string_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Str(text) => Some(text.as_bytes()),
            Self::RawStr(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// `reflect.Kind`'s name; `invalid` for none.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid | Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_, IntKind::Int) => "int",
            Self::Int(_, IntKind::Int64) => "int64",
            Self::Uint(_, UintKind::Uint8) => "uint8",
            Self::Uint(_, UintKind::Uint64) => "uint64",
            Self::Float(_) => "float64",
            Self::Str(_) | Self::RawStr(_) => "string",
            Self::Bytes(_) | Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Native(native) => native.kind(),
        }
    }

    /// The name of the Go type, as `%T` prints it.
    pub fn type_name(&self) -> String {
        match self {
            Self::Invalid => "<nil>".into(),
            Self::Nil => "interface {}".into(),
            Self::Bytes(_) => "[]uint8".into(),
            Self::List(list) => match list.elem {
                Elem::Any => "[]interface {}".into(),
                Elem::Str => "[]string".into(),
                Elem::Int => "[]int".into(),
                Elem::AnyList => "[][]interface {}".into(),
                Elem::Map => "[]map[string]interface {}".into(),
                Elem::Struct(name) => format!("[]{name}"),
            },
            Self::Map(map) => match map.kind {
                MapKind::Any | MapKind::Nil => "map[string]interface {}".into(),
                MapKind::Values => "chartutil.Values".into(),
                MapKind::Str | MapKind::NilStr => "map[string]string".into(),
            },
            Self::Native(native) => native.type_name(),
            scalar => scalar.kind().into(),
        }
    }

    /// Whether its elements have the static type `interface {}`.
    pub fn holds_interfaces(&self) -> bool {
        match self {
            Self::Map(map) => !matches!(map.kind, MapKind::Str | MapKind::NilStr),
            Self::List(list) => list.elem == Elem::Any,
            _ => false,
        }
    }

    /// Go template truth.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Uint(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::RawStr(bytes) => !bytes.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => map.len() > 0,
            Self::Native(native) => native.is_true(),
        }
    }

    /// `reflect.DeepEqual`.
    pub fn deep_equal(&self, other: &Self) -> bool {
        self.equal_in(other, &mut Seen::default())
    }

    /// The same while some maps are being compared: what is met again in them is equal unless something else is not.
    pub(crate) fn equal_in(&self, other: &Self, seen: &mut Seen) -> bool {
        match (self, other) {
            (Self::Invalid | Self::Nil, Self::Invalid | Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a, ka), Self::Int(b, kb)) => a == b && ka == kb,
            (Self::Uint(a, ka), Self::Uint(b, kb)) => a == b && ka == kb,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::RawStr(a), Self::RawStr(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a[..] == b[..],
            (Self::List(a), Self::List(b)) => {
                Rc::ptr_eq(a, b)
                    || a.elem == b.elem
                        && a.nil == b.nil
                        && a.items.len() == b.items.len()
                        && crate::stack::grow(|| {
                            a.items.iter().zip(&b.items).all(|(a, b)| a.equal_in(b, seen))
                        })
            }
            (Self::Map(a), Self::Map(b)) => Rc::ptr_eq(a, b) || a.kind == b.kind && maps_equal(a, b, seen),
            (Self::Native(a), Self::Native(b)) => Rc::ptr_eq(a, b) || a.equal_in(b, seen),
            _ => false,
        }
    }

    /// A value from JSON; every number becomes a float64, as Helm reads YAML.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::str(text.as_str()),
            Json::Array(items) => Self::grown(Elem::Any, items.iter().map(Self::from_json).collect()),
            Json::Object(map) => Self::map(json_entries(map)),
        }
    }

    /// The entries of a map, whatever Go type it has.
    pub fn as_map(&self) -> Option<&Rc<Map>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

/// A JSON object's members as map entries.
pub(crate) fn json_entries(map: &serde_json::Map<String, serde_json::Value>) -> Entries {
    map.iter()
        .map(|(key, value)| (key.as_str().into(), Value::from_json(value)))
        .collect()
}

/// Pairs of maps that have been met, by where their entries are.
pub(crate) type Seen =
    HashSet<(*const RefCell<Entries>, *const RefCell<Entries>), foldhash::fast::RandomState>;

fn maps_equal(a: &Map, b: &Map, seen: &mut Seen) -> bool {
    if !seen.insert((Rc::as_ptr(&a.entries), Rc::as_ptr(&b.entries))) {
        return true;
    }
    let (a, b) = (a.entries.borrow(), b.entries.borrow());
    a.len() == b.len()
        && crate::stack::grow(|| {
            a.iter()
                .zip(b.iter())
                .all(|((ka, va), (kb, vb))| ka == kb && va.equal_in(vb, seen))
        })
}

/// Empties every map reachable from `root`, so that maps which `set` made
/// refer to themselves are freed.
pub(crate) fn unravel(root: Value) {
    let mut pending = vec![root];
    while let Some(value) = pending.pop() {
        match value {
            Value::Map(map) => {
                if let Ok(mut entries) = map.entries.try_borrow_mut() {
                    pending.extend(std::mem::take(&mut *entries).into_values());
                }
            }
            Value::List(list) => {
                // A list that others hold is left to them.
                if let Ok(mut list) = Rc::try_unwrap(list) {
                    pending.append(&mut list.items);
                }
            }
            _ => {}
        }
    }
}
