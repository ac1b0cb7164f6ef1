//! The custom resource definitions and webhooks of a management cluster: Cluster API's from its source, those of the
//! infrastructure and addon providers from this repository.

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use serde_json::{Map, Value, json};

/// One of Cluster API's three managers, with what belongs to it in Cluster API's source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Provider {
    /// Program and process name.
    pub(super) program: &'static str,
    /// Its folder in the source, empty or with a slash at the end.
    source: &'static str,
    /// Value of the label `cluster.x-k8s.io/provider`; the core provider's definitions carry none.
    label: Option<&'static str>,
    /// Whether it knows the feature gate `MachineSetPreflightChecks`.
    pub(super) runs_machine_sets: bool,
}

/// In the order in which their ports are counted.
pub(super) const PROVIDERS: [Provider; 3] = [
    Provider {
        program: "capi-core-manager",
        source: "",
        label: None,
        runs_machine_sets: true,
    },
    Provider {
        program: "capi-kubeadm-bootstrap-manager",
        source: "bootstrap/kubeadm/",
        label: Some("bootstrap-kubeadm"),
        runs_machine_sets: false,
    },
    Provider {
        program: "capi-kubeadm-control-plane-manager",
        source: "controlplane/kubeadm/",
        label: Some("control-plane-kubeadm"),
        runs_machine_sets: false,
    },
];

/// Definitions of what the machine room plays.
const OURS: [(&str, &str); 2] = [
    (
        "infrastructure.cluster.x-k8s.io.yaml",
        include_str!("../../../crds/infrastructure.cluster.x-k8s.io.yaml"),
    ),
    (
        "addons.stackhpc.com.yaml",
        include_str!("../../../crds/addons.stackhpc.com.yaml"),
    ),
];

/// Where the API server finds the webhooks: port of each provider in [`PROVIDERS`]' order, and their CA (PEM).
pub(super) struct Webhooks<'a> {
    pub(super) ports: [u16; 3],
    pub(super) ca: &'a str,
}

impl Webhooks<'_> {
    fn client_config(&self, port: u16, path: &str) -> Value {
        let bundle = base64::engine::general_purpose::STANDARD.encode(self.ca);
        json!({"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": bundle})
    }
}

/// All custom resource definitions, those of Cluster API with conversion by its managers.
pub(super) fn custom_resources(capi_source: &Path, webhooks: &Webhooks<'_>) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (provider, port) in PROVIDERS.iter().zip(webhooks.ports) {
        let folder = capi_source.join(format!("{}config/crd/bases", provider.source));
        for file in yaml_files(&folder)? {
            for mut definition in read(&file)? {
                let labels = object(&mut definition, &["metadata", "labels"])?;
                // Cluster API looks here for the versions that serve its contracts.
                labels.insert("cluster.x-k8s.io/v1beta1".into(), "v1beta1".into());
                labels.insert("cluster.x-k8s.io/v1beta2".into(), "v1beta2".into());
                if let Some(label) = provider.label {
                    labels.insert("cluster.x-k8s.io/provider".into(), label.into());
                }
                if definition["spec"]["versions"]
                    .as_array()
                    .is_some_and(|versions| versions.len() > 1)
                {
                    definition["spec"]["conversion"] = json!({
                        "strategy": "Webhook",
                        "webhook": {
                            "conversionReviewVersions": ["v1"],
                            "clientConfig": webhooks.client_config(port, "/convert"),
                        },
                    });
                }
                found.push(definition);
            }
        }
    }
    for (name, text) in OURS {
        for list in parse(name, text)? {
            found.extend(
                list["items"]
                    .as_array()
                    .with_context(|| format!("{name} is not a List"))?
                    .iter()
                    .cloned(),
            );
        }
    }
    Ok(found)
}

/// Cluster API's admission webhooks.
pub(super) fn admission_webhooks(capi_source: &Path, webhooks: &Webhooks<'_>) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (provider, port) in PROVIDERS.iter().zip(webhooks.ports) {
        let file = capi_source.join(format!("{}config/webhook/manifests.yaml", provider.source));
        for mut configuration in read(&file)? {
            // All three call theirs the same.
            let name = format!(
                "{}-{}",
                configuration["metadata"]["name"].as_str().unwrap_or_default(),
                provider.program
            );
            configuration["metadata"]["name"] = name.into();
            let Some(hooks) = configuration["webhooks"].as_array_mut() else {
                bail!("{} has a document without webhooks", file.display());
            };
            for hook in hooks {
                let path = hook["clientConfig"]["service"]["path"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                hook["clientConfig"] = webhooks.client_config(port, &path);
            }
            found.push(configuration);
        }
    }
    Ok(found)
}

fn yaml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "cannot read {}, which Cluster API's source should have",
            folder.display()
        )
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read {}, which Cluster API's source should have",
            file.display()
        )
    })?;
    parse(&file.display().to_string(), &text)
}

/// The documents of a YAML text, empty ones left out.
fn parse(name: &str, text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).with_context(|| format!("{name} cannot be read as YAML"))?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

/// The object at `path`, made where it is missing.
fn object<'a>(value: &'a mut Value, path: &[&str]) -> Result<&'a mut Map<String, Value>> {
    let mut at = value;
    for name in path {
        let Value::Object(map) = at else {
            bail!("{} is not an object", path.join("."))
        };
        at = map.entry((*name).to_owned()).or_insert_with(|| json!({}));
    }
    at.as_object_mut()
        .with_context(|| format!("{} is not an object", path.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_definitions_can_be_read_and_carry_the_contract() {
        let mut names = Vec::new();
        for (file, text) in OURS {
            for list in parse(file, text).unwrap() {
                for definition in list["items"].as_array().unwrap() {
                    let name = definition["metadata"]["name"].as_str().unwrap();
                    let group = definition["spec"]["group"].as_str().unwrap();
                    let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
                    assert_eq!(name, format!("{plural}.{group}"));
                    if group.starts_with("infrastructure") {
                        assert_eq!(
                            definition["metadata"]["labels"]["cluster.x-k8s.io/v1beta1"],
                            "v1beta1"
                        );
                    }
                    names.push(plural.to_owned());
                }
            }
        }
        names.sort();
        let all = [
            "helmreleases",
            "manifests",
            "openstackclusters",
            "openstackclustertemplates",
        ];
        assert_eq!(names[..4], all);
        assert_eq!(names[4..], ["openstackmachines", "openstackmachinetemplates"]);
    }
}
