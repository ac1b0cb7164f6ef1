//! What the API server serves: kinds with their paths, and the `.Capabilities` of charts.

use std::collections::HashMap;

use helm_template::{Capabilities, KubeVersion};
use serde_json::Value;

use crate::api::{Api, ApiError};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The Helm that charts are told about.
const HELM_VERSION: &str = "v3.17.3";

/// A kind as the API server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKind {
    /// Group, empty for the core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl ApiKind {
    /// `group/version`, or the version alone for the core.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Path of the collection; an empty namespace means all of them.
    pub(crate) fn collection(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let scope = if self.namespaced && !namespace.is_empty() {
            format!("/namespaces/{namespace}")
        } else {
            String::new()
        };
        format!("{root}/{}{scope}/{}", self.api_version(), self.plural)
    }
}

/// All kinds and versions.
#[derive(Debug)]
pub(crate) struct Discovery {
    kinds: HashMap<(String, String), ApiKind>,
    pub(crate) capabilities: Capabilities,
}

impl Discovery {
    pub(crate) async fn read(api: &Api) -> Result<Self, ApiError> {
        let version = api.read("/version", "application/json").await?;
        let version = version["gitVersion"].as_str().unwrap_or_default();
        let kube_version = KubeVersion::parse(version).ok_or_else(|| {
            ApiError::new(400, format!("the API server's version {version:?} is no version"))
        })?;
        let mut found = Found::default();
        let core = api.read("/api", AGGREGATED).await?;
        let groups = api.read("/apis", AGGREGATED).await?;
        for root in [&core, &groups] {
            if root["kind"] == "APIGroupDiscoveryList" {
                found.aggregated(root);
            } else {
                found.one_by_one(api, root).await?;
            }
        }
        found.api_versions.sort();
        found.api_versions.dedup();
        Ok(Self {
            kinds: found.kinds,
            capabilities: Capabilities {
                kube_version,
                api_versions: found.api_versions,
                helm_version: HELM_VERSION.to_owned(),
            },
        })
    }

    /// The kind of an `apiVersion` and `kind`.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<&ApiKind> {
        self.kinds.get(&(api_version.to_owned(), kind.to_owned()))
    }
}

#[derive(Default)]
struct Found {
    kinds: HashMap<(String, String), ApiKind>,
    api_versions: Vec<String>,
}

impl Found {
    fn aggregated(&mut self, root: &Value) {
        for group in array(&root["items"]) {
            let name = text(&group["metadata"]["name"]);
            for version in array(&group["versions"]) {
                let api_version = join(name, text(&version["version"]));
                self.api_versions.push(api_version.clone());
                for resource in array(&version["resources"]) {
                    let kind = text(&resource["responseKind"]["kind"]);
                    let namespaced = resource["scope"] == "Namespaced";
                    self.add(&api_version, kind, text(&resource["resource"]), namespaced);
                    for sub in array(&resource["subresources"]) {
                        self.capability(&api_version, text(&sub["responseKind"]["kind"]));
                    }
                }
            }
        }
    }

    /// API servers before 1.26.
    async fn one_by_one(&mut self, api: &Api, root: &Value) -> Result<(), ApiError> {
        let core = array(&root["versions"]).map(text).map(str::to_owned);
        let groups = array(&root["groups"])
            .flat_map(|group| array(&group["versions"]))
            .map(|version| text(&version["groupVersion"]).to_owned());
        let versions: Vec<String> = if root["kind"] == "APIVersions" {
            core.collect()
        } else {
            groups.collect()
        };
        for api_version in versions {
            let path = if api_version.contains('/') {
                "/apis"
            } else {
                "/api"
            };
            let list = match api
                .read(&format!("{path}/{api_version}"), "application/json")
                .await
            {
                Ok(list) => list,
                // An aggregated API that is down must not stop what does not need it.
                Err(err) if err.code == 503 || err.code == 404 => continue,
                Err(err) => return Err(err),
            };
            self.api_versions.push(api_version.clone());
            for resource in array(&list["resources"]) {
                let (name, kind) = (text(&resource["name"]), text(&resource["kind"]));
                if name.contains('/') {
                    self.capability(&api_version, kind);
                } else {
                    self.add(&api_version, kind, name, resource["namespaced"] == true);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, api_version: &str, kind: &str, plural: &str, namespaced: bool) {
        if kind.is_empty() || plural.is_empty() {
            return;
        }
        self.capability(api_version, kind);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = ApiKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
        };
        self.kinds
            .entry((api_version.to_owned(), kind.to_owned()))
            .or_insert(found);
    }

    fn capability(&mut self, api_version: &str, kind: &str) {
        if !kind.is_empty() {
            self.api_versions.push(format!("{api_version}/{kind}"));
        }
    }
}

fn join(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn aggregated_discovery() {
        let mut found = Found::default();
        found.aggregated(&json!({"items": [
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "secrets", "responseKind": {"kind": "Secret"}, "scope": "Namespaced"},
                {"resource": "namespaces", "responseKind": {"kind": "Namespace"}, "scope": "Cluster"},
            ]}]},
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced",
                 "subresources": [{"subresource": "scale", "responseKind": {"kind": "Scale"}}]},
            ]}]},
        ]}));
        let kind = |v: &str, k: &str| found.kinds[&(v.to_owned(), k.to_owned())].clone();
        assert_eq!(
            kind("v1", "Secret").collection("ns"),
            "/api/v1/namespaces/ns/secrets"
        );
        assert_eq!(kind("v1", "Namespace").collection("ns"), "/api/v1/namespaces");
        assert_eq!(
            kind("apps/v1", "Deployment").collection("ns"),
            "/apis/apps/v1/namespaces/ns/deployments"
        );
        assert_eq!(
            found.api_versions,
            [
                "v1",
                "v1/Secret",
                "v1/Namespace",
                "apps/v1",
                "apps/v1/Deployment",
                "apps/v1/Scale"
            ]
        );
    }
}
