//! Runs templates, as Go's `text/template` executor.

use super::node::{Arg, At, Branch, Command, List, Node, Number, Pipe, Template};
use super::set::Set;
use crate::engine::Session;
use crate::gofmt;
use crate::value::Value;
use std::rc::Rc;

/// Why execution stopped.
///
/// The texts are behind thin pointers, so that a value that may be a fault takes no more room than a value: what the
/// executor does most is to hand such results on.
#[derive(Clone, Debug)]
#[expect(clippy::box_collection, reason = "a String or Box<str> is too wide")]
pub(crate) enum Fault {
    /// An error with its position, Go's `template.ExecError`.
    Exec(Box<String>),
    /// An error without position, as functions return them.
    Plain(Box<String>),
    /// A limit was reached; not reported as an error of a function.
    Limit(Box<String>),
}

impl Fault {
    pub fn plain<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::of(message))
    }

    /// An error without position.
    pub fn of(message: impl Into<String>) -> Self {
        Self::Plain(Box::new(message.into()))
    }

    pub fn message(&self) -> &str {
        match self {
            Self::Exec(text) | Self::Plain(text) | Self::Limit(text) => text,
        }
    }
}

pub(super) type Exec<T> = Result<T, Fault>;

/// How a node ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

pub(super) struct State<'t, 's> {
    pub session: &'s Session<'s>,
    pub set: Rc<Set>,
    pub template: &'t Template,
    pub at: At<'t>,
    vars: Vec<(&'t str, Value)>,
    /// The receiver at hand is an element of a map of anything.
    pub boxed: bool,
    /// Dot is an element of a list or map of anything.
    pub dot_boxed: bool,
}

/// Executes `template` on `data` and gives what `finish` makes of its text.
pub(crate) fn execute<T>(
    session: &Session<'_>,
    set: &Rc<Set>,
    template: &Template,
    data: &Value,
    finish: impl FnOnce(&[u8]) -> T,
) -> Result<T, Fault> {
    // Go makes no value of a bare nil, so that its fields are empty rather than an error.
    let data = if matches!(data, Value::Nil) {
        &Value::Invalid
    } else {
        data
    };
    let mut out = session.buffers.take();
    let result = run(session, set, template, data, &mut out);
    let result = result.map(|()| finish(&out));
    session.buffers.put(out);
    result
}

fn run(
    session: &Session<'_>,
    set: &Rc<Set>,
    template: &Template,
    data: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let _deeper = session.enter(&template.name)?;
    let mut state = State {
        session,
        set: set.clone(),
        template,
        at: At::List(&template.root),
        vars: vec![("$", data.clone())],
        boxed: false,
        dot_boxed: false,
    };
    let before = out.len();
    crate::stack::grow(|| state.walk_list(data, &template.root, out))?;
    session.produced(&template.name, out.len().saturating_sub(before))
}

impl<'t> State<'t, '_> {
    /// An error at the present node.
    #[cold]
    pub fn error<T>(&self, message: impl std::fmt::Display) -> Exec<T> {
        let place = self.template.source.location(self.at.pos());
        let name = gofmt::quote(&self.template.name);
        Err(Fault::Exec(Box::new(format!(
            "template: {place}: executing {name} at <{}>: {message}",
            self.at
        ))))
    }

    pub fn at_arg(&mut self, arg: &'t Arg) {
        self.at = match arg {
            Arg::Pipe(pipe) => At::Pipe(pipe),
            arg => At::Arg(arg),
        };
    }

    pub(super) fn mark(&self) -> usize {
        self.vars.len()
    }

    pub(super) fn pop(&mut self, mark: usize) {
        self.vars.truncate(mark);
    }

    pub(super) fn set_var(&mut self, name: &str, value: Value) -> Exec<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, held)) => {
                *held = value;
                Ok(())
            }
            None => self.error(format_args!("undefined variable: {name}")),
        }
    }

    /// Sets the `n`th variable from the top.
    pub(super) fn set_top_var(&mut self, n: usize, value: Value) {
        let index = self.vars.len() - n;
        self.vars[index].1 = value;
    }

    pub(super) fn var(&self, name: &str) -> Exec<Value> {
        match self.vars.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.error(format_args!("undefined variable: {name}")),
        }
    }

    pub(super) fn walk_list(&mut self, dot: &Value, list: &'t List, out: &mut Vec<u8>) -> Exec<Flow> {
        self.at = At::List(list);
        for node in &list.nodes {
            let flow = self.walk(dot, node, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Value, node: &'t Node, out: &mut Vec<u8>) -> Exec<Flow> {
        self.at = At::Node(node);
        match node {
            Node::Text { text, .. } => out.extend_from_slice(text.as_bytes()),
            Node::Action { pipe, .. } => {
                let value = self.eval_pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.at = At::Node(node);
                    gofmt::print(&value, out);
                    self.session.check(&self.template.name, out.len())?;
                }
            }
            Node::If(branch) => return self.walk_branch(dot, branch, false, out),
            Node::With(branch) => return self.walk_branch(dot, branch, true, out),
            Node::Range(branch) => return self.walk_range(dot, node, branch, out),
            Node::Template { name, pipe, .. } => {
                let Some(template) = self.set.get(name) else {
                    return self.error(format_args!("template {} not defined", gofmt::quote(name)));
                };
                let data = match pipe {
                    Some(pipe) => self.eval_pipeline(dot, pipe)?,
                    None => Value::Invalid,
                };
                run(self.session, &self.set, &template, &data, out)?;
            }
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn walk_branch(&mut self, dot: &Value, branch: &'t Branch, with: bool, out: &mut Vec<u8>) -> Exec<Flow> {
        let mark = self.mark();
        let value = self.eval_pipeline(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            let held = self.dot_boxed;
            self.dot_boxed = held && !with;
            let flow = self.walk_list(if with { &value } else { dot }, &branch.list, out);
            self.dot_boxed = held;
            flow
        } else if let Some(list) = &branch.else_list {
            self.walk_list(dot, list, out)
        } else {
            Ok(Flow::Next)
        };
        self.pop(mark);
        flow
    }

    pub(super) fn eval_pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Exec<Value> {
        self.at = At::Pipe(pipe);
        if let ([command], []) = (&*pipe.cmds, &*pipe.decl) {
            let mut result = self.eval_command(dot, command, None);
            if matches!(result, Ok(Value::Nil)) {
                result = Ok(Value::Invalid);
            }
            return result;
        }
        let mut value = None;
        for command in &pipe.cmds {
            let mut result = self.eval_command(dot, command, value)?;
            if matches!(result, Value::Nil) {
                result = Value::Invalid;
            }
            value = Some(result);
        }
        let value = value.unwrap_or_default();
        for variable in &pipe.decl {
            let name = &variable.ident[0];
            if pipe.is_assign {
                self.set_var(name, value.clone())?;
            } else {
                self.vars.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn not_a_function(&self, command: &Command, piped: Option<&Value>) -> Exec<()> {
        if command.args.len() > 1 || piped.is_some() {
            const WHAT: &str = "can't give argument to non-function";
            // Go puts parentheses around pipelines only where it prints the command that they are part of.
            return match &command.args[0] {
                Arg::Pipe(pipe) => self.error(format_args!("{WHAT} {pipe}")),
                arg => self.error(format_args!("{WHAT} {arg}")),
            };
        }
        Ok(())
    }

    fn eval_command(&mut self, dot: &Value, command: &'t Command, piped: Option<Value>) -> Exec<Value> {
        let first = &command.args[0];
        let rest = &command.args[1..];
        match first {
            Arg::Field { ident, .. } => {
                self.at = At::Arg(first);
                return self.eval_fields(dot, dot, At::Arg(first), ident, rest, piped);
            }
            Arg::Chain { .. } => return self.eval_chain(dot, first, rest, piped),
            Arg::Identifier { name, function, .. } => {
                self.at = At::Arg(first);
                return self.eval_function(dot, name, *function, At::Command(command), rest, piped);
            }
            Arg::Pipe(pipe) => {
                self.not_a_function(command, piped.as_ref())?;
                return crate::stack::grow(|| self.eval_pipeline(dot, pipe));
            }
            Arg::Variable(_) => return self.eval_variable(dot, first, rest, piped),
            _ => {}
        }
        self.at = At::Arg(first);
        self.not_a_function(command, piped.as_ref())?;
        match first {
            Arg::Bool { value, .. } => Ok(Value::Bool(*value)),
            Arg::Dot { .. } => Ok(dot.clone()),
            Arg::Nil { .. } => self.error("nil is not a command"),
            Arg::Number { value, .. } => self.ideal_constant(value),
            Arg::Str { text, .. } => Ok(text.value()),
            _ => self.error(format_args!(
                "can't evaluate command {}",
                gofmt::quote(&first.to_string())
            )),
        }
    }

    /// A number constant where any type will do.
    pub(super) fn ideal_constant(&self, number: &Number) -> Exec<Value> {
        let text = &*number.text;
        let is_hex = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        let looks_float = !is_hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']);
        match (number.float, number.int) {
            (Some(float), _) if looks_float => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::int(int)),
            _ => self.error(format_args!("{text} overflows int")),
        }
    }
}
