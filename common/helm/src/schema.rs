//! `values.schema.json`: values are checked before anything is rendered.

use serde_json::Value;

use crate::chart::Chart;
use crate::error::RenderFailure;
use crate::values::Values;

/// Checks the values of a chart and its sub-charts against their schemas.
pub(crate) fn validate(chart: &Chart, values: &Values) -> Result<(), RenderFailure> {
    let mut text = String::new();
    collect(chart, values, &mut text);
    if text.is_empty() {
        Ok(())
    } else {
        Err(RenderFailure::Schema(text))
    }
}

fn collect(chart: &Chart, values: &Values, text: &mut String) {
    if let Some(schema) = &chart.schema {
        let complaints = check(schema, values);
        if !complaints.is_empty() {
            text.push_str(&format!("{}:\n", chart.name()));
            for complaint in complaints {
                text.push_str(&format!("- {complaint}\n"));
            }
        }
    }
    for sub in &chart.dependencies {
        if let Some(Value::Object(own)) = values.get(sub.name()) {
            collect(sub, own, text);
        }
    }
}

fn check(schema: &[u8], values: &Values) -> Vec<String> {
    let schema: Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(err) => return vec![format!("unable to validate schema: {err}")],
    };
    let validator = match jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&schema)
    {
        Ok(validator) => validator,
        Err(err) => return vec![format!("unable to validate schema: {err}")],
    };
    let values = Value::Object(values.clone());
    validator
        .iter_errors(&values)
        .map(|err| complaint(&err.instance_path().to_string(), &err.to_string()))
        .collect()
}

/// `(root): message` or `a.b: message`, the form of Helm's validator.
fn complaint(pointer: &str, message: &str) -> String {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    let path = if path.is_empty() {
        "(root)".to_owned()
    } else {
        path
    };
    format!("{path}: {message}")
}
