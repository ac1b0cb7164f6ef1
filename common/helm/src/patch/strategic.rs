//! Three-way strategic merge patches, as kubectl and Helm compute them (apimachinery's `strategicpatch`,
//! overwrite on): what the chart sets is put right, what it no longer sets goes, the rest stays.

use serde_json::{Map, Value, json};

use super::same;

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListRule {
    /// Replaced whole.
    Atomic,
    /// A set of plain values.
    Set,
    /// Items are told apart by this key.
    Keyed(&'static str),
    /// As [`Self::Keyed`], and keys of an item that the chart does not name are dropped when it changes.
    KeyedRetain(&'static str),
}

/// Where in an object we are. Only places with merge rules matter, and in the built-in kinds they can be told
/// by the name of the field and what holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root(Kind),
    Metadata,
    Spec(Kind),
    PodSpec,
    Container,
    Webhook,
    Strategy,
    /// Text tables such as labels and data: nothing below has rules.
    Plain,
    /// Somewhere that may hold a pod template (Deployment, Job, CronJob, ...).
    Workload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pod,
    Service,
    ServiceAccount,
    WebhookConfiguration,
    AdmissionPolicy,
    Node,
    Other,
}

impl Kind {
    fn of(kind: &str) -> Self {
        match kind {
            "Pod" => Self::Pod,
            "Service" => Self::Service,
            "ServiceAccount" => Self::ServiceAccount,
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => Self::WebhookConfiguration,
            "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" => Self::AdmissionPolicy,
            "Node" => Self::Node,
            _ => Self::Other,
        }
    }
}

impl Place {
    fn child(self, field: &str) -> Self {
        match (self, field) {
            (Self::Plain, _) => Self::Plain,
            (Self::Root(_), "data" | "stringData" | "binaryData") => Self::Plain,
            (_, "metadata") => Self::Metadata,
            (Self::Metadata, _) => Self::Plain,
            (Self::Root(Kind::Pod), "spec") => Self::PodSpec,
            (Self::Root(kind @ (Kind::Service | Kind::AdmissionPolicy | Kind::Node)), "spec") => {
                Self::Spec(kind)
            }
            (Self::Root(Kind::WebhookConfiguration), "webhooks") => Self::Webhook,
            (Self::Root(Kind::Other), "spec" | "template") => Self::Workload,
            (Self::Workload, "template" | "jobTemplate") => Self::Workload,
            // `spec` below a workload is a pod's, or a job's, which in turn has a template.
            (Self::Workload, "spec") => Self::PodSpec,
            (Self::PodSpec, "template") => Self::Workload,
            (Self::Workload, "strategy") => Self::Strategy,
            (Self::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => Self::Container,
            (Self::Root(Kind::Other), "status") => Self::Plain,
            _ => Self::Spec(Kind::Other),
        }
    }

    fn list(self, field: &str) -> ListRule {
        use ListRule::{Atomic, Keyed, KeyedRetain, Set};
        match (self, field) {
            (Self::Metadata, "ownerReferences") => Keyed("uid"),
            (Self::Metadata, "finalizers") => Set,
            (Self::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => Keyed("name"),
            (Self::PodSpec, "imagePullSecrets" | "schedulingGates") => Keyed("name"),
            (Self::PodSpec, "volumes" | "resourceClaims") => KeyedRetain("name"),
            (Self::PodSpec, "hostAliases") => Keyed("ip"),
            (Self::PodSpec, "topologySpreadConstraints") => Keyed("topologyKey"),
            (Self::Container, "ports") => Keyed("containerPort"),
            (Self::Container, "env") => Keyed("name"),
            (Self::Container, "volumeMounts") => Keyed("mountPath"),
            (Self::Container, "volumeDevices") => Keyed("devicePath"),
            (Self::Spec(Kind::Service), "ports") => Keyed("port"),
            (Self::Spec(Kind::Node), "podCIDRs") => Set,
            (Self::Root(Kind::ServiceAccount), "secrets") => Keyed("name"),
            (Self::Root(Kind::WebhookConfiguration), "webhooks") => Keyed("name"),
            (Self::Webhook | Self::Spec(Kind::AdmissionPolicy), "matchConditions") => Keyed("name"),
            (Self::Spec(Kind::AdmissionPolicy), "variables") => Keyed("name"),
            _ => Atomic,
        }
    }
}

/// The patch for a live object whose manifest was `old` and becomes `new`; None if nothing is to be done.
pub(crate) fn three_way(old: &Value, new: &Value, live: &Value) -> Option<Value> {
    let kind = Kind::of(new["kind"].as_str().unwrap_or_default());
    let patch = tables(table(old), table(new), table(live), Place::Root(kind), false);
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn table(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

type Table = Map<String, Value>;

/// `retain`: keys that the chart does not name are dropped when anything changes.
fn tables(old: &Table, new: &Table, live: &Table, place: Place, retain: bool) -> Table {
    let mut patch = Map::new();
    for (key, wanted) in new {
        match (live.get(key), wanted) {
            (None, Value::Null) => {}
            (None, wanted) => {
                patch.insert(key.clone(), wanted.clone());
            }
            (Some(found @ Value::Object(_)), Value::Object(wanted)) => {
                let child = place.child(key);
                let before = old.get(key).unwrap_or(&Value::Null);
                let change = tables(
                    table(before),
                    wanted,
                    table(found),
                    child,
                    child == Place::Strategy,
                );
                if !change.is_empty() {
                    patch.insert(key.clone(), Value::Object(change));
                }
            }
            (Some(Value::Array(found)), Value::Array(wanted)) => {
                let before = old
                    .get(key)
                    .and_then(Value::as_array)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                lists(&mut patch, key, [before, wanted, found], place);
            }
            (Some(found), wanted) => {
                if !same(found, wanted) {
                    patch.insert(key.clone(), wanted.clone());
                }
            }
        }
    }
    for key in old
        .keys()
        .filter(|key| !new.contains_key(*key) && live.contains_key(*key))
    {
        patch.insert(key.clone(), Value::Null);
    }
    let superfluous = live.keys().any(|key| !new.contains_key(key));
    if retain && (!patch.is_empty() || superfluous) {
        let mut keys: Vec<&String> = new.keys().collect();
        keys.sort();
        patch.insert("$retainKeys".to_owned(), json!(keys));
    }
    patch
}

/// Adds to `patch` what turns the live list into the new one; the three lists are old, new and live.
fn lists(patch: &mut Table, key: &str, [old, new, live]: [&[Value]; 3], place: Place) {
    match place.list(key) {
        ListRule::Atomic => {
            if !same(&Value::from(new), &Value::from(live)) {
                patch.insert(key.to_owned(), Value::from(new));
            }
        }
        ListRule::Set => sets(patch, key, [old, new, live]),
        ListRule::Keyed(merge_key) => keyed(patch, key, [old, new, live], place, merge_key, false),
        ListRule::KeyedRetain(merge_key) => keyed(patch, key, [old, new, live], place, merge_key, true),
    }
}

fn sets(patch: &mut Table, key: &str, [old, new, live]: [&[Value]; 3]) {
    let missing: Vec<&Value> = new.iter().filter(|item| !live.contains(item)).collect();
    let dropped: Vec<&Value> = old
        .iter()
        .filter(|item| !new.contains(item) && live.contains(item))
        .collect();
    if !missing.is_empty() {
        patch.insert(format!("$setElementOrder/{key}"), json!(new));
        patch.insert(key.to_owned(), json!(missing));
    }
    if !dropped.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{key}"), json!(dropped));
    }
}

fn keyed(
    patch: &mut Table,
    key: &str,
    [old, new, live]: [&[Value]; 3],
    place: Place,
    merge_key: &str,
    retain: bool,
) {
    let child = place.child(key);
    let mut items = Vec::new();
    let mut taken: Vec<usize> = Vec::new();
    let mut order_kept = true;
    let mut last = None;
    for (at, wanted) in new.iter().enumerate() {
        let id = &wanted[merge_key];
        // Items with the same key (a port in TCP and UDP) are paired in the order in which they stand.
        let nth = new[..at]
            .iter()
            .filter(|other| same(&other[merge_key], id))
            .count();
        let Some(position) = nth_with(live, merge_key, id, nth) else {
            items.push(wanted.clone());
            order_kept = false;
            continue;
        };
        taken.push(position);
        order_kept &= last.is_none_or(|last| last < position);
        last = Some(position);
        let before = nth_with(old, merge_key, id, nth).map_or(&Value::Null, |at| &old[at]);
        let mut change = tables(
            table(before),
            table(wanted),
            table(&live[position]),
            child,
            retain,
        );
        if !change.is_empty() {
            change.insert(merge_key.to_owned(), id.clone());
            items.push(Value::Object(change));
        }
    }
    for before in old {
        let id = &before[merge_key];
        let gone = !new.iter().any(|wanted| same(&wanted[merge_key], id));
        if gone && live.iter().any(|found| same(&found[merge_key], id)) {
            items.push(json!({"$patch": "delete", merge_key: id}));
        }
    }
    if !items.is_empty() || !order_kept {
        let order: Vec<Value> = new
            .iter()
            .map(|wanted| json!({merge_key: wanted[merge_key]}))
            .collect();
        patch.insert(format!("$setElementOrder/{key}"), Value::from(order));
    }
    if !items.is_empty() {
        patch.insert(key.to_owned(), Value::from(items));
    }
}

fn nth_with(list: &[Value], merge_key: &str, id: &Value, nth: usize) -> Option<usize> {
    list.iter()
        .enumerate()
        .filter(|(_, item)| same(&item[merge_key], id))
        .map(|(at, _)| at)
        .nth(nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(containers: Value) -> Value {
        json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn containers_and_env_merge_by_name_in_order() {
        let old = deployment(
            json!([{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "OLD"}]}]),
        );
        let new = deployment(
            json!([{"name": "a", "image": "2", "env": [{"name": "X", "value": "1"}, {"name": "NEW"}]}]),
        );
        let live = deployment(json!([
            {"name": "injected"},
            {"name": "a", "image": "1", "imagePullPolicy": "Always",
             "env": [{"name": "X", "value": "1"}, {"name": "OLD"}, {"name": "FOREIGN"}]},
        ]));
        assert_eq!(
            three_way(&old, &new, &live).unwrap(),
            json!({"spec": {"template": {"spec": {
                "containers": [{
                    "name": "a",
                    "image": "2",
                    "env": [{"name": "NEW"}, {"$patch": "delete", "name": "OLD"}],
                    "$setElementOrder/env": [{"name": "X"}, {"name": "NEW"}],
                }],
                "$setElementOrder/containers": [{"name": "a"}],
            }}}})
        );
        assert_eq!(three_way(&new, &new, &new), None);
    }

    #[test]
    fn a_foreign_service_port_stays_and_a_missing_one_returns() {
        let manifest = json!({"kind": "Service", "spec": {"ports": [{"port": 80}, {"port": 443}]}});
        let live = json!({"kind": "Service", "spec": {"clusterIP": "10.0.0.1", "ports": [
            {"port": 443, "protocol": "TCP"}, {"port": 99, "protocol": "TCP"}]}});
        assert_eq!(
            three_way(&manifest, &manifest, &live).unwrap(),
            json!({"spec": {
                "ports": [{"port": 80}],
                "$setElementOrder/ports": [{"port": 80}, {"port": 443}],
            }})
        );
    }

    #[test]
    fn one_port_in_two_protocols_is_no_change() {
        let manifest = json!({"kind": "Service", "spec": {"ports": [
            {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}});
        assert_eq!(three_way(&manifest, &manifest, &manifest), None);
    }

    #[test]
    fn volumes_keep_only_the_named_source() {
        let pod = |volume: Value| json!({"kind": "Pod", "spec": {"volumes": [volume]}});
        let old = pod(json!({"name": "v", "emptyDir": {}}));
        let new = pod(json!({"name": "v", "configMap": {"name": "c"}}));
        assert_eq!(
            three_way(&old, &new, &old).unwrap(),
            json!({"spec": {
                "volumes": [{
                    "name": "v",
                    "configMap": {"name": "c"},
                    "emptyDir": null,
                    "$retainKeys": ["configMap", "name"],
                }],
                "$setElementOrder/volumes": [{"name": "v"}],
            }})
        );
    }

    #[test]
    fn tolerations_are_replaced_whole_and_maps_merge() {
        let manifest = |tolerations: Value, labels: Value| {
            json!({"kind": "CronJob", "metadata": {"labels": labels},
                "spec": {"jobTemplate": {"spec": {"template": {"spec": {"tolerations": tolerations}}}}}})
        };
        let old = manifest(json!([{"key": "a"}]), json!({"x": "1", "y": "2"}));
        let new = manifest(json!([{"key": "b"}]), json!({"x": "1"}));
        let live = manifest(json!([{"key": "a"}]), json!({"x": "9", "y": "2", "z": "3"}));
        assert_eq!(
            three_way(&old, &new, &live).unwrap(),
            json!({
                "metadata": {"labels": {"x": "1", "y": null}},
                "spec": {"jobTemplate": {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}}},
            })
        );
    }

    #[test]
    fn finalizers_are_a_set() {
        let object = |finalizers: Value| json!({"kind": "Secret", "metadata": {"finalizers": finalizers}});
        let patch = three_way(
            &object(json!(["a"])),
            &object(json!(["b"])),
            &object(json!(["a", "c"])),
        );
        assert_eq!(
            patch.unwrap()["metadata"],
            json!({
                "$setElementOrder/finalizers": ["b"],
                "finalizers": ["b"],
                "$deleteFromPrimitiveList/finalizers": ["a"],
            })
        );
    }

    #[test]
    fn cron_jobs_have_containers_too() {
        let job = |image: &str| {
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {
                "containers": [{"name": "a", "image": image}]}}}}}})
        };
        let patch = three_way(&job("1"), &job("2"), &job("1")).unwrap();
        let spec = &patch["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        assert_eq!(spec["containers"], json!([{"name": "a", "image": "2"}]));
        assert!(spec.get("$setElementOrder/containers").is_some());
    }
}
