//! The parsed form of a template, and how Go prints it in error messages.

use crate::functions::Function;
use crate::value::Value;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// What a literal text says.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Utf8(Arc<str>),
    Raw(Arc<[u8]>),
}

impl Literal {
    pub fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Utf8(text.into()),
            Err(bad) => Self::Raw(bad.into_bytes().into()),
        }
    }

    pub fn value(&self) -> Value {
        match self {
            Self::Utf8(text) => Value::Str(text.clone()),
            Self::Raw(bytes) => Value::RawStr(bytes.clone()),
        }
    }
}

/// The text a template came from; error positions are counted in it.
#[derive(Debug)]
pub(crate) struct Source {
    /// Name of the file (or `gotpl`) that was parsed.
    pub parse_name: Arc<str>,
    /// The whole text of that file.
    pub text: Arc<str>,
}

impl Source {
    /// `name:line:column` of a byte offset, the column counted from 0 in bytes.
    pub fn location(&self, pos: usize) -> String {
        let before = &self.text.as_bytes()[..pos.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = match before.iter().rposition(|b| *b == b'\n') {
            Some(newline) => pos - newline - 1,
            None => pos,
        };
        format!("{}:{line}:{column}", self.parse_name)
    }
}

/// A named, parsed template.
#[derive(Debug)]
pub(crate) struct Template {
    pub name: Arc<str>,
    pub source: Arc<Source>,
    pub root: List,
}

#[derive(Debug, Default)]
pub(crate) struct List {
    pub pos: usize,
    pub nodes: Vec<Node>,
}

impl List {
    /// Nothing but white space: such a tree never replaces another.
    pub fn is_blank(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Text { text, .. } => text.trim().is_empty(),
            _ => false,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Text {
        pos: usize,
        text: Arc<str>,
    },
    Action {
        pos: usize,
        pipe: Pipe,
    },
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        pos: usize,
        name: Arc<str>,
        pipe: Option<Pipe>,
    },
    Break {
        pos: usize,
    },
    Continue {
        pos: usize,
    },
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub pos: usize,
    pub pipe: Pipe,
    pub list: List,
    pub else_list: Option<List>,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub pos: usize,
    pub is_assign: bool,
    pub decl: Vec<Variable>,
    pub cmds: Vec<Command>,
}

#[derive(Debug)]
pub(crate) struct Variable {
    pub pos: usize,
    /// `$name`, then fields.
    pub ident: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub pos: usize,
    pub args: Vec<Arg>,
}

/// A number constant with every type it can take.
#[derive(Debug)]
pub(crate) struct Number {
    pub text: Arc<str>,
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
}

#[derive(Debug)]
pub(crate) enum Arg {
    Bool {
        pos: usize,
        value: bool,
    },
    Chain {
        pos: usize,
        node: Box<Arg>,
        fields: Vec<Arc<str>>,
    },
    Dot {
        pos: usize,
    },
    Field {
        pos: usize,
        ident: Vec<Arc<str>>,
    },
    Identifier {
        pos: usize,
        name: Arc<str>,
        /// The function of that name, if there is one.
        function: Option<Function>,
    },
    Nil {
        pos: usize,
    },
    Number {
        pos: usize,
        value: Number,
    },
    Pipe(Pipe),
    Str {
        pos: usize,
        quoted: Arc<str>,
        text: Literal,
    },
    Variable(Variable),
}

impl Arg {
    pub fn pos(&self) -> usize {
        match self {
            Self::Bool { pos, .. }
            | Self::Chain { pos, .. }
            | Self::Dot { pos }
            | Self::Field { pos, .. }
            | Self::Identifier { pos, .. }
            | Self::Nil { pos }
            | Self::Number { pos, .. }
            | Self::Str { pos, .. } => *pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Variable(variable) => variable.pos,
        }
    }
}

/// What the executor is at; named in error messages.
#[derive(Clone, Copy)]
pub(crate) enum At<'t> {
    Node(&'t Node),
    List(&'t List),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Arg(&'t Arg),
}

impl At<'_> {
    pub fn pos(&self) -> usize {
        match self {
            At::Node(node) => match node {
                Node::Text { pos, .. }
                | Node::Action { pos, .. }
                | Node::Template { pos, .. }
                | Node::Break { pos }
                | Node::Continue { pos } => *pos,
                Node::If(b) | Node::With(b) | Node::Range(b) => b.pos,
            },
            At::List(list) => list.pos,
            At::Pipe(pipe) => pipe.pos,
            At::Command(command) => command.pos,
            At::Arg(arg) => arg.pos(),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Node(node) => node.fmt(f),
            At::List(list) => list.fmt(f),
            At::Pipe(pipe) => pipe.fmt(f),
            At::Command(command) => command.fmt(f),
            At::Arg(arg) => arg.fmt(f),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| node.fmt(f))
    }
}

impl Branch {
    fn write(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{name} {}}}}}{}", self.pipe, self.list)?;
        if let Some(other) = &self.else_list {
            write!(f, "{{{{else}}}}{other}")?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text, .. } => f.write_str(text),
            Self::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => branch.write("if", f),
            Self::With(branch) => branch.write("with", f),
            Self::Range(branch) => branch.write("range", f),
            Self::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", crate::gofmt::quote(name))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Self::Break { .. } => f.write_str("{{break}}"),
            Self::Continue { .. } => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.decl.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            variable.fmt(f)?;
        }
        if !self.decl.is_empty() {
            f.write_str(if self.is_assign { " = " } else { " := " })?;
        }
        for (i, command) in self.cmds.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.ident.iter().enumerate() {
            if i > 0 {
                f.write_char('.')?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            arg.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool { value, .. } => value.fmt(f),
            Self::Chain { node, fields, .. } => {
                node.fmt(f)?;
                fields.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            Self::Dot { .. } => f.write_char('.'),
            Self::Field { ident, .. } => ident.iter().try_for_each(|part| write!(f, ".{part}")),
            Self::Identifier { name, .. } => f.write_str(name),
            Self::Nil { .. } => f.write_str("nil"),
            Self::Number { value, .. } => f.write_str(&value.text),
            Self::Pipe(pipe) => write!(f, "({pipe})"),
            Self::Str { quoted, .. } => f.write_str(quoted),
            Self::Variable(variable) => variable.fmt(f),
        }
    }
}
