//! The cloud of a recorded case, in memory.

use conductor_driver::facts::{Answers, Flavor, Image, Named};
use conductor_driver::{DriverError, Needs};
use regex::Regex;
use serde_json::Value;

/// Why a look-up failed.
#[derive(Debug)]
pub enum Failure {
    /// The service failed, as the case says.
    Service(String),
    /// The driver refused.
    Driver(DriverError),
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

/// The services of a case.
pub struct World<'a> {
    content: &'a Value,
    faults: &'a Value,
}

impl<'a> World<'a> {
    pub fn new(case: &'a Value, common: &'a Value) -> Self {
        let content = if case["openstack"].is_object() {
            &case["openstack"]
        } else {
            common
        };
        Self {
            content,
            faults: &case["openstack_faults"],
        }
    }

    fn items(&self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.content[kind].as_array().into_iter().flatten()
    }

    /// Fails if the case has a fault for this request.
    fn visit(&self, service: &str, method: &str, path: &str) -> Result<(), Failure> {
        for fault in self.faults.as_array().into_iter().flatten() {
            let is = |key: &str, value: &str| fault[key].as_str().is_none_or(|wanted| wanted == value);
            let hits = fault["path"]
                .as_str()
                .is_none_or(|path_re| Regex::new(path_re).unwrap().is_match(path));
            if is("service", service) && is("method", method) && hits {
                return Err(Failure::Service(format!("{service} {method} {path}: {fault}")));
            }
        }
        Ok(())
    }

    pub fn answers(&self, needs: &Needs, context: &Value) -> Result<Answers, Failure> {
        let mut answers = Answers {
            auth_url: text(&context["auth_url"]),
            ..Answers::default()
        };
        if !needs.flavors.is_empty() {
            self.visit("nova", "GET", "/v2.1/flavors/detail")?;
            answers.flavors = self.items("flavors").map(flavor).collect();
        }
        if let Some(wanted) = needs.image.as_deref().filter(|wanted| !wanted.is_empty()) {
            answers.images = self.images(wanted)?;
        }
        if let Some(name) = needs.fixed_network_name() {
            answers.fixed_networks = self.networks(name, false)?;
        }
        if let Some(name) = needs.fixed_subnet_name() {
            self.visit("neutron", "GET", "/v2.0/subnets")?;
            answers.fixed_subnets = self
                .items("subnets")
                .filter(|item| item["name"] == name)
                .map(named)
                .collect();
        }
        if let Some(name) = needs.external_network_name() {
            answers.external_networks = self.networks(name, true)?;
        }
        self.visit("cinder", "GET", "/v3/types")?;
        let types = self.items("volume_types");
        answers.volume_types = types
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect();
        Ok(answers)
    }

    fn images(&self, wanted: &str) -> Result<Vec<Image>, Failure> {
        self.visit("glance", "GET", &format!("/v2/images/{wanted}"))?;
        if let Some(found) = self.items("images").find(|item| item["id"] == wanted) {
            return Ok(vec![image(found)]);
        }
        self.visit("glance", "GET", "/v2/images")?;
        let named = |hidden: bool| {
            let items = self.items("images").filter(|item| item["name"] == wanted);
            items
                .filter(|item| (item["os_hidden"] == true) == hidden)
                .map(image)
                .collect::<Vec<_>>()
        };
        let visible = named(false);
        Ok(if visible.is_empty() { named(true) } else { visible })
    }

    fn networks(&self, name: &str, external: bool) -> Result<Vec<Named>, Failure> {
        self.visit("neutron", "GET", "/v2.0/networks")?;
        let items = self
            .items("networks")
            .filter(|item| item["name"] == name && item["external"] == external);
        Ok(items.map(named).collect())
    }

    pub fn regions(&self) -> Result<Vec<String>, Failure> {
        self.visit("keystone", "GET", "/v3/regions")?;
        Ok(self
            .items("regions")
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Whether the caller may make an application credential.
    pub fn may_make_credential(&self, user: &str) -> Result<(), Failure> {
        self.visit(
            "keystone",
            "POST",
            &format!("/v3/users/{user}/application_credentials"),
        )
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn image(item: &Value) -> Image {
    let property = |name: &str| text(&item[name]).or_else(|| text(&item["properties"][name]));
    Image {
        id: text(&item["id"]).unwrap(),
        name: text(&item["name"]),
        kube_version: property("kube_version"),
        os_distro: property("os_distro"),
    }
}

fn flavor(item: &Value) -> Flavor {
    Flavor {
        id: text(&item["id"]).unwrap(),
        name: text(&item["name"]).unwrap(),
        ram: item["ram"].as_i64().unwrap(),
        vcpus: item["vcpus"].as_i64().unwrap(),
    }
}

fn named(item: &Value) -> Named {
    Named {
        id: text(&item["id"]).unwrap(),
        name: text(&item["name"]),
    }
}
