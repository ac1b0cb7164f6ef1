//! Which methods there are, and how arguments reach them by Python's rules.

use serde_json::{Map, Value};

use crate::exception::MagnumError;

/// Whether a method belongs to the class or to an object of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Class,
    Object,
}

/// A remotable method.
#[derive(Debug)]
pub(super) struct Method {
    pub class: &'static str,
    pub name: &'static str,
    pub target: Target,
    /// Whether it writes.
    pub writes: bool,
    /// Parameters after the context; those that may be left out end in `?`.
    params: &'static [&'static str],
}

const fn read(class: &'static str, name: &'static str, params: &'static [&'static str]) -> Method {
    Method {
        class,
        name,
        target: Target::Class,
        writes: false,
        params,
    }
}

const fn change(class: &'static str, name: &'static str, params: &'static [&'static str]) -> Method {
    Method {
        class,
        name,
        target: Target::Class,
        writes: true,
        params,
    }
}

const fn on_object(class: &'static str, name: &'static str, writes: bool) -> Method {
    Method {
        class,
        name,
        target: Target::Object,
        writes,
        params: &[],
    }
}

const PAGE: &[&str] = &["limit?", "marker?", "sort_key?", "sort_dir?"];
const PAGE_FILTERS: &[&str] = &["limit?", "marker?", "sort_key?", "sort_dir?", "filters?"];

const METHODS: &[Method] = &[
    read("Cluster", "get", &["cluster_id"]),
    read("Cluster", "get_by_id", &["cluster_id"]),
    read("Cluster", "get_by_uuid", &["uuid"]),
    read("Cluster", "get_count_all", &["filters?"]),
    read("Cluster", "get_by_name", &["name"]),
    read("Cluster", "list", PAGE_FILTERS),
    read("Cluster", "get_stats", &["project_id?"]),
    on_object("Cluster", "create", true),
    on_object("Cluster", "destroy", true),
    on_object("Cluster", "save", true),
    on_object("Cluster", "refresh", false),
    read("ClusterTemplate", "get", &["cluster_template_id"]),
    read("ClusterTemplate", "get_by_id", &["cluster_template_id"]),
    read("ClusterTemplate", "get_by_uuid", &["uuid"]),
    read("ClusterTemplate", "get_by_name", &["name"]),
    read("ClusterTemplate", "list", PAGE),
    on_object("ClusterTemplate", "create", true),
    on_object("ClusterTemplate", "destroy", true),
    on_object("ClusterTemplate", "save", true),
    on_object("ClusterTemplate", "refresh", false),
    read("NodeGroup", "get", &["cluster_id", "nodegroup_id"]),
    read("NodeGroup", "get_by_id", &["cluster", "id_"]),
    read("NodeGroup", "get_by_uuid", &["cluster", "uuid"]),
    read("NodeGroup", "get_by_name", &["cluster", "name"]),
    read("NodeGroup", "get_count_all", &["cluster_id"]),
    read(
        "NodeGroup",
        "list",
        &[
            "cluster_id",
            "limit?",
            "marker?",
            "sort_key?",
            "sort_dir?",
            "filters?",
        ],
    ),
    change(
        "NodeGroup",
        "update_nodegroup",
        &["cluster_id", "nodegroup_id", "values"],
    ),
    on_object("NodeGroup", "create", true),
    on_object("NodeGroup", "destroy", true),
    on_object("NodeGroup", "save", true),
    on_object("NodeGroup", "refresh", false),
    read("X509KeyPair", "get", &["x509keypair_id"]),
    read("X509KeyPair", "get_by_id", &["x509keypair_id"]),
    read("X509KeyPair", "get_by_uuid", &["uuid"]),
    read("X509KeyPair", "list", PAGE_FILTERS),
    on_object("X509KeyPair", "create", true),
    on_object("X509KeyPair", "destroy", true),
    on_object("X509KeyPair", "save", true),
    on_object("X509KeyPair", "refresh", false),
    read("MagnumService", "get_by_host_and_binary", &["host", "binary"]),
    read("MagnumService", "list", PAGE),
    on_object("MagnumService", "create", true),
    on_object("MagnumService", "destroy", true),
    on_object("MagnumService", "save", true),
    on_object("MagnumService", "report_state_up", true),
    read(
        "Quota",
        "get_quota_by_project_id_resource",
        &["project_id", "resource"],
    ),
    read("Quota", "get_by_id", &["quota_id"]),
    read("Quota", "list", PAGE_FILTERS),
    read("Quota", "quota_get_all_by_project_id", &["project_id"]),
    change("Quota", "update_quota", &["project_id", "quota"]),
    on_object("Quota", "create", true),
    on_object("Quota", "delete", true),
    read("Federation", "get", &["federation_id"]),
    read("Federation", "get_by_id", &["federation_id"]),
    read("Federation", "get_by_uuid", &["uuid"]),
    read("Federation", "get_count_all", &["filters?"]),
    read("Federation", "get_by_name", &["name"]),
    read("Federation", "list", PAGE_FILTERS),
    on_object("Federation", "create", true),
    on_object("Federation", "destroy", true),
    on_object("Federation", "save", true),
    on_object("Federation", "refresh", false),
    read("Stats", "get_cluster_stats", &["project_id?"]),
];

/// The method of that name, if it is remotable.
pub(super) fn find(class: &str, name: &str, target: Target) -> Option<&'static Method> {
    METHODS
        .iter()
        .find(|method| method.class == class && method.name == name && method.target == target)
}

/// Arguments by parameter name; what was left out is null.
#[derive(Debug, Default, Clone)]
pub(super) struct Bound(Map<String, Value>);

impl Bound {
    pub(super) fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).as_str()
    }
}

/// Binds positional and keyword arguments as Python does.
///
/// # Errors
/// `TypeError` with Python's text.
pub(super) fn bind(
    method: &Method,
    args: Vec<Value>,
    kwargs: Map<String, Value>,
) -> Result<Bound, MagnumError> {
    let function = format!("{}.{}()", method.class, method.name);
    let names: Vec<&str> = method
        .params
        .iter()
        .map(|param| param.trim_end_matches('?'))
        .collect();
    let mut bound = Map::new();
    let given = args.len();
    for (name, value) in names.iter().zip(args) {
        bound.insert((*name).to_owned(), value);
    }
    for (name, value) in kwargs {
        if name == "context" || bound.contains_key(&name) {
            return Err(type_error(format!(
                "{function} got multiple values for argument '{name}'"
            )));
        }
        if !names.contains(&name.as_str()) {
            return Err(type_error(format!(
                "{function} got an unexpected keyword argument '{name}'"
            )));
        }
        bound.insert(name, value);
    }
    if given > names.len() {
        return Err(too_many(&function, method, given));
    }
    let required = method.params.iter().filter(|param| !param.ends_with('?'));
    let absent: Vec<&str> = required
        .filter(|name| !bound.contains_key(**name))
        .copied()
        .collect();
    if absent.is_empty() {
        Ok(Bound(bound))
    } else {
        Err(missing(&function, &absent))
    }
}

/// Counts include the class or object and the context, which objects may go without.
fn too_many(function: &str, method: &Method, given: usize) -> MagnumError {
    let most = method.params.len() + 2;
    let optional = method.params.iter().filter(|param| param.ends_with('?')).count();
    let least = most - optional - usize::from(method.target == Target::Object);
    let range = if least == most {
        most.to_string()
    } else {
        format!("from {least} to {most}")
    };
    type_error(format!(
        "{function} takes {range} positional arguments but {} were given",
        given + 2
    ))
}

pub(super) fn type_error(message: String) -> MagnumError {
    MagnumError::builtin("TypeError", message)
}

/// Python's complaint about arguments that were left out.
pub(super) fn missing(function: &str, names: &[&str]) -> MagnumError {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let list = match quoted.as_slice() {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        [] => String::new(),
    };
    let plural = if names.len() == 1 { "" } else { "s" };
    type_error(format!(
        "{function} missing {} required positional argument{plural}: {list}",
        names.len()
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::Registry;

    fn refusal(class: &str, name: &str, args: Value, kwargs: Value) -> String {
        let method = find(class, name, Target::Class)
            .or_else(|| find(class, name, Target::Object))
            .unwrap();
        let args = args.as_array().unwrap().clone();
        bind(method, args, kwargs.as_object().unwrap().clone())
            .unwrap_err()
            .message
    }

    #[test]
    fn there_are_63_methods_of_8_classes() {
        assert_eq!(METHODS.len(), 63);
        let mut classes: Vec<&str> = METHODS.iter().map(|method| method.class).collect();
        classes.dedup();
        assert_eq!(classes.len(), 8);
        assert!(
            classes
                .iter()
                .all(|class| Registry::newest().class(class).is_some())
        );
    }

    #[test]
    fn wrong_calls_get_pythons_words() {
        for (class, name, args, kwargs, words) in [
            (
                "Cluster",
                "get",
                json!([]),
                json!({}),
                "Cluster.get() missing 1 required positional argument: 'cluster_id'",
            ),
            (
                "NodeGroup",
                "get",
                json!([]),
                json!({}),
                "NodeGroup.get() missing 2 required positional arguments: 'cluster_id' and 'nodegroup_id'",
            ),
            (
                "NodeGroup",
                "update_nodegroup",
                json!([]),
                json!({}),
                "NodeGroup.update_nodegroup() missing 3 required positional arguments: 'cluster_id', 'nodegroup_id', and 'values'",
            ),
            (
                "Cluster",
                "get",
                json!([1, 2]),
                json!({}),
                "Cluster.get() takes 3 positional arguments but 4 were given",
            ),
            (
                "ClusterTemplate",
                "list",
                json!([1, 2, 3, 4, 5]),
                json!({}),
                "ClusterTemplate.list() takes from 2 to 6 positional arguments but 7 were given",
            ),
            (
                "Cluster",
                "save",
                json!([1]),
                json!({}),
                "Cluster.save() takes from 1 to 2 positional arguments but 3 were given",
            ),
            (
                "Cluster",
                "get",
                json!([1]),
                json!({"x": 1}),
                "Cluster.get() got an unexpected keyword argument 'x'",
            ),
            (
                "Cluster",
                "get",
                json!([1]),
                json!({"cluster_id": 1}),
                "Cluster.get() got multiple values for argument 'cluster_id'",
            ),
        ] {
            assert_eq!(refusal(class, name, args, kwargs), words);
        }
    }
}
