//! The tables of a document, and what may be defined in them when: the bookkeeping of Go's reader, with its gaps. (A key
//! that holds an array can be defined again, for one.)

use super::MAX_DEPTH;
use super::error::{Fault, Found, Lapse};
use super::write::key_text;
use crate::spare::Beyond;
use crate::value::{Elem, Entries, List, Map, MapKind, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub(super) struct Tables {
    pub root: Rc<Map>,
    /// The table whose keys are being read.
    pub context: Vec<Arc<str>>,
    /// The key in it whose value is being read, if any.
    pub key: Arc<str>,
    /// Where that key, or the last table's name, begins.
    pub line: usize,
    marks: Marks,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            root: Rc::new(Map {
                kind: MapKind::Any,
                entries: Rc::new(RefCell::new(Entries::new())),
            }),
            context: Vec::new(),
            key: "".into(),
            line: 0,
            marks: Marks::default(),
        }
    }
}

/// What is known of a path, whichever table of a list it leads through.
#[derive(Clone, Copy, Default)]
struct Mark {
    /// A table that only longer names have mentioned, which may still be defined.
    implicit: bool,
    array: bool,
}

/// The marks of all paths; each knows the path that it continues by its number, the first one's being 0.
#[derive(Default)]
struct Marks {
    numbers: HashMap<(usize, Arc<str>), usize>,
    marks: Vec<Mark>,
    none: Mark,
}

impl Marks {
    fn at<'p>(&mut self, path: impl IntoIterator<Item = &'p Arc<str>>) -> &mut Mark {
        let mut number = 0;
        for piece in path {
            let next = self.numbers.len() + 1;
            number = *self.numbers.entry((number, Arc::clone(piece))).or_insert(next);
        }
        if self.marks.len() < number {
            self.marks.resize(number, Mark::default());
        }
        match number.checked_sub(1) {
            Some(at) => self.marks.get_mut(at).unwrap_or(&mut self.none),
            None => &mut self.none,
        }
    }
}

/// A path as it is shown.
pub(super) fn path_text<'p>(path: impl IntoIterator<Item = &'p Arc<str>>) -> String {
    let pieces: Vec<Vec<u8>> = path.into_iter().map(|piece| key_text(piece)).collect();
    String::from_utf8_lossy(&pieces.join(&b'.')).into_owned()
}

/// The table that a value is, or the last of the list of tables that it is.
fn table_of(value: &Value) -> Option<Rc<Map>> {
    match value {
        Value::Map(map) => Some(Rc::clone(map)),
        Value::List(list) if list.elem == Elem::Map => table_of(list.items.last()?),
        _ => None,
    }
}

/// Adds an empty table to a list of tables; false if something else is there.
fn add_table(table: &Map, name: &Arc<str>) -> bool {
    const FIRST_ROOM: usize = 4;
    let mut entries = table.entries.borrow_mut();
    let mut items = match entries.remove(name) {
        None => Vec::new(),
        Some(Value::List(list)) if list.elem == Elem::Map => match Rc::try_unwrap(list) {
            Ok(mut list) => std::mem::take(&mut list.items),
            Err(shared) => shared.items.clone(),
        },
        Some(_) => return false,
    };
    items.push(Value::map(Entries::new()));
    let beyond = Beyond::appended(Elem::Map, FIRST_ROOM, items.len());
    let list = List {
        elem: Elem::Map,
        items,
        nil: false,
        beyond,
    };
    entries.insert(Arc::clone(name), Value::List(Rc::new(list)));
    true
}

impl Tables {
    /// A fault of the key that is being defined.
    pub fn lapse(&self, fault: Fault) -> Lapse {
        Lapse {
            line: self.line,
            fault,
        }
    }

    /// What an error names beside its line: the last part as it is.
    pub fn last_key(&self) -> String {
        let context = path_text(&self.context);
        match (self.key.is_empty(), self.context.is_empty()) {
            (true, _) => context,
            (false, true) => self.key.to_string(),
            (false, false) => format!("{context}.{}", self.key),
        }
    }

    /// Makes a table, or one more of a list of tables, the context.
    pub fn open(&mut self, path: &[Arc<str>], in_list: bool) -> Found<()> {
        let Some((name, parents)) = path.split_last() else {
            return Ok(());
        };
        if path.len() > MAX_DEPTH {
            return Err(self.lapse(Fault::Depth));
        }
        let mut table = Rc::clone(&self.root);
        for (piece, count) in parents.iter().zip(1..) {
            let known = table.get(piece);
            let below = known.unwrap_or_else(|| {
                self.marks.at(&parents[..count]).implicit = true;
                let new = Value::map(Entries::new());
                table.insert(Arc::clone(piece), new.clone());
                new
            });
            let Some(below) = table_of(&below) else {
                return Err(self.lapse(Fault::NoTable(path_text(&parents[..count]))));
            };
            table = below;
        }
        self.context = parents.to_vec();
        if !in_list {
            self.set(name, Value::map(Entries::new()))?;
        } else if !add_table(&table, name) {
            return Err(self.lapse(Fault::NoTables(path_text(path))));
        }
        self.context.push(Arc::clone(name));
        Ok(())
    }

    /// Makes a table of the context the context, which a longer key mentions.
    pub fn open_implicit(&mut self, name: &Arc<str>) -> Found<()> {
        let mut path = self.context.clone();
        path.push(Arc::clone(name));
        self.marks.at(&path).implicit = true;
        self.open(&path, false)
    }

    /// The same for the table that is the value of the key, which is given back.
    pub fn open_inline(&mut self, in_array: bool) -> Found<Arc<str>> {
        let key = std::mem::replace(&mut self.key, "".into());
        self.context.push(Arc::clone(&key));
        let path = self.context.clone();
        self.marks.at(&path).implicit = true;
        self.open(&path, in_array)?;
        Ok(key)
    }

    /// Defines a key of the context. An implicit table stays as it is, and is not implicit any more.
    pub fn set(&mut self, name: &Arc<str>, value: Value) -> Found<()> {
        let mut table = Rc::clone(&self.root);
        for (piece, count) in self.context.iter().zip(1..) {
            let below = table.get(piece).and_then(|below| table_of(&below));
            let Some(below) = below else {
                return Err(self.lapse(Fault::Defined(path_text(&self.context[..count]))));
            };
            table = below;
        }
        if table.entries.borrow().contains_key(name) {
            let path = self.context.iter().chain([name]);
            let mark = self.marks.at(path.clone());
            if !mark.array && !mark.implicit {
                let path = path_text(path);
                return Err(self.lapse(Fault::Defined(path)));
            }
            mark.implicit = false;
            if !mark.array {
                return Ok(());
            }
        }
        table.insert(Arc::clone(name), value);
        Ok(())
    }

    /// Notes whether a key of the context holds an array. One without a name stands for the context itself.
    pub fn mark_array(&mut self, name: &str, array: bool) {
        let mut path = self.context.clone();
        if !name.is_empty() || path.is_empty() {
            path.push(name.into());
        }
        self.marks.at(&path).array = array;
    }
}
