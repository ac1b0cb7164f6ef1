//! The management cluster of a case as our watches see it.
//!
//! The recordings hold what Python asks for: phases, conditions, a few counts. Where a phase says that nodes are there,
//! the counts and Machines are added with which Cluster API says so, too; where it does not, there are none. Nothing is
//! added where a recording says otherwise.

use conductor_status::capi::{Kind, Object};
use conductor_status::index::Index;
use serde_json::{Value, json};

/// Cluster API's label of everything that belongs to a cluster.
const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";

/// The index of a case. A kind that cannot be listed leaves it unknown; one that is not served is absent.
pub fn index(case: &Value) -> Index {
    let index = Index::new();
    let release = case["cluster"]["stack_id"].as_str().unwrap_or_default();
    for kind in Kind::ALL {
        match fault(case, kind) {
            None => index.mark_synced(kind),
            Some(404) => index.mark_absent(kind),
            Some(_) => {}
        }
    }
    let listed = case["k8s_faults"].as_array().into_iter().flatten();
    let listed = listed
        .filter_map(|fault| fault["json"]["items"].as_array())
        .flatten();
    let objects = case["k8s_objects"].as_array().into_iter().flatten().chain(listed);
    let mut has_cluster = None;
    for object in objects {
        let api_version = object["apiVersion"].as_str().unwrap();
        let name = object["kind"].as_str().unwrap();
        // `api_resources` may name another kind of control plane for the watch to list.
        let other = case["conf"]["capi_helm"]["api_resources"]["K8sControlPlane"].is_object();
        let kind = Kind::of(api_version, name)
            .or_else(|| (other && name.ends_with("ControlPlane")).then_some(Kind::ControlPlane));
        let Some(kind) = kind.filter(|kind| fault(case, *kind).is_none()) else {
            continue;
        };
        let object = completed(case, object, release);
        for machine in machines(kind, &object) {
            put(&index, Kind::Machine, &machine);
        }
        if kind == Kind::Cluster {
            has_cluster = Some(object["metadata"]["namespace"].clone());
        }
        put(&index, kind, &object);
    }
    if let Some(namespace) = has_cluster {
        let infra = json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "OpenStackCluster",
            "metadata": {"name": release, "namespace": namespace, "labels": {CLUSTER_NAME: release}},
            "status": {"ready": true}});
        put(&index, Kind::InfraCluster, &infra);
    }
    index
}

fn put(index: &Index, kind: Kind, object: &Value) {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = json!("1");
    object["metadata"]["uid"] = object["metadata"]["name"].clone();
    let api_version = object["apiVersion"].as_str().unwrap().to_owned();
    index.apply(kind, Object::read(kind, &api_version, &object));
}

/// What listing a kind ends with, if it fails.
fn fault(case: &Value, kind: Kind) -> Option<u64> {
    let faults = case["k8s_faults"].as_array()?;
    let plural = kind.api().plural;
    let hits = |fault: &&Value| {
        let path = fault["path"].as_str().unwrap_or_default();
        let asked = path.trim_matches(['/', '$', '(', ')']);
        let all = asked == ".";
        (all || asked.split('|').any(|name| name == plural)) && fault["status"] != 200
    };
    let found = faults.iter().find(hits)?;
    Some(found["status"].as_u64().unwrap_or(503))
}

/// With the labels that Cluster API sets, and with the counts that belong to a phase.
fn completed(case: &Value, object: &Value, release: &str) -> Value {
    let mut object = object.clone();
    let meta = &mut object["metadata"];
    if !meta["labels"].is_object() {
        meta["labels"] = json!({});
    }
    let others = ["addons.stackhpc.com/cluster", "capi.stackhpc.com/cluster"];
    let owner = others
        .iter()
        .find_map(|label| meta["labels"][*label].as_str())
        .unwrap_or(release)
        .to_owned();
    meta["labels"][CLUSTER_NAME] = owner.into();
    meta["generation"] = json!(1);
    if object["status"].is_object() {
        object["status"]["observedGeneration"] = json!(1);
    }
    if object["kind"] == "MachineDeployment" && object["status"].is_object() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let groups = case["nodegroups"].as_array().into_iter().flatten();
        let count = groups
            .filter(|group| group["name"].as_str().is_some_and(|group| name.ends_with(group)))
            .find_map(|group| group["node_count"].as_i64());
        if let Some(count) = count {
            object["spec"]["replicas"] = json!(count);
        }
        let wanted = object["spec"]["replicas"].clone();
        let status = object["status"].as_object_mut().unwrap();
        if status.get("phase").is_some_and(|phase| phase == "Running") {
            for name in [
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
            ] {
                status.entry(name).or_insert_with(|| wanted.clone());
            }
        }
    }
    object
}

/// The Machines behind the counts of a control plane or a node group.
fn machines(kind: Kind, object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let (Some(count), ready) = (
        status["replicas"].as_i64(),
        status["readyReplicas"].as_i64().unwrap_or(0),
    ) else {
        return Vec::new();
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    let role = match kind {
        Kind::ControlPlane => ("cluster.x-k8s.io/control-plane", ""),
        Kind::MachineDeployment => ("cluster.x-k8s.io/deployment-name", name),
        _ => return Vec::new(),
    };
    let version = object["spec"]["version"].clone();
    let machine = |number: i64| {
        let healthy = if number < ready { "True" } else { "False" };
        json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Machine",
            "metadata": {"name": format!("{name}-{number}"), "namespace": object["metadata"]["namespace"],
                "labels": {CLUSTER_NAME: object["metadata"]["labels"][CLUSTER_NAME], role.0: role.1}},
            "spec": {"version": version},
            "status": {"nodeRef": {"name": format!("{name}-{number}")},
                "conditions": [{"type": "NodeHealthy", "status": healthy}]}})
    };
    (0..count).map(machine).collect()
}
