//! A node as `%#v` prints what go-yaml makes of it, for complaints about keys.

use super::compose::{Typed, typed};
use super::parse::{Body, Id, Node, Tree};
use super::resolve::Scalar;
use crate::gofmt;
use crate::template::number::format_float;

/// A text longer than this is cut: aliases can make it endless.
const MAX_LENGTH: usize = 1 << 20;

const NULL: &str = "interface {}(nil)";

/// Null has no type to print where nothing holds it.
pub(super) fn of(tree: &Tree<'_>, node: Id) -> String {
    match held(tree, node) {
        null if null == NULL => "<nil>".to_owned(),
        text => text,
    }
}

/// As a part of a list or a map.
fn held(tree: &Tree<'_>, node: Id) -> String {
    let mut out = String::new();
    write(tree, node, &mut out);
    out
}

fn write(tree: &Tree<'_>, node: Id, out: &mut String) {
    if out.len() > MAX_LENGTH {
        return;
    }
    let node = tree.get(node);
    match &node.body {
        Body::Alias(target) => crate::stack::grow(|| write(tree, *target, out)),
        Body::Scalar(text, plain) => out.push_str(&scalar(node, text, *plain)),
        Body::Sequence(items) => {
            out.push_str("[]interface {}{");
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                crate::stack::grow(|| write(tree, *item, out));
            }
            out.push('}');
        }
        Body::Mapping(entries) => {
            out.push_str("map[interface {}]interface {}{");
            for (i, (key, value)) in sorted(tree, entries).into_iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                out.push_str(key.1.as_str());
                out.push(':');
                crate::stack::grow(|| write(tree, value, out));
            }
            out.push('}');
        }
    }
}

type Keyed = (Option<f64>, String);

/// Entries in the order of `fmt`: numbers by size, texts by bytes; of equal keys the last counts.
fn sorted(tree: &Tree<'_>, entries: &[(Id, Id)]) -> Vec<(Keyed, Id)> {
    let mut all: Vec<(Keyed, Id)> = Vec::new();
    for (key, value) in entries {
        let text = held(tree, *key);
        let keyed = (text.parse().ok(), text);
        match all.iter_mut().find(|(known, _)| *known == keyed) {
            Some(known) => known.1 = *value,
            None => all.push((keyed, *value)),
        }
    }
    all.sort_by(|((a, left), _), ((b, right), _)| {
        let numbers = a.zip(*b).and_then(|(a, b)| a.partial_cmp(&b));
        numbers.unwrap_or_else(|| left.cmp(right))
    });
    all
}

fn scalar(node: &Node<'_>, text: &str, plain: bool) -> String {
    match typed(node, text, plain) {
        Ok(Typed::Text(text)) => gofmt::quote(&text),
        Ok(Typed::Scalar(Scalar::Bool(value))) => value.to_string(),
        Ok(Typed::Scalar(Scalar::Int(value))) => value.to_string(),
        Ok(Typed::Scalar(Scalar::Uint(value))) => format!("{value:#x}"),
        Ok(Typed::Scalar(Scalar::Float(value))) => format_float(value),
        Ok(Typed::Scalar(_)) | Err(_) => NULL.to_owned(),
    }
}
