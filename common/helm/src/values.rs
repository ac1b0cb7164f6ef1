//! Values: how those of the user, of a chart and of its sub-charts become one, by the rules of
//! `pkg/chartutil/coalesce.go` of Helm 3.17.

use helm_template::{go_quote, go_value};
use serde_json::{Map, Value, map::Entry};

use crate::chart::Chart;
use crate::error::RenderFailure;

/// A table of values.
pub type Values = Map<String, Value>;

const GLOBAL: &str = "global";

/// What becomes of nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// A null deletes the key (Helm's coalesce).
    Delete,
    /// A null stays, because coalescing follows later (Helm's merge).
    Keep,
}

pub use crate::warn::Warn;

/// The user's values over the chart's defaults, with those of its sub-charts under their names.
///
/// Fails when something other than a table stands where a sub-chart's values belong.
pub fn coalesce(chart: &Chart, user: &Values, warn: Warn<'_>) -> Result<Values, RenderFailure> {
    let mut values = user.clone();
    coalesce_chart(chart, &mut values, "", Nulls::Delete, warn)?;
    Ok(values)
}

/// As [`coalesce`], keeping nulls.
pub(crate) fn merge(chart: &Chart, user: &Values, warn: Warn<'_>) -> Result<Values, RenderFailure> {
    let mut values = user.clone();
    coalesce_chart(chart, &mut values, "", Nulls::Keep, warn)?;
    Ok(values)
}

/// Merges values files as the command line does: tables merge, everything else replaces, null included.
pub fn overlay(base: &mut Values, over: Values) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Makes whole numbers floats, as values read from YAML or JSON are in Helm.
pub fn numbers_as_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(serde_json::Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numbers_as_floats),
        Value::Object(table) => table.values_mut().for_each(numbers_as_floats),
        _ => {}
    }
}

/// A dotted path, a part longer.
fn joined(path: &str, part: &str) -> String {
    if path.is_empty() {
        part.to_owned()
    } else {
        format!("{path}.{part}")
    }
}

fn coalesce_chart(
    chart: &Chart,
    dest: &mut Values,
    path: &str,
    nulls: Nulls,
    warn: Warn<'_>,
) -> Result<(), RenderFailure> {
    let path = &joined(path, chart.name());
    coalesce_defaults(chart, dest, path, nulls, warn);
    for sub in &chart.dependencies {
        let globals = dest.get(GLOBAL).cloned();
        let own = match dest.entry(sub.name().to_owned()) {
            Entry::Vacant(entry) => entry.insert(Value::Object(Map::new())),
            Entry::Occupied(entry) => entry.into_mut(),
        };
        let Value::Object(table) = own else {
            let found = go_bool_verb(own);
            return Err(RenderFailure::Values(format!(
                "type mismatch on {}: {found}",
                sub.name()
            )));
        };
        coalesce_globals(table, globals, path, warn);
        coalesce_chart(sub, table, path, nulls, warn)?;
        let seen_by_sub = table.get(GLOBAL).cloned();
        share_globals(dest, seen_by_sub);
    }
    Ok(())
}

/// A sub-chart has a copy of each global table, but what stands in that table is the parent's own: what the
/// sub-chart's defaults add below, the parent and the sub-charts that follow see too.
fn share_globals(parent: &mut Values, seen_by_sub: Option<Value>) {
    let (Some(Value::Object(globals)), Some(Value::Object(seen))) = (parent.get_mut(GLOBAL), seen_by_sub)
    else {
        return;
    };
    for (key, table) in globals {
        let (Value::Object(table), Some(Value::Object(seen))) = (table, seen.get(key)) else {
            continue;
        };
        for (name, value) in table {
            if let (Value::Object(_), Some(Value::Object(shared))) = (&value, seen.get(name)) {
                *value = Value::Object(shared.clone());
            }
        }
    }
}

/// Helm prints the misplaced value with Go's `%t`, meant for bools.
fn go_bool_verb(value: &Value) -> String {
    // A nil in a list or table is no misplaced value.
    let inside = |value: &Value| match value {
        Value::Null => "<nil>".to_owned(),
        value => go_bool_verb(value),
    };
    match value {
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => format!("%!t(float64={})", helm_template::go_value(&n.as_f64().into())),
        Value::String(s) => format!("%!t(string={s})"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inside).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(table) => {
            let mut names: Vec<&String> = table.keys().collect();
            names.sort();
            let entries = names
                .iter()
                .map(|name| format!("%!t(string={name}):{}", inside(&table[*name])));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

/// Copies the globals of the parent over those of the sub-chart.
fn coalesce_globals(dest: &mut Values, parent: Option<Value>, path: &str, warn: Warn<'_>) {
    if dest.get(GLOBAL).is_some_and(|own| !own.is_object()) {
        warn("coalesce.go:138: warning: skipping globals because destination global is not a table.");
        return;
    }
    let source = match parent {
        None => Map::new(),
        Some(Value::Object(table)) => table,
        Some(_) => {
            warn("coalesce.go:145: warning: skipping globals because source global is not a table.");
            return;
        }
    };
    let Value::Object(own) = dest.entry(GLOBAL).or_insert_with(|| Value::Object(Map::new())) else {
        return;
    };
    for (key, value) in source {
        match (own.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(mut above)) => {
                coalesce_tables(&mut above, below, &joined(path, &key), Nulls::Keep, warn);
                *below = above;
            }
            (Some(_), Value::Object(_)) => warn(&format!(
                "coalesce.go:161: Conflict: cannot merge map onto non-map for {}. Skipping.",
                go_quote(&key)
            )),
            (Some(Value::Object(_)), _) => {
                warn(&format!("coalesce.go:175: key {key} is table. Skipping"));
            }
            (_, value) => {
                own.insert(key, value);
            }
        }
    }
}

fn coalesce_defaults(chart: &Chart, dest: &mut Values, path: &str, nulls: Nulls, warn: Warn<'_>) {
    for (key, default) in &chart.values {
        match (dest.get_mut(key), default) {
            (None, default) => {
                dest.insert(key.clone(), default.clone());
            }
            (Some(Value::Null), _) if nulls == Nulls::Delete => {
                dest.shift_remove(key);
            }
            (Some(Value::Object(table)), Value::Object(default)) => {
                // A sub-chart's own coalescing follows and deletes what its nulls name.
                let is_sub_chart = chart.dependencies.iter().any(|sub| sub.name() == key);
                let nulls = if is_sub_chart { Nulls::Keep } else { nulls };
                coalesce_tables(table, default, &joined(path, key), nulls, warn);
            }
            (Some(Value::Object(_)), default) if !default.is_null() => warn(&format!(
                "coalesce.go:237: warning: skipped value for {path}.{key}: Not a table."
            )),
            _ => {}
        }
    }
}

/// Puts `source` under `dest`: what `dest` has wins.
pub(crate) fn coalesce_tables(dest: &mut Values, source: &Values, path: &str, nulls: Nulls, warn: Warn<'_>) {
    for (key, value) in source {
        let path = || joined(path, key);
        match (dest.get_mut(key), value) {
            (None, value) => {
                dest.insert(key.clone(), value.clone());
            }
            (Some(Value::Null), _) if nulls == Nulls::Delete => {
                dest.shift_remove(key);
            }
            (Some(Value::Object(dest)), Value::Object(source)) => {
                coalesce_tables(dest, source, &path(), nulls, warn);
            }
            (Some(_), Value::Object(_)) => warn(&format!(
                "coalesce.go:298: warning: cannot overwrite table with non table for {} ({})",
                path(),
                go_value(value)
            )),
            (Some(Value::Object(_)), value) if !value.is_null() => warn(&format!(
                "coalesce.go:301: warning: destination for {} is a table. Ignoring non-table value ({})",
                path(),
                go_value(value)
            )),
            _ => {}
        }
    }
}

/// The value at a dotted path, as Helm's `Values.PathValue`: tables are no values.
pub(crate) fn path_value<'v>(values: &'v Values, path: &str) -> Option<&'v Value> {
    let (table, key) = match path.rsplit_once('.') {
        None => (values, path),
        Some((table_path, key)) => (table(values, table_path).ok()?, key),
    };
    table.get(key).filter(|value| !value.is_object())
}

/// The table at a dotted path, or the part of it that is none.
pub(crate) fn table<'v, 'p>(values: &'v Values, path: &'p str) -> Result<&'v Values, &'p str> {
    let below = |table: &'v Values, key| table.get(key)?.as_object();
    path.split('.')
        .try_fold(values, |table, key| below(table, key).ok_or(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chart(name: &str, values: Value, dependencies: Vec<Chart>) -> Chart {
        let yaml = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        let mut chart = Chart::from_files([("Chart.yaml", yaml)]).unwrap();
        chart.values = values.as_object().unwrap().clone();
        chart.dependencies = dependencies;
        chart
    }

    fn coalesced(chart: &Chart, user: Value) -> Value {
        Value::Object(coalesce(chart, user.as_object().unwrap(), &|_| ()).unwrap())
    }

    #[test]
    fn user_values_win_and_null_deletes() {
        let chart = chart(
            "c",
            json!({"a": 1, "b": {"x": 1, "y": 2}, "c": [1], "d": {"k": 1}, "n": null}),
            vec![],
        );
        let user = json!({"a": 2, "b": {"x": null, "z": 3}, "c": [], "d": "text"});
        let expected = json!({"a": 2, "b": {"z": 3, "y": 2}, "c": [], "d": "text", "n": null});
        assert_eq!(coalesced(&chart, user), expected);
        assert_eq!(coalesced(&chart, json!({"b": null, "n": null}))["a"], json!(1));
        assert_eq!(coalesced(&chart, json!({"b": null})).get("b"), None);
    }

    /// Seen in a chart of sapcc/helm-charts, whose templates fail with helm.
    #[test]
    fn a_sub_chart_has_no_globals_where_its_parents_are_null() {
        let grand = chart("grand", json!({"global": {"g": 1}}), vec![]);
        let parent = chart(
            "p",
            json!({"global": null}),
            vec![chart("sub", json!({"a": 1}), vec![grand])],
        );
        let values = coalesced(&parent, json!({}));
        assert_eq!(
            values,
            json!({"global": null, "sub": {"a": 1, "grand": {"global": {"g": 1}}}})
        );
    }

    #[test]
    fn sub_charts_take_the_parents_values_and_globals() {
        let sub = chart(
            "sub",
            json!({"own": 1, "over": 1, "global": {"g": "sub", "t": {"a": 1}}}),
            vec![],
        );
        let parent = chart(
            "p",
            json!({"global": {"g": "p", "t": {"b": 2}}, "sub": {"over": 2}}),
            vec![sub],
        );
        let values = coalesced(&parent, json!({"sub": {"own": null}}));
        assert_eq!(
            values["sub"],
            json!({"over": 2, "global": {"g": "p", "t": {"b": 2, "a": 1}}})
        );
        assert_eq!(values["global"], json!({"g": "p", "t": {"b": 2}}));
    }

    #[test]
    fn a_sub_charts_values_must_be_a_table() {
        let parent = chart("p", json!({}), vec![chart("addons", json!({}), vec![])]);
        let err = coalesce(&parent, json!({"addons": "x"}).as_object().unwrap(), &|_| ()).unwrap_err();
        assert_eq!(err.to_string(), "type mismatch on addons: %!t(string=x)");
        let err = coalesce(&parent, json!({"addons": null}).as_object().unwrap(), &|_| ()).unwrap_err();
        assert_eq!(err.to_string(), "type mismatch on addons: %!t(<nil>)");
        let inner = json!({"addons": [null, {"a": null}]});
        let err = coalesce(&parent, inner.as_object().unwrap(), &|_| ()).unwrap_err();
        assert_eq!(
            err.to_string(),
            "type mismatch on addons: [<nil> map[%!t(string=a):<nil>]]"
        );
    }

    #[test]
    fn what_is_passed_over_is_told() {
        let sub = chart(
            "sub",
            json!({"t": {"u": {"v": 1.0}}, "n": 1.5, "global": {"g": {"x": 1}}}),
            vec![],
        );
        let parent = chart(
            "p",
            json!({"l": [1.0, "x", null], "d": {"e": {"f": 1}}, "q": "text"}),
            vec![sub],
        );
        let user = json!({
            "l": {}, "d": {"e": 1}, "q": {"a": 1}, "sub": {"t": {"u": 2}, "n": {}, "global": {"g": 1}},
            "global": {"g": {"y": 1}},
        });
        let told = std::cell::RefCell::new(Vec::new());
        let warn = |text: &str| told.borrow_mut().push(text.to_owned());
        coalesce(&parent, user.as_object().unwrap(), &warn).unwrap();
        assert_eq!(
            told.into_inner(),
            [
                "coalesce.go:237: warning: skipped value for p.l: Not a table.",
                "coalesce.go:298: warning: cannot overwrite table with non table for p.d.e (map[f:1])",
                "coalesce.go:237: warning: skipped value for p.q: Not a table.",
                "coalesce.go:161: Conflict: cannot merge map onto non-map for \"g\". Skipping.",
                "coalesce.go:298: warning: cannot overwrite table with non table for p.sub.t.u (map[v:1])",
                "coalesce.go:237: warning: skipped value for p.sub.n: Not a table.",
                "coalesce.go:298: warning: cannot overwrite table with non table for p.sub.global.g (map[x:1])",
            ]
        );
    }

    #[test]
    fn values_files_replace_even_with_null() {
        let mut base = json!({"a": {"b": 1, "c": 2}, "l": [1]})
            .as_object()
            .unwrap()
            .clone();
        overlay(
            &mut base,
            json!({"a": {"b": null}, "l": [2]}).as_object().unwrap().clone(),
        );
        assert_eq!(Value::Object(base), json!({"a": {"b": null, "c": 2}, "l": [2]}));
    }
}
