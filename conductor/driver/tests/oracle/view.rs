//! Recorded cases, read as the rules for differences need them.

use std::collections::BTreeMap;

use conductor_driver::labels::{LabelMap, Labels};
use conductor_driver::names;
use serde_json::Value;

/// A case, read as these rules need it.
pub struct View<'a> {
    pub case: &'a Value,
    pub common: &'a BTreeMap<String, Value>,
}

impl<'a> View<'a> {
    pub fn of(case: &'a Value, common: &'a BTreeMap<String, Value>) -> Self {
        Self { case, common }
    }

    pub fn operation(&self) -> &'a str {
        self.case["operation"].as_str().unwrap()
    }

    pub fn cluster(&self) -> &'a Value {
        &self.case["cluster"]
    }

    pub fn template(&self) -> &'a Value {
        let new = &self.case["new_cluster_template"];
        if new.is_null() {
            &self.case["cluster_template"]
        } else {
            new
        }
    }

    pub fn conf(&self, group: &str, option: &str) -> &'a Value {
        &self.case["conf"][group][option]
    }

    pub fn labels(&self) -> Labels {
        let map = |value: &Value| -> LabelMap {
            let object = value.as_object().into_iter().flatten();
            object
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect()
        };
        Labels::new(
            Some(&map(&self.template()["labels"])),
            Some(&map(&self.cluster()["labels"])),
        )
    }

    pub fn autoscaling(&self) -> bool {
        let default = self
            .conf("capi_helm_cluster_labels", "auto_scaling_enabled")
            .as_bool()
            .unwrap_or(false);
        self.labels().bool("auto_scaling_enabled", default)
    }

    /// Worker groups in order, without the one that the operation deletes.
    pub fn workers(&self) -> Vec<&'a Value> {
        let target = &self.case["operation_args"]["nodegroup"];
        let deletes = self.operation() == "delete_nodegroup";
        let groups = self.case["nodegroups"].as_array().unwrap().iter();
        groups
            .filter(|group| group["role"] != "master" && !(deletes && group["name"] == *target))
            .collect()
    }

    pub fn images(&self) -> impl Iterator<Item = &'a Value> {
        self.case["openstack"]["images"].as_array().into_iter().flatten()
    }

    /// Whether nobody set a lower bound for a worker group: Magnum stores none as 0, in the default group also as 1.
    pub fn is_unbounded(&self, group: &Value) -> bool {
        let conf = self.conf("capi_helm_cluster_labels", "min_node_count").as_i64();
        let by_label = self.labels().int_or("min_node_count", conf).is_some();
        let default = group["is_default"] == true && group["role"] != "master";
        let min = group["min_node_count"].as_i64().unwrap_or(0);
        group["role"] != "master" && (min == 0 || (default && min == 1)) && !(default && by_label)
    }

    /// The image's property as it is.
    pub fn kube_version(&self) -> Option<&'a str> {
        let wanted = &self.template()["image_id"];
        let image = self
            .images()
            .find(|image| image["id"] == *wanted || image["name"] == *wanted)?;
        image["kube_version"]
            .as_str()
            .or_else(|| image["properties"]["kube_version"].as_str())
    }

    pub fn has_flavor(&self, wanted: &str) -> bool {
        let flavors = self.case["openstack"]["flavors"].as_array().into_iter().flatten();
        flavors
            .into_iter()
            .any(|flavor| flavor["name"] == wanted || flavor["id"] == wanted)
    }

    pub fn volume_types(&self) -> Vec<&'a str> {
        let types = self.case["openstack"]["volume_types"]
            .as_array()
            .into_iter()
            .flatten();
        types.filter_map(|item| item["name"].as_str()).collect()
    }

    pub fn chart_version(&self) -> String {
        let label = self.template()["labels"]["capi_helm_chart_version"].as_str();
        let default = self
            .conf("capi_helm", "default_helm_chart_version")
            .as_str()
            .unwrap_or("0.10.1");
        let clean = |raw: &str| {
            raw.chars()
                .filter(|c| c.is_ascii_alphanumeric() || ".-+".contains(*c))
                .collect()
        };
        let label: String = label.map(clean).unwrap_or_default();
        if label.is_empty() { clean(default) } else { label }
    }
}

/// Whether all are different and none is empty.
pub fn all_usable(names: &[String]) -> bool {
    let different: std::collections::HashSet<_> = names.iter().collect();
    different.len() == names.len()
        && names
            .iter()
            .all(|name| names::sanitized(name, None).as_ref() == Some(name))
}

pub fn group_names(release: &Value) -> Vec<String> {
    let groups = release["values"]["nodeGroups"].as_array().into_iter().flatten();
    groups
        .map(|group| group["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

pub fn classes(release: &mut Value) -> Vec<&mut Value> {
    let Some(csi) = release
        .pointer_mut("/values/addons/openstack/csiCinder")
        .and_then(Value::as_object_mut)
    else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in csi.iter_mut() {
        match (key.as_str(), value) {
            ("defaultStorageClass", class) => all.push(class),
            (_, Value::Array(classes)) => all.extend(classes),
            _ => {}
        }
    }
    all
}

const STEM: usize = 30;
pub const ID: &str = "k3v5q7x2m4np";

pub fn stem(view: &View<'_>) -> String {
    let name = view.cluster()["name"].as_str().unwrap_or_default();
    names::sanitized(name, None)
        .unwrap_or_default()
        .chars()
        .take(STEM)
        .collect()
}

pub fn creates(view: &View<'_>) -> bool {
    view.operation() == "create_cluster" && view.cluster()["stack_id"].is_null()
}
