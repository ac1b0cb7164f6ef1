//! Builds templates from items, as Go's `text/template/parse`.

use super::lex::{Item, Kind, Lexer};
use super::node::{Arg, Branch, Command, List, Node, Number, Pipe, Source, Template, Variable};
use super::number::{parse_float, parse_int, parse_uint};
use super::unquote::{unquote, unquote_char};
use std::sync::Arc;

/// Parenthesised expressions and nested blocks deeper than this are refused.
const MAX_NESTING: usize = 10_000;

/// Every template that `text` defines, the one called `name` last.
///
/// The error is Go's: `template: NAME:LINE: what`.
pub(crate) fn parse(
    name: &str,
    text: &str,
    is_function: &dyn Fn(&str) -> bool,
) -> Result<Vec<Template>, String> {
    let source = Arc::new(Source { parse_name: name.into(), text: text.into() });
    let mut parser = Parser {
        lexer: Lexer::new(text),
        source: source.clone(),
        peeked: Vec::new(),
        line: 1,
        vars: vec!["$".into()],
        templates: Vec::new(),
        is_function,
        action_line: 0,
        range_depth: 0,
        nesting: 0,
    };
    let root = parser.top_level()?;
    parser.add(Template { name: name.into(), source, root })?;
    Ok(parser.templates)
}

/// What ended a list of nodes.
enum End {
    End,
    /// `{{else}}`, with its position.
    Else(usize),
}

impl End {
    fn describe(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else(_) => "{{else}}",
        }
    }
}

enum Parsed {
    Node(Node),
    End(End),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    source: Arc<Source>,
    /// Items pushed back, the next one last.
    peeked: Vec<Item>,
    /// Line of the item read last, for errors.
    line: usize,
    vars: Vec<Arc<str>>,
    templates: Vec<Template>,
    is_function: &'a dyn Fn(&str) -> bool,
    action_line: usize,
    range_depth: usize,
    nesting: usize,
}

type Parse<T> = Result<T, String>;

impl Parser<'_> {
    fn next(&mut self) -> Item {
        if let Some(item) = self.peeked.pop() {
            return item;
        }
        let item = self.lexer.next_item();
        self.line = item.line;
        item
    }

    fn backup(&mut self, item: Item) {
        self.peeked.push(item);
    }

    fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup(item.clone());
        item
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup(item.clone());
        item
    }

    fn error<T>(&self, message: impl std::fmt::Display) -> Parse<T> {
        Err(format!("template: {}:{}: {message}", self.source.parse_name, self.line))
    }

    fn unexpected<T>(&self, item: &Item, context: &str) -> Parse<T> {
        if item.kind == Kind::Error {
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != item.line {
                let lead = if item.text.ends_with(" action") { "" } else { " in action" };
                extra = format!("{lead} started at {}:{}", self.source.parse_name, self.action_line);
            }
            return self.error(format_args!("{}{extra}", item.describe()));
        }
        self.error(format_args!("unexpected {} in {context}", item.describe()))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Item> {
        let item = self.next_non_space();
        if item.kind == kind { Ok(item) } else { self.unexpected(&item, context) }
    }

    /// As Go's `Tree.add`: blank templates yield to others of their name.
    fn add(&mut self, template: Template) -> Parse<()> {
        let known = self.templates.iter_mut().find(|known| known.name == template.name);
        match known {
            None => self.templates.push(template),
            Some(known) if known.root.is_blank() => *known = template,
            Some(_) if template.root.is_blank() => {}
            Some(_) => {
                let quoted = crate::gofmt::quote(&template.name);
                return self.error(format_args!("template: multiple definition of template {quoted}"));
            }
        }
        Ok(())
    }

    fn top_level(&mut self) -> Parse<List> {
        let mut list = List { pos: self.peek().pos, nodes: Vec::new() };
        loop {
            let item = self.peek();
            if item.kind == Kind::Eof {
                return Ok(list);
            }
            if item.kind == Kind::LeftDelim {
                let delim = self.next();
                let inner = self.next_non_space();
                if inner.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.backup(inner);
                self.backup(delim);
            }
            match self.text_or_action()? {
                Parsed::End(end) => return self.error(format_args!("unexpected {}", end.describe())),
                Parsed::Node(node) => list.nodes.push(node),
            }
        }
    }

    /// Parses a list in a scope of its own, as a definition or block is.
    fn separate_list(&mut self, context: &str) -> Parse<List> {
        let vars = std::mem::replace(&mut self.vars, vec!["$".into()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action_line = std::mem::take(&mut self.action_line);
        let (list, end) = self.item_list()?;
        self.vars = vars;
        self.range_depth = range_depth;
        self.action_line = action_line;
        match end {
            End::End => Ok(list),
            end => self.error(format_args!("unexpected {} in {context}", end.describe())),
        }
    }

    fn definition(&mut self) -> Parse<()> {
        let context = "define clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        self.expect(Kind::RightDelim, context)?;
        let root = self.separate_list(context)?;
        self.add(Template { name, source: self.source.clone(), root })
    }

    fn item_list(&mut self) -> Parse<(List, End)> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.error("max nesting depth exceeded");
        }
        let result = crate::stack::grow(|| self.item_list_inner());
        self.nesting -= 1;
        result
    }

    fn item_list_inner(&mut self) -> Parse<(List, End)> {
        let mut list = List { pos: self.peek_non_space().pos, nodes: Vec::new() };
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Parsed::End(end) => return Ok((list, end)),
                Parsed::Node(node) => list.nodes.push(node),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parse<Parsed> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Parsed::Node(Node::Text { pos: item.pos, text: item.text })),
            Kind::LeftDelim => {
                self.action_line = item.line;
                let parsed = self.action()?;
                self.action_line = 0;
                Ok(parsed)
            }
            _ => self.unexpected(&item, "input"),
        }
    }

    fn action(&mut self) -> Parse<Parsed> {
        let item = self.next_non_space();
        let node = match item.kind {
            Kind::Block => self.block()?,
            Kind::Break | Kind::Continue => self.loop_control(&item)?,
            Kind::Else => return self.else_control().map(Parsed::End),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Parsed::End(End::End));
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::Template => self.template()?,
            Kind::With => Node::With(self.control("with")?),
            _ => {
                let pos = item.pos;
                self.backup(item);
                Node::Action { pos, pipe: self.pipeline("command", Kind::RightDelim)? }
            }
        };
        Ok(Parsed::Node(node))
    }

    fn loop_control(&mut self, word: &Item) -> Parse<Node> {
        let shown = format!("{{{{{}}}}}", word.text);
        let item = self.next_non_space();
        if item.kind != Kind::RightDelim {
            return self.unexpected(&item, &shown);
        }
        if self.range_depth == 0 {
            return self.error(format_args!("{shown} outside {{{{range}}}}"));
        }
        let pos = word.pos;
        Ok(if word.kind == Kind::Break { Node::Break { pos } } else { Node::Continue { pos } })
    }

    fn else_control(&mut self) -> Parse<End> {
        let item = self.peek_non_space();
        if matches!(item.kind, Kind::If | Kind::With) {
            return Ok(End::Else(item.pos));
        }
        Ok(End::Else(self.expect(Kind::RightDelim, "else")?.pos))
    }

    fn control(&mut self, context: &'static str) -> Parse<Branch> {
        let scope = self.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        if context == "range" {
            self.range_depth += 1;
        }
        let (list, end) = self.item_list()?;
        if context == "range" {
            self.range_depth -= 1;
        }
        let else_list = match end {
            End::End => None,
            End::Else(pos) => Some(self.else_list(context, pos)?),
        };
        self.vars.truncate(scope);
        Ok(Branch { pos: pipe.pos, pipe, list, else_list })
    }

    fn else_list(&mut self, context: &str, pos: usize) -> Parse<List> {
        let chained = match (context, self.peek().kind) {
            ("if", Kind::If) => Some("if"),
            ("with", Kind::With) => Some("with"),
            _ => None,
        };
        if let Some(word) = chained {
            self.next();
            let branch = crate::stack::grow(|| self.control(word))?;
            let node = if word == "if" { Node::If(branch) } else { Node::With(branch) };
            return Ok(List { pos, nodes: vec![node] });
        }
        match self.item_list()? {
            (list, End::End) => Ok(list),
            (_, end) => self.error(format_args!("expected end; found {}", end.describe())),
        }
    }

    fn block(&mut self) -> Parse<Node> {
        let context = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let root = self.separate_list(context)?;
        self.add(Template { name: name.clone(), source: self.source.clone(), root })?;
        Ok(Node::Template { pos: item.pos, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parse<Node> {
        let context = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let after = self.next_non_space();
        let pipe = if after.kind == Kind::RightDelim {
            None
        } else {
            self.backup(after);
            Some(self.pipeline(context, Kind::RightDelim)?)
        };
        Ok(Node::Template { pos: item.pos, name, pipe })
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Parse<Arc<str>> {
        match item.kind {
            Kind::Str | Kind::RawString => match unquote(&item.text) {
                Some(name) => Ok(name.into()),
                None => self.error("invalid syntax"),
            },
            _ => self.unexpected(item, context),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, is_assign: false, decl: Vec::new(), cmds: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let item = self.next_non_space();
            match item.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup(item);
                    pipe.cmds.push(self.command()?);
                }
                _ => return self.unexpected(&item, context),
            }
        }
        self.check_pipeline(&pipe, context)?;
        Ok(pipe)
    }

    /// Takes `$x :=`, `$x =` or `$x,`; true when another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parse<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        let after = self.peek();
        let next = self.peek_non_space();
        let declares = matches!(next.kind, Kind::Assign | Kind::Declare);
        let comma = next.kind == Kind::Char && &*next.text == ",";
        if declares || comma {
            self.next_non_space();
            pipe.is_assign = next.kind == Kind::Assign;
            self.vars.push(variable.text.clone());
            pipe.decl.push(Variable { pos: variable.pos, ident: split_fields(&variable.text) });
        }
        if !comma {
            if !declares {
                if after.kind == Kind::Space {
                    self.backup(after);
                }
                self.backup(variable);
            }
            return Ok(false);
        }
        if context == "range" && pipe.decl.len() < 2 {
            return match self.peek_non_space().kind {
                Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                _ => self.error("range can only initialize variables"),
            };
        }
        self.error(format_args!("too many declarations in {context}"))
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parse<()> {
        if pipe.cmds.is_empty() {
            return self.error(format_args!("missing value for {context}"));
        }
        for (i, command) in pipe.cmds.iter().enumerate().skip(1) {
            if let Some(Arg::Bool { .. } | Arg::Dot { .. } | Arg::Nil { .. } | Arg::Number { .. } | Arg::Str { .. }) =
                command.args.first()
            {
                return self.error(format_args!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parse<Command> {
        let mut command = Command { pos: self.peek_non_space().pos, args: Vec::new() };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let item = self.next();
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(item),
                Kind::Pipe => {}
                _ => return self.unexpected(&item, "operand"),
            }
            break;
        }
        if command.args.is_empty() {
            return self.error("empty command");
        }
        Ok(command)
    }

    fn operand(&mut self) -> Parse<Option<Arg>> {
        let Some(node) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(node));
        }
        let mut fields: Vec<Arc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(self.next().text[1..].into());
        }
        let pos = first.pos;
        Ok(Some(match node {
            Arg::Field { mut ident, .. } => {
                ident.extend(fields);
                Arg::Field { pos, ident }
            }
            Arg::Variable(mut variable) => {
                variable.ident.extend(fields);
                Arg::Variable(Variable { pos, ident: variable.ident })
            }
            Arg::Bool { .. } | Arg::Str { .. } | Arg::Number { .. } | Arg::Nil { .. } | Arg::Dot { .. } => {
                let quoted = crate::gofmt::quote(&node.to_string());
                return self.error(format_args!("unexpected . after term {quoted}"));
            }
            node => Arg::Chain { pos, node: Box::new(node), fields },
        }))
    }

    fn term(&mut self) -> Parse<Option<Arg>> {
        let item = self.next_non_space();
        let pos = item.pos;
        Ok(Some(match item.kind {
            Kind::Identifier => {
                if !(self.is_function)(&item.text) {
                    let quoted = crate::gofmt::quote(&item.text);
                    return self.error(format_args!("function {quoted} not defined"));
                }
                Arg::Identifier { pos, name: item.text }
            }
            Kind::Dot => Arg::Dot { pos },
            Kind::Nil => Arg::Nil { pos },
            Kind::Variable => Arg::Variable(self.use_variable(&item)?),
            Kind::Field => Arg::Field { pos, ident: split_fields(&item.text[1..]) },
            Kind::Bool => Arg::Bool { pos, value: &*item.text == "true" },
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                Arg::Number { pos, value: number(&item).or_else(|message| self.error(message))? }
            }
            Kind::LeftParen => {
                self.nesting += 1;
                if self.nesting > MAX_NESTING {
                    return self.error("max expression depth exceeded");
                }
                let pipe = crate::stack::grow(|| self.pipeline("parenthesized pipeline", Kind::RightParen))?;
                self.nesting -= 1;
                Arg::Pipe(pipe)
            }
            Kind::Str | Kind::RawString => match unquote(&item.text) {
                Some(text) => Arg::Str { pos, quoted: item.text, text: text.into() },
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.backup(item);
                return Ok(None);
            }
        }))
    }

    fn use_variable(&mut self, item: &Item) -> Parse<Variable> {
        let ident = split_fields(&item.text);
        if ident.first().is_none_or(|name| !self.vars.contains(name)) {
            let quoted = crate::gofmt::quote(ident.first().map_or("", |name| name));
            return self.error(format_args!("undefined variable {quoted}"));
        }
        Ok(Variable { pos: item.pos, ident })
    }
}

fn split_fields(text: &str) -> Vec<Arc<str>> {
    text.split('.').map(Into::into).collect()
}

fn number(item: &Item) -> Result<Number, String> {
    let text = &item.text;
    let mut number = Number { text: text.clone(), int: None, uint: None, float: None };
    let illegal = || format!("illegal number syntax: {}", crate::gofmt::quote(text));
    match item.kind {
        Kind::CharConstant => {
            let rune = unquote_char(text).ok_or_else(|| format!("malformed character constant: {text}"))?;
            number.int = Some(rune);
            number.uint = u64::try_from(rune).ok();
            number.float = Some(rune as f64);
            return Ok(number);
        }
        // No chart computes with complex numbers; say so rather than guess.
        Kind::Complex => return Err(illegal()),
        _ => {}
    }
    number.uint = parse_uint(text, 0);
    number.int = parse_int(text, 0);
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Some(float) = parse_float(&text.replace('_', "")) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", crate::gofmt::quote(text)));
        }
        number.float = Some(float);
        number.int = Some(float as i64).filter(|int| *int as f64 == float);
        number.uint = Some(float as u64).filter(|uint| *uint as f64 == float);
    } else {
        return Err(illegal());
    }
    Ok(number)
}
