//! Every `openstack coe` command once, on a cluster of its own: what it prints, and what it does to the rows.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use stack::identity::{ADMIN, DEMO};
use stack::life::Life;
use stack::process::{Spec, run};
use stack::release::Release;
use stack::stack::Stack;

use crate::refused;

const VERSION: &str = "1.30.4";

/// Prints a certificate signing request and says whether a certificate is a CA's, with magnumclient's own libraries.
const REQUEST: &str = "from magnumclient.common import utils; print(utils.generate_csr_and_key()['csr'])";
const VERIFY: &str = "import sys; from cryptography import x509; \
     ca, cert = [x509.load_pem_x509_certificate(open(f, 'rb').read()) for f in sys.argv[1:]]; \
     cert.verify_directly_issued_by(ca); print(cert.subject.rfc4514_string())";

/// Goes through all commands. The upgrade is not among them, because [`crate::story`] has it.
///
/// # Errors
/// The first command that fails or shows something else than it should.
pub async fn every_command(stack: &Stack, cluster: &str) -> Result<()> {
    templates(stack, cluster).await?;
    Life::create_template(stack, VERSION).await?;
    let life = Life::new(stack, cluster);
    life.create(VERSION, 1, 1).await?;
    services_and_quotas(stack, cluster).await?;
    life.wait_created().await?;
    shown(stack, &life).await?;
    updates(stack, &life).await?;
    nodegroups(stack, &life).await?;
    certificates(stack, &life).await?;
    credentials(stack, &life).await?;
    crate::deleted(&life).await
}

/// A command's JSON, which some put a sentence in front of.
async fn json(stack: &Stack, words: &[&str]) -> Result<Value> {
    let text = stack.openstack(&[words, &["-f", "json"]].concat()).await?;
    let begin = text.find(['{', '[']).unwrap_or_default();
    serde_json::from_str(&text[begin..]).with_context(|| format!("{words:?} printed no JSON: {text}"))
}

/// Checks fields of what a command showed.
fn expect(shown: &Value, fields: &[(&str, Value)]) -> Result<()> {
    for (name, value) in fields {
        ensure!(&shown[name] == value, "{name} is not {value} in {shown:#}");
    }
    Ok(())
}

/// The row of a list whose `name` it is.
fn named<'a>(list: &'a Value, name: &str) -> Result<&'a Value> {
    list.as_array()
        .and_then(|rows| rows.iter().find(|row| row["name"] == name))
        .with_context(|| format!("no {name} in {list:#}"))
}

async fn templates(stack: &Stack, cluster: &str) -> Result<()> {
    let name = format!("{cluster}-template");
    let image = format!("ubuntu-2204-kube-v{VERSION}");
    let words = ["coe", "cluster", "template"];
    let made = [
        "create",
        "--coe",
        "kubernetes",
        "--image",
        &image,
        "--external-network",
        "public",
        "--flavor",
        "m1.small",
        "--master-flavor",
        "m1.small",
        "--docker-volume-size",
        "20",
        "--labels",
        "a=1,b=2",
        &name,
    ];
    let shown = json(stack, &[words.as_slice(), &made].concat()).await?;
    expect(
        &shown,
        &[("name", name.as_str().into()), ("docker_volume_size", 20.into())],
    )?;
    ensure!(
        shown["labels"] == serde_json::json!({"a": "1", "b": "2"}),
        "labels: {shown:#}"
    );
    let list = json(stack, &[words.as_slice(), &["list"]].concat()).await?;
    named(&list, &name)?;
    let change: &[&str] = if stack.options().release == Release::V23 {
        &["update", &name, "--docker-volume-size", "30"]
    } else {
        &["update", &name, "replace", "docker_volume_size=30"]
    };
    json(stack, &[words.as_slice(), change].concat()).await?;
    let shown = json(stack, &[words.as_slice(), &["show", &name]].concat()).await?;
    expect(
        &shown,
        &[
            ("docker_volume_size", 30.into()),
            ("image_id", image.as_str().into()),
        ],
    )?;
    stack
        .openstack(&[words.as_slice(), &["delete", &name]].concat())
        .await?;
    let said = refused(
        stack
            .openstack(&[words.as_slice(), &["show", &name]].concat())
            .await,
    )?;
    ensure!(said.contains("could not be found"), "{said}");
    Ok(())
}

async fn services_and_quotas(stack: &Stack, cluster: &str) -> Result<()> {
    let list = json(stack, &["coe", "cluster", "list"]).await?;
    named(&list, cluster)?;
    let text = stack
        .openstack_as(&ADMIN, &["coe", "service", "list", "-f", "json"])
        .await?;
    let services: Value = serde_json::from_str(&text)?;
    let ours = &services[0];
    expect(
        ours,
        &[
            ("host", "conductor-1".into()),
            ("binary", "magnum-conductor".into()),
            ("state", "up".into()),
        ],
    )?;
    let project = stack.token(&DEMO).await?.project_id;
    let quotas = async |verb: &str, rest: &[&str]| {
        let words = [
            "coe",
            "quotas",
            verb,
            "--project-id",
            &project,
            "--resource",
            "Cluster",
        ];
        stack
            .openstack_as(&ADMIN, &[words.as_slice(), rest].concat())
            .await
    };
    // These commands print what went wrong and succeed all the same, so the limit is looked for.
    for (verb, limit) in [("create", "21"), ("update", "34")] {
        quotas(verb, &["--hard-limit", limit]).await?;
        let said = quotas("show", &[]).await?;
        ensure!(said.contains(limit), "after {verb}: {said}");
        let said = stack
            .openstack_as(&ADMIN, &["coe", "quotas", "list", "--all-tenants"])
            .await?;
        ensure!(
            said.contains(&project) && said.contains(limit),
            "after {verb}: {said}"
        );
    }
    let said = quotas("delete", &[]).await?;
    ensure!(said.contains("has been accepted"), "{said}");
    let said = stack
        .openstack_as(&ADMIN, &["coe", "quotas", "list", "--all-tenants"])
        .await?;
    ensure!(!said.contains(&project), "a deleted quota is listed: {said}");
    let said = stack.openstack(&["coe", "stats", "list", &project]).await?;
    ensure!(said.contains("clusters") && said.contains("nodes"), "{said}");
    Ok(())
}

async fn shown(stack: &Stack, life: &Life<'_>) -> Result<()> {
    let shown = json(stack, &["coe", "cluster", "show", life.name()]).await?;
    expect(
        &shown,
        &[
            ("name", life.name().into()),
            ("status", "CREATE_COMPLETE".into()),
            ("node_count", 1.into()),
            ("master_count", 1.into()),
            ("coe_version", format!("v{VERSION}").into()),
        ],
    )?;
    let address = shown["api_address"].as_str().unwrap_or_default();
    ensure!(address.starts_with("https://"), "api_address: {shown:#}");
    let count = |field: &str| shown[field].as_array().map_or(0, Vec::len);
    ensure!(count("node_addresses") == 1, "node_addresses: {shown:#}");
    ensure!(count("master_addresses") == 1, "master_addresses: {shown:#}");
    Ok(())
}

/// The cluster's update, whose arguments changed with the client, and a resize.
async fn updates(stack: &Stack, life: &Life<'_>) -> Result<()> {
    let words = ["coe", "cluster", "update", life.name()];
    let change: &[&str] = if stack.options().release == Release::V23 {
        &["--node-count", "2"]
    } else {
        &["replace", "node_count=2"]
    };
    stack.openstack(&[words.as_slice(), change].concat()).await?;
    life.wait_resized(2).await?;
    life.resize(1).await?;
    life.wait_resized(1).await
}

async fn nodegroups(stack: &Stack, life: &Life<'_>) -> Result<()> {
    let words = ["coe", "nodegroup"];
    life.create_nodegroup("more", 1).await?;
    life.wait_nodegroup("more").await?;
    let list = json(stack, &[words.as_slice(), &["list", life.name()]].concat()).await?;
    for group in ["default-master", "default-worker", "more"] {
        named(&list, group)?;
    }
    let change: &[&str] = if stack.options().release == Release::V23 {
        &["--max-nodes", "4"]
    } else {
        &["replace", "max_node_count=4"]
    };
    stack
        .openstack(&[words.as_slice(), &["update", life.name(), "more"], change].concat())
        .await?;
    let changed = "EXISTS (SELECT 1 FROM magnum.nodegroup n WHERE n.cluster_id = c.uuid AND n.name = 'more' \
                   AND n.max_node_count = 4 AND n.status = 'UPDATE_COMPLETE')";
    life.wait_for("have the new limit", changed).await?;
    let shown = json(
        stack,
        &[words.as_slice(), &["show", life.name(), "more"]].concat(),
    )
    .await?;
    expect(
        &shown,
        &[
            ("name", "more".into()),
            ("max_node_count", 4.into()),
            ("role", "worker".into()),
            ("node_count", 1.into()),
        ],
    )?;
    life.delete_nodegroup("more").await?;
    life.wait_no_nodegroup("more").await
}

async fn python(stack: &Stack, script: &str, args: &[&Path]) -> Result<String> {
    run(Spec::new("python", stack.python().join("bin/python"))
        .args(["-c", script])
        .args(args))
    .await
}

/// The PEM block in what a command printed.
fn pem(text: &str) -> Result<&str> {
    let begin = text
        .find("-----BEGIN CERTIFICATE")
        .context("no certificate was printed")?;
    Ok(&text[begin..])
}

async fn certificates(stack: &Stack, life: &Life<'_>) -> Result<()> {
    let folder = stack.home().folder(&format!("ca-{}", life.name()))?;
    let (request, ca, signed) = (folder.join("csr"), folder.join("ca"), folder.join("cert"));
    std::fs::write(&request, python(stack, REQUEST, &[]).await?)?;
    let shown = stack.openstack(&["coe", "ca", "show", life.name()]).await?;
    std::fs::write(&ca, pem(&shown)?)?;
    let path = request.display().to_string();
    let said = stack
        .openstack(&["coe", "ca", "sign", life.name(), &path])
        .await?;
    std::fs::write(&signed, pem(&said)?)?;
    python(stack, VERIFY, &[&ca, &signed])
        .await
        .context("the signed certificate is not the CA's")?;

    let nodes = life.nodes(&life.kubeconfig().await?).await?;
    ensure!(nodes.len() == 2, "one master and one worker, not {nodes:?}");

    // Cluster API has no rotation yet; to refuse must not break what is there.
    let before = references(stack, life).await?;
    let said = refused(stack.openstack(&["coe", "ca", "rotate", life.name()]).await)?;
    ensure!(!said.to_lowercase().contains("timed out"), "{said}");
    ensure!(
        references(stack, life).await? == before,
        "a refused rotation changed the cluster's certificates"
    );
    let again = stack.openstack(&["coe", "ca", "show", life.name()]).await?;
    ensure!(again == shown, "a refused rotation changed the CA");
    match life.state().await? {
        Some((status, _)) if status == "UPDATE_COMPLETE" => Ok(()),
        other => bail!("a refused rotation left the cluster {other:?}"),
    }
}

async fn references(stack: &Stack, life: &Life<'_>) -> Result<Vec<Vec<Option<String>>>> {
    let query = format!(
        "SELECT ca_cert_ref, magnum_cert_ref, etcd_ca_cert_ref, front_proxy_ca_cert_ref FROM magnum.cluster \
         WHERE name = '{}'",
        life.name()
    );
    stack.rows().rows(&query).await
}

/// What newer releases have a command for.
async fn credentials(stack: &Stack, life: &Life<'_>) -> Result<()> {
    if stack.options().release != Release::V23 {
        return Ok(());
    }
    let uuid = life.uuid().await?.context("the cluster has no row")?;
    // Each has a name of its own, with the cluster's id in it.
    let mine = async || -> Result<Vec<String>> {
        let token = stack.token(&DEMO).await?;
        let mut names = stack.identity().application_credentials(&token).await?;
        names.retain(|name| name.contains(&uuid));
        Ok(names)
    };
    let before = mine().await?;
    ensure!(before.len() == 1, "the cluster's credentials are {before:?}");
    let said = stack
        .openstack(&["coe", "credential", "rotate", life.name()])
        .await?;
    ensure!(said.contains("accepted"), "{said}");
    life.wait_for("be settled", "c.status LIKE '%_COMPLETE'").await?;
    for _ in 0..60 {
        let after = mine().await?;
        if after.len() == before.len() && after != before {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    bail!("the credentials are {:?}, and were {before:?}", mine().await?)
}
