//! Builds nodes from tokens by libyaml's grammar.

use super::reader::{Mark, Problem};
use super::scan::{Scan, Scanner, Token};
use std::borrow::Cow;
use std::collections::HashMap;

/// A node of the document tree.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub tag: Option<String>,
    pub body: Body<'t>,
}

/// Place of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

#[derive(Debug)]
pub(super) enum Body<'t> {
    /// Text, and whether it is plain.
    Scalar(Cow<'t, str>, bool),
    Sequence(Vec<Id>),
    Mapping(Vec<(Id, Id)>),
    Alias(Id),
}

/// The nodes of a document, and the empty scalar that stands for all that are left out.
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    nothing: Node<'t>,
}

const NOTHING: Id = Id(usize::MAX);

impl<'t> Tree<'t> {
    fn new() -> Self {
        Self {
            nodes: Vec::new(),
            nothing: Node {
                tag: None,
                body: Body::Scalar(Cow::Borrowed(""), true),
            },
        }
    }

    pub fn get(&self, id: Id) -> &Node<'t> {
        self.nodes.get(id.0).unwrap_or(&self.nothing)
    }

    fn add(&mut self, tag: Option<String>, body: Body<'t>) -> Id {
        self.nodes.push(Node { tag, body });
        Id(self.nodes.len() - 1)
    }
}

/// Why a document could not be read.
pub(super) enum Failure {
    Syntax(Problem),
    /// An alias that no anchor precedes.
    UnknownAnchor(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Syntax(problem)
    }
}

type Parse<T> = Result<T, Failure>;

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    anchors: HashMap<String, Id>,
    /// Prefixes by handle, besides the two that every document knows.
    handles: HashMap<String, String>,
    tree: Tree<'t>,
}

impl<'t> Parser<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            scanner: Scanner::new(text),
            anchors: HashMap::new(),
            handles: HashMap::new(),
            tree: Tree::new(),
        }
    }

    fn prefix(&self, handle: &str) -> Option<&str> {
        match (self.handles.get(handle), handle) {
            (Some(prefix), _) => Some(prefix),
            (None, "!") => Some("!"),
            (None, "!!") => Some("tag:yaml.org,2002:"),
            (None, _) => None,
        }
    }

    fn peek(&mut self) -> Scan<(Token, Mark)> {
        self.scanner.peek()
    }

    fn problem<T>(context: Mark, mark: Mark, text: &'static str) -> Parse<T> {
        let line = if mark.line != 0 { mark.line } else { context.line };
        Err(Failure::Syntax(Problem { text, line }))
    }

    /// The first document and its root; `None` in an empty stream.
    pub fn document(mut self) -> Parse<Option<(Tree<'t>, Id)>> {
        let root = self.root();
        match self.scanner.reader.fault() {
            Some(fault) => Err(fault.into()),
            None => Ok(root?.map(|root| (self.tree, root))),
        }
    }

    fn root(&mut self) -> Parse<Option<Id>> {
        let (mut token, mut mark) = self.peek()?;
        if token == Token::StreamEnd {
            return Ok(None);
        }
        let (mut directives, mut version) = (false, false);
        while matches!(token, Token::VersionDirective | Token::TagDirective) {
            directives = true;
            let lexeme = self.scanner.take();
            match lexeme.map(|lexeme| (lexeme.text, lexeme.rest)) {
                Some((handle, Some(prefix))) => {
                    let known = self.handles.insert(handle.into_owned(), prefix.into());
                    if known.is_some() {
                        return Self::problem(mark, mark, "found duplicate %TAG directive");
                    }
                }
                Some(_) if version => {
                    return Self::problem(mark, mark, "found duplicate %YAML directive");
                }
                Some((text, None)) if text != "1.1" => {
                    return Self::problem(mark, mark, "found incompatible YAML document");
                }
                _ => version = true,
            }
            (token, mark) = self.peek()?;
        }
        if token == Token::DocumentStart {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            if matches!(
                next,
                Token::VersionDirective
                    | Token::TagDirective
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            ) {
                return Ok(Some(NOTHING));
            }
        } else if directives {
            return Self::problem(mark, mark, "did not find expected <document start>");
        }
        let node = self.node(true, false)?;
        // go-yaml looks at the token behind it, and lets it be what it will.
        self.peek()?;
        Ok(Some(node))
    }

    fn node(&mut self, block: bool, indentless: bool) -> Parse<Id> {
        crate::stack::grow(|| self.node_inner(block, indentless))
    }

    fn node_inner(&mut self, block: bool, indentless: bool) -> Parse<Id> {
        let (mut token, start) = self.peek()?;
        if token == Token::Alias {
            let name = self.take_text().into_owned();
            return match self.anchors.get(&name) {
                Some(node) => Ok(self.tree.add(None, Body::Alias(*node))),
                None => Err(Failure::UnknownAnchor(name)),
            };
        }
        let (mut anchor, mut tag) = (None, None);
        let mut mark = start;
        loop {
            match token {
                Token::Anchor if anchor.is_none() => anchor = Some(self.take_text().into_owned()),
                Token::Tag if tag.is_none() => tag = Some(self.tag(start, mark)?),
                _ => break,
            }
            (token, mark) = self.peek()?;
        }
        let body = match token {
            Token::BlockEntry if indentless => self.indentless_sequence()?,
            Token::Scalar { plain } => Body::Scalar(self.take_text(), plain),
            Token::FlowSequenceStart => self.flow_sequence()?,
            Token::FlowMappingStart => self.flow_mapping()?,
            Token::BlockSequenceStart if block => self.block_sequence()?,
            Token::BlockMappingStart if block => self.block_mapping()?,
            _ if anchor.is_some() || tag.is_some() => Body::Scalar(Cow::Borrowed(""), true),
            _ => return Self::problem(start, mark, "did not find expected node content"),
        };
        let node = self.tree.add(tag, body);
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node);
        }
        Ok(node)
    }

    fn take_text(&mut self) -> Cow<'t, str> {
        self.scanner.take().map(|lexeme| lexeme.text).unwrap_or_default()
    }

    /// The tag that comes next, its handle replaced by what it stands for.
    fn tag(&mut self, start: Mark, mark: Mark) -> Parse<String> {
        let lexeme = self.scanner.take();
        let (handle, suffix) = match &lexeme {
            Some(lexeme) => (&*lexeme.text, lexeme.rest.as_deref().unwrap_or_default()),
            None => ("", ""),
        };
        match (handle, self.prefix(handle)) {
            ("", _) => Ok(suffix.to_owned()),
            (_, Some(prefix)) => Ok(format!("{prefix}{suffix}")),
            (_, None) => Self::problem(start, mark, "found undefined tag handle"),
        }
    }

    fn block_sequence(&mut self) -> Parse<Body<'t>> {
        let (_, start) = self.peek()?;
        self.scanner.skip();
        let mut items = Vec::new();
        loop {
            let (token, mark) = self.peek()?;
            match token {
                Token::BlockEntry => {
                    self.scanner.skip();
                    let (next, _) = self.peek()?;
                    let none = matches!(next, Token::BlockEntry | Token::BlockEnd);
                    items.push(if none { NOTHING } else { self.node(true, false)? });
                }
                Token::BlockEnd => {
                    self.scanner.skip();
                    return Ok(Body::Sequence(items));
                }
                _ => return Self::problem(start, mark, "did not find expected '-' indicator"),
            }
        }
    }

    fn indentless_sequence(&mut self) -> Parse<Body<'t>> {
        let mut items = Vec::new();
        while self.peek()?.0 == Token::BlockEntry {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            let none = matches!(
                next,
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd
            );
            items.push(if none { NOTHING } else { self.node(true, false)? });
        }
        Ok(Body::Sequence(items))
    }

    fn block_mapping(&mut self) -> Parse<Body<'t>> {
        let (_, start) = self.peek()?;
        self.scanner.skip();
        let mut entries = Vec::new();
        loop {
            let (token, mark) = self.peek()?;
            let key = match token {
                Token::Key => {
                    self.scanner.skip();
                    let (next, _) = self.peek()?;
                    let none = matches!(next, Token::Key | Token::Value | Token::BlockEnd);
                    if none { NOTHING } else { self.node(true, true)? }
                }
                Token::BlockEnd => {
                    self.scanner.skip();
                    return Ok(Body::Mapping(entries));
                }
                _ => return Self::problem(start, mark, "did not find expected key"),
            };
            let mut value = NOTHING;
            if self.peek()?.0 == Token::Value {
                self.scanner.skip();
                let (next, _) = self.peek()?;
                if !matches!(next, Token::Key | Token::Value | Token::BlockEnd) {
                    value = self.node(true, true)?;
                }
            }
            entries.push((key, value));
        }
    }

    fn flow_sequence(&mut self) -> Parse<Body<'t>> {
        let (_, start) = self.peek()?;
        self.scanner.skip();
        let mut items = Vec::new();
        let mut first = true;
        loop {
            let (mut token, mark) = self.peek()?;
            if token == Token::FlowSequenceEnd {
                break;
            }
            if !first {
                if token != Token::FlowEntry {
                    return Self::problem(start, mark, "did not find expected ',' or ']'");
                }
                self.scanner.skip();
                token = self.peek()?.0;
            }
            first = false;
            match token {
                Token::Key => {
                    self.scanner.skip();
                    let entry = self.flow_pair(Token::FlowSequenceEnd)?;
                    items.push(self.tree.add(None, Body::Mapping(vec![entry])));
                }
                Token::FlowSequenceEnd => break,
                _ => items.push(self.node(false, false)?),
            }
        }
        self.scanner.skip();
        Ok(Body::Sequence(items))
    }

    /// After a key token inside a flow collection.
    fn flow_pair(&mut self, end: Token) -> Parse<(Id, Id)> {
        let (next, _) = self.peek()?;
        let none = next == end || matches!(next, Token::Value | Token::FlowEntry);
        let key = if none { NOTHING } else { self.node(false, false)? };
        Ok((key, self.flow_value(end)?))
    }

    fn flow_value(&mut self, end: Token) -> Parse<Id> {
        if self.peek()?.0 == Token::Value {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            if next != end && next != Token::FlowEntry {
                return self.node(false, false);
            }
        }
        Ok(NOTHING)
    }

    fn flow_mapping(&mut self) -> Parse<Body<'t>> {
        let (_, start) = self.peek()?;
        self.scanner.skip();
        let mut entries = Vec::new();
        let mut first = true;
        loop {
            let (mut token, mark) = self.peek()?;
            if token == Token::FlowMappingEnd {
                break;
            }
            if !first {
                if token != Token::FlowEntry {
                    return Self::problem(start, mark, "did not find expected ',' or '}'");
                }
                self.scanner.skip();
                token = self.peek()?.0;
            }
            first = false;
            match token {
                Token::Key => {
                    self.scanner.skip();
                    entries.push(self.flow_pair(Token::FlowMappingEnd)?);
                }
                Token::FlowMappingEnd => break,
                _ => {
                    // A lone node is a key without value, even where a colon follows: a key over two lines is none.
                    let key = self.node(false, false)?;
                    self.peek()?;
                    entries.push((key, NOTHING));
                }
            }
        }
        self.scanner.skip();
        Ok(Body::Mapping(entries))
    }
}
