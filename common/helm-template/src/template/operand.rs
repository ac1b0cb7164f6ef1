//! Parses pipelines, commands and operands.

use super::lex::{Item, Kind};
use super::node::{Arg, Command, Literal, Number, Pipe, Variable};
use super::number::{parse_float, parse_int, parse_uint};
use super::parse::{MAX_NESTING, Parse, Parser};
use super::unquote::{unquote, unquote_char};
use std::sync::Arc;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe {
            pos,
            is_assign: false,
            decl: Vec::new(),
            cmds: Vec::new(),
        };
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
            pipe.decl.push(Variable {
                pos: variable.pos,
                ident: split_fields(&variable.text),
            });
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
            if let Some(
                Arg::Bool { .. } | Arg::Dot { .. } | Arg::Nil { .. } | Arg::Number { .. } | Arg::Str { .. },
            ) = command.args.first()
            {
                return self.error(format_args!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parse<Command> {
        let mut command = Command {
            pos: self.peek_non_space().pos,
            args: Vec::new(),
        };
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
                Arg::Variable(Variable {
                    pos,
                    ident: variable.ident,
                })
            }
            Arg::Bool { .. } | Arg::Str { .. } | Arg::Number { .. } | Arg::Nil { .. } | Arg::Dot { .. } => {
                let quoted = crate::gofmt::quote(&node.to_string());
                return self.error(format_args!("unexpected . after term {quoted}"));
            }
            node => Arg::Chain {
                pos,
                node: Box::new(node),
                fields,
            },
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
                Arg::Identifier {
                    pos,
                    function: crate::functions::find(&item.text),
                    name: item.text,
                }
            }
            Kind::Dot => Arg::Dot { pos },
            Kind::Nil => Arg::Nil { pos },
            Kind::Variable => Arg::Variable(self.use_variable(&item)?),
            Kind::Field => Arg::Field {
                pos,
                ident: split_fields(&item.text[1..]),
            },
            Kind::Bool => Arg::Bool {
                pos,
                value: &*item.text == "true",
            },
            Kind::CharConstant | Kind::Complex | Kind::Number => Arg::Number {
                pos,
                value: number(&item).or_else(|message| self.error(message))?,
            },
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
                Some(text) => Arg::Str {
                    pos,
                    quoted: item.text,
                    text: Literal::new(text),
                },
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
    let mut number = Number {
        text: text.clone(),
        int: None,
        uint: None,
        float: None,
    };
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
    } else if let Some(float) = parse_float(text) {
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
