//! The documents that a schema is made of: `values.schema.json`, and what its references name.
//!
//! As in gojsonschema, every `$ref` is first made absolute by the `$id`s around it, and all that can be reached is
//! looked up before a value is checked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::reference::Reference;
use crate::fetch::Fetch;

/// This many documents may be fetched for one schema.
const MAX_DOCUMENTS: usize = 256;

/// References may be followed this deep.
const MAX_DEPTH: usize = 256;

/// Keywords that hold a schema.
const SINGLE: [&str; 8] = [
    "additionalProperties",
    "propertyNames",
    "additionalItems",
    "contains",
    "not",
    "if",
    "then",
    "else",
];

/// Keywords that hold named schemas.
const NAMED: [&str; 4] = ["definitions", "properties", "patternProperties", "dependencies"];

/// Keywords that hold lists of schemas; `items` may hold one, too.
const LISTS: [&str; 4] = ["items", "oneOf", "anyOf", "allOf"];

/// A place in a document.
#[derive(Clone, Debug)]
struct Spot {
    document: usize,
    keys: Vec<String>,
}

/// All documents, and where references lead.
pub(super) struct Pool<'f> {
    documents: Vec<Arc<Value>>,
    /// By URL, and by the `$id`s inside.
    spots: HashMap<String, Spot>,
    targets: HashMap<String, Spot>,
    fetch: Option<&'f dyn Fetch>,
}

impl<'f> Pool<'f> {
    /// Looks up all that the schema `root` refers to; what is not in it is asked of `fetch`. Without one such
    /// references stay open.
    pub(super) fn new(root: Value, fetch: Option<&'f dyn Fetch>) -> Result<Self, String> {
        let mut pool = Self {
            documents: Vec::new(),
            spots: HashMap::new(),
            targets: HashMap::new(),
            fetch,
        };
        pool.add(root, &Reference::default());
        let root = pool.documents[0].clone();
        let mut seen = HashSet::new();
        pool.reach(&root, &mut seen, 0)?;
        Ok(pool)
    }

    /// `values.schema.json` itself.
    pub(super) fn root(&self) -> &Value {
        self.documents.first().map_or(&Value::Null, |document| document)
    }

    /// Where an absolute reference leads; None if it stayed open.
    pub(super) fn target(&self, reference: &str) -> Option<&Value> {
        let spot = self.targets.get(reference)?;
        follow(self.documents.get(spot.document)?, &spot.keys).ok()
    }

    /// Takes a document in under its URL.
    fn add(&mut self, mut document: Value, url: &Reference) {
        let at = self.documents.len();
        self.absolute(
            &mut document,
            url,
            &mut Spot {
                document: at,
                keys: Vec::new(),
            },
        );
        self.documents.push(Arc::new(document));
        let whole = Spot {
            document: at,
            keys: Vec::new(),
        };
        self.spots.insert(url.to_string(), whole);
    }

    /// Makes the references in it absolute, and keeps what names itself.
    fn absolute(&mut self, node: &mut Value, base: &Reference, spot: &mut Spot) {
        match node {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.below(at.to_string(), item, base, spot);
                }
            }
            Value::Object(table) => {
                let Some(base) = self.named(table, base, spot) else {
                    return;
                };
                if let Some(Value::String(reference)) = table.get_mut("$ref")
                    && let Ok(parsed) = Reference::parse(reference)
                {
                    *reference = base.join(&parsed).to_string();
                }
                for (key, value) in table.iter_mut() {
                    self.inside(key, value, &base, spot);
                }
            }
            _ => {}
        }
    }

    /// The base inside a table that may have an `$id`; None if another has taken it.
    fn named(&mut self, table: &Map<String, Value>, base: &Reference, spot: &Spot) -> Option<Reference> {
        let id = table.get("id").or_else(|| table.get("$id"));
        let Some(Ok(id)) = id.and_then(Value::as_str).map(Reference::parse) else {
            return Some(base.clone());
        };
        let own = base.join(&id);
        let name = own.to_string();
        if self.spots.contains_key(&name) {
            return None;
        }
        self.spots.insert(name, spot.clone());
        Some(own)
    }

    /// What a key holds: values are taken literally, and names of properties are no keywords.
    fn inside(&mut self, key: &str, value: &mut Value, base: &Reference, spot: &mut Spot) {
        match key {
            "const" | "enum" => {}
            "properties" | "dependencies" | "patternProperties" => {
                let Value::Object(children) = value else { return };
                spot.keys.push(key.to_owned());
                for (name, child) in children {
                    self.below(name.clone(), child, base, spot);
                }
                spot.keys.pop();
            }
            key => self.below(key.to_owned(), value, base, spot),
        }
    }

    fn below(&mut self, key: String, value: &mut Value, base: &Reference, spot: &mut Spot) {
        spot.keys.push(key);
        self.absolute(value, base, spot);
        spot.keys.pop();
    }

    /// Looks up what can be reached from a schema.
    fn reach(&mut self, schema: &Value, seen: &mut HashSet<String>, depth: usize) -> Result<(), String> {
        let Value::Object(keywords) = schema else {
            return Ok(());
        };
        if depth > MAX_DEPTH {
            return Err("unable to validate schema: references lead too deep".to_owned());
        }
        if let Some(id) = keywords
            .get("id")
            .or_else(|| keywords.get("$id"))
            .and_then(Value::as_str)
        {
            Reference::parse(id)?;
        }
        for named in children(keywords, "definitions") {
            self.reach(named, seen, depth + 1)?;
        }
        if keywords
            .get("$ref")
            .is_some_and(|reference| !reference.is_string())
        {
            return Err("Invalid type. Expected: string, given: $ref".to_owned());
        }
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str)
            && seen.insert(reference.to_owned())
        {
            return self.reach_reference(reference, seen, depth);
        }
        let named = NAMED.iter().skip(1).flat_map(|key| children(keywords, key));
        let single = SINGLE.iter().filter_map(|key| keywords.get(*key));
        let listed = LISTS
            .iter()
            .filter_map(|key| keywords.get(*key))
            .flat_map(|value| match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            });
        for schema in named.chain(single).chain(listed) {
            self.reach(schema, seen, depth + 1)?;
        }
        Ok(())
    }

    fn reach_reference(
        &mut self,
        reference: &str,
        seen: &mut HashSet<String>,
        depth: usize,
    ) -> Result<(), String> {
        let Some(spot) = self.spot(&Reference::parse(reference)?)? else {
            return Ok(());
        };
        let document = self.documents.get(spot.document).cloned().unwrap_or_default();
        let target = follow(&document, &spot.keys)?;
        if !matches!(target, Value::Object(_) | Value::Bool(_)) {
            return Err("valid schema must be of type object".to_owned());
        }
        self.targets.insert(reference.to_owned(), spot);
        self.reach(target, seen, depth + 1)
    }

    /// Where a reference leads; None if that would have to be fetched and must not.
    fn spot(&mut self, reference: &Reference) -> Result<Option<Spot>, String> {
        if let Some(spot) = self.spots.get(&reference.to_string()) {
            return Ok(Some(spot.clone()));
        }
        let url = reference.document();
        if !self.spots.contains_key(&url) {
            let Some(fetch) = self.fetch else { return Ok(None) };
            if !reference.is_canonical() {
                return Err(format!("Reference {reference} must be canonical"));
            }
            if self.documents.len() > MAX_DOCUMENTS {
                return Err(format!("more than {MAX_DOCUMENTS} documents are referred to"));
            }
            let document = decode(&fetch.get(&url)?)?;
            self.add(document, &Reference::parse(&url)?);
        }
        Ok(self.spots.get(&url).map(|spot| Spot {
            document: spot.document,
            keys: spot.keys.iter().cloned().chain(reference.keys()).collect(),
        }))
    }
}

/// What a keyword holds by name, in the order of the names.
pub(super) fn tables<'v>(keywords: &'v Map<String, Value>, key: &str) -> Vec<(&'v String, &'v Value)> {
    let mut entries: Vec<_> = keywords
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

/// The named schemas below a keyword, in the order of their names.
fn children<'v>(keywords: &'v Map<String, Value>, key: &str) -> Vec<&'v Value> {
    tables(keywords, key)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

/// As gojsonpointer goes through a document, with its words.
fn follow<'v>(document: &'v Value, keys: &[String]) -> Result<&'v Value, String> {
    let mut at = document;
    for key in keys {
        at = match at {
            Value::Object(table) => table
                .get(key)
                .ok_or_else(|| format!("Object has no key '{key}'"))?,
            Value::Array(items) => {
                let index: i64 = key.parse().map_err(|_| format!("Invalid array index '{key}'"))?;
                usize::try_from(index)
                    .ok()
                    .and_then(|index| items.get(index))
                    .ok_or_else(|| format!("Out of bound array[0,{}] index '{index}'", items.len()))?
            }
            _ => return Err(format!("Invalid token reference '{key}'")),
        };
    }
    Ok(at)
}

/// The first JSON value of a text, as Go's decoder reads it.
fn decode(bytes: &[u8]) -> Result<Value, String> {
    let first = serde_json::Deserializer::from_slice(bytes)
        .into_iter::<Value>()
        .next();
    match first {
        None => Err("EOF".to_owned()),
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.is_eof() => Err("unexpected EOF".to_owned()),
        Some(Err(error)) => Err(helm_template::go_json_error(bytes).unwrap_or_else(|| error.to_string())),
    }
}
