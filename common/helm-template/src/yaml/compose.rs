//! Turns a document into JSON data, as go-yaml 2 and `sigs.k8s.io/yaml` do.

use super::parse::{Body, Failure, Node, Parser};
use super::resolve::{Scalar, resolve};
use crate::template::number::format_float;
use base64::Engine as _;
use serde_json::{Map, Number, Value as Json};
use std::rc::Rc;

/// The first document of `text` as JSON; null when there is none.
pub(super) fn to_json(text: &str) -> Result<Json, String> {
    let mut parser = Parser::new(text).map_err(|problem| problem.to_string())?;
    let node = parser.document().map_err(|failure| match failure {
        Failure::Syntax(problem) => problem.to_string(),
        Failure::UnknownAnchor(name) => format!("yaml: unknown anchor '{name}' referenced"),
    })?;
    match node {
        Some(node) => Decoder::default().json(&node),
        None => Ok(Json::Null),
    }
}

/// Counts work done, to refuse documents that aliases blow up.
#[derive(Default)]
struct Decoder {
    decoded: usize,
    aliased: usize,
    alias_depth: usize,
    /// Nodes being expanded from an alias.
    open: Vec<*const Node>,
}

const LONG: &str = "tag:yaml.org,2002:";

impl Decoder {
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

    fn json(&mut self, node: &Rc<Node>) -> Result<Json, String> {
        crate::stack::grow(|| self.json_inner(node))
    }

    fn json_inner(&mut self, node: &Rc<Node>) -> Result<Json, String> {
        self.count()?;
        match &node.body {
            Body::Alias(target) => {
                if self.open.contains(&Rc::as_ptr(target)) {
                    return Err("yaml: anchor value contains itself".into());
                }
                self.open.push(Rc::as_ptr(target));
                self.alias_depth += 1;
                let value = self.json(target);
                self.alias_depth -= 1;
                self.open.pop();
                value
            }
            Body::Scalar(text, plain) => scalar(node, text, *plain),
            Body::Sequence(items) => items.iter().map(|item| self.json(item)).collect(),
            Body::Mapping(entries) => {
                let mut map = Map::new();
                self.fill(&mut map, entries)?;
                Ok(Json::Object(map))
            }
        }
    }

    fn fill(&mut self, map: &mut Map<String, Json>, entries: &[(Rc<Node>, Rc<Node>)]) -> Result<(), String> {
        for (key, value) in entries {
            if is_merge(key) {
                self.merge(map, value)?;
                continue;
            }
            let name = self.key(key)?;
            let value = self.json(value)?;
            map.insert(name, value);
        }
        Ok(())
    }

    /// `<<`: keys of other maps; go-yaml lets later ones overwrite.
    fn merge(&mut self, map: &mut Map<String, Json>, value: &Rc<Node>) -> Result<(), String> {
        const WANTED: &str = "yaml: map merge requires map or sequence of maps as the value";
        let target = match &value.body {
            Body::Alias(target) => target,
            _ => value,
        };
        match &target.body {
            Body::Mapping(entries) => self.fill(map, entries),
            Body::Sequence(items) if !matches!(value.body, Body::Alias(_)) => {
                // The first in the list wins, so it is written last.
                for item in items.iter().rev() {
                    let map_node = match &item.body {
                        Body::Alias(target) => target,
                        _ => item,
                    };
                    match &map_node.body {
                        Body::Mapping(entries) => self.fill(map, entries)?,
                        _ => return Err(WANTED.into()),
                    }
                }
                Ok(())
            }
            _ => Err(WANTED.into()),
        }
    }

    /// A key as text: JSON knows no other.
    fn key(&mut self, node: &Rc<Node>) -> Result<String, String> {
        let node = match &node.body {
            Body::Alias(target) => target,
            _ => node,
        };
        self.count()?;
        let Body::Scalar(text, plain) = &node.body else {
            let kind = if matches!(node.body, Body::Mapping(_)) {
                "map[interface {}]interface {}"
            } else {
                "[]interface {}"
            };
            return Err(format!("yaml: invalid map key: {kind}"));
        };
        match typed(node, text, *plain)? {
            Typed::Text(text) => Ok(text),
            Typed::Scalar(Scalar::Bool(value)) => Ok(value.to_string()),
            Typed::Scalar(Scalar::Int(value)) => Ok(value.to_string()),
            Typed::Scalar(Scalar::Float(value)) => Ok(match format_float(f64::from(value as f32)).as_str() {
                "+Inf" => ".inf".into(),
                "-Inf" => "-.inf".into(),
                "NaN" => ".nan".into(),
                _ => short_float(value as f32),
            }),
            Typed::Scalar(Scalar::Uint(value)) => Err(format!(
                "unsupported map key of type: uint64, key: {value:#x}, value: interface {{}}(nil)"
            )),
            Typed::Scalar(_) => {
                Err("unsupported map key of type: %!s(<nil>), key: <nil>, value: interface {}(nil)".into())
            }
        }
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

fn is_merge(key: &Node) -> bool {
    match &key.body {
        Body::Scalar(text, plain) => {
            text == "<<"
                && (*plain && key.tag.is_none() || key.tag.as_deref() == Some("tag:yaml.org,2002:merge"))
        }
        _ => false,
    }
}

enum Typed {
    Text(String),
    Scalar(Scalar),
}

fn typed(node: &Node, text: &str, plain: bool) -> Result<Typed, String> {
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
            return Ok(Typed::Text(String::from_utf8_lossy(&data).into_owned()));
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

fn scalar(node: &Node, text: &str, plain: bool) -> Result<Json, String> {
    Ok(match typed(node, text, plain)? {
        Typed::Text(text) => Json::String(text),
        Typed::Scalar(Scalar::Bool(value)) => Json::Bool(value),
        Typed::Scalar(Scalar::Int(value)) => Json::Number(value.into()),
        Typed::Scalar(Scalar::Uint(value)) => Json::Number(value.into()),
        Typed::Scalar(Scalar::Float(value)) => match Number::from_f64(value) {
            Some(number) => Json::Number(number),
            None => return Err(format!("json: unsupported value: {}", format_float(value))),
        },
        Typed::Scalar(_) => Json::Null,
    })
}
