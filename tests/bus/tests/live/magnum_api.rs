//! The real magnum-api and our conductor under every set of options, on both brokers.
//!
//! magnum-api runs as its own executable, which has no database: each of its requests is answered by what the conductor
//! says over the bus, failures included.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use bus::brokers::{Broker, Brokers, as_conductor};
use bus::options::{OptionSet, SETS};
use futures::StreamExt;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use stack::cloud::{Cloud, Ports};
use stack::home::Home;
use stack::identity::{DEMO, MAGNUM, Token};
use stack::magnum::{self, ApiKind, ConductorKind};
use stack::magnum_conf::{Chart, MagnumConf, RabbitOptions};
use stack::python::{self, Environments};
use stack::seed::Seed;
use stack::{ports, programs};

const TOPIC: &str = "magnum-conductor";
/// Pairs of magnum-api and conductor at once.
const AT_ONCE: usize = 2;

const CLUSTER: &str = "c1057e40-0000-4000-8000-000000000001";
const TEMPLATE: &str = "7e3b1a7e-0000-4000-8000-000000000001";

/// What all pairs share.
struct Site {
    brokers: &'static Brokers,
    environments: Environments,
    cloud: Cloud,
    ports: Ports,
    user: Token,
    admin: Token,
}

impl Site {
    async fn start() -> Result<Self> {
        let brokers = Brokers::shared().await?;
        let environments = python::environments().await?;
        let seed = Seed::get(&environments).await?;
        let [keystone, sim, magnum] = ports::free_many()?;
        let ports = Ports {
            keystone,
            sim,
            magnum,
        };
        let cloud = Cloud::start(&brokers.home, &environments, &seed, ports).await?;
        let identity = cloud.keystone.identity()?;
        let (user, admin) = (identity.token(&DEMO).await?, identity.token(&MAGNUM).await?);
        let passphrase = x509::generate_passphrase();
        let authority = x509::CertificateAuthority::generate("there", &x509::X509Options::default())?;
        let key = authority.private_key(Some(&passphrase))?;
        let (certificate, key, passphrase) = (
            authority.certificate(),
            key.expose_secret(),
            passphrase.expose_secret(),
        );
        let owner = format!("'{}', '{}'", user.project_id, user.user_id);
        cloud
            .database
            .execute(&format!(
                "INSERT INTO magnum.cluster_template (uuid, project_id, user_id, name, image_id, coe, cluster_distro, \
                 server_type, labels) VALUES ('{TEMPLATE}', {owner}, 'there', 'image', 'kubernetes', 'ubuntu', 'vm', \
                 '{{}}'); \
                 INSERT INTO magnum.x509keypair (uuid, project_id, user_id, certificate, private_key, \
                 private_key_passphrase) VALUES ('{CLUSTER}', {owner}, '{certificate}', '{key}', \
                 '{passphrase}'); \
                 INSERT INTO magnum.cluster (uuid, project_id, user_id, name, cluster_template_id, ca_cert_ref, \
                 magnum_cert_ref, status, stack_id, labels, health_status_reason) VALUES ('{CLUSTER}', {owner}, 'there', '{TEMPLATE}', '{CLUSTER}', \
                 '{CLUSTER}', 'CREATE_COMPLETE', 'there-aaaaaaaaaaaa', '{{}}', '{{}}'); \
                 INSERT INTO magnum.nodegroup (uuid, name, cluster_id, project_id, role, node_count, min_node_count, \
                 is_default, status, node_addresses, labels) SELECT UUID(), CONCAT('default-', role), '{CLUSTER}', '{}', role, 1, 1, 1, \
                 'CREATE_COMPLETE', '[]', '{{}}' FROM (SELECT 'master' role UNION SELECT 'worker') roles;",
                user.project_id
            ))
            .await?;
        Ok(Self {
            brokers,
            environments,
            cloud,
            ports,
            user,
            admin,
        })
    }

    /// magnum.conf of a pair, in a folder of its own.
    fn config(
        &self,
        broker: &Broker,
        set: &OptionSet,
        home: &Home,
        api_port: u16,
    ) -> Result<std::path::PathBuf> {
        let folder = home.folder("magnum")?;
        let mut extra = format!(
            "[api]\nworkers = 1\n[DEFAULT]\nhost = {}\n[oslo_messaging_notifications]\ndriver = {}\n\
             [oslo_messaging_rabbit]\n",
            host(broker),
            set.driver
        );
        for (name, value) in broker.options(set, &self.brokers.certificates, "") {
            // Both programs read this file; only their own names tell their queues apart.
            if name != "processname" {
                writeln!(extra, "{name} = {value}")?;
            }
        }
        let nowhere = folder.join("nowhere");
        MagnumConf {
            folder: &folder,
            transport_url: &broker.url(set),
            database_port: self.cloud.database.port(),
            keystone_port: self.ports.keystone,
            api_port,
            paste: &self.environments.magnum.join("etc/magnum/api-paste.ini"),
            kubeconfig: &nowhere,
            rabbit: RabbitOptions::Default,
            chart: &Chart::Builtin,
            extra: &extra,
        }
        .write()
    }

    async fn pair(&self, broker: &Broker, set: &OptionSet) -> Result<()> {
        let home = Home::temporary()?;
        let [api_port] = ports::free_many()?;
        let config = self.config(broker, set, &home, api_port)?;
        let rabbit = broker.server.client().in_virtual_host(set.name);
        let kind = ConductorKind::Rust(programs::ours("magnum-conductor")?);
        let place = magnum::Place {
            home: &home,
            environment: &self.environments.magnum,
            configs: &[&config],
            rabbit: &rabbit,
        };
        let (conductor, api) = tokio::try_join!(
            magnum::start_conductor("conductor", &kind, (TOPIC, 0), &place),
            magnum::start_api(
                &home,
                ApiKind::Executable,
                &self.environments.magnum,
                &config,
                api_port
            ),
        )?;
        let asked = self.story(api_port, &host(broker)).await;
        let said = stack::process::tail(&home.log("conductor"), 3000);
        api.kill().await?;
        conductor.context("no conductor")?.kill().await?;
        asked.with_context(|| format!("{} with {}; our log ends:\n{said}", set.name, broker.name))
    }

    async fn story(&self, port: u16, host: &str) -> Result<()> {
        let ask = async |token: &Token, method: Method, path: &str, body: Option<Value>| {
            magnum::request(port, token, method, path, body.as_ref()).await
        };
        let get = async |path: &str| -> Result<Value> {
            let (status, answer) = ask(&self.user, Method::GET, path, None).await?;
            ensure!(status == 200, "GET {path}: {status} {answer}");
            Ok(answer)
        };

        // The conductor has reported itself.
        let (status, services) = ask(&self.admin, Method::GET, "mservices", None).await?;
        let alive = |services: &Value| {
            let rows = services["mservices"].as_array();
            rows.is_some_and(|rows| rows.iter().any(|row| row["host"] == host && row["state"] == "up"))
        };
        ensure!(status == 200 && alive(&services), "services: {status} {services}");

        // Rows by id, by name, in a list, and none.
        let cluster = get(&format!("clusters/{CLUSTER}")).await?;
        ensure!(
            cluster["name"] == "there" && cluster["status"] == "CREATE_COMPLETE",
            "{cluster}"
        );
        ensure!(get("clusters/there").await?["uuid"] == CLUSTER);
        let listed = get("clusters").await?;
        ensure!(listed["clusters"][0]["uuid"] == CLUSTER, "{listed}");
        let (status, answer) = ask(&self.user, Method::GET, "clusters/nowhere", None).await?;
        let text = answer["errors"][0]["detail"].as_str().unwrap_or_default();
        ensure!(
            status == 404 && text.contains("Cluster nowhere could not be found"),
            "{status} {answer}"
        );

        // A call to the conductor itself, and its failure.
        let certificate = get(&format!("certificates/{CLUSTER}")).await?;
        ensure!(
            certificate["pem"]
                .as_str()
                .is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE")),
            "{certificate}"
        );
        let ours = rcgen::KeyPair::generate()?;
        let csr = rcgen::CertificateParams::new(Vec::<String>::new())?
            .serialize_request(&ours)?
            .pem()?;
        let sign = async |csr: &str| {
            let body = json!({"cluster_uuid": CLUSTER, "csr": csr});
            ask(&self.user, Method::POST, "certificates", Some(body)).await
        };
        let (status, signed) = sign(&csr).await?;
        ensure!(
            status == 201 && signed["pem"].is_string(),
            "signing: {status} {signed}"
        );
        let (status, answer) = sign("not one").await?;
        ensure!(
            status == 400,
            "a request for signature that is none: {status} {answer}"
        );

        // A row that comes and goes; the pairs share the database, so each has a name of its own.
        let name = format!("made-{port}");
        let template = json!({
            "name": name, "coe": "kubernetes", "image_id": "ubuntu-2204-kube-v1.30.4", "keypair_id": "mykey",
            "external_network_id": "public", "flavor_id": "m1.small", "labels": {"kube_tag": "v1.30.4", "ü": "ö"},
        });
        let (status, made) = ask(&self.user, Method::POST, "clustertemplates", Some(template)).await?;
        ensure!(status == 201, "a template: {status} {made}");
        let path = format!("clustertemplates/{name}");
        let shown = get(&path).await?;
        ensure!(
            shown["uuid"] == made["uuid"] && shown["labels"]["ü"] == "ö",
            "{shown}"
        );
        let (status, answer) = ask(&self.user, Method::DELETE, &path, None).await?;
        ensure!(status == 204, "deleting a template: {status} {answer}");
        let stats = get(&format!("stats?project_id={}", self.user.project_id)).await?;
        ensure!(stats["clusters"] == 1, "{stats}");
        Ok(())
    }
}

/// Each broker's conductors are a host of their own.
fn host(broker: &Broker) -> String {
    format!("host-of-{}", broker.name)
}

#[tokio::test(flavor = "multi_thread")]
async fn magnum_api_and_our_conductor_under_every_set_of_options() {
    let _alone = as_conductor().await;
    let site = Site::start().await.unwrap();
    let pairs = site
        .brokers
        .all
        .iter()
        .flat_map(|broker| SETS.iter().map(move |set| (broker, set)));
    let results: Vec<Result<()>> = futures::stream::iter(pairs)
        .map(|(broker, set)| site.pair(broker, set))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(results.len(), SETS.len() * site.brokers.all.len());
    let wrong: Vec<String> = results
        .into_iter()
        .filter_map(|result| result.err().map(|error| format!("{error:#}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
