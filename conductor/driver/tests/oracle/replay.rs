//! What this driver does with a recorded case.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use conductor_config::Settings;
use conductor_driver::secrets::{self, CloudAccess, KeyPair, SecretObject};
use conductor_driver::validate::{self, Operation, Rows};
use conductor_driver::{ChartRef, Facts, chart, choice, facts, helm_values, names};
use magnum_objects::{
    Cluster, ClusterStatus, ClusterTemplate, MagnumError, NodeGroup, Object, Record, Registry,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::world::{Failure, World};

/// What came of a case, in the shape of the recording's `expect`.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Outcome {
    /// Exception class and text.
    pub error: Option<(String, String)>,
    /// Release: `release_name`, `chart`, `repo`, `version`, `namespace`, `values`.
    pub helm: Option<Value>,
    /// Bodies of applied objects.
    pub k8s: Vec<Value>,
    /// What a question about the driver is answered with.
    pub result: Value,
}

impl Outcome {
    fn failed(class: &str, message: impl Into<String>) -> Self {
        Self {
            error: Some((class.to_owned(), message.into())),
            ..Self::default()
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Service(message) => Self::failed("(service)", message),
            Failure::Driver(error) => {
                let error = MagnumError::from(error);
                Self::failed(&error.class, error.message)
            }
        }
    }
}

/// A case, its rows read.
pub struct Case<'a> {
    pub json: &'a Value,
    common: &'a BTreeMap<String, Value>,
    settings: Settings,
    template: ClusterTemplate,
    cluster: Cluster,
    groups: Vec<NodeGroup>,
}

/// Runs a case; `None` if it asks nothing of this crate.
pub fn replay(json: &Value, common: &BTreeMap<String, Value>) -> Option<Outcome> {
    let operation = json["operation"].as_str().unwrap();
    if operation.ends_with("_federation") || operation == "rotate_ca_certificate" {
        return None;
    }
    if operation == "provides" {
        let types =
            choice::PROVIDES.map(|(server, os, coe)| json!({"server_type": server, "os": os, "coe": coe}));
        return Some(Outcome {
            result: json!(types),
            ..Outcome::default()
        });
    }
    if operation.starts_with("validate_master") {
        let checked = validate::master_size(json["operation_args"]["node_count"].as_i64().unwrap());
        return Some(checked.map_or_else(|error| Failure::from(error).into(), |()| Outcome::default()));
    }
    let case = match Case::read(json, common) {
        Ok(case) => case,
        Err(reason) => return Some(Outcome::failed("(input)", reason)),
    };
    Some(match operation {
        "delete_cluster" => case.delete(),
        "rotate_credential" => case.rotate().unwrap_or_else(Outcome::from),
        _ => case.release(operation).unwrap_or_else(Outcome::from),
    })
}

impl<'a> Case<'a> {
    fn read(json: &'a Value, common: &'a BTreeMap<String, Value>) -> Result<Self, String> {
        let settings = settings(&json["conf"], &common["base_conf"])?;
        let new_template = &json["new_cluster_template"];
        let template = if new_template.is_null() {
            &json["cluster_template"]
        } else {
            new_template
        };
        let args = &json["operation_args"];
        let mut groups = Vec::new();
        for group in json["nodegroups"].as_array().unwrap() {
            let is_target = args["nodegroup"] == group["name"];
            let changes = if is_target {
                &args["nodegroup_changes"]
            } else {
                &Value::Null
            };
            groups.push(row::<NodeGroup>(group, changes)?);
        }
        let cluster = row::<Cluster>(&json["cluster"], &args["cluster_changes"])?;
        Ok(Self {
            json,
            common,
            settings,
            template: row(template, &Value::Null)?,
            cluster,
            groups,
        })
    }

    fn release(mut self, operation: &str) -> Result<Outcome, Failure> {
        let target = self.json["operation_args"]["nodegroup"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let uuid = self
            .groups
            .iter()
            .find(|group| group.name == target)
            .map(|group| group.uuid.clone());
        let uuid = uuid.unwrap_or_default();
        let operation = match operation {
            "create_cluster" => Operation::CreateCluster,
            "update_cluster" | "resize_cluster" => Operation::UpdateCluster,
            "upgrade_cluster" => Operation::UpgradeCluster,
            "create_nodegroup" => Operation::CreateNodegroup(&uuid),
            "update_nodegroup" => Operation::UpdateNodegroup(&uuid),
            "delete_nodegroup" => Operation::DeleteNodegroup,
            other => panic!("unknown operation {other}"),
        };
        if operation == Operation::DeleteNodegroup {
            for group in self.groups.iter_mut().filter(|group| group.uuid == uuid) {
                group.status = Some(ClusterStatus::DeleteInProgress);
            }
        }
        let world = World::new(self.json, &self.common["default_openstack"]);
        let rows = Rows {
            template: &self.template,
            cluster: &self.cluster,
            groups: &self.groups,
        };
        let needs = rows.needs(operation);
        let facts = Facts::resolve(
            &self.settings.capi_helm,
            &needs,
            world.answers(&needs, &self.json["context"])?,
        )?;
        validate::check(&self.settings, operation, rows, &facts)?;
        let mut outcome = Outcome::default();
        if operation == Operation::CreateCluster {
            if self.cluster.stack_id.is_none() {
                let unique = self.common["fixed"]["short_id"].as_str().unwrap();
                self.cluster.stack_id = Some(names::release_name(Some(&self.cluster.name), unique));
            }
            outcome
                .k8s
                .push(secrets::namespace(&self.settings, &self.cluster.project_id));
            outcome.k8s.extend(self.credentials(&world)?);
            outcome.k8s.extend(self.certificates());
        }
        let values = helm_values(
            &self.settings,
            &self.template,
            &self.cluster,
            &self.groups,
            &facts,
        )?;
        let (chart, repo, version) = match chart::select(&self.settings.capi_helm, &self.template) {
            ChartRef::Builtin => (chart::BUILTIN.to_owned(), None, None),
            ChartRef::Remote { name, repo, version } => (name, repo, version),
        };
        outcome.helm = Some(json!({
            "action": "upgrade", "release_name": self.cluster.stack_id, "chart": chart, "repo": repo,
            "version": version, "namespace": self.namespace(), "values": values,
        }));
        Ok(outcome)
    }

    fn delete(self) -> Outcome {
        let release = self.cluster.stack_id.as_ref().filter(|name| !name.is_empty());
        let helm = release.map(|name| {
            json!({"action": "uninstall", "release_name": name, "chart": null, "repo": null, "version": null,
                "namespace": self.namespace(), "values": null})
        });
        Outcome {
            helm,
            ..Outcome::default()
        }
    }

    /// The secrets of a rotation; what else belongs to it is not this crate's.
    fn rotate(mut self) -> Result<Outcome, Failure> {
        let world = World::new(self.json, &self.common["default_openstack"]);
        let before = self.cluster.user_id.clone();
        self.cluster.user_id = self.json["context"]["user_id"].as_str().map(str::to_owned);
        let mut k8s: Vec<Value> = self.credentials(&world)?;
        if before != self.cluster.user_id {
            k8s.extend(self.certificates());
        }
        Ok(Outcome {
            k8s,
            ..Outcome::default()
        })
    }

    fn namespace(&self) -> String {
        names::namespace(
            &self.settings.capi_helm.namespace_prefix,
            &self.cluster.project_id,
        )
    }

    fn credentials(&self, world: &World<'_>) -> Result<Vec<Value>, Failure> {
        let user = self.json["context"]["user_id"].as_str().unwrap_or_default();
        world.may_make_credential(user)?;
        let region = facts::region(
            self.settings.cinder_client.region_name.as_deref(),
            &world.regions()?,
        )?;
        let fixed = |name: &str| self.common["fixed"][name].as_str().unwrap().to_owned();
        let ca_file = &self.settings.drivers.openstack_ca_file;
        let ca_bundle = match ca_file.as_str() {
            "" => "<CERTIFI_CA_BUNDLE>".to_owned(),
            _ => self
                .expected_ca()
                .ok_or_else(|| Failure::Service(format!("no file {ca_file}")))?,
        };
        let access = CloudAccess {
            credential_id: fixed("appcred_id"),
            credential_secret: fixed("appcred_secret").into(),
            auth_url: "http://keystone.test/v3".into(),
            region,
            ca_bundle,
        };
        let object = secrets::cloud_credentials(&self.settings, &self.cluster, &access);
        Ok(object.iter().map(SecretObject::expose_body).cloned().collect())
    }

    /// The CA file's content, which the recording does not hold but in what it expects.
    fn expected_ca(&self) -> Option<String> {
        let bodies = self.json["expect"]["k8s"].as_array()?;
        bodies
            .iter()
            .find_map(|call| call["body"]["stringData"]["cacert"].as_str())
            .map(str::to_owned)
    }

    fn certificates(&self) -> Vec<Value> {
        let cluster = &self.cluster;
        let pair = |reference: &Option<String>| self.key_pair(reference.as_deref()?);
        let all = (|| {
            Some(secrets::Certificates {
                ca: pair(&cluster.ca_cert_ref)?,
                etcd: pair(&cluster.etcd_ca_cert_ref)?,
                front_proxy: pair(&cluster.front_proxy_ca_cert_ref)?,
                service_account: pair(&cluster.magnum_cert_ref)?,
            })
        })();
        let objects = all.and_then(|all| secrets::certificates(&self.settings, cluster, &all));
        objects
            .iter()
            .flatten()
            .map(SecretObject::expose_body)
            .cloned()
            .collect()
    }

    fn key_pair(&self, reference: &str) -> Option<KeyPair> {
        // Decrypting takes its time, and nearly all cases share four keys.
        static KNOWN: Mutex<BTreeMap<String, KeyPair>> = Mutex::new(BTreeMap::new());
        if let Some(known) = KNOWN.lock().unwrap().get(reference) {
            return Some(known.clone());
        }
        let rows = self.common["x509keypairs"].as_array()?;
        let row = rows.iter().find(|row| row["uuid"] == reference)?;
        let secret = |name: &str| SecretString::from(row[name].as_str().unwrap().to_owned());
        let key = x509::decrypt_private_key(&secret("private_key"), Some(&secret("private_key_passphrase")));
        let pair = KeyPair {
            certificate: row["certificate"].as_str()?.to_owned(),
            key: key.unwrap(),
        };
        KNOWN.lock().unwrap().insert(reference.to_owned(), pair.clone());
        Some(pair)
    }
}

/// A row as the database layer gives it: coerced as versioned objects are.
fn row<R: Record>(row: &Value, changes: &Value) -> Result<R, String> {
    let mut values: Map<String, Value> = row.as_object().unwrap().clone();
    for (name, value) in changes.as_object().into_iter().flatten() {
        values.insert(name.clone(), value.clone());
    }
    let mut object = Object::new(Registry::newest(), R::CLASS).map_err(|error| error.message)?;
    object.load(&values).map_err(|error| error.message)?;
    R::from_values(object.data()).map_err(|error| error.to_string())
}

/// Settings of a case, read from a file as the service reads them.
fn settings(conf: &Value, base: &Value) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), oracle::ini(&[base, conf])).unwrap();
    Settings::load(&[file.path().to_owned()], &[]).map_err(|error| error.to_string())
}
