//! Builds templates from items, as Go's `text/template/parse`.

use super::lex::{Item, Kind, Lexer};
use super::node::{Branch, List, Node, Source, Template};
use super::unquote::unquote;
use std::sync::Arc;

/// Parenthesised expressions and nested blocks deeper than this are refused.
pub(super) const MAX_NESTING: usize = 10_000;

/// Every template that `text` defines, the one called `name` last.
///
/// The error is Go's: `template: NAME:LINE: what`.
pub(crate) fn parse(
    name: &str,
    text: &str,
    is_function: &dyn Fn(&str) -> bool,
) -> Result<Vec<Template>, String> {
    let source = Arc::new(Source {
        parse_name: name.into(),
        text: text.into(),
    });
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
    parser.add(Template {
        name: name.into(),
        source,
        root,
    })?;
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

pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    source: Arc<Source>,
    /// Items pushed back, the next one last.
    peeked: Vec<Item>,
    /// Line of the item read last, for errors.
    line: usize,
    pub(super) vars: Vec<Arc<str>>,
    templates: Vec<Template>,
    pub(super) is_function: &'a dyn Fn(&str) -> bool,
    action_line: usize,
    range_depth: usize,
    pub(super) nesting: usize,
}

pub(super) type Parse<T> = Result<T, String>;

impl Parser<'_> {
    pub(super) fn next(&mut self) -> Item {
        if let Some(item) = self.peeked.pop() {
            return item;
        }
        let item = self.lexer.next_item();
        self.line = item.line;
        item
    }

    pub(super) fn backup(&mut self, item: Item) {
        self.peeked.push(item);
    }

    pub(super) fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup(item.clone());
        item
    }

    pub(super) fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup(item.clone());
        item
    }

    pub(super) fn error<T>(&self, message: impl std::fmt::Display) -> Parse<T> {
        Err(format!(
            "template: {}:{}: {message}",
            self.source.parse_name, self.line
        ))
    }

    pub(super) fn unexpected<T>(&self, item: &Item, context: &str) -> Parse<T> {
        if item.kind == Kind::Error {
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != item.line {
                let lead = if item.text.ends_with(" action") {
                    ""
                } else {
                    " in action"
                };
                extra = format!(
                    "{lead} started at {}:{}",
                    self.source.parse_name, self.action_line
                );
            }
            return self.error(format_args!("{}{extra}", item.describe()));
        }
        self.error(format_args!("unexpected {} in {context}", item.describe()))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Item> {
        let item = self.next_non_space();
        if item.kind == kind {
            Ok(item)
        } else {
            self.unexpected(&item, context)
        }
    }

    /// As Go's `Tree.add`: blank templates yield to others of their name.
    fn add(&mut self, template: Template) -> Parse<()> {
        let known = self
            .templates
            .iter_mut()
            .find(|known| known.name == template.name);
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
        let mut list = List {
            pos: self.peek().pos,
            nodes: Vec::new(),
        };
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
        self.add(Template {
            name,
            source: self.source.clone(),
            root,
        })
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
        let mut list = List {
            pos: self.peek_non_space().pos,
            nodes: Vec::new(),
        };
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
            Kind::Text => Ok(Parsed::Node(Node::Text {
                pos: item.pos,
                text: item.text,
            })),
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
                Node::Action {
                    pos,
                    pipe: self.pipeline("command", Kind::RightDelim)?,
                }
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
        Ok(if word.kind == Kind::Break {
            Node::Break { pos }
        } else {
            Node::Continue { pos }
        })
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
        Ok(Branch {
            pos: pipe.pos,
            pipe,
            list,
            else_list,
        })
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
            let node = if word == "if" {
                Node::If(branch)
            } else {
                Node::With(branch)
            };
            return Ok(List {
                pos,
                nodes: vec![node],
            });
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
        self.add(Template {
            name: name.clone(),
            source: self.source.clone(),
            root,
        })?;
        Ok(Node::Template {
            pos: item.pos,
            name,
            pipe: Some(pipe),
        })
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
        Ok(Node::Template {
            pos: item.pos,
            name,
            pipe,
        })
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Parse<Arc<str>> {
        match item.kind {
            Kind::Str | Kind::RawString => match unquote(&item.text) {
                Some(name) => Ok(String::from_utf8_lossy(&name).into()),
                None => self.error("invalid syntax"),
            },
            _ => self.unexpected(item, context),
        }
    }
}
