//! `.Field`, `$x.Field`, `(pipeline).Field`, and methods.

use super::exec::{Exec, State};
use super::node::{Arg, At};
use crate::methods;
use crate::value::{MapKind, Value};
use std::sync::Arc;

impl<'t> State<'t, '_> {
    pub(super) fn eval_chain(
        &mut self,
        dot: &Value,
        chain: &'t Arg,
        rest: &'t [Arg],
        piped: Option<Value>,
    ) -> Exec<Value> {
        self.at = At::Arg(chain);
        let Arg::Chain { node, fields, .. } = chain else {
            return Ok(Value::Invalid);
        };
        if matches!(**node, Arg::Nil { .. }) {
            return self.error(format_args!("indirection through explicit nil in {chain}"));
        }
        let receiver = self.eval_arg(dot, b'v', node)?;
        // What a pipeline gives is held under its own type, wherever it came from.
        let held = std::mem::replace(&mut self.dot_boxed, false);
        let value = self.eval_fields(dot, &receiver, At::Arg(chain), fields, rest, piped);
        self.dot_boxed = held;
        value
    }

    pub(super) fn eval_variable(
        &mut self,
        dot: &Value,
        node: &'t Arg,
        rest: &'t [Arg],
        piped: Option<Value>,
    ) -> Exec<Value> {
        self.at = At::Arg(node);
        let Arg::Variable(variable) = node else {
            return Ok(Value::Invalid);
        };
        let value = self.var(&variable.ident[0])?;
        if variable.ident.len() == 1 {
            if !rest.is_empty() || piped.is_some() {
                return self.error(format_args!("can't give argument to non-function {variable}"));
            }
            return Ok(value);
        }
        self.eval_fields(dot, &value, At::Arg(node), &variable.ident[1..], rest, piped)
    }

    pub(super) fn eval_fields(
        &mut self,
        dot: &Value,
        receiver: &Value,
        node: At<'t>,
        fields: &'t [Arc<str>],
        rest: &'t [Arg],
        piped: Option<Value>,
    ) -> Exec<Value> {
        if rest.is_empty()
            && piped.is_none()
            && let Some(found) = in_maps(receiver, fields)
        {
            self.boxed = false;
            return Ok(found);
        }
        let mut receiver = receiver.clone();
        let Some((last, leading)) = fields.split_last() else {
            return Ok(receiver);
        };
        let held = self.dot_boxed;
        for field in leading {
            let inside = receiver.holds_interfaces() && methods::find(&receiver, field).is_none();
            receiver = self.eval_field(dot, field, node, &[], None, receiver)?;
            self.boxed = inside;
            self.dot_boxed = false;
        }
        let result = self.eval_field(dot, last, node, rest, piped, receiver);
        self.boxed = false;
        self.dot_boxed = held;
        result
    }

    fn eval_field(
        &mut self,
        dot: &Value,
        name: &'t Arc<str>,
        node: At<'t>,
        rest: &'t [Arg],
        piped: Option<Value>,
        receiver: Value,
    ) -> Exec<Value> {
        match &receiver {
            Value::Invalid => return Ok(Value::Invalid),
            Value::Nil => return self.error(format_args!("nil pointer evaluating interface {{}}.{name}")),
            _ => {}
        }
        if let Some(method) = methods::find(&receiver, name) {
            let arguments = self.eval_args(dot, name, method.signature, rest, piped)?;
            return match (method.call)(&receiver, &arguments) {
                Ok(value) => Ok(value),
                Err(fault) => self.call_error(node, name, fault),
            };
        }
        let has_args = !rest.is_empty() || piped.is_some();
        match &receiver {
            Value::Map(map) => {
                if has_args {
                    return self.error(format_args!("{name} is not a method but has arguments"));
                }
                Ok(map.get(name).unwrap_or_else(|| map.zero()))
            }
            Value::Native(native) => match native.field(name) {
                Some(_) if has_args => self.error(format_args!(
                    "{name} has arguments but cannot be invoked as function"
                )),
                Some(value) => Ok(value),
                None => self.no_field(name, &receiver),
            },
            other => self.no_field(name, other),
        }
    }

    /// Go names the type under which the value was held: elements of maps and
    /// lists of anything are `interface {}`.
    fn no_field<T>(&self, name: &str, receiver: &Value) -> Exec<T> {
        let held = if self.boxed || self.dot_boxed {
            "interface {}".to_owned()
        } else {
            receiver.type_name()
        };
        self.error(format_args!("can't evaluate field {name} in type {held}"))
    }
}

/// What stands under these names in maps within maps, if it is there and all are maps.
fn in_maps(value: &Value, fields: &[Arc<str>]) -> Option<Value> {
    let [name, rest @ ..] = fields else {
        return Some(value.clone());
    };
    let Value::Map(map) = value else { return None };
    if map.kind == MapKind::Values && methods::find(value, name).is_some() {
        return None;
    }
    in_maps(map.entries.borrow().get(name)?, rest)
}
