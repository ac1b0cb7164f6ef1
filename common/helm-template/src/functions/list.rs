//! sprig's functions on lists.

use super::cast::to_int64;
use super::{Row, int_of, strval};
use crate::native::Native;
use crate::spare::{Beyond, part, room};
use crate::template::exec::Fault;
use crate::value::{Elem, List, UintKind, Value};
use std::rc::Rc;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("list", "a*", |_, a| Ok(Value::list(a.to_vec()))),
    ("tuple", "a*", |_, a| Ok(Value::list(a.to_vec()))),
    ("append", "aa", |_, a| push(a)),
    ("push", "aa", |_, a| push(a)),
    ("mustAppend", "aa", |_, a| push(a)),
    ("mustPush", "aa", |_, a| push(a)),
    ("prepend", "aa", |_, a| prepend(a)),
    ("mustPrepend", "aa", |_, a| prepend(a)),
    ("first", "a", |_, a| {
        Ok(items(&a[0], "Cannot find first on type")?
            .first()
            .cloned()
            .unwrap_or(Value::Nil))
    }),
    ("mustFirst", "a", |_, a| {
        Ok(items(&a[0], "Cannot find first on type")?
            .first()
            .cloned()
            .unwrap_or(Value::Nil))
    }),
    ("last", "a", |_, a| {
        Ok(items(&a[0], "Cannot find last on type")?
            .pop()
            .unwrap_or(Value::Nil))
    }),
    ("mustLast", "a", |_, a| {
        Ok(items(&a[0], "Cannot find last on type")?
            .pop()
            .unwrap_or(Value::Nil))
    }),
    ("rest", "a", |_, a| rest(a)),
    ("mustRest", "a", |_, a| rest(a)),
    ("initial", "a", |_, a| initial(a)),
    ("mustInitial", "a", |_, a| initial(a)),
    ("reverse", "a", |_, a| reverse(a)),
    ("mustReverse", "a", |_, a| reverse(a)),
    ("uniq", "a", |_, a| uniq(a)),
    ("mustUniq", "a", |_, a| uniq(a)),
    ("without", "aa*", |_, a| without(a)),
    ("mustWithout", "aa*", |_, a| without(a)),
    ("has", "aa", |_, a| has(a)),
    ("mustHas", "aa", |_, a| has(a)),
    ("compact", "a", |_, a| compact(a)),
    ("mustCompact", "a", |_, a| compact(a)),
    ("slice", "aa*", |_, a| slice(a)),
    ("mustSlice", "aa*", |_, a| slice(a)),
    ("concat", "a*", |_, a| concat(a)),
    ("chunk", "ia", |_, a| chunk(a)),
    ("mustChunk", "ia", |_, a| chunk(a)),
    ("sortAlpha", "a", |_, a| sort_alpha(a)),
    ("toStrings", "a", |_, a| Ok(texts(strings(&a[0])))),
    ("join", "sa", |_, a| join(a)),
    ("until", "i", |_, a| {
        let stop = int_of(&a[0]);
        until(0, stop, if stop < 0 { -1 } else { 1 })
    }),
    ("untilStep", "iii", |_, a| {
        until(int_of(&a[0]), int_of(&a[1]), int_of(&a[2]))
    }),
    ("seq", "i*", |_, a| seq(a)),
    ("all", "a*", |_, a| Ok(Value::Bool(!a.iter().any(empty)))),
    ("any", "a*", |_, a| Ok(Value::Bool(!a.iter().all(empty)))),
    ("coalesce", "a*", |_, a| {
        Ok(a.iter().find(|v| !empty(v)).cloned().unwrap_or(Value::Nil))
    }),
    ("empty", "a", |_, a| Ok(Value::Bool(empty(&a[0])))),
    ("default", "aa*", |_, a| {
        Ok(a.get(1).filter(|given| !empty(given)).unwrap_or(&a[0]).clone())
    }),
    ("ternary", "aab", |_, a| {
        Ok(if a[2].is_true() {
            a[0].clone()
        } else {
            a[1].clone()
        })
    }),
];

/// sprig's emptiness is template falsehood.
fn empty(value: &Value) -> bool {
    !value.is_true()
}

/// The items of anything that Go calls a slice.
fn as_items(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::List(list) => Some(list.items.clone()),
        Value::Bytes(bytes) => Some(
            bytes
                .iter()
                .map(|b| Value::Uint(u64::from(*b), UintKind::Uint8))
                .collect(),
        ),
        Value::Native(native) => match (&**native, native.as_list()) {
            (Native::ApiVersions(_), Some(Value::List(list))) => Some(list.items.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn items(value: &Value, complaint: &str) -> std::result::Result<Vec<Value>, Fault> {
    match as_items(value) {
        Some(items) => Ok(items),
        // reflect.TypeOf(nil) has no kind to ask for.
        None if value.is_nil() => {
            Fault::plain("runtime error: invalid memory address or nil pointer dereference")
        }
        None => Fault::plain(format!("{complaint} {}", value.kind())),
    }
}

fn push(args: &[Value]) -> Result {
    let mut items = items(&args[0], "Cannot push on type")?;
    let had = items.len();
    items.push(args[1].clone());
    Ok(appended(had, items))
}

/// A list that was appended to where there was room for `room` items.
fn appended(room: usize, items: Vec<Value>) -> Value {
    let beyond = Beyond::appended(Elem::Any, room, items.len());
    Value::List(Rc::new(List {
        elem: Elem::Any,
        items: items.into_iter().map(Value::settled).collect(),
        nil: false,
        beyond,
    }))
}

fn prepend(args: &[Value]) -> Result {
    let mut items = items(&args[0], "Cannot prepend on type")?;
    items.insert(0, args[1].clone());
    let room = if items.len() > 1 {
        room(Elem::Any, 1, items.len())
    } else {
        1
    };
    Ok(appended(room, items))
}

fn rest(args: &[Value]) -> Result {
    let mut items = items(&args[0], "Cannot find rest on type")?;
    if items.is_empty() {
        return Ok(Value::nil_list(Elem::Any));
    }
    items.remove(0);
    Ok(Value::list(items))
}

fn initial(args: &[Value]) -> Result {
    let mut items = items(&args[0], "Cannot find initial on type")?;
    if items.pop().is_none() {
        return Ok(Value::nil_list(Elem::Any));
    }
    Ok(Value::list(items))
}

fn reverse(args: &[Value]) -> Result {
    let mut items = items(&args[0], "Cannot find reverse on type")?;
    items.reverse();
    Ok(Value::list(items))
}

fn contains(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| item.deep_equal(wanted))
}

fn uniq(args: &[Value]) -> Result {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(&args[0], "Cannot find uniq on type")? {
        if !contains(&kept, &item) {
            kept.push(item);
        }
    }
    Ok(Value::grown(Elem::Any, kept))
}

fn without(args: &[Value]) -> Result {
    let items = items(&args[0], "Cannot find without on type")?;
    let kept = items.into_iter().filter(|item| !contains(&args[1..], item));
    Ok(Value::grown(Elem::Any, kept.collect()))
}

fn has(args: &[Value]) -> Result {
    if args[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(contains(
        &items(&args[1], "Cannot find has on type")?,
        &args[0],
    )))
}

fn compact(args: &[Value]) -> Result {
    let items = items(&args[0], "Cannot compact on type")?;
    let kept = items.into_iter().filter(|item| !empty(item));
    Ok(Value::grown(Elem::Any, kept.collect()))
}

fn slice(args: &[Value]) -> Result {
    let all = items(&args[0], "list should be type of slice or array but")?;
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int64);
    let end = args.get(2).map_or(all.len() as i64, to_int64);
    let capacity = match &args[0] {
        Value::List(list) => list.capacity(),
        Value::Bytes(bytes) => bytes.capacity(),
        _ => all.len(),
    };
    if start < 0 || end < start || end > capacity as i64 {
        return Fault::plain("reflect.Value.Slice: slice index out of bounds");
    }
    let (start, end) = (start as usize, end as usize);
    Ok(match &args[0] {
        Value::Bytes(bytes) => Value::Bytes(bytes.part(start, end)),
        Value::List(list) => part(list, start, end),
        Value::Native(native) => match &**native {
            Native::ApiVersions(versions) => Native::ApiVersions(versions[start..end].to_vec()).into_value(),
            _ => Value::Nil,
        },
        _ => Value::Nil,
    })
}

fn concat(args: &[Value]) -> Result {
    let mut all = Vec::new();
    for list in args {
        match as_items(list) {
            Some(items) => all.extend(items),
            None if list.is_nil() => {
                return Fault::plain("runtime error: invalid memory address or nil pointer dereference");
            }
            None => return Fault::plain(format!("Cannot concat type {} as list", list.kind())),
        }
    }
    if all.is_empty() {
        return Ok(Value::nil_list(Elem::Any));
    }
    Ok(Value::grown(Elem::Any, all))
}

fn chunk(args: &[Value]) -> Result {
    let items = items(&args[1], "Cannot chunk type")?;
    let size = int_of(&args[0]);
    let per_chunk = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
    let lists = |chunks: std::slice::Chunks<'_, Value>| {
        let lists = chunks.map(|part| Value::list(part.to_vec())).collect();
        Ok(Value::typed_list(Elem::AnyList, lists))
    };
    // sprig counts chunks of a negative size, too: that of one item is one, those of up to that many and one more none.
    match (size.signum(), items.len()) {
        (1, _) => lists(items.chunks(per_chunk)),
        (-1, 1) if per_chunk > 1 => lists(items.chunks(1)),
        (-1, count) if count > 1 && count - 1 <= per_chunk => lists([].chunks(1)),
        _ => Fault::plain("runtime error: makeslice: len out of range"),
    }
}

/// sprig's `strslice`: nil elements are left out.
fn strings(value: &Value) -> Vec<Vec<u8>> {
    match as_items(value) {
        Some(items) => items.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        None if value.is_nil() => Vec::new(),
        None => vec![strval(value)],
    }
}

/// A `[]string`.
fn texts(items: Vec<Vec<u8>>) -> Value {
    Value::typed_list(Elem::Str, items.into_iter().map(Value::string_from).collect())
}

fn sort_alpha(args: &[Value]) -> Result {
    if as_items(&args[0]).is_none() {
        return Ok(texts(vec![strval(&args[0])]));
    }
    let mut strings = strings(&args[0]);
    strings.sort();
    Ok(texts(strings))
}

fn join(args: &[Value]) -> Result {
    let separator = args[0].string_bytes().unwrap_or_default();
    Ok(Value::string_from(strings(&args[1]).join(separator)))
}

/// A list longer than this is refused: it would eat all memory.
const MAX_COUNT: usize = 10_000_000;

/// `untilStep`, whose numbers wrap around.
fn count(start: i64, stop: i64, step: i64) -> std::result::Result<Vec<i64>, Fault> {
    let mut numbers = Vec::new();
    if step == 0 || (stop < start) != (step < 0) {
        return Ok(numbers);
    }
    let mut n = start;
    while if step > 0 { n < stop } else { n > stop } {
        if numbers.len() >= MAX_COUNT {
            return Err(Fault::Limit(Box::new(format!(
                "until\0a list of more than {MAX_COUNT} numbers"
            ))));
        }
        numbers.push(n);
        n = n.wrapping_add(step);
    }
    Ok(numbers)
}

fn until(start: i64, stop: i64, step: i64) -> Result {
    let numbers = count(start, stop, step)?.into_iter().map(Value::int);
    Ok(Value::grown(Elem::Int, numbers.collect()))
}

fn seq(args: &[Value]) -> Result {
    let params: Vec<i64> = args.iter().map(int_of).collect();
    let numbers = match params[..] {
        [end] => {
            let step = if end < 1 { -1 } else { 1 };
            count(1, end.wrapping_add(step), step)?
        }
        [start, end] => {
            let step = if end < start { -1 } else { 1 };
            count(start, end.wrapping_add(step), step)?
        }
        [start, step, end] => {
            if end < start && step > 0 {
                return Ok(Value::str(""));
            }
            let increment = if end < start { -1 } else { 1 };
            count(start, end.wrapping_add(increment), step)?
        }
        _ => Vec::new(),
    };
    Ok(Value::str(
        numbers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    ))
}
