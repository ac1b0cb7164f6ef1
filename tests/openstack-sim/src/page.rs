//! Filters and pages of lists, which all four services have in common.

use std::collections::HashMap;

use serde_json::Value;

use crate::content;

/// A list's query parameters.
pub type Query = HashMap<String, String>;

/// One page of `items`: those whose fields equal the query's for each name in `filters`, after the query's `marker`,
/// at most its `limit`. The second value is the marker of the next page, if there is one.
pub fn page(
    collection: &str,
    items: Vec<Value>,
    query: &Query,
    filters: &[&str],
) -> (Vec<Value>, Option<String>) {
    let mut items: Vec<Value> = items
        .into_iter()
        .filter(|item| {
            filters
                .iter()
                .all(|name| query.get(*name).is_none_or(|want| equals(&item[*name], want)))
        })
        .collect();
    if let Some(marker) = query.get("marker") {
        let after = items
            .iter()
            .position(|i| content::key(collection, i) == marker)
            .map_or(items.len(), |i| i + 1);
        items.drain(..after);
    }
    let limit = query
        .get("limit")
        .and_then(|l| l.parse().ok())
        .filter(|l| *l > 0)
        .unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let marker = items
        .last()
        .filter(|_| more)
        .map(|item| content::key(collection, item).to_owned());
    (items, marker)
}

/// The services compare as text, and take true and false in any case.
fn equals(value: &Value, want: &str) -> bool {
    match value {
        Value::String(text) => text == want,
        Value::Bool(flag) => want.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
        Value::Null => want.is_empty(),
        Value::Number(number) => number.to_string() == *want,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// The address of the next page: that of this one with another marker.
pub fn next_link(address: &str, query: &Query, marker: &str) -> String {
    let mut parts: Vec<String> = query
        .iter()
        .filter(|(k, _)| *k != "marker")
        .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
        .collect();
    parts.sort();
    parts.push(format!("marker={}", encode(marker)));
    format!("{address}?{}", parts.join("&"))
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(pairs: &[(&str, &str)]) -> Query {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let items: Vec<Value> = (0..5).map(|n| json!({"id": n.to_string()})).collect();
        let mut seen = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut q = query(&[("limit", "2")]);
            q.extend(marker.map(|m| ("marker".to_owned(), m)));
            let (part, next) = page("images", items.clone(), &q, &[]);
            seen.extend(part);
            marker = next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn filters_compare_text_and_flags() {
        let items = vec![
            json!({"id": "a", "router:external": true}),
            json!({"id": "b", "router:external": false}),
        ];
        let (found, _) = page(
            "networks",
            items,
            &query(&[("router:external", "True"), ("x", "y")]),
            &["router:external"],
        );
        assert_eq!(found, [json!({"id": "a", "router:external": true})]);
    }

    #[test]
    fn links_keep_the_query() {
        let link = next_link(
            "/v2/images",
            &query(&[("limit", "2"), ("name", "a b"), ("marker", "old")]),
            "new",
        );
        assert_eq!(link, "/v2/images?limit=2&name=a%20b&marker=new");
    }
}
