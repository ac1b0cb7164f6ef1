//! Documents into values.

use super::MAX_DEPTH;
use super::cursor::{Cursor, is_blank, is_newline};
use super::error::{Fault, Found};
use super::tables::{Tables, path_text};
use crate::spare::Beyond;
use crate::value::{Elem, Entries, List, Map, Value};
use std::rc::Rc;
use std::sync::Arc;

/// A document as a map, or the words of Go's error.
pub(in crate::functions) fn from_toml(text: &[u8]) -> Result<Value, String> {
    let cursor = Cursor::new(text).map_err(|lapse| lapse.text(""))?;
    let mut reader = Reader {
        cursor,
        tables: Tables::default(),
        depth: 0,
    };
    match reader.document() {
        Ok(()) => Ok(Value::Map(reader.tables.root)),
        Err(lapse) => Err(lapse.text(&reader.tables.last_key())),
    }
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    tables: Tables,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Found<()> {
        while let Some(c) = self.cursor.run(|c| is_blank(c) || is_newline(c))? {
            match c {
                '#' => self.cursor.comment()?,
                '[' => {
                    self.cursor.take()?;
                    self.header()?;
                    self.line_end()?;
                }
                _ => {
                    self.top_pair()?;
                    self.line_end()?;
                }
            }
        }
        Ok(())
    }

    /// What may follow an item on its line.
    fn line_end(&mut self) -> Found<()> {
        self.cursor.blanks()?;
        match self.cursor.take()? {
            Some('#') => self.cursor.comment(),
            Some(c) if !is_newline(c) => Err(self.cursor.lapse(Fault::LineEnd(Some(c)))),
            _ => Ok(()),
        }
    }

    /// The name of a table or of a list of tables, behind the first bracket.
    fn header(&mut self) -> Found<()> {
        let in_list = self.cursor.eat('[')?;
        let mut path = Vec::new();
        loop {
            match self.cursor.blanks()? {
                Some(']') | None => return Err(self.cursor.lapse(Fault::TableNameEnds)),
                Some('.') => return Err(self.cursor.lapse(Fault::TableNameBegins)),
                Some(_) => self.name(&mut path)?,
            }
            self.cursor.blanks()?;
            match self.cursor.take()? {
                Some('.') => {}
                Some(']') => break,
                other => return Err(self.cursor.lapse_of(other, Fault::TableName(other))),
            }
        }
        if in_list {
            let end = self.cursor.take()?;
            if end != Some(']') {
                return Err(self.cursor.lapse_of(end, Fault::TablesName(end)));
            }
        }
        self.tables.open(&path, in_list)?;
        self.tables.mark_array("", false);
        Ok(())
    }

    /// One more part of a key; the first one's line is where the key is.
    fn name(&mut self, path: &mut Vec<Arc<str>>) -> Found<()> {
        let name = self.cursor.name()?;
        if path.is_empty() {
            self.tables.line = self.cursor.line();
        }
        let name = name.name().map_err(|fault| self.cursor.lapse(fault))?;
        path.push(name.into());
        Ok(())
    }

    fn top_pair(&mut self) -> Found<()> {
        let outside = self.tables.context.len();
        self.pair()?;
        self.tables.context.truncate(outside);
        self.tables.key = "".into();
        Ok(())
    }

    /// A key, which may be dotted, and its value, put where they belong; the context remains that of the key's last part.
    /// Gives the other parts, the last, and the value.
    fn pair(&mut self) -> Found<(Vec<Arc<str>>, Arc<str>, Value)> {
        let (parents, name) = self.key()?;
        self.tables.key = Arc::clone(&name);
        for parent in &parents {
            self.tables.open_implicit(parent)?;
        }
        let value = self.value(false)?;
        self.tables.set(&name, value.clone())?;
        self.tables.mark_array(&name, matches!(value, Value::List(_)));
        Ok((parents, name, value))
    }

    /// The parts of a key up to the equals sign: all but the last, and the last.
    fn key(&mut self) -> Found<(Vec<Arc<str>>, Arc<str>)> {
        match self.cursor.blanks()? {
            Some('=') | None => return Err(self.cursor.lapse(Fault::KeyBlank)),
            Some('.') => return Err(self.cursor.lapse(Fault::KeyBegins)),
            Some(_) => {}
        }
        let mut path = Vec::new();
        loop {
            match self.cursor.blanks()? {
                Some('=') | None => return Err(self.cursor.lapse(Fault::KeyPart('='))),
                Some('.') => return Err(self.cursor.lapse(Fault::KeyPart('.'))),
                Some(_) => self.name(&mut path)?,
            }
            self.cursor.blanks()?;
            match self.cursor.take()? {
                Some('.') => {}
                Some('=') => break,
                None => return Err(self.cursor.lapse_before(Fault::KeyOnly)),
                other => return Err(self.cursor.lapse(Fault::KeyEnd(other))),
            }
        }
        let name = path.pop().unwrap_or_default();
        Ok((path, name))
    }

    fn value(&mut self, in_array: bool) -> Found<Value> {
        let next = self.cursor.blanks()?;
        if !matches!(next, Some('[' | '{')) {
            let scalar = self.cursor.scalar()?;
            return scalar.value().map_err(|fault| self.cursor.lapse(fault));
        }
        self.cursor.take()?;
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.lapse(Fault::Depth));
        }
        self.depth += 1;
        let value = crate::stack::grow(|| match next {
            Some('[') => self.array(),
            _ => self.inline_table(in_array),
        })?;
        self.depth -= 1;
        Ok(value)
    }

    /// Passes what may stand between the items of an array, and looks at what follows.
    fn between(&mut self) -> Found<Option<char>> {
        loop {
            match self.cursor.run(|c| is_blank(c) || is_newline(c))? {
                Some('#') => self.cursor.comment()?,
                next => return Ok(next),
            }
        }
    }

    fn array(&mut self) -> Found<Value> {
        let key = Arc::clone(&self.tables.key);
        self.tables.mark_array(&key, true);
        let mut items = Vec::new();
        loop {
            match self.between()? {
                Some(',') => return Err(self.cursor.lapse(Fault::Comma)),
                Some(']') => {
                    self.cursor.take()?;
                    break;
                }
                _ => items.push(self.value(true)?),
            }
            self.between()?;
            match self.cursor.take()? {
                Some(',') => {}
                Some(']') => break,
                other => return Err(self.cursor.lapse_of(other, Fault::Array(other))),
            }
        }
        let beyond = Beyond::appended(Elem::Any, 2, items.len());
        Ok(Value::List(Rc::new(List {
            elem: Elem::Any,
            items,
            nil: false,
            beyond,
        })))
    }

    /// A table between braces. It is opened under its key like any other, so that what is in it is told from what is
    /// there; but an array holds the one that is given back.
    fn inline_table(&mut self, in_array: bool) -> Found<Value> {
        let outside = self.tables.context.len();
        let key = self.tables.open_inline(in_array)?;
        let inside = self.tables.context.len();
        let table = Value::map(Entries::new());
        while self.inline_next()? {
            let (parents, name, value) = self.pair()?;
            if let Value::Map(table) = &table
                && !put(table, &parents, name, value)
            {
                let path = path_text(&self.tables.context);
                return Err(self.tables.lapse(Fault::NoInlineTable(path)));
            }
            self.tables.context.truncate(inside);
            if !self.inline_goes_on()? {
                break;
            }
        }
        self.tables.context.truncate(outside);
        self.tables.key = key;
        Ok(table)
    }

    /// Whether a key follows and not the closing brace, which is passed.
    fn inline_next(&mut self) -> Found<bool> {
        loop {
            match self.cursor.blanks()? {
                Some('#') => self.cursor.comment()?,
                Some(',') => return Err(self.cursor.lapse(Fault::Comma)),
                Some('}') => {
                    self.cursor.take()?;
                    return Ok(false);
                }
                Some(c) if is_newline(c) => return self.inline_newline(),
                _ => return Ok(true),
            }
        }
    }

    /// Passes the comma or the brace behind a pair; whether it was a comma.
    fn inline_goes_on(&mut self) -> Found<bool> {
        loop {
            match self.cursor.blanks()? {
                Some('#') => self.cursor.comment()?,
                Some(c) if is_newline(c) => return self.inline_newline(),
                _ => break,
            }
        }
        match self.cursor.take()? {
            Some('}') => Ok(false),
            Some(',') if self.cursor.blanks()? == Some('}') => Err(self.cursor.lapse(Fault::InlineComma)),
            Some(',') => Ok(true),
            other => Err(self.cursor.lapse_of(other, Fault::Inline(other))),
        }
    }

    fn inline_newline(&mut self) -> Found<bool> {
        self.cursor.take()?;
        Err(self.cursor.lapse_before(Fault::InlineNewline))
    }
}

/// Puts a value into a table below `parents`, unless one of these is no table.
fn put(table: &Rc<Map>, parents: &[Arc<str>], name: Arc<str>, value: Value) -> bool {
    let mut table = Rc::clone(table);
    for parent in parents {
        let below = table.get(parent).unwrap_or_else(|| {
            let new = Value::map(Entries::new());
            table.insert(Arc::clone(parent), new.clone());
            new
        });
        let Value::Map(below) = below else {
            return false;
        };
        table = below;
    }
    table.insert(name, value);
    true
}
