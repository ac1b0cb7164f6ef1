//! `values.schema.json`: values are checked before anything is rendered.
//!
//! The rules and words are those of `xeipuu/gojsonschema` 1.2, which Helm 3.17 uses (JSON Schema drafts 4, 6
//! and 7). It walks its keywords in Go's random order of maps; here they come in the order of their names.

mod format;
mod mail;
mod number;
mod outcome;
mod pool;
mod reference;
mod validate;

pub(crate) use number::shown;

use serde_json::Value;

use crate::chart::Chart;
use crate::error::RenderFailure;
use crate::fetch::Fetch;
use crate::values::Values;
use pool::Pool;

/// Checks the values of a chart and its sub-charts against their schemas; what these refer to outside of the chart is
/// asked of `fetch`.
pub(crate) fn validate(
    chart: &Chart,
    values: &Values,
    fetch: Option<&dyn Fetch>,
) -> Result<(), RenderFailure> {
    let mut text = String::new();
    collect(chart, values, fetch, &mut text);
    if text.is_empty() {
        Ok(())
    } else {
        Err(RenderFailure::Schema(text))
    }
}

fn collect(chart: &Chart, values: &Values, fetch: Option<&dyn Fetch>, text: &mut String) {
    if let Some(schema) = &chart.schema
        && let Err(complaints) = check(schema, values, fetch)
    {
        text.push_str(&format!("{}:\n{complaints}", chart.name()));
    }
    for sub in &chart.dependencies {
        if let Some(Value::Object(own)) = values.get(sub.name()) {
            collect(sub, own, fetch, text);
        }
    }
}

/// What one schema has against the values, line by line.
fn check(schema: &[u8], values: &Values, fetch: Option<&dyn Fetch>) -> Result<(), String> {
    let values = Value::Object(values.clone());
    // On their way to the schema the values go through YAML.
    helm_template::yaml::print(&values).map_err(|error| format!("{error}\n"))?;
    let schema: Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return Err(format!("unable to validate schema: {error}")),
    };
    let complaints = validate::run(&Pool::new(schema, fetch)?, &values)?;
    if complaints.is_empty() {
        return Ok(());
    }
    Err(complaints
        .iter()
        .map(|complaint| format!("- {complaint}\n"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(schema: Value, values: Value) -> String {
        check(schema.to_string().as_bytes(), values.as_object().unwrap(), None).unwrap_err()
    }

    #[test]
    fn words_are_gojsonschemas() {
        let schema = json!({
            "required": ["x"],
            "properties": {
                "a": {"type": ["integer", "null"]},
                "b": {"enum": ["p", 1]},
                "c": {"items": {"maximum": 1_000_000}},
                "d": {"anyOf": [{"type": "string"}, {"required": ["ref"]}]},
                "e": {"$ref": "#/definitions/e"},
            },
            "definitions": {"e": {"additionalProperties": false}},
        });
        let values = json!({"a": "t", "b": 2, "c": [2_000_000.0], "d": {}, "e": {"q": 1}});
        assert_eq!(
            complaints(schema, values),
            "- (root): x is required\n\
             - a: Invalid type. Expected: [integer,null], given: string\n\
             - b: b must be one of the following: \"p\", 1\n\
             - c.0: Must be less than or equal to 1e+06\n\
             - d: Must validate at least one schema (anyOf)\n\
             - d: ref is required\n\
             - e: Additional property q is not allowed\n"
        );
    }

    #[test]
    fn a_valid_table_passes() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"n": {"type": "number", "multipleOf": 0.1}, "t": {"format": "ipv4"}},
        });
        let values = json!({"n": 0.3, "t": "10.0.0.1"});
        assert_eq!(
            check(schema.to_string().as_bytes(), values.as_object().unwrap(), None),
            Ok(())
        );
    }

    #[test]
    fn characters_that_yaml_has_not_are_told() {
        let values = json!({"a": "\u{fffe}"});
        assert_eq!(
            complaints(json!({"required": ["x"]}), values),
            "yaml: control characters are not allowed\n"
        );
    }

    #[test]
    fn a_reference_to_itself_ends() {
        let schema = json!({"$ref": "#"});
        assert!(
            check(
                schema.to_string().as_bytes(),
                json!({"a": 1}).as_object().unwrap(),
                None
            )
            .is_err()
        );
    }
}
