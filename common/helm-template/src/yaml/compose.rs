//! Turns a document into JSON data, as go-yaml 2 and `sigs.k8s.io/yaml` do.

use super::head::Nothing;
use super::parse::{Body, Failure, Id, Node, Parser, Tree};
use super::resolve::{Scalar, resolve};
use super::{go_syntax, lines};
use crate::template::number::format_float;
use crate::value::{Entries, Value};
use base64::Engine as _;
use serde_json::{Map, Number, Value as Json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What data is made of: JSON, or the values of templates.
pub(super) trait Data: Sized {
    type Members: Default;
    /// What stands in its maps.
    type Member: Data;
    /// Whether a map keeps what stands there under this name.
    fn keeps(_name: &str) -> bool {
        true
    }
    fn null() -> Self;
    fn bool(value: bool) -> Self;
    fn int(value: i64) -> Self;
    fn uint(value: u64) -> Self;
    /// A finite number.
    fn float(value: f64) -> Self;
    fn text(text: Cow<'_, str>) -> Self;
    /// A number that JSON has not: for a text where a text is wanted, else for nothing.
    fn odd_float(value: f64) -> Self {
        Self::text(format_float(value).into())
    }
    /// Whether a text is wanted at the end of this way.
    fn wants_text(_way: &[&str]) -> bool {
        false
    }
    fn list(items: Vec<Self>) -> Self;
    fn insert(members: &mut Self::Members, name: Cow<'_, str>, value: Self::Member);
    fn map(members: Self::Members) -> Self;
}

impl Data for Json {
    type Members = Map<String, Json>;
    type Member = Self;
    fn null() -> Self {
        Self::Null
    }
    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }
    fn int(value: i64) -> Self {
        Self::Number(value.into())
    }
    fn uint(value: u64) -> Self {
        Self::Number(value.into())
    }
    fn float(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }
    fn text(text: Cow<'_, str>) -> Self {
        Self::String(text.into_owned())
    }
    fn list(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
    fn insert(members: &mut Self::Members, name: Cow<'_, str>, value: Self) {
        members.insert(name.into_owned(), value);
    }
    fn map(members: Self::Members) -> Self {
        Self::Object(members)
    }
}

/// Every number is a float64, as Helm reads YAML.
impl Data for Value {
    type Members = Entries;
    type Member = Self;
    fn null() -> Self {
        Self::Nil
    }
    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }
    fn int(value: i64) -> Self {
        Self::Float(value as f64)
    }
    fn uint(value: u64) -> Self {
        Self::Float(value as f64)
    }
    fn float(value: f64) -> Self {
        Self::Float(value)
    }
    fn text(text: Cow<'_, str>) -> Self {
        Self::str(text)
    }
    fn list(items: Vec<Self>) -> Self {
        Self::grown(crate::value::Elem::Any, items)
    }
    fn insert(members: &mut Self::Members, name: Cow<'_, str>, value: Self) {
        members.insert(name.into(), value);
    }
    fn map(members: Self::Members) -> Self {
        Self::map(members)
    }
}

/// The first document of `text`; null when there is none.
pub(super) fn read<D: Data>(text: &[u8]) -> Result<D, String> {
    let by_lines = std::str::from_utf8(text).ok().and_then(lines::read);
    match by_lines {
        Some(data) => Ok(data),
        None => scan(text),
    }
}

/// As [`read`], whatever the text.
fn scan<D: Data>(text: &[u8]) -> Result<D, String> {
    let document = Parser::new(text).document().map_err(|failure| match failure {
        Failure::Syntax(problem) => problem.to_string(),
        Failure::UnknownAnchor(name) => format!("yaml: unknown anchor '{name}' referenced"),
    })?;
    match document {
        Some((tree, root)) => {
            let mut decoder = Decoder::new(&tree);
            let data = decoder.data(root)?;
            if let Some(key) = decoder.bad_key.take() {
                return Err(key.complaint);
            }
            if decoder.odd_number {
                let odd: Odd = Decoder::new(&tree).data(root)?;
                let is_text = |way: &Way| {
                    let way = way
                        .as_ref()
                        .map(|way| way.iter().map(String::as_str).collect::<Vec<_>>());
                    way.is_some_and(|way| D::wants_text(&way))
                };
                if let Some((_, number)) = odd.0.iter().find(|(way, _)| !is_text(way)) {
                    return Err(format!("json: unsupported value: {}", format_float(*number)));
                }
            }
            Ok(data)
        }
        None => Ok(D::null()),
    }
}

/// The numbers of a document that JSON has not, each with the way to it, in the order in which they are written as
/// JSON. Of a key that is given twice only the last value is. Behind one that lies too deep for a text to be wanted
/// there, none is kept: it decides.
#[derive(Default)]
struct Odd(Vec<(Way, f64)>);

/// The names on the way to a place in a document, as long as a text may be wanted there: not in lists, and not deep.
pub(super) type Way = Option<Vec<String>>;

/// `metadata.annotations.NAME`
const DEEPEST: usize = 3;

impl Odd {
    /// One level further out: in a member of this name, or in a list.
    fn add(&mut self, name: Option<&str>, inner: Self) {
        for (way, number) in inner.0 {
            if matches!(self.0.last(), Some((None, _))) {
                return;
            }
            let way = way.zip(name).filter(|(way, _)| way.len() < DEEPEST);
            let way = way.map(|(mut way, name)| {
                way.insert(0, name.to_owned());
                way
            });
            self.0.push((way, number));
        }
    }
}

impl Data for Odd {
    type Members = BTreeMap<String, Self>;
    type Member = Self;
    fn null() -> Self {
        Self::default()
    }
    fn bool(_: bool) -> Self {
        Self::default()
    }
    fn int(_: i64) -> Self {
        Self::default()
    }
    fn uint(_: u64) -> Self {
        Self::default()
    }
    fn float(_: f64) -> Self {
        Self::default()
    }
    fn odd_float(value: f64) -> Self {
        Self(vec![(Some(Vec::new()), value)])
    }
    fn text(_: Cow<'_, str>) -> Self {
        Self::default()
    }
    fn list(items: Vec<Self>) -> Self {
        let mut all = Self::default();
        items.into_iter().for_each(|item| all.add(None, item));
        all
    }
    fn insert(members: &mut Self::Members, name: Cow<'_, str>, value: Self) {
        members.insert(name.into_owned(), value);
    }
    fn map(members: Self::Members) -> Self {
        let mut all = Self::default();
        members
            .into_iter()
            .for_each(|(name, value)| all.add(Some(&name), value));
        all
    }
}

/// Counts work done, to refuse documents that aliases blow up.
struct Decoder<'d> {
    tree: &'d Tree<'d>,
    decoded: usize,
    aliased: usize,
    alias_depth: usize,
    /// Nodes being expanded from an alias.
    open: Vec<Id>,
    /// Tables begun.
    tables: usize,
    /// What only shows when the whole document, decoded, is turned into JSON: a key that JSON has not,
    bad_key: Option<BadKey>,
    /// and perhaps a number.
    odd_number: bool,
}

/// A key that JSON has not, and what is said of it. Given again in the same table it is the same, with another value.
struct BadKey {
    table: usize,
    shown: String,
    complaint: String,
}

const LONG: &str = "tag:yaml.org,2002:";

impl<'d> Decoder<'d> {
    fn new(tree: &'d Tree<'d>) -> Self {
        Self {
            tree,
            decoded: 0,
            aliased: 0,
            alias_depth: 0,
            open: Vec::new(),
            tables: 0,
            bad_key: None,
            odd_number: false,
        }
    }

    /// go-yaml's bound: the share of work that aliases may cause shrinks from
    /// 99% at 400,000 steps to 10% at 4,000,000.
    fn count(&mut self) -> Result<(), String> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.aliased += 1;
        }
        let allowed = match self.decoded {
            0..=400_000 => 0.99,
            4_000_000.. => 0.10,
            steps => 0.99 - 0.89 * ((steps - 400_000) as f64 / 3_600_000.0),
        };
        if self.aliased > 100 && self.decoded > 1000 && self.aliased as f64 / self.decoded as f64 > allowed {
            return Err("yaml: document contains excessive aliasing".into());
        }
        Ok(())
    }

    fn data<D: Data>(&mut self, node: Id) -> Result<D, String> {
        crate::stack::grow(|| self.data_inner(node))
    }

    fn data_inner<D: Data>(&mut self, node: Id) -> Result<D, String> {
        self.count()?;
        let node = self.tree.get(node);
        match &node.body {
            Body::Alias(target) => {
                if self.open.contains(target) {
                    return Err("yaml: anchor value contains itself".into());
                }
                self.open.push(*target);
                self.alias_depth += 1;
                let value = self.data(*target);
                self.alias_depth -= 1;
                self.open.pop();
                value
            }
            Body::Scalar(text, plain) => self.scalar(node, text, *plain),
            Body::Sequence(items) => {
                let items: Result<_, String> = items.iter().map(|item| self.data(*item)).collect();
                Ok(D::list(items?))
            }
            Body::Mapping(entries) => {
                let mut members = D::Members::default();
                self.tables += 1;
                self.fill::<D>(self.tables, &mut members, entries)?;
                Ok(D::map(members))
            }
        }
    }

    fn fill<D: Data>(
        &mut self,
        table: usize,
        members: &mut D::Members,
        entries: &[(Id, Id)],
    ) -> Result<(), String> {
        for (key, value) in entries {
            if is_merge(self.tree.get(*key)) {
                self.merge::<D>(table, members, *value)?;
                continue;
            }
            let name = self.key::<D>(table, *key, *value)?;
            match name.filter(|name| D::keeps(name)) {
                Some(name) => D::insert(members, name, self.data(*value)?),
                None => self.data::<Nothing>(*value).map(|_| ())?,
            }
        }
        Ok(())
    }

    /// The node that an alias stands for; others stand for themselves.
    fn target(&self, node: Id) -> &'d Node<'d> {
        let node = self.tree.get(node);
        match &node.body {
            Body::Alias(target) => self.tree.get(*target),
            _ => node,
        }
    }

    /// `<<`: keys of other maps; go-yaml lets later ones overwrite.
    fn merge<D: Data>(&mut self, table: usize, members: &mut D::Members, value: Id) -> Result<(), String> {
        const WANTED: &str = "yaml: map merge requires map or sequence of maps as the value";
        let is_alias = matches!(self.tree.get(value).body, Body::Alias(_));
        match &self.target(value).body {
            Body::Mapping(entries) => self.fill::<D>(table, members, entries),
            Body::Sequence(items) if !is_alias => {
                // The first in the list wins, so it is written last.
                for item in items.iter().rev() {
                    match &self.target(*item).body {
                        Body::Mapping(entries) => self.fill::<D>(table, members, entries)?,
                        _ => return Err(WANTED.into()),
                    }
                }
                Ok(())
            }
            _ => Err(WANTED.into()),
        }
    }

    /// A key as text: JSON knows no other. None is for a key of a type that makes no text.
    fn key<D: Data>(&mut self, table: usize, id: Id, value: Id) -> Result<Option<Cow<'d, str>>, String> {
        let node = self.target(id);
        self.count()?;
        let Body::Scalar(text, plain) = &node.body else {
            let _: D = self.data(id)?;
            return Err(format!("yaml: invalid map key: {}", go_syntax::of(self.tree, id)));
        };
        let (kind, shown) = match typed(node, text, *plain)? {
            Typed::Text(text) => return Ok(Some(text)),
            Typed::Scalar(Scalar::Bool(value)) => return Ok(Some(value.to_string().into())),
            Typed::Scalar(Scalar::Int(value)) => return Ok(Some(value.to_string().into())),
            Typed::Scalar(Scalar::Float(value)) => {
                return Ok(Some(match format_float(f64::from(value as f32)).as_str() {
                    "+Inf" => ".inf".into(),
                    "-Inf" => "-.inf".into(),
                    "NaN" => ".nan".into(),
                    _ => short_float(value as f32).into(),
                }));
            }
            Typed::Scalar(Scalar::Uint(value)) => ("uint64", format!("{value:#x}")),
            Typed::Scalar(_) => ("%!s(<nil>)", "<nil>".to_owned()),
        };
        let first = self.bad_key.as_ref();
        if first.is_none_or(|first| first.table == table && first.shown == shown) {
            let value = go_syntax::of(self.tree, value);
            let complaint = format!("unsupported map key of type: {kind}, key: {shown}, value: {value}");
            self.bad_key = Some(BadKey {
                table,
                shown,
                complaint,
            });
        }
        Ok(None)
    }

    fn scalar<D: Data>(&mut self, node: &Node<'_>, text: &str, plain: bool) -> Result<D, String> {
        Ok(match typed(node, text, plain)? {
            Typed::Text(text) => D::text(text),
            Typed::Scalar(Scalar::Bool(value)) => D::bool(value),
            Typed::Scalar(Scalar::Int(value)) => D::int(value),
            Typed::Scalar(Scalar::Uint(value)) => D::uint(value),
            Typed::Scalar(Scalar::Float(value)) if value.is_finite() => D::float(value),
            Typed::Scalar(Scalar::Float(value)) => {
                self.odd_number = true;
                D::odd_float(value)
            }
            Typed::Scalar(_) => D::null(),
        })
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 32)`.
fn short_float(value: f32) -> String {
    // The shortest text of the f32, printed by the rules for f64.
    format!("{value:e}")
        .parse::<f64>()
        .map(format_float)
        .unwrap_or_default()
}

fn is_merge(key: &Node<'_>) -> bool {
    match &key.body {
        Body::Scalar(text, plain) => {
            &**text == "<<"
                && (*plain && key.tag.is_none() || key.tag.as_deref() == Some("tag:yaml.org,2002:merge"))
        }
        _ => false,
    }
}

pub(super) enum Typed<'t> {
    Text(Cow<'t, str>),
    Scalar(Scalar),
}

pub(super) fn typed<'t>(node: &Node<'_>, text: &'t str, plain: bool) -> Result<Typed<'t>, String> {
    let tag = node
        .tag
        .as_deref()
        .map(|tag| tag.strip_prefix(LONG).unwrap_or(tag));
    let found = match tag {
        None if !plain => return Ok(Typed::Text(text.into())),
        None => resolve(text),
        Some("str") | Some("!") => return Ok(Typed::Text(text.into())),
        Some("binary") => {
            let data = base64::engine::general_purpose::STANDARD
                .decode(text.replace(['\n', '\r'], ""))
                .map_err(|_| "yaml: !!binary value contains invalid base64 data".to_owned())?;
            return Ok(Typed::Text(crate::unicode::lossy(&data).into_owned().into()));
        }
        Some(wanted @ ("bool" | "int" | "float" | "null" | "timestamp")) => {
            let found = resolve(text);
            match (wanted, &found) {
                ("bool", Scalar::Bool(_))
                | ("int", Scalar::Int(_) | Scalar::Uint(_))
                | ("float", Scalar::Float(_))
                | ("null", Scalar::Null)
                | ("timestamp", Scalar::Timestamp) => found,
                ("float", Scalar::Int(value)) => Scalar::Float(*value as f64),
                _ => {
                    return Err(format!(
                        "yaml: cannot decode !!{} `{text}` as a !!{wanted}",
                        short_tag(&found)
                    ));
                }
            }
        }
        Some(_) => return Ok(Typed::Text(text.into())),
    };
    Ok(match found {
        Scalar::Str | Scalar::Timestamp => Typed::Text(text.into()),
        scalar => Typed::Scalar(scalar),
    })
}

fn short_tag(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "null",
        Scalar::Bool(_) => "bool",
        Scalar::Int(_) | Scalar::Uint(_) => "int",
        Scalar::Float(_) => "float",
        Scalar::Timestamp => "timestamp",
        Scalar::Str => "str",
    }
}

#[cfg(test)]
mod tests;
