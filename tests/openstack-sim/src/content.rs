//! What exists in the cloud.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::auth::Caller;

/// The collections, named as in the real services' addresses.
pub const COLLECTIONS: [&str; 6] = ["images", "flavors", "keypairs", "networks", "subnets", "types"];

/// A project id that belongs to nobody.
const NOBODY: &str = "00000000000000000000000000000000";

/// Everything that exists, as the services show it.
#[derive(Clone, Debug)]
pub struct Content {
    collections: BTreeMap<String, Vec<Value>>,
    /// (collection, id, project) that the project is not shown.
    hidden: BTreeSet<(String, String, String)>,
}

impl Content {
    /// All of a collection, whoever may see it.
    pub fn all(&self, collection: &str) -> &[Value] {
        self.collections
            .get(collection)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// What `caller` may see of a collection.
    pub fn visible(&self, collection: &str, caller: &Caller) -> Vec<Value> {
        self.all(collection)
            .iter()
            .filter(|item| self.may_see(collection, item, caller))
            .cloned()
            .collect()
    }

    /// The item of that id (key pairs: name) if `caller` may see it.
    pub fn get(&self, collection: &str, id: &str, caller: &Caller) -> Option<Value> {
        self.all(collection)
            .iter()
            .find(|i| key(collection, i) == id && self.may_see(collection, i, caller))
            .cloned()
    }

    /// Puts an item in, in the place of one with the same id.
    pub fn put(&mut self, collection: &str, item: Value) {
        let id = key(collection, &item).to_owned();
        let list = self.collections.entry(collection.to_owned()).or_default();
        match list.iter_mut().find(|i| key(collection, i) == id) {
            Some(old) => *old = item,
            None => list.push(item),
        }
    }

    /// Takes an item out; says whether it was there.
    pub fn remove(&mut self, collection: &str, id: &str) -> bool {
        let Some(list) = self.collections.get_mut(collection) else {
            return false;
        };
        let before = list.len();
        list.retain(|item| key(collection, item) != id);
        list.len() < before
    }

    /// Hides an item from a project, or shows it again.
    pub fn hide(&mut self, collection: &str, id: &str, project: &str, hidden: bool) {
        let entry = (collection.to_owned(), id.to_owned(), project.to_owned());
        if hidden {
            self.hidden.insert(entry);
        } else {
            self.hidden.remove(&entry);
        }
    }

    fn may_see(&self, collection: &str, item: &Value, caller: &Caller) -> bool {
        let id = key(collection, item).to_owned();
        if self
            .hidden
            .contains(&(collection.to_owned(), id, caller.project.clone()))
        {
            return false;
        }
        let mine = |field: &str| item[field] == caller.project.as_str();
        match collection {
            "images" => caller.admin || item["visibility"] == "public" || mine("owner"),
            "flavors" => caller.admin || item["os-flavor-access:is_public"] != false,
            // A key pair that names no user is everybody's.
            "keypairs" => item["user_id"].is_null() || item["user_id"] == caller.user.as_str(),
            "networks" => {
                caller.admin
                    || item["shared"] == true
                    || item["router:external"] == true
                    || mine("project_id")
            }
            "subnets" => caller.admin || item["shared"] == true || mine("project_id"),
            _ => caller.admin || item["is_public"] != false,
        }
    }
}

/// What an item is addressed by.
pub fn key<'a>(collection: &str, item: &'a Value) -> &'a str {
    let field = if collection == "keypairs" { "name" } else { "id" };
    item[field].as_str().unwrap_or_default()
}

/// An id that is the same in every run: `kind` and `number` tell items apart.
fn id(kind: u32, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// A public image; `kube_version` is the property that Magnum's Cluster API driver reads.
pub fn image(number: usize, name: &str, kube_version: Option<&str>) -> Value {
    let id = id(0x1a, number);
    let mut image = json!({
        "id": id, "name": name, "os_distro": "ubuntu", "status": "active", "visibility": "public",
        "container_format": "bare", "disk_format": "qcow2", "protected": false, "min_disk": 0, "min_ram": 0,
        "size": 1_073_741_824, "owner": NOBODY, "tags": [], "os_hidden": false,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "checksum": "00000000000000000000000000000000",
        "self": format!("/v2/images/{id}"), "file": format!("/v2/images/{id}/file"), "schema": "/v2/schemas/image",
    });
    if let Some(version) = kube_version {
        image["kube_version"] = version.into();
    }
    image
}

/// A public flavor; memory in MiB, disk in GiB.
pub fn flavor(number: usize, name: &str, vcpus: u32, memory: u32, disk: u32) -> Value {
    json!({
        "id": id(0xf1, number), "name": name, "vcpus": vcpus, "ram": memory, "disk": disk,
        "OS-FLV-EXT-DATA:ephemeral": 0, "swap": 0, "rxtx_factor": 1.0, "os-flavor-access:is_public": true,
        "OS-FLV-DISABLED:disabled": false, "links": [], "extra_specs": {}, "description": null,
    })
}

/// A network with one subnet; the external one is everybody's, any other is shared.
pub fn network(number: usize, name: &str, cidr: &str, gateway: &str, external: bool) -> (Value, Value) {
    let (network, subnet) = (id(0x2e, number), id(0x5b, number));
    (
        json!({
            "id": network, "name": name, "router:external": external, "shared": !external, "status": "ACTIVE",
            "admin_state_up": true, "tenant_id": NOBODY, "project_id": NOBODY, "subnets": [subnet], "mtu": 1500,
            "port_security_enabled": true, "availability_zones": ["nova"], "tags": [], "description": "",
        }),
        json!({
            "id": subnet, "name": format!("{name}-subnet"), "network_id": network, "cidr": cidr, "ip_version": 4,
            "gateway_ip": gateway, "enable_dhcp": true, "shared": !external, "tenant_id": NOBODY,
            "project_id": NOBODY, "dns_nameservers": [], "allocation_pools": [], "host_routes": [], "tags": [],
            "description": "",
        }),
    )
}

fn volume_type(number: usize, name: &str) -> Value {
    json!({
        "id": id(0x70, number), "name": name, "is_public": true, "os-volume-type-access:is_public": true,
        "extra_specs": {}, "description": null, "qos_specs_id": null,
    })
}

impl Default for Content {
    /// Three images with Kubernetes and one without, five flavors, an external and a shared network, two volume
    /// types, and a key pair that everybody has.
    fn default() -> Self {
        let mut content = Self {
            collections: BTreeMap::new(),
            hidden: BTreeSet::new(),
        };
        let images = [Some("v1.30.4"), Some("v1.31.2"), Some("v1.33.0"), None];
        for (number, version) in images.into_iter().enumerate() {
            let name = version.map_or("ubuntu-2204".to_owned(), |v| format!("ubuntu-2204-kube-{v}"));
            content.put("images", image(number, &name, version));
        }
        let flavors = [
            ("m1.small", 2, 4096, 20),
            ("m1.medium", 4, 8192, 40),
            ("m1.large", 8, 16384, 80),
            ("m1.tiny", 1, 512, 1),
            ("m1.onecpu", 1, 4096, 20),
        ];
        for (number, (name, vcpus, memory, disk)) in flavors.into_iter().enumerate() {
            content.put("flavors", flavor(number, name, vcpus, memory, disk));
        }
        let networks = [
            ("public", "203.0.113.0/24", "203.0.113.1", true),
            ("private", "10.0.0.0/24", "10.0.0.1", false),
        ];
        for (number, (name, cidr, gateway, external)) in networks.into_iter().enumerate() {
            let (network, subnet) = network(number, name, cidr, gateway, external);
            content.put("networks", network);
            content.put("subnets", subnet);
        }
        for (number, name) in ["__DEFAULT__", "fast-ssd"].into_iter().enumerate() {
            content.put("types", volume_type(number, name));
        }
        content.put(
            "keypairs",
            json!({"name": "mykey", "type": "ssh", "fingerprint": "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
                "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f key",
                "user_id": null}),
        );
        content
    }
}
