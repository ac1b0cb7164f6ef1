//! The objects a template finds at `$`: `.Chart`, `.Release`, `.Capabilities`.

use crate::files::Files;
use crate::native::{Field, Native, Struct};
use crate::value::{Elem, Entries, MapKind, Value};
use crate::{Capabilities, ReleaseInfo, RenderChart};
use serde_json::Value as Json;

pub(crate) fn release(release: &ReleaseInfo) -> Value {
    Value::map(Entries::from([
        ("Name".into(), Value::str(release.name.as_str())),
        ("Namespace".into(), Value::str(release.namespace.as_str())),
        ("IsUpgrade".into(), Value::Bool(release.is_upgrade)),
        ("IsInstall".into(), Value::Bool(release.is_install)),
        ("Revision".into(), Value::int(release.revision)),
        ("Service".into(), Value::str(release.service.as_str())),
    ]))
}

fn field(name: &'static str, json: &'static str, value: Value) -> Field {
    Field {
        name,
        json,
        omit_empty: true,
        value,
    }
}

fn plain(name: &'static str, value: Value) -> Field {
    Field {
        name,
        json: name,
        omit_empty: false,
        value,
    }
}

fn structure(type_name: &'static str, pointer: bool, fields: Vec<Field>) -> Value {
    Native::Struct(Struct {
        type_name,
        pointer,
        fields,
    })
    .into_value()
}

pub(crate) fn capabilities(capabilities: &Capabilities) -> Value {
    let kube = &capabilities.kube_version;
    let kube = structure(
        "chartutil.KubeVersion",
        false,
        vec![
            plain("Version", Value::str(kube.version.as_str())),
            plain("Major", Value::str(kube.major.as_str())),
            plain("Minor", Value::str(kube.minor.as_str())),
        ],
    );
    // What the official build of that version says of itself.
    let official = capabilities.helm_version == "v3.17.3";
    let build = |text| Value::str(if official { text } else { "" });
    let helm = structure(
        "version.BuildInfo",
        false,
        vec![
            field(
                "Version",
                "version",
                Value::str(capabilities.helm_version.as_str()),
            ),
            field(
                "GitCommit",
                "git_commit",
                build("e4da49785aa6e6ee2b86efd5dd9e43400318262b"),
            ),
            field("GitTreeState", "git_tree_state", build("clean")),
            field("GoVersion", "go_version", build("go1.23.7")),
        ],
    );
    let versions = Native::ApiVersions(capabilities.api_versions.clone()).into_value();
    structure(
        "chartutil.Capabilities",
        true,
        vec![
            plain("KubeVersion", kube),
            plain("APIVersions", versions),
            plain("HelmVersion", helm),
        ],
    )
}

pub(crate) fn files(chart: &RenderChart) -> Value {
    let files = chart
        .files
        .iter()
        .map(|(name, data)| (name.clone(), data.clone()));
    Native::Files(Files::new(files)).into_value()
}

fn text(json: &Json, key: &str) -> Value {
    match json.get(key) {
        Some(Json::String(text)) => Value::str(text.as_str()),
        // Chart.yaml is read into strings: numbers and booleans become text.
        Some(Json::Number(number)) => Value::str(number.to_string()),
        Some(Json::Bool(value)) => Value::str(value.to_string()),
        _ => Value::str(""),
    }
}

fn flag(json: &Json, key: &str) -> Value {
    Value::Bool(json.get(key).and_then(Json::as_bool).unwrap_or(false))
}

fn texts(json: &Json, key: &str) -> Value {
    match json.get(key).and_then(Json::as_array) {
        Some(items) => Value::strings(items.iter().filter_map(Json::as_str)),
        None => Value::nil_list(Elem::Str),
    }
}

fn structs(json: &Json, key: &str, type_name: &'static str, make: impl Fn(&Json) -> Vec<Field>) -> Value {
    let items = json
        .get(key)
        .and_then(Json::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let elem = if type_name == "chart.Maintainer" {
        "*chart.Maintainer"
    } else {
        "*chart.Dependency"
    };
    if items.is_empty() {
        return Value::nil_list(Elem::Struct(elem));
    }
    Value::typed_list(
        Elem::Struct(elem),
        items
            .iter()
            .map(|item| structure(type_name, true, make(item)))
            .collect(),
    )
}

/// `.Chart`: the metadata of Chart.yaml under Go's field names, and `IsRoot`.
pub(crate) fn chart(chart: &RenderChart, is_root: bool) -> Value {
    let meta = &chart.metadata;
    let annotations = match meta.get("annotations") {
        Some(Json::Object(map)) => {
            let texts = map
                .keys()
                .map(|key| (key.as_str().into(), text(&meta["annotations"], key)));
            Value::map_of(MapKind::Str, texts.collect())
        }
        _ => Value::map_of(MapKind::NilStr, Entries::new()),
    };
    let name = match text(meta, "name") {
        Value::Str(name) if name.is_empty() => Value::str(chart.name.as_str()),
        name => name,
    };
    let maintainer = |m: &Json| {
        vec![
            field("Name", "name", text(m, "name")),
            field("Email", "email", text(m, "email")),
            field("URL", "url", text(m, "url")),
        ]
    };
    let dependency = |d: &Json| {
        vec![
            Field {
                omit_empty: false,
                ..field("Name", "name", text(d, "name"))
            },
            field("Version", "version", text(d, "version")),
            Field {
                omit_empty: false,
                ..field("Repository", "repository", text(d, "repository"))
            },
            field("Condition", "condition", text(d, "condition")),
            field("Tags", "tags", texts(d, "tags")),
            field("Enabled", "enabled", flag(d, "enabled")),
            field(
                "ImportValues",
                "import-values",
                match d.get("import-values") {
                    Some(Json::Array(items)) => Value::from_json(&Json::Array(items.clone())),
                    _ => Value::nil_list(Elem::Any),
                },
            ),
            field("Alias", "alias", text(d, "alias")),
        ]
    };
    structure(
        "struct { chart.Metadata; IsRoot bool }",
        false,
        vec![
            field("Name", "name", name),
            field("Home", "home", text(meta, "home")),
            field("Sources", "sources", texts(meta, "sources")),
            field("Version", "version", text(meta, "version")),
            field("Description", "description", text(meta, "description")),
            field("Keywords", "keywords", texts(meta, "keywords")),
            field(
                "Maintainers",
                "maintainers",
                structs(meta, "maintainers", "chart.Maintainer", maintainer),
            ),
            field("Icon", "icon", text(meta, "icon")),
            field("APIVersion", "apiVersion", text(meta, "apiVersion")),
            field("Condition", "condition", text(meta, "condition")),
            field("Tags", "tags", text(meta, "tags")),
            field("AppVersion", "appVersion", text(meta, "appVersion")),
            field("Deprecated", "deprecated", flag(meta, "deprecated")),
            field("Annotations", "annotations", annotations),
            field("KubeVersion", "kubeVersion", text(meta, "kubeVersion")),
            field(
                "Dependencies",
                "dependencies",
                structs(meta, "dependencies", "chart.Dependency", dependency),
            ),
            field("Type", "type", text(meta, "type")),
            plain("IsRoot", Value::Bool(is_root)),
        ],
    )
}
