//! Python writes, we read, sign, rotate, delete; and the other way round: with each of Magnum's three backends, by
//! Magnum's own code on a real database, real Keystone and real Barbican.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use certificates::ours::Ours;
use certificates::python::Python;
use certificates::site::Site;
use conductor_driver::secrets::{Certificates, KeyPair};
use magnum_objects::Cluster;
use secrecy::ExposeSecret;
use serde_json::json;
use stack::release::Release;

/// The CAs of a cluster, as the API calls them and as we do.
const AUTHORITIES: [(&str, &str); 3] = [
    ("kubernetes", "ca"),
    ("etcd", "etcd"),
    ("front_proxy", "front_proxy"),
];

/// Both conductors on one backend.
struct Both<'a> {
    site: &'a Site,
    backend: &'static str,
    /// Number of the first of its clusters.
    first: u32,
    python: Python,
    ours: Ours,
    /// What was there before anything was made.
    before: Vec<String>,
}

impl<'a> Both<'a> {
    async fn start(site: &'a Site, backend: &'static str, first: u32) -> Result<Self> {
        let mut python = site.python(backend)?;
        if backend == "local" {
            let command = json!({"do": "create", "uuid": uuid(first), "name": "none"});
            // Should this go well one day, the help below is not needed any more.
            let class = python.refused(&command).await?;
            ensure!(class == "CertificatesToClusterFailed", "{class}");
            python.done(&json!({"do": "let_local_backend_write"})).await?;
        }
        Ok(Self {
            site,
            backend,
            first,
            python,
            ours: Ours::start(site.config(backend)?).await?,
            before: site.holdings(backend).await?,
        })
    }

    /// Things in the backend that make a certificate with its key and passphrase.
    fn things(&self) -> usize {
        match self.backend {
            "x509keypair" => 1,
            "local" => 3,
            _ => 4,
        }
    }

    async fn expect_left(&self, certificates: usize) -> Result<()> {
        let now = self.site.holdings(self.backend).await?;
        let gone = self.before.iter().find(|thing| !now.contains(thing));
        ensure!(gone.is_none(), "{gone:?} is another's");
        let left = now.len() - self.before.len();
        ensure!(
            left == certificates * self.things(),
            "{certificates} certificates expected: {now:?}"
        );
        Ok(())
    }

    /// Both read the same, and cryptography finds that it fits together. Gives the references.
    async fn expect_readable(&mut self, uuid: &str) -> Result<Vec<String>> {
        let ours = self.ours.read(uuid).await.context("we read")?;
        let pythons = self.python.done(&json!({"do": "read", "uuid": uuid})).await?;
        let all = [
            ("ca", &ours.ca, &ours.ca),
            ("etcd", &ours.etcd, &ours.etcd),
            ("front_proxy", &ours.front_proxy, &ours.front_proxy),
            ("magnum", &ours.service_account, &ours.ca),
        ];
        for (name, pair, authority) in all {
            let python = &pythons[name];
            let key = pair.key.expose_secret();
            ensure!(python["certificate"] == pair.certificate, "{name}: {python}");
            ensure!(python["clear"] == key, "{name}: the keys differ");
            let stored = python["private_key"].as_str().unwrap_or_default();
            ensure!(
                stored.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
                "{name}"
            );
            let judge = json!({"do": "judge", "authority": authority.certificate, "certificate": pair.certificate,
                "key": key});
            let subject = self.python.done(&judge).await.context(name)?;
            ensure!(
                (name == "magnum") == (subject == "O=system:masters,CN=admin"),
                "{subject}"
            );
        }
        Ok(references(&self.ours.cluster(uuid).await?))
    }

    /// Both sign with each of the cluster's CAs.
    async fn expect_signing(&mut self, uuid: &str) -> Result<()> {
        let certificates = self.ours.read(uuid).await?;
        let pair = |name: &str| -> &KeyPair {
            match name {
                "ca" => &certificates.ca,
                "etcd" => &certificates.etcd,
                _ => &certificates.front_proxy,
            }
        };
        let key = rcgen::KeyPair::generate()?;
        let mut wanted = rcgen::CertificateParams::new(Vec::<String>::new())?;
        wanted
            .distinguished_name
            .push(rcgen::DnType::CommonName, "a node");
        let csr = wanted.serialize_request(&key)?.pem()?;
        for (kind, name) in AUTHORITIES {
            let sign = json!({"do": "sign", "uuid": uuid, "csr": csr, "kind": kind});
            let ours = self.ours.sign(uuid, &csr, kind).await?;
            let pythons = self.python.done(&sign).await?;
            for signed in [json!(ours), pythons] {
                let judge = json!({"do": "judge", "authority": pair(name).certificate, "certificate": signed,
                    "csr": csr});
                let subject = self.python.done(&judge).await.context(kind)?;
                ensure!(subject == "CN=a node", "{subject}");
            }
        }
        Ok(())
    }

    /// In Barbican, PEM is as a release of Magnum writes it: bytes up to 22, text since.
    async fn expect_form(&self, reference: &str, release: Release) -> Result<()> {
        if self.backend != "barbican" {
            return Ok(());
        }
        let form = match release {
            Release::V23 => "text/plain",
            _ => "application/octet-stream",
        };
        let forms = self.site.forms(reference).await?;
        for part in ["certificate", "private_key"] {
            ensure!(
                forms.get(part).map(String::as_str) == Some(form),
                "{part}: {forms:?}"
            );
        }
        Ok(())
    }

    async fn python_writes(&mut self) -> Result<()> {
        let uuid = uuid(self.first + 1);
        let create = json!({"do": "create", "uuid": uuid, "name": "pythons"});
        let written = self.python.done(&create).await?;
        let first = self.expect_readable(&uuid).await?;
        ensure!(written == json!(first), "{written}");
        self.expect_left(4).await?;
        self.expect_form(&first[0], self.site.release()).await?;
        self.expect_signing(&uuid).await?;

        let old = self.ours.cluster(&uuid).await?;
        self.ours.renew(&uuid).await.context("we rotate")?;
        self.expect_left(8).await?;
        self.ours.remove(&old).await.context("we remove Python's")?;
        self.expect_left(4).await?;
        let second = self.expect_readable(&uuid).await?;
        ensure!(second.iter().all(|reference| !first.contains(reference)));
        self.expect_signing(&uuid).await?;

        self.ours.remove(&self.ours.cluster(&uuid).await?).await?;
        self.expect_left(0).await
    }

    async fn we_write(&mut self) -> Result<Certificates> {
        let uuid = uuid(self.first + 2);
        self.ours.create(&uuid, "ours").await.context("we write")?;
        let first = self.expect_readable(&uuid).await?;
        self.expect_left(4).await?;
        self.expect_form(&first[0], Release::V23).await?;
        self.expect_signing(&uuid).await?;

        self.python.done(&json!({"do": "renew", "uuid": uuid})).await?;
        self.expect_left(8).await?;
        for reference in &first {
            let remove = json!({"do": "remove", "reference": reference});
            self.python.done(&remove).await.context("Python removes ours")?;
        }
        self.expect_left(4).await?;
        let second = self.expect_readable(&uuid).await?;
        ensure!(second.iter().all(|reference| !first.contains(reference)));
        self.expect_signing(&uuid).await?;

        // Python forgets the CAs of etcd and of the front proxy. A deletion that we go on with does not.
        let pattern = self.ours.read(&uuid).await?;
        self.python.done(&json!({"do": "delete", "uuid": uuid})).await?;
        self.expect_left(2).await?;
        self.ours.remove(&self.ours.cluster(&uuid).await?).await?;
        self.expect_left(0).await?;
        Ok(pattern)
    }

    /// What Magnum itself never writes: intermediate certificates, and a key without a passphrase.
    async fn python_writes_by_hand(&mut self, pattern: &Certificates) -> Result<()> {
        let key = pattern.ca.key.expose_secret();
        let store = json!({"do": "store", "certificate": pattern.ca.certificate, "private_key": key,
            "intermediates": pattern.etcd.certificate});
        let reference = self.python.done(&store).await?;
        let reference = reference.as_str().context("no reference")?;
        let get = json!({"do": "get", "reference": reference});
        let read = self.ours.get(reference).await?;
        let pythons = self.python.done(&get).await?;
        ensure!(read.certificate == pattern.ca.certificate && pythons["certificate"] == read.certificate);
        // Barbican takes white space off the ends of what it is given.
        ensure!(read.private_key.expose_secret().trim_end() == key.trim_end());
        ensure!(pythons["private_key"] == read.private_key.expose_secret());
        ensure!(read.passphrase.is_none() && pythons["private_key_passphrase"].is_null());
        ensure!(read.intermediates.as_deref() == Some(&*pattern.etcd.certificate));

        let only = Cluster {
            ca_cert_ref: Some(reference.to_owned()),
            ..Cluster::default()
        };
        self.ours.remove(&only).await?;
        self.expect_left(0).await?;
        // What is gone, neither can have.
        self.python.refused(&get).await?;
        ensure!(self.ours.get(reference).await.is_err());
        Ok(())
    }

    async fn everything(&mut self) -> Result<()> {
        self.python_writes().await.context("Python writes")?;
        let pattern = self.we_write().await.context("we write")?;
        self.python_writes_by_hand(&pattern).await.context("by hand")
    }
}

fn references(cluster: &Cluster) -> Vec<String> {
    [
        &cluster.ca_cert_ref,
        &cluster.etcd_ca_cert_ref,
        &cluster.front_proxy_ca_cert_ref,
        &cluster.magnum_cert_ref,
    ]
    .into_iter()
    .filter_map(Clone::clone)
    .collect()
}

fn uuid(number: u32) -> String {
    format!("c1057e40-0000-4000-8000-{number:012}")
}

async fn exchange(site: &Site, backend: &'static str, first: u32) -> Result<()> {
    let mut both = Both::start(site, backend, first).await.context(backend)?;
    both.everything().await.context(backend)
}

/// One site after the other: each has a database, a Keystone and a Barbican.
static ONE: Mutex<()> = Mutex::new(());

fn exchange_with(release: Release) {
    let _one = ONE.lock();
    // With room for the futures of an unoptimised build.
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let test = thread.spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(all_backends(release))
    });
    test.unwrap().join().unwrap().unwrap();
}

#[test]
fn what_one_conductor_keeps_the_other_reads_signs_with_renews_and_removes() {
    exchange_with(Release::V23);
}

/// Up to 22, Magnum stores PEM in Barbican as bytes, by Barbican's own client.
#[test]
fn what_magnum_22_keeps_we_read_sign_with_renew_and_remove_and_the_reverse() {
    exchange_with(Release::V22);
}

async fn all_backends(release: Release) -> Result<()> {
    let site = Site::start(release).await?;
    let outcomes = tokio::join!(
        exchange(&site, "x509keypair", 10),
        exchange(&site, "local", 20),
        exchange(&site, "barbican", 30),
    );
    let wrong: Vec<String> = <[Result<()>; 3]>::from(outcomes)
        .into_iter()
        .filter_map(|outcome| outcome.err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}
