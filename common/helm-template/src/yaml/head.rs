//! The few things that Helm reads of a document to sort it: the rest is read only to find mistakes.

use super::compose::Data;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// A document of which only the [head](HEAD) is kept.
pub(super) struct Head(pub Json);

/// Under which names.
const HEAD: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Data for Head {
    type Members = Map<String, Json>;
    type Member = Json;
    fn keeps(name: &str) -> bool {
        HEAD.contains(&name)
    }
    /// Where `releaseutil.SimpleHead` has texts: numbers become texts there before they are looked at as JSON.
    fn wants_text(way: &[&str]) -> bool {
        matches!(
            way,
            ["apiVersion" | "kind"] | ["metadata", "name"] | ["metadata", "annotations", _]
        )
    }
    fn null() -> Self {
        Self(Json::null())
    }
    fn bool(value: bool) -> Self {
        Self(Json::bool(value))
    }
    fn int(value: i64) -> Self {
        Self(Json::int(value))
    }
    fn uint(value: u64) -> Self {
        Self(Json::uint(value))
    }
    fn float(value: f64) -> Self {
        Self(Json::float(value))
    }
    fn text(text: Cow<'_, str>) -> Self {
        Self(Json::text(text))
    }
    fn list(_items: Vec<Self>) -> Self {
        Self(Json::list(Vec::new()))
    }
    fn insert(members: &mut Self::Members, name: Cow<'_, str>, value: Json) {
        Json::insert(members, name, value);
    }
    fn map(members: Self::Members) -> Self {
        Self(Json::map(members))
    }
}

/// Data of which nothing is kept.
pub(super) struct Nothing;

impl Data for Nothing {
    type Members = ();
    type Member = Self;
    fn null() -> Self {
        Self
    }
    fn bool(_value: bool) -> Self {
        Self
    }
    fn int(_value: i64) -> Self {
        Self
    }
    fn uint(_value: u64) -> Self {
        Self
    }
    fn float(_value: f64) -> Self {
        Self
    }
    fn text(_text: Cow<'_, str>) -> Self {
        Self
    }
    fn list(_items: Vec<Self>) -> Self {
        Self
    }
    fn insert((): &mut (), _name: Cow<'_, str>, _value: Self) {}
    fn map((): ()) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::super::document_head;

    #[test]
    fn numbers_that_json_has_not_are_texts_where_texts_are_wanted() {
        let head = document_head("kind: .inf\nmetadata: {name: .nan, annotations: {a: -.inf}}").unwrap();
        assert_eq!(head["kind"], "+Inf");
        assert_eq!(head["metadata"]["name"], "NaN");
        assert_eq!(head["metadata"]["annotations"]["a"], "-Inf");
        for text in [
            "metadata: {labels: {a: .inf}}",
            "metadata: {annotations: {a: [.inf]}}",
            "data: .inf",
            "metadata: {annotations: {a: {b: .inf}}}",
            "kind: [.inf, .nan]",
            "a: {a: {a: {a: .inf}}}\nb: .nan",
            "metadata: .inf",
        ] {
            let refused = document_head(text).unwrap_err().to_string();
            assert!(
                refused.ends_with("json: unsupported value: +Inf"),
                "{text}: {refused}"
            );
        }
    }
}
