//! Calls of functions: counting, evaluating and checking arguments.

use super::exec::{Exec, Fault, State};
use super::node::{Arg, At};
use crate::functions::{Context, Function};
use crate::gofmt;
use crate::value::{IntKind, UintKind, Value};
use smallvec::SmallVec;
use std::sync::Arc;

/// The arguments of a call; most have few.
pub(super) type Arguments = SmallVec<[Value; 3]>;

/// The parameter types of a function, one letter each: `a` any, `v` any kept
/// as found, `s` string, `i` int, `l` int64, `f` float64, `b` bool, `m` map, `w` io.Writer,
/// `L` list, `S` list of strings, `B` bytes, `n` native; a final `*` makes the
/// last one variadic.
pub(crate) struct Signature {
    pub fixed: &'static [u8],
    pub variadic: Option<u8>,
}

impl Signature {
    pub fn of(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        match bytes {
            [fixed @ .., last, b'*'] => Self {
                fixed,
                variadic: Some(*last),
            },
            fixed => Self {
                fixed,
                variadic: None,
            },
        }
    }

    fn param(&self, index: usize) -> u8 {
        self.fixed.get(index).copied().or(self.variadic).unwrap_or(b'a')
    }
}

fn type_of(param: u8) -> &'static str {
    match param {
        b's' => "string",
        b'i' => "int",
        b'l' => "int64",
        b'f' => "float64",
        b'b' => "bool",
        b'm' => "map[string]interface {}",
        b'L' => "[]interface {}",
        b'S' => "[]string",
        b'B' => "[]uint8",
        b'v' => "reflect.Value",
        b't' => "time.Time",
        b'w' => "io.Writer",
        b'A' => "sprig.certificate",
        _ => "interface {}",
    }
}

fn can_be_nil(param: u8) -> bool {
    matches!(param, b'a' | b'v' | b'm' | b'L' | b'S' | b'B' | b'w')
}

impl<'t> State<'t, '_> {
    pub(super) fn eval_function(
        &mut self,
        dot: &Value,
        name: &Arc<str>,
        function: Option<Function>,
        node: At<'t>,
        rest: &'t [Arg],
        piped: Option<Value>,
    ) -> Exec<Value> {
        let Some(function) = function else {
            return self.error(format_args!(
                "{} is not a defined function",
                crate::gofmt::quote(name)
            ));
        };
        if matches!(&**name, "and" | "or") {
            return self.eval_and_or(dot, &**name == "or", rest, piped);
        }
        let mut arguments = self.eval_args(dot, name, function.signature, rest, piped)?;
        if &**name == "call" {
            // Go tells `call` how its callee was written.
            let callee = match rest.first() {
                Some(Arg::Pipe(pipe)) => pipe.to_string(),
                Some(arg) => arg.to_string(),
                // Go looks for the first one, and whoever called the template gets the panic.
                None => return Fault::plain("runtime error: index out of range [0] with length 0"),
            };
            arguments.insert(0, Value::str(callee));
        }
        let context = Context {
            session: self.session,
            set: &self.set,
        };
        let made = (function.call)(&context, &arguments).and_then(|value| {
            // Values that contain themselves make texts that have no end, and are cut.
            match value.string_bytes().filter(|text| text.len() > gofmt::MAX_LENGTH) {
                Some(text) => self.session.check_size(text.len()).map(|()| value),
                None => Ok(value),
            }
        });
        match made {
            Ok(value) => Ok(value),
            Err(fault) => self.call_error(node, name, fault),
        }
    }

    pub(super) fn call_error(&mut self, node: At<'t>, name: &str, fault: Fault) -> Exec<Value> {
        if matches!(fault, Fault::Limit(_)) {
            return Err(fault);
        }
        self.at = node;
        self.error(format_args!("error calling {name}: {}", fault.message()))
    }

    /// `and` and `or` stop at the first argument that decides.
    fn eval_and_or(&mut self, dot: &Value, or: bool, rest: &'t [Arg], piped: Option<Value>) -> Exec<Value> {
        let name = if or { "or" } else { "and" };
        if rest.is_empty() && piped.is_none() {
            return self.error(format_args!(
                "wrong number of args for {name}: want at least 1 got 0"
            ));
        }
        let mut value = Value::Invalid;
        for arg in rest {
            value = self.eval_arg(dot, b'v', arg)?;
            if value.is_true() == or {
                return Ok(value);
            }
        }
        Ok(piped.unwrap_or(value))
    }

    pub(super) fn eval_args(
        &mut self,
        dot: &Value,
        name: &str,
        signature: &'static str,
        rest: &'t [Arg],
        piped: Option<Value>,
    ) -> Exec<Arguments> {
        let signature = Signature::of(signature);
        let given = rest.len() + usize::from(piped.is_some());
        let fixed = signature.fixed.len();
        if signature.variadic.is_some() {
            if given < fixed {
                return self.error(format_args!(
                    "wrong number of args for {name}: want at least {fixed} got {}",
                    rest.len()
                ));
            }
        } else if given != fixed {
            return self.error(format_args!(
                "wrong number of args for {name}: want {fixed} got {given}"
            ));
        }
        let mut values = Arguments::with_capacity(given);
        for (i, arg) in rest.iter().enumerate() {
            values.push(self.eval_arg(dot, signature.param(i), arg)?);
        }
        if let Some(value) = piped {
            let param = signature.param(values.len());
            values.push(self.validate(value, param)?);
        }
        Ok(values)
    }

    pub(super) fn eval_arg(&mut self, dot: &Value, param: u8, arg: &'t Arg) -> Exec<Value> {
        self.at_arg(arg);
        let mut value = match arg {
            Arg::Dot { .. } => Ok(dot.clone()),
            Arg::Nil { .. } => {
                if can_be_nil(param) {
                    return Ok(if param == b'v' { Value::Invalid } else { Value::Nil });
                }
                return self.error(format_args!("cannot assign nil to {}", type_of(param)));
            }
            Arg::Field { ident, .. } => self.eval_fields(dot, dot, At::Arg(arg), ident, &[], None),
            Arg::Variable(_) => self.eval_variable(dot, arg, &[], None),
            Arg::Pipe(pipe) => crate::stack::grow(|| self.eval_pipeline(dot, pipe)),
            Arg::Identifier { name, function, .. } => {
                self.eval_function(dot, name, *function, At::Arg(arg), &[], None)
            }
            Arg::Chain { .. } => self.eval_chain(dot, arg, &[], None),
            Arg::Bool { .. } | Arg::Number { .. } | Arg::Str { .. } => return self.constant(param, arg),
        };
        match param {
            b'v' => value,
            // As stored in an `interface{}`: no value becomes nil.
            b'a' => {
                if matches!(value, Ok(Value::Invalid)) {
                    value = Ok(Value::Nil);
                }
                value
            }
            _ => self.validate(value?, param),
        }
    }

    /// A constant where the parameter has a type of its own.
    fn constant(&mut self, param: u8, arg: &'t Arg) -> Exec<Value> {
        let expected = match (param, arg) {
            (b'a' | b'v', Arg::Bool { value, .. }) | (b'b', Arg::Bool { value, .. }) => {
                return Ok(Value::Bool(*value));
            }
            (b'a' | b'v' | b's', Arg::Str { text, .. }) => return Ok(text.value()),
            (b'a' | b'v', Arg::Number { value, .. }) => return self.ideal_constant(value),
            (b'f', Arg::Number { value, .. }) if value.float.is_some() => {
                return Ok(Value::Float(value.float.unwrap_or_default()));
            }
            (b'i' | b'l', Arg::Number { value, .. }) if value.int.is_some() => {
                let kind = if param == b'i' {
                    IntKind::Int
                } else {
                    IntKind::Int64
                };
                return Ok(Value::Int(value.int.unwrap_or_default(), kind));
            }
            (b'b', _) => "bool",
            (b's', _) => "string",
            (b'f', _) => "float",
            (b'i' | b'l', _) => "integer",
            _ => {
                return self.error(format_args!(
                    "can't handle {arg} for arg of type {}",
                    type_of(param)
                ));
            }
        };
        self.error(format_args!("expected {expected}; found {arg}"))
    }

    /// Whether a value may be passed as a parameter of that type.
    fn validate(&self, value: Value, param: u8) -> Exec<Value> {
        if matches!(param, b'v' | b'a') {
            return Ok(if param == b'a' { value.settled() } else { value });
        }
        let fits = match (&value, param) {
            (Value::Invalid, _) => {
                if can_be_nil(param) {
                    return Ok(Value::Nil);
                }
                return self.error(format_args!("invalid value; expected {}", type_of(param)));
            }
            (Value::Str(_) | Value::RawStr(_), b's')
            | (Value::Int(_, IntKind::Int), b'i')
            | (Value::Int(_, IntKind::Int64), b'l')
            | (Value::Float(_), b'f')
            | (Value::Bool(_), b'b')
            | (Value::Bytes(_), b'B') => true,
            // chartutil.Values is assignable to a map, being unnamed on one side.
            (Value::Map(map), b'm') => map.kind != crate::value::MapKind::Str,
            (Value::List(list), b'L') => list.elem == crate::value::Elem::Any,
            (Value::List(list), b'S') => list.elem == crate::value::Elem::Str,
            (Value::Native(native), b't') => native.type_name() == "time.Time",
            (Value::Native(native), b'A') => native.type_name() == "sprig.certificate",
            (Value::Uint(_, UintKind::Uint8), _) => false,
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        self.error(format_args!(
            "wrong type for value; expected {}; got {}",
            type_of(param),
            value.type_name()
        ))
    }
}
