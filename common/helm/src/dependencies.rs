//! Which sub-charts take part, under which names, and what values a chart takes over from them, as
//! `pkg/chartutil/dependencies.go` of Helm 3.17 decides it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::chart::{Chart, Dependency, Standing};
use crate::error::{ChartError, RenderFailure};
use crate::values::{self, Nulls, Values, Warn};
use crate::version;

/// Applies aliases, drops disabled sub-charts and imports values; the chart's values then hold its
/// sub-charts' defaults as well.
pub(crate) fn process(chart: &mut Chart, user: &Values, warn: Warn<'_>) -> Result<(), RenderFailure> {
    let root = chart.name().to_owned();
    place(chart, root);
    enable(chart, user, "", &mut Shared::default(), warn)?;
    import_recursively(chart, &mut Shared::default(), warn)
}

/// Charts whose entries under `dependencies` have been worked on. Copies of one chart under several aliases share
/// those entries in Helm: the second copy finds them as the first has left them.
#[derive(Default)]
struct Shared(BTreeSet<String>);

impl Shared {
    /// Whether this is the first copy.
    fn is_first(&mut self, chart: &Chart) -> bool {
        self.0
            .insert(format!("{}@{}", chart.standing.loaded, chart.version()))
    }
}

/// Says of each chart of the tree where it stands.
fn place(chart: &mut Chart, path: String) {
    for sub in &mut chart.dependencies {
        place(sub, format!("{path}/charts/{}", sub.name()));
    }
    chart.standing = Standing {
        loaded: path.clone(),
        path,
        copied: false,
    };
}

/// Charts in a chart that names no dependencies stay where they were loaded if that chart is a copy, and go where it
/// went if it is not.
fn follow(chart: &mut Chart) {
    let standing = &chart.standing;
    let path = if standing.copied {
        &standing.loaded
    } else {
        &standing.path
    };
    for sub in &mut chart.dependencies {
        sub.standing.path = format!("{path}/charts/{}", sub.name());
        follow(sub);
    }
}

/// Every dependency of `Chart.yaml` must be in `charts/` (`pkg/action/install.go`, CheckDependencies).
pub(crate) fn check(chart: &Chart) -> Result<(), ChartError> {
    let missing: Vec<&str> = chart
        .metadata
        .dependencies
        .iter()
        .map(|wanted| wanted.name.as_str())
        .filter(|name| !chart.dependencies.iter().any(|sub| sub.name() == *name))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(ChartError::MissingDependencies(missing.join(", ")))
    }
}

fn enable(
    chart: &mut Chart,
    user: &Values,
    path: &str,
    shared: &mut Shared,
    warn: Warn<'_>,
) -> Result<(), RenderFailure> {
    if chart.metadata.dependencies.is_empty() {
        follow(chart);
        return Ok(());
    }
    if !shared.is_first(chart) {
        for wanted in &mut chart.metadata.dependencies {
            if !wanted.alias.is_empty() {
                wanted.name.clone_from(&wanted.alias);
            }
        }
    }
    chart.dependencies = named(chart);
    for sub in &mut chart.dependencies {
        sub.standing.path = format!("{}/charts/{}", chart.standing.path, sub.name());
    }
    for wanted in &mut chart.metadata.dependencies {
        if !wanted.alias.is_empty() {
            wanted.name.clone_from(&wanted.alias);
        }
        wanted.enabled = true;
    }
    let coalesced = values::coalesce(chart, user, warn)?;
    by_tags(&mut chart.metadata.dependencies, &coalesced, warn);
    by_conditions(&mut chart.metadata.dependencies, &coalesced, path, warn);
    let disabled: Vec<String> = chart
        .metadata
        .dependencies
        .iter()
        .filter(|d| !d.enabled)
        .map(|d| d.name.clone())
        .collect();
    chart
        .dependencies
        .retain(|sub| !disabled.iter().any(|name| name == sub.name()));
    chart
        .metadata
        .dependencies
        .retain(|wanted| !disabled.contains(&wanted.name));
    for sub in &mut chart.dependencies {
        let sub_path = format!("{path}{}.", sub.name());
        enable(sub, &coalesced, &sub_path, shared, warn)?;
    }
    Ok(())
}

/// The sub-charts: first those that `Chart.yaml` does not mention, then those that it does, under their
/// aliases and as often as it names them.
fn named(chart: &Chart) -> Vec<Chart> {
    let fits = |sub: &Chart, wanted: &Dependency| {
        sub.name() == wanted.name && version::compatible(&wanted.version, sub.version())
    };
    let wanted = &chart.metadata.dependencies;
    let mut subs: Vec<Chart> = chart
        .dependencies
        .iter()
        .filter(|sub| !wanted.iter().any(|w| fits(sub, w)))
        .cloned()
        .collect();
    for wanted in wanted {
        if let Some(sub) = chart.dependencies.iter().find(|sub| fits(sub, wanted)) {
            let mut sub = sub.clone();
            if !wanted.alias.is_empty() {
                sub.metadata.name.clone_from(&wanted.alias);
            }
            sub.standing.copied = true;
            subs.push(sub);
        }
    }
    subs
}

fn by_tags(dependencies: &mut [Dependency], values: &Values, warn: Warn<'_>) {
    let Ok(tags) = values::table(values, "tags") else {
        return;
    };
    for dependency in dependencies {
        let mut set = Vec::new();
        for tag in &dependency.tags {
            match tags.get(tag).map(Value::as_bool) {
                Some(Some(value)) => set.push(value),
                Some(None) => warn(&format!(
                    "dependencies.go:94: Warning: Tag '{tag}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
        dependency.enabled = set.is_empty() || set.contains(&true);
    }
}

fn by_conditions(dependencies: &mut [Dependency], values: &Values, path: &str, warn: Warn<'_>) {
    for dependency in dependencies {
        let conditions = dependency.condition.trim().split(',');
        for condition in conditions.filter(|condition| !condition.is_empty()) {
            match values::path_value(values, &format!("{path}{condition}")).map(Value::as_bool) {
                Some(Some(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(None) => warn(&format!(
                    "dependencies.go:63: Warning: Condition path '{condition}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
    }
}

fn import_recursively(chart: &mut Chart, shared: &mut Shared, warn: Warn<'_>) -> Result<(), RenderFailure> {
    for sub in &mut chart.dependencies {
        import_recursively(sub, shared, warn)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    if !shared.is_first(chart) {
        let dependencies = &mut chart.metadata.dependencies;
        dependencies
            .iter_mut()
            .for_each(|entry| entry.import_values.clear());
    }
    let mut all = values::merge(chart, &Map::new(), warn)?;
    let mut imported = Map::new();
    for dependency in &mut chart.metadata.dependencies {
        for import in &mut dependency.import_values {
            let (child, parent) = match &*import {
                Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                Value::Object(pair) => {
                    let text = |key| {
                        pair.get(key)
                            .and_then(Value::as_str)
                            .unwrap_or_default()
                            .to_owned()
                    };
                    (text("child"), text("parent"))
                }
                _ => continue,
            };
            match values::table(&all, &format!("{}.{child}", dependency.name)) {
                Ok(table) => {
                    let table = nested(&parent, table.clone());
                    values::coalesce_tables(&mut imported, &table, "", Nulls::Keep, warn);
                }
                Err(part) => {
                    let said = match &*import {
                        Value::String(_) => {
                            "dependencies.go:286: Warning: ImportValues missing table".to_owned()
                        }
                        _ => format!(
                            "dependencies.go:269: Warning: ImportValues missing table from chart {}",
                            dependency.name
                        ),
                    };
                    warn(&format!(
                        "{said}: {} is not a table",
                        helm_template::go_quote(part)
                    ));
                }
            }
            *import = json!({"child": child, "parent": parent});
        }
    }
    values::coalesce_tables(&mut all, &imported, "", Nulls::Keep, warn);
    chart.values = all;
    Ok(())
}

/// `table` at a dotted path; `.` is the top.
fn nested(path: &str, table: Values) -> Values {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| {
        Map::from_iter([(key.to_owned(), Value::Object(inner))])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(files: &[(&str, &str)]) -> Chart {
        Chart::from_files(files.iter().map(|(name, data)| (*name, *data))).unwrap()
    }

    fn parent(dependencies: &str, values: &str) -> Chart {
        let yaml = format!("apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n{dependencies}");
        chart(&[
            ("Chart.yaml", &yaml),
            ("values.yaml", values),
            ("charts/a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.2.0\n"),
            (
                "charts/a/values.yaml",
                "v: 1\nexports: {data: {imported: yes-a}}\ninner: {k: 1}\n",
            ),
            ("charts/b/Chart.yaml", "apiVersion: v2\nname: b\nversion: 2.0.0\n"),
        ])
    }

    fn names(chart: &Chart) -> Vec<&str> {
        chart.dependencies.iter().map(Chart::name).collect()
    }

    #[test]
    fn conditions_and_tags() {
        let dependencies = "- {name: a, version: 1.x, condition: 'x.z,a.enabled', tags: [t]}\n- {name: b, version: '>=2', tags: [t, u]}\n";
        for (values, expected) in [
            ("{}", vec!["a", "b"]),
            ("a: {enabled: false}", vec!["b"]),
            ("a: {enabled: 'false'}", vec!["a", "b"]),
            ("x: {z: true}\na: {enabled: false}", vec!["a", "b"]),
            ("tags: {t: false}", vec![]),
            ("tags: {t: false, u: true}", vec!["b"]),
            ("tags: {t: false}\na: {enabled: true}", vec!["a"]),
        ] {
            let mut chart = parent(dependencies, values);
            process(&mut chart, &Map::new(), &|_| ()).unwrap();
            assert_eq!(names(&chart), expected, "{values}");
            assert_eq!(chart.metadata.dependencies.len(), expected.len());
        }
    }

    #[test]
    fn alias_makes_copies_and_strays_come_first() {
        let mut chart = parent(
            "- {name: a, version: 1.x, alias: one}\n- {name: a, version: 1.x, alias: two}\n",
            "one: {v: 5}",
        );
        process(&mut chart, &Map::new(), &|_| ()).unwrap();
        assert_eq!(names(&chart), ["b", "one", "two"]);
        assert_eq!(chart.values["one"]["v"], json!(5));
        assert_eq!(chart.values["two"]["v"], json!(1));
        assert_eq!(chart.metadata.dependencies[0].name, "one");
    }

    #[test]
    fn copies_share_what_they_were_made_of() {
        let child = "apiVersion: v2\nname: child\nversion: 1.0.0\n";
        let wanting =
            format!("{child}dependencies: [{{name: g, version: 1.x, alias: h, import-values: [data]}}]\n");
        let parent = "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n- {name: child, version: 1.x, alias: one}\n- {name: child, version: 1.x, alias: two}\n";
        let processed = |child: &str| {
            let mut chart = chart(&[
                ("Chart.yaml", parent),
                ("charts/child/Chart.yaml", child),
                (
                    "charts/child/charts/g/Chart.yaml",
                    "apiVersion: v2\nname: g\nversion: 1.0.0\n",
                ),
                (
                    "charts/child/charts/g/values.yaml",
                    "exports: {data: {imported: 1}}\n",
                ),
            ]);
            process(&mut chart, &Map::new(), &|_| ()).unwrap();
            chart
        };
        let grandchildren = |chart: &Chart| -> Vec<String> {
            let subs = chart.dependencies.iter().flat_map(|sub| &sub.dependencies);
            subs.map(|sub| sub.standing.path.clone()).collect()
        };
        let loose = processed(child);
        assert_eq!(grandchildren(&loose), ["p/charts/child/charts/g"; 2]);
        let bound = processed(&wanting);
        assert_eq!(
            grandchildren(&bound),
            ["p/charts/one/charts/h", "p/charts/two/charts/g"]
        );
        assert_eq!(bound.values["one"]["imported"], json!(1));
        assert_eq!(bound.values["two"].get("imported"), None);
    }

    #[test]
    fn imports() {
        let mut chart = parent(
            "- {name: a, version: 1.x, import-values: [data, {child: inner, parent: deep.er}]}\n",
            "imported: mine\n",
        );
        process(&mut chart, &Map::new(), &|_| ()).unwrap();
        // What the parent sets itself wins.
        assert_eq!(chart.values["imported"], json!("mine"));
        assert_eq!(chart.values["deep"]["er"], json!({"k": 1}));
    }

    #[test]
    fn missing_ones_are_named() {
        let chart = parent("- {name: zz, version: '1', repository: ''}\n", "{}");
        assert_eq!(
            check(&chart).unwrap_err().to_string(),
            "found in Chart.yaml, but missing in charts/ directory: zz"
        );
    }
}
