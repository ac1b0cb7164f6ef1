//! What Go's slices have room for behind their end: `slice` may reach there. Appending makes more room than is asked
//! for, and a part of a slice has room for the rest of it.

use crate::value::{Elem, Entries, List, MapKind, Value};
use std::rc::Rc;
use std::sync::Arc;

/// What stands behind a slice's end.
#[derive(Clone, Debug)]
pub(crate) enum Beyond {
    Nothing,
    /// So many zero values.
    Zeros(usize),
    /// The items of another slice from there on, and what is behind them.
    Rest(Rc<List>, usize),
}

/// Bytes with what there is room for behind them: zeros, until somebody writes there, which no template can.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes(Rc<Room>);

#[derive(Debug, Default)]
struct Room {
    data: Arc<[u8]>,
    spare: usize,
}

impl Bytes {
    pub fn capacity(&self) -> usize {
        self.len() + self.0.spare
    }

    /// From `start` to `end`, which may lie behind the last of them.
    pub fn part(&self, start: usize, end: usize) -> Self {
        let mut data = self.get(start..end.min(self.len())).unwrap_or_default().to_vec();
        data.resize(end - start, 0);
        let (data, spare) = (data.into(), self.capacity() - end);
        Self(Rc::new(Room { data, spare }))
    }
}

/// A file, as `os.ReadFile` reads one: with room for 512 bytes at least, and for one more than it has.
impl From<Arc<[u8]>> for Bytes {
    fn from(data: Arc<[u8]>) -> Self {
        const LEAST: usize = 512;
        let spare = LEAST.max(data.len() + 1) - data.len();
        Self(Rc::new(Room { data, spare }))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.data
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Sizes of memory that Go hands out, up to where it goes by pages.
const SIZES: [usize; 67] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416,
    448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200,
    3456, 4096, 4864, 5120, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568,
    14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672,
];

const PAGE: usize = 8192;

fn width(elem: Elem) -> usize {
    match elem {
        Elem::Any | Elem::Str => 16,
        Elem::AnyList => 24,
        Elem::Int | Elem::Map | Elem::Struct(_) => 8,
    }
}

/// `growslice`: the room for `needed` items where there was room for `had`.
pub(crate) fn room(elem: Elem, had: usize, needed: usize) -> usize {
    const SLOWER: usize = 256;
    let mut count = had;
    if needed > 2 * had {
        count = needed;
    } else if had < SLOWER {
        count = 2 * had;
    } else {
        while count < needed {
            count += (count + 3 * SLOWER) >> 2;
        }
    }
    let bytes = count * width(elem);
    let larger = SIZES.iter().find(|size| **size >= bytes).copied();
    larger.unwrap_or_else(|| bytes.next_multiple_of(if bytes <= 32_768 { 32_768 } else { PAGE }))
        / width(elem)
}

impl Beyond {
    /// Behind so many items, appended one by one.
    pub fn grown(elem: Elem, count: usize) -> Self {
        Self::appended(elem, 0, count)
    }

    /// The same where there was room for `had` of them before.
    pub fn appended(elem: Elem, had: usize, count: usize) -> Self {
        let mut capacity = had;
        while capacity < count {
            capacity = room(elem, capacity, capacity + 1);
        }
        Self::zeros(capacity - count)
    }

    pub fn zeros(count: usize) -> Self {
        if count == 0 {
            Self::Nothing
        } else {
            Self::Zeros(count)
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Zeros(count) => *count,
            Self::Rest(list, start) => list.capacity().saturating_sub(*start),
        }
    }
}

impl List {
    /// Items that there are and that there is room for.
    pub fn capacity(&self) -> usize {
        self.items.len() + self.beyond.len()
    }

    fn at(&self, index: usize) -> Value {
        let Some(further) = index.checked_sub(self.items.len()) else {
            return self.items[index].clone();
        };
        match &self.beyond {
            Beyond::Rest(list, start) => list.at(start + further),
            _ => match self.elem {
                Elem::Str => Value::str(""),
                Elem::Int => Value::int(0),
                Elem::AnyList => Value::nil_list(Elem::Any),
                Elem::Map => Value::map_of(MapKind::Nil, Entries::new()),
                Elem::Any | Elem::Struct(_) => Value::Nil,
            },
        }
    }
}

/// The part of a list from `start` up to `end`, which may lie behind the list's own.
pub(crate) fn part(list: &Rc<List>, start: usize, end: usize) -> Value {
    let beyond = if end < list.capacity() {
        Beyond::Rest(Rc::clone(list), end)
    } else {
        Beyond::Nothing
    };
    Value::List(Rc::new(List {
        elem: list.elem,
        items: (start..end).map(|index| list.at(index)).collect(),
        nil: false,
        beyond,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_as_in_go() {
        for (elem, count, capacity) in [
            (Elem::Any, 0, 0),
            (Elem::Any, 3, 4),
            (Elem::Any, 5, 8),
            (Elem::Any, 257, 512),
            (Elem::Any, 513, 848),
            (Elem::Int, 5, 8),
            (Elem::AnyList, 2, 2),
        ] {
            let Value::List(list) = Value::grown(elem, vec![Value::int(1); count]) else {
                unreachable!()
            };
            assert_eq!(list.capacity(), capacity, "{count} of {elem:?}");
        }
        assert_eq!(room(Elem::Any, 5, 6), 10);
        assert_eq!(room(Elem::Any, 1, 5), 5);
        assert_eq!(room(Elem::Any, 17, 18), 36);
    }

    #[test]
    fn parts_reach_behind_their_end() {
        let Value::List(list) = Value::grown(Elem::Any, vec![Value::int(1), Value::int(2), Value::int(3)])
        else {
            unreachable!()
        };
        let Value::List(first) = part(&list, 0, 1) else {
            unreachable!()
        };
        assert_eq!(first.capacity(), 4);
        let again = part(&first, 1, 4);
        assert!(again.deep_equal(&Value::list(vec![Value::int(2), Value::int(3), Value::Nil])));
    }
}
