//! `{{range}}` over maps and lists. Helm 3.17 is built with Go 1.23, whose
//! templates do not range over integers or functions.

use super::exec::{Exec, Flow, State};
use super::node::{At, Branch, Node};
use crate::gofmt;
use crate::native::Native;
use crate::value::Value;

impl<'t> State<'t, '_> {
    pub(super) fn walk_range(
        &mut self,
        dot: &Value,
        node: &'t Node,
        range: &'t Branch,
        out: &mut Vec<u8>,
    ) -> Exec<Flow> {
        self.at = At::Node(node);
        let outer = self.mark();
        let value = self.eval_pipeline(dot, &range.pipe)?;
        let mark = self.mark();
        let ran = self.iterate(&value, range, mark, out)?;
        let flow = match (&range.else_list, ran) {
            (Some(list), false) => self.walk_list(dot, list, out)?,
            _ => Flow::Next,
        };
        self.pop(outer);
        Ok(flow)
    }

    /// Runs the body for each element; false when there was none.
    fn iterate(&mut self, value: &Value, range: &'t Branch, mark: usize, out: &mut Vec<u8>) -> Exec<bool> {
        // Collected first: the body may change the map that it walks.
        let pairs: Vec<(Value, Value)> = match value {
            Value::List(list) => indexed(list.items.iter().cloned()),
            Value::Bytes(bytes) => indexed(
                bytes
                    .iter()
                    .map(|b| Value::Uint(u64::from(*b), crate::value::UintKind::Uint8)),
            ),
            Value::Map(map) => map
                .entries
                .borrow()
                .iter()
                .map(|(k, v)| (Value::Str(k.clone()), v.clone()))
                .collect(),
            Value::Invalid | Value::Nil => Vec::new(),
            Value::Native(native) => match &**native {
                Native::Files(files) => files
                    .iter()
                    .map(|(name, data)| (Value::str(name.as_str()), Value::Bytes(data.clone().into())))
                    .collect(),
                Native::ApiVersions(versions) => indexed(versions.iter().map(|v| Value::str(v.as_str()))),
                _ => return self.cannot(value),
            },
            _ => return self.cannot(value),
        };
        let held = std::mem::replace(&mut self.dot_boxed, value.holds_interfaces());
        for (key, element) in &pairs {
            if self.one(key, element, range, mark, out)? == Flow::Break {
                break;
            }
        }
        self.dot_boxed = held;
        Ok(!pairs.is_empty())
    }

    fn cannot<T>(&self, value: &Value) -> Exec<T> {
        let mut shown = Vec::new();
        match value {
            // A pointer is followed.
            Value::Native(_) => gofmt::print(value, &mut shown),
            _ => gofmt::print_operand(value, &mut shown),
        }
        self.error(format_args!(
            "range can't iterate over {}",
            String::from_utf8_lossy(&shown)
        ))
    }

    fn one(
        &mut self,
        key: &Value,
        element: &Value,
        range: &'t Branch,
        mark: usize,
        out: &mut Vec<u8>,
    ) -> Exec<Flow> {
        self.session.check(&self.template.name, out.len())?;
        let decl = &range.pipe.decl;
        if let [first, rest @ ..] = decl.as_slice() {
            if range.pipe.is_assign {
                let value = if rest.is_empty() { element } else { key };
                self.set_var(&first.ident[0], value.clone())?;
            } else {
                self.set_top_var(1, element.clone());
            }
            if let [second, ..] = rest {
                if range.pipe.is_assign {
                    self.set_var(&second.ident[0], element.clone())?;
                } else {
                    self.set_top_var(2, key.clone());
                }
            }
        }
        let flow = self.walk_list(element, &range.list, out)?;
        self.pop(mark);
        Ok(flow)
    }
}

fn indexed(items: impl Iterator<Item = Value>) -> Vec<(Value, Value)> {
    items
        .enumerate()
        .map(|(i, item)| (Value::int(i as i64), item))
        .collect()
}
