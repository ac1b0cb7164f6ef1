//! Servers that both conductors use: database, Keystone, Barbican.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use stack::barbican::Barbican;
use stack::cloud::{Cloud, Ports};
use stack::home::Home;
use stack::identity::MAGNUM;
use stack::magnum_conf::{Chart, MagnumConf, RabbitOptions};
use stack::python::{self, Environments};
use stack::release::Release;
use stack::seed::Seed;
use stack::{packages, ports};

/// The servers.
#[derive(Debug)]
pub struct Site {
    home: Home,
    environments: Environments,
    cloud: Cloud,
    barbican: Barbican,
    ports: Ports,
}

/// What a backend holds: rows, files, or Barbican's secrets and containers.
pub type Holdings = Vec<String>;

impl Site {
    /// Starts them, with the database of a release of Magnum.
    ///
    /// # Errors
    /// If a server does not start.
    pub async fn start(release: Release) -> Result<Self> {
        packages::ensure(&packages::PACKAGES).await?;
        let home = Home::temporary()?;
        let environments = python::environments_of(release).await?;
        let seed = Seed::get(&environments).await?;
        let [keystone, sim, magnum, barbican] = ports::free_many()?;
        let ports = Ports {
            keystone,
            sim,
            magnum,
        };
        let cloud = Cloud::start(&home, &environments, &seed, ports).await?;
        let identity = cloud.keystone.identity()?;
        let barbican = Barbican::start(&home, barbican, &identity, &cloud.database).await?;
        barbican.register(&identity).await?;
        Ok(Self {
            home,
            environments,
            cloud,
            barbican,
            ports,
        })
    }

    /// magnum.conf of both conductors, with a `cert_manager_type`.
    ///
    /// # Errors
    /// If files cannot be written.
    pub fn config(&self, backend: &str) -> Result<PathBuf> {
        let folder = self.home.folder(&format!("magnum-{backend}"))?;
        std::fs::create_dir_all(self.certificates())?;
        let extra = format!(
            "[certificates]\ncert_manager_type = {backend}\nstorage_path = {}\n",
            self.certificates().display()
        );
        MagnumConf {
            folder: &folder,
            transport_url: "rabbit://",
            database_port: self.cloud.database.port(),
            keystone_port: self.ports.keystone,
            api_port: self.ports.magnum,
            paste: &folder.join("api-paste.ini"),
            kubeconfig: &folder.join("kubeconfig"),
            rabbit: RabbitOptions::Default,
            chart: &Chart::Builtin,
            extra: &extra,
        }
        .write()
    }

    /// Magnum's own code with a configuration.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn python(&self, backend: &str) -> Result<crate::python::Python> {
        let log = self.home.log(&format!("python-{backend}"));
        crate::python::Python::start(&self.environments.magnum, &self.config(backend)?, log)
    }

    /// The release of Magnum.
    pub fn release(&self) -> Release {
        self.environments.release
    }

    fn certificates(&self) -> PathBuf {
        self.home.root().join("certificates")
    }

    /// What a backend holds now, sorted.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub async fn holdings(&self, backend: &str) -> Result<Holdings> {
        let mut found = match backend {
            "x509keypair" => self.rows().await?,
            "local" => self.files()?,
            _ => [
                self.barbicans("secrets").await?,
                self.barbicans("containers").await?,
            ]
            .concat(),
        };
        found.sort();
        Ok(found)
    }

    async fn rows(&self) -> Result<Holdings> {
        let database = self.cloud.database.client();
        let rows = database.rows("SELECT uuid FROM magnum.x509keypair").await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    fn files(&self) -> Result<Holdings> {
        let mut names = Vec::new();
        for file in std::fs::read_dir(self.certificates())? {
            names.push(file?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    async fn barbicans(&self, collection: &str) -> Result<Holdings> {
        let answer = self.barbican(&format!("{collection}?limit=100")).await?;
        let listed = answer[collection].as_array().context("no list")?;
        let reference = ["secret_ref", "container_ref"];
        Ok(listed
            .iter()
            .filter_map(|item| reference.iter().find_map(|key| item[*key].as_str()))
            .map(str::to_owned)
            .collect())
    }

    /// The form in which Barbican holds each part of a container.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub async fn forms(&self, container: &str) -> Result<BTreeMap<String, String>> {
        let id = |reference: &str| reference.rsplit('/').next().unwrap_or_default().to_owned();
        let container = self.barbican(&format!("containers/{}", id(container))).await?;
        let mut forms = BTreeMap::new();
        for part in container["secret_refs"].as_array().into_iter().flatten() {
            let reference = part["secret_ref"].as_str().context("no reference")?;
            let secret = self.barbican(&format!("secrets/{}", id(reference))).await?;
            let form = secret["content_types"]["default"].as_str().context("no form")?;
            forms.insert(
                part["name"].as_str().unwrap_or_default().to_owned(),
                form.to_owned(),
            );
        }
        Ok(forms)
    }

    async fn barbican(&self, path: &str) -> Result<Value> {
        let token = self.cloud.keystone.identity()?.token(&MAGNUM).await?;
        let url = format!("http://127.0.0.1:{}/v1/{path}", self.barbican.port());
        let request = stack::process::http_client(180)?.get(url);
        let answer = request.header("X-Auth-Token", &token.id).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
