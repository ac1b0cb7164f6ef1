//! The keywords of JSON Schema, in the validator's order.

use serde_json::{Map, Value};

use super::format;
use super::number;
use super::outcome::{Outcome, Place};
use super::pool::{Pool, tables};

/// `$ref` may lead this deep.
const MAX_DEPTH: usize = 256;

/// All complaints of `schema` about `value`.
pub(super) fn run(pool: &Pool<'_>, value: &Value) -> Result<Vec<String>, String> {
    let mut walk = Walk {
        pool,
        depth: 0,
        broken: None,
    };
    let outcome = walk.sub(pool.root(), value, &Place::root());
    match walk.broken {
        Some(why) => Err(why),
        None => Ok(outcome.complaints),
    }
}

struct Walk<'s> {
    pool: &'s Pool<'s>,
    depth: usize,
    /// What makes the schema itself unusable.
    broken: Option<String>,
}

type Keywords = Map<String, Value>;

fn schemas<'v>(schema: &'v Keywords, key: &str) -> &'v [Value] {
    schema
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn sorted(value: &Keywords) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = value.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

fn count(schema: &Keywords, key: &str) -> Option<usize> {
    schema.get(key)?.as_f64().map(|number| number as usize)
}

impl<'s> Walk<'s> {
    /// Checks by itself, for a keyword that looks at the result.
    fn sub(&mut self, schema: &'s Value, value: &Value, place: &Place) -> Outcome {
        let mut outcome = Outcome::default();
        self.check(schema, value, place, &mut outcome);
        outcome
    }

    fn check(&mut self, schema: &'s Value, value: &Value, place: &Place, out: &mut Outcome) {
        let keywords = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return out.complain(place, "False always fails validation"),
            Value::Object(keywords) => keywords,
            _ => {
                self.broken = Some("Expected: valid schema, given: Invalid JSON".to_owned());
                return;
            }
        };
        if self.depth >= MAX_DEPTH {
            self.broken = Some("unable to validate schema: references lead too deep".to_owned());
            return;
        }
        self.depth += 1;
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            match self.pool.target(reference) {
                Some(target) => self.check(target, value, place, out),
                None => {
                    let why = "references out of values.schema.json are not followed";
                    self.broken = Some(format!("{reference}: {why}"));
                }
            }
        } else {
            self.typed(keywords, value, place, out);
        }
        self.depth -= 1;
    }

    fn typed(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        let types = types(schema);
        let (given, also) = type_of(value);
        if !types.is_empty() && !types.iter().any(|kind| *kind == given || Some(*kind) == also) {
            let expected = match types.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("[{}]", many.join(",")),
            };
            return out.complain(
                place,
                format!("Invalid type. Expected: {expected}, given: {given}"),
            );
        }
        self.combined(schema, value, place, out);
        match value {
            Value::Array(items) => {
                self.array(schema, items, place, out);
                common(schema, value, place, out);
            }
            Value::Object(table) => {
                self.object(schema, table, place, out);
                common(schema, value, place, out);
                for (name, child) in tables(schema, "properties") {
                    if let Some(value) = table.get(name) {
                        self.check(child, value, &place.below(name), out);
                    }
                }
            }
            _ => {
                numeric(schema, value, place, out);
                common(schema, value, place, out);
                textual(schema, value, place, out);
            }
        }
        out.step();
    }

    /// anyOf, oneOf, allOf, not, dependencies, if.
    fn combined(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        self.any_of(schema, value, place, out);
        self.one_of(schema, value, place, out);
        let all = schemas(schema, "allOf");
        let mut valid = 0;
        for alternative in all {
            let outcome = self.sub(alternative, value, place);
            valid += usize::from(outcome.is_valid());
            if !outcome.is_valid() {
                out.take(outcome);
            }
        }
        if valid != all.len() {
            out.complain(place, "Must validate all the schemas (allOf)");
        }
        if let Some(not) = schema.get("not")
            && self.sub(not, value, place).is_valid()
        {
            out.complain(place, "Must not validate the schema (not)");
        }
        self.dependencies(schema, value, place, out);
        self.conditional(schema, value, place, out);
        out.step();
    }

    fn any_of(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        for alternative in schemas(schema, "anyOf") {
            let outcome = self.sub(alternative, value, place);
            if outcome.is_valid() {
                return;
            }
            if best.as_ref().is_none_or(|best| outcome.score > best.score) {
                best = Some(outcome);
            }
        }
        if let Some(best) = best {
            out.complain(place, "Must validate at least one schema (anyOf)");
            out.take(best);
        }
    }

    fn one_of(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        let alternatives = schemas(schema, "oneOf");
        let mut best: Option<Outcome> = None;
        let mut valid = 0;
        for alternative in alternatives {
            let outcome = self.sub(alternative, value, place);
            if outcome.is_valid() {
                valid += 1;
            } else if valid == 0 && best.as_ref().is_none_or(|best| outcome.score > best.score) {
                best = Some(outcome);
            }
        }
        if !alternatives.is_empty() && valid != 1 {
            out.complain(place, "Must validate one and only one schema (oneOf)");
            if let Some(best) = best.filter(|_| valid == 0) {
                out.take(best);
            }
        }
    }

    fn dependencies(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        let Some(table) = value.as_object() else { return };
        for (name, dependency) in tables(schema, "dependencies") {
            if !table.contains_key(name) {
                continue;
            }
            match dependency {
                Value::Array(wanted) => {
                    for key in wanted.iter().filter_map(Value::as_str) {
                        if !table.contains_key(key) {
                            out.complain(place, format!("Has a dependency on {key}"));
                        }
                    }
                }
                schema => self.check(schema, value, place, out),
            }
        }
    }

    fn conditional(&mut self, schema: &'s Keywords, value: &Value, place: &Place, out: &mut Outcome) {
        let Some(condition) = schema.get("if") else { return };
        let holds = self.sub(condition, value, place).is_valid();
        let (branch, message) = if holds {
            ("then", "Must validate \"then\" as \"if\" was valid")
        } else {
            ("else", "Must validate \"else\" as \"if\" was not valid")
        };
        if let Some(branch) = schema.get(branch) {
            let outcome = self.sub(branch, value, place);
            if !outcome.is_valid() {
                out.complain(place, message);
                out.take(outcome);
            }
        }
    }

    fn array(&mut self, schema: &'s Keywords, items: &[Value], place: &Place, out: &mut Outcome) {
        self.items(schema, items, place, out);
        if let Some(min) = count(schema, "minItems").filter(|min| items.len() < *min) {
            out.complain(place, format!("Array must have at least {min} items"));
        }
        if let Some(max) = count(schema, "maxItems").filter(|max| items.len() > *max) {
            out.complain(place, format!("Array must have at most {max} items"));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let texts: Vec<String> = items.iter().map(number::canonical).collect();
            for (at, text) in texts.iter().enumerate() {
                if let Some(before) = texts[..at].iter().rposition(|other| other == text) {
                    out.complain(place, format!("array items[{before},{at}] must be unique"));
                }
            }
        }
        if let Some(contains) = schema.get("contains") {
            self.contains(contains, items, place, out);
        }
        out.step();
    }

    fn items(&mut self, schema: &'s Keywords, items: &[Value], place: &Place, out: &mut Outcome) {
        match schema.get("items") {
            Some(Value::Array(positions)) => {
                for (at, (position, item)) in positions.iter().zip(items).enumerate() {
                    let outcome = self.sub(position, item, &place.below(&at.to_string()));
                    out.take(outcome);
                }
                if positions.is_empty() || positions.len() >= items.len() {
                    return;
                }
                match schema.get("additionalItems") {
                    Some(Value::Bool(false)) => out.complain(place, "No additional items allowed on array"),
                    Some(more @ Value::Object(_)) => {
                        for (at, item) in items.iter().enumerate().skip(positions.len()) {
                            let outcome = self.sub(more, item, &place.below(&at.to_string()));
                            out.take(outcome);
                        }
                    }
                    _ => {}
                }
            }
            Some(every) => {
                for (at, item) in items.iter().enumerate() {
                    let outcome = self.sub(every, item, &place.below(&at.to_string()));
                    out.take(outcome);
                }
            }
            None => {}
        }
    }

    fn contains(&mut self, schema: &'s Value, items: &[Value], place: &Place, out: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        for (at, item) in items.iter().enumerate() {
            let outcome = self.sub(schema, item, &place.below(&at.to_string()));
            if outcome.is_valid() {
                return;
            }
            if best.as_ref().is_none_or(|best| outcome.score > best.score) {
                best = Some(outcome);
            }
        }
        out.complain(place, "At least one of the items must match");
        if let Some(best) = best {
            out.take(best);
        }
    }

    fn object(&mut self, schema: &'s Keywords, table: &Keywords, place: &Place, out: &mut Outcome) {
        if let Some(min) = count(schema, "minProperties").filter(|min| table.len() < *min) {
            out.complain(place, format!("Must have at least {min} properties"));
        }
        if let Some(max) = count(schema, "maxProperties").filter(|max| table.len() > *max) {
            out.complain(place, format!("Must have at most {max} properties"));
        }
        for name in schemas(schema, "required").iter().filter_map(Value::as_str) {
            if table.contains_key(name) {
                out.step();
            } else {
                out.complain(place, format!("{name} is required"));
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        for (key, value) in sorted(table) {
            let by_pattern = self.by_pattern(schema, key, value, place, out);
            if by_pattern || known.is_some_and(|known| known.contains_key(key)) {
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    out.complain(place, format!("Additional property {key} is not allowed"));
                }
                Some(more @ Value::Object(_)) => {
                    let outcome = self.sub(more, value, &place.below(key));
                    out.take(outcome);
                }
                _ => {}
            }
        }
        if let Some(names) = schema.get("propertyNames") {
            for (key, _) in sorted(table) {
                let outcome = self.sub(names, &Value::String(key.clone()), place);
                if !outcome.is_valid() {
                    out.complain(place, format!("Property name of \"{key}\" does not match"));
                    out.take(outcome);
                }
            }
        }
        out.step();
    }

    fn by_pattern(
        &mut self,
        schema: &'s Keywords,
        key: &str,
        value: &Value,
        place: &Place,
        out: &mut Outcome,
    ) -> bool {
        let mut found = false;
        for (pattern, child) in tables(schema, "patternProperties") {
            if helm_template::go_regex_matches(pattern, key) == Some(true) {
                found = true;
                let outcome = self.sub(child, value, &place.below(key));
                out.take(outcome);
            }
        }
        if found {
            out.step();
        }
        found
    }
}

fn types(schema: &Keywords) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What the value is called, and what else it counts as.
fn type_of(value: &Value) -> (&'static str, Option<&'static str>) {
    match value {
        Value::Null => ("null", None),
        Value::Bool(_) => ("boolean", None),
        Value::Number(found) if number::is_integer(found) => ("integer", Some("number")),
        Value::Number(_) => ("number", None),
        Value::String(_) => ("string", None),
        Value::Array(_) => ("array", None),
        Value::Object(_) => ("object", None),
    }
}

/// const and enum.
fn common(schema: &Keywords, value: &Value, place: &Place, out: &mut Outcome) {
    let text = number::canonical(value);
    if let Some(wanted) = schema.get("const") {
        let wanted = number::canonical(wanted);
        if wanted != text {
            out.complain(place, format!("{} does not match: {wanted}", place.field()));
        }
    }
    let allowed: Vec<String> = schemas(schema, "enum").iter().map(number::canonical).collect();
    if !allowed.is_empty() && !allowed.contains(&text) {
        let list = allowed.join(", ");
        out.complain(
            place,
            format!("{} must be one of the following: {list}", place.field()),
        );
    }
    out.step();
}

fn numeric(schema: &Keywords, value: &Value, place: &Place, out: &mut Outcome) {
    let Some(found) = value.as_f64() else { return };
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    // Draft 4 says with a bool that the bound itself is out.
    let strict = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    if let Some(of) = bound("multipleOf").filter(|of| !number::is_multiple(found, *of)) {
        out.complain(place, format!("Must be a multiple of {}", number::shown(of)));
    }
    let (mut under, mut below) = (bound("maximum"), bound("exclusiveMaximum"));
    if strict("exclusiveMaximum") {
        (under, below) = (None, under);
    }
    let (mut over, mut above) = (bound("minimum"), bound("exclusiveMinimum"));
    if strict("exclusiveMinimum") {
        (over, above) = (None, over);
    }
    let checks = [
        (under.filter(|max| found > *max), "Must be less than or equal to"),
        (below.filter(|max| found >= *max), "Must be less than"),
        (
            over.filter(|min| found < *min),
            "Must be greater than or equal to",
        ),
        (above.filter(|min| found <= *min), "Must be greater than"),
    ];
    for (broken, message) in checks {
        if let Some(limit) = broken {
            out.complain(place, format!("{message} {}", number::shown(limit)));
        }
    }
    out.step();
}

fn textual(schema: &Keywords, value: &Value, place: &Place, out: &mut Outcome) {
    let Value::String(text) = value else { return };
    let length = text.chars().count();
    if let Some(min) = count(schema, "minLength").filter(|min| length < *min) {
        out.complain(
            place,
            format!("String length must be greater than or equal to {min}"),
        );
    }
    if let Some(max) = count(schema, "maxLength").filter(|max| length > *max) {
        out.complain(
            place,
            format!("String length must be less than or equal to {max}"),
        );
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && helm_template::go_regex_matches(pattern, text) == Some(false)
    {
        out.complain(place, format!("Does not match pattern '{pattern}'"));
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && !format::is_met(format, text)
    {
        out.complain(place, format!("Does not match format '{format}'"));
    }
    out.step();
}
