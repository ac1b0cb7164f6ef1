//! Builds nodes from tokens by libyaml's grammar.

use super::reader::{Mark, Problem};
use super::scan::{Scan, Scanner, Token};
use std::collections::HashMap;
use std::rc::Rc;

/// A node of the document tree.
#[derive(Debug)]
pub(super) struct Node {
    pub tag: Option<String>,
    pub body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// Text, and whether it is plain.
    Scalar(String, bool),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
    Alias(Rc<Node>),
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

pub(super) struct Parser {
    scanner: Scanner,
    anchors: HashMap<String, Rc<Node>>,
    handles: HashMap<String, String>,
}

fn empty() -> Rc<Node> {
    Rc::new(Node {
        tag: None,
        body: Body::Scalar(String::new(), true),
    })
}

impl Parser {
    pub fn new(text: &str) -> Scan<Self> {
        let handles = [("!", "!"), ("!!", "tag:yaml.org,2002:")];
        Ok(Self {
            scanner: Scanner::new(text)?,
            anchors: HashMap::new(),
            handles: handles.map(|(h, p)| (h.to_owned(), p.to_owned())).into(),
        })
    }

    fn peek(&mut self) -> Scan<(Token, Mark)> {
        self.scanner.peek().cloned()
    }

    fn problem<T>(context: Mark, mark: Mark, text: &'static str) -> Parse<T> {
        let line = if mark.line != 0 { mark.line } else { context.line };
        Err(Failure::Syntax(Problem { text, line }))
    }

    /// The first document; `None` in an empty stream.
    pub fn document(&mut self) -> Parse<Option<Rc<Node>>> {
        let (mut token, mut mark) = self.peek()?;
        while token == Token::DocumentEnd {
            self.scanner.skip();
            (token, mark) = self.peek()?;
        }
        if token == Token::StreamEnd {
            return Ok(None);
        }
        let mut directives = false;
        loop {
            match token {
                Token::VersionDirective => {}
                Token::TagDirective(handle, prefix) => {
                    self.handles.insert(handle, prefix);
                }
                _ => break,
            }
            directives = true;
            self.scanner.skip();
            (token, mark) = self.peek()?;
        }
        if token == Token::DocumentStart {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            if matches!(
                next,
                Token::VersionDirective
                    | Token::TagDirective(..)
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            ) {
                return Ok(Some(empty()));
            }
        } else if directives {
            return Self::problem(mark, mark, "did not find expected <document start>");
        }
        let node = self.node(true, false)?;
        // go-yaml reads on to the end of the document.
        let (next, mark) = self.peek()?;
        match next {
            Token::DocumentEnd | Token::DocumentStart | Token::StreamEnd => Ok(Some(node)),
            Token::VersionDirective | Token::TagDirective(..) => Ok(Some(node)),
            _ => Self::problem(mark, mark, "did not find expected <document start>"),
        }
    }

    fn node(&mut self, block: bool, indentless: bool) -> Parse<Rc<Node>> {
        crate::stack::grow(|| self.node_inner(block, indentless))
    }

    fn node_inner(&mut self, block: bool, indentless: bool) -> Parse<Rc<Node>> {
        let (mut token, start) = self.peek()?;
        if let Token::Alias(name) = token {
            self.scanner.skip();
            return match self.anchors.get(&name) {
                Some(node) => Ok(Rc::new(Node {
                    tag: None,
                    body: Body::Alias(node.clone()),
                })),
                None => Err(Failure::UnknownAnchor(name)),
            };
        }
        let (mut anchor, mut tag) = (None, None);
        let mut mark = start;
        loop {
            match token {
                Token::Anchor(ref name) if anchor.is_none() => anchor = Some(name.clone()),
                Token::Tag(ref handle, ref suffix) if tag.is_none() => {
                    tag = Some(match handle.as_str() {
                        "" => suffix.clone(),
                        handle => match self.handles.get(handle) {
                            Some(prefix) => format!("{prefix}{suffix}"),
                            None => return Self::problem(start, mark, "found undefined tag handle"),
                        },
                    });
                }
                _ => break,
            }
            self.scanner.skip();
            (token, mark) = self.peek()?;
        }
        let body = match token {
            Token::BlockEntry if indentless => self.indentless_sequence()?,
            Token::Scalar(text, plain) => {
                self.scanner.skip();
                Body::Scalar(text, plain)
            }
            Token::FlowSequenceStart => self.flow_sequence()?,
            Token::FlowMappingStart => self.flow_mapping()?,
            Token::BlockSequenceStart if block => self.block_sequence()?,
            Token::BlockMappingStart if block => self.block_mapping()?,
            _ if anchor.is_some() || tag.is_some() => Body::Scalar(String::new(), true),
            _ => return Self::problem(start, mark, "did not find expected node content"),
        };
        let node = Rc::new(Node { tag, body });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn block_sequence(&mut self) -> Parse<Body> {
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
                    items.push(if none { empty() } else { self.node(true, false)? });
                }
                Token::BlockEnd => {
                    self.scanner.skip();
                    return Ok(Body::Sequence(items));
                }
                _ => return Self::problem(start, mark, "did not find expected '-' indicator"),
            }
        }
    }

    fn indentless_sequence(&mut self) -> Parse<Body> {
        let mut items = Vec::new();
        while self.peek()?.0 == Token::BlockEntry {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            let none = matches!(
                next,
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd
            );
            items.push(if none { empty() } else { self.node(true, false)? });
        }
        Ok(Body::Sequence(items))
    }

    fn block_mapping(&mut self) -> Parse<Body> {
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
                    if none { empty() } else { self.node(true, true)? }
                }
                Token::Value => empty(),
                Token::BlockEnd => {
                    self.scanner.skip();
                    return Ok(Body::Mapping(entries));
                }
                _ => return Self::problem(start, mark, "did not find expected key"),
            };
            let mut value = empty();
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

    fn flow_sequence(&mut self) -> Parse<Body> {
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
                    let entry = self.flow_pair(&Token::FlowSequenceEnd)?;
                    items.push(Rc::new(Node {
                        tag: None,
                        body: Body::Mapping(vec![entry]),
                    }));
                }
                Token::FlowSequenceEnd => break,
                _ => items.push(self.node(false, false)?),
            }
        }
        self.scanner.skip();
        Ok(Body::Sequence(items))
    }

    /// After a key token inside a flow collection.
    fn flow_pair(&mut self, end: &Token) -> Parse<(Rc<Node>, Rc<Node>)> {
        let (next, _) = self.peek()?;
        let none = next == *end || matches!(next, Token::Value | Token::FlowEntry);
        let key = if none { empty() } else { self.node(false, false)? };
        Ok((key, self.flow_value(end)?))
    }

    fn flow_value(&mut self, end: &Token) -> Parse<Rc<Node>> {
        if self.peek()?.0 == Token::Value {
            self.scanner.skip();
            let (next, _) = self.peek()?;
            if next != *end && next != Token::FlowEntry {
                return self.node(false, false);
            }
        }
        Ok(empty())
    }

    fn flow_mapping(&mut self) -> Parse<Body> {
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
                    entries.push(self.flow_pair(&Token::FlowMappingEnd)?);
                }
                Token::FlowMappingEnd => break,
                _ => {
                    // A lone node is a key without value.
                    let key = self.node(false, false)?;
                    entries.push((key, self.flow_value(&Token::FlowMappingEnd)?));
                }
            }
        }
        self.scanner.skip();
        Ok(Body::Mapping(entries))
    }
}
