//! magnum-api as its own executable (rows through the conductor), RabbitMQ at oslo's defaults: the whole life of a
//! cluster, wrong input, and changes sent one after another.

use std::time::Duration;

use anyhow::Result;
use e2e::{Shared, created, deleted, refused, story};
use reqwest::Method;
use serde_json::json;
use stack::identity::DEMO;
use stack::life::Life;
use stack::stack::{Options, Stack};

static SHARED: Shared = Shared::new(|| {
    let mut options = Options::new()?;
    // The suite `wsgi` has Cluster API's brakes on.
    options.fast_controllers = true;
    // Waited for, where the default is an hour.
    options.extra_conf = "[capi_conductor]\ncredential_check_interval = 15\n".to_owned();
    Ok(options)
});

#[tokio::test(flavor = "multi_thread")]
async fn whole_life() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    story(stack, "life").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_command_line() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    e2e::commands::every_command(stack, "commands").await
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_follow_the_people() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    e2e::credentials::follow_the_people(stack).await
}

/// How many clusters there are, and how many of them are not as they should be, apart from the named one.
async fn others(stack: &Stack, but: &str) -> Result<Vec<Vec<Option<String>>>> {
    let query = format!(
        "SELECT name FROM magnum.cluster WHERE name <> '{but}' AND status LIKE '%FAILED' ORDER BY name"
    );
    stack.rows().rows(&query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_built_fails_with_the_reason() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    let before = others(stack, "").await?;
    for (cluster, image, flavor, reason) in [
        ("no-version", "ubuntu-2204", "m1.small", "kube_version"),
        (
            "one-cpu",
            "ubuntu-2204-kube-v1.30.4",
            "m1.onecpu",
            "Minimum 2 vcpus required",
        ),
    ] {
        let template = format!("wrong-{cluster}");
        let words = [
            "coe",
            "cluster",
            "template",
            "create",
            "--coe",
            "kubernetes",
            "--image",
            image,
        ];
        let rest = [
            "--external-network",
            "public",
            "--flavor",
            "m1.small",
            "--master-flavor",
            flavor,
            &template,
        ];
        stack.openstack(&[words.as_slice(), &rest].concat()).await?;
        let words = [
            "coe",
            "cluster",
            "create",
            "--cluster-template",
            &template,
            "--master-count",
            "1",
        ];
        stack
            .openstack(&[words.as_slice(), &["--node-count", "1", cluster]].concat())
            .await?;
        let life = Life::new(stack, cluster);
        let failed = life.wait_for("fail", "c.status = 'CREATE_FAILED'").await;
        failed?;
        let shown = stack
            .openstack(&[
                "coe",
                "cluster",
                "show",
                cluster,
                "-f",
                "value",
                "-c",
                "status_reason",
            ])
            .await?;
        assert!(
            shown.contains(reason),
            "the command line shows as reason: {shown}"
        );
        life.delete().await?;
        life.wait_deleted().await?;
    }
    assert_eq!(others(stack, "").await?, before, "another cluster was disturbed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_said_to() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    Life::create_template(stack, "1.30.4").await?;
    for words in [
        ["coe", "cluster", "show", "nobody"].as_slice(),
        &["coe", "cluster", "delete", "nobody"],
        &["coe", "cluster", "resize", "nobody", "2"],
        &["coe", "cluster", "upgrade", "nobody", "kubernetes-1.30.4"],
        &["coe", "nodegroup", "list", "nobody"],
    ] {
        let said = refused(stack.openstack(words).await)?;
        assert!(
            said.contains("Cluster nobody could not be found"),
            "{words:?}: {said}"
        );
    }
    let template = Life::template("1.30.4");
    let words = [
        "coe",
        "cluster",
        "create",
        "--cluster-template",
        &template,
        "--flavor",
        "none-such",
        "no-flavor",
    ];
    let said = refused(stack.openstack(&words).await)?;
    assert!(said.contains("Unable to find flavor none-such"), "{said}");
    assert_eq!(
        Life::new(stack, "no-flavor").state().await?,
        None,
        "a row was made"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_leave_a_cluster_as_it_was() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    let life = created(stack, "refusals", "1.30.4", 1).await?;

    let file = stack.home().root().join("not-a-request.pem");
    std::fs::write(&file, "this is no certificate signing request\n")?;
    let path = file.display().to_string();
    let said = refused(stack.openstack(&["coe", "ca", "sign", life.name(), &path]).await)?;
    assert!(said.to_lowercase().contains("csr"), "{said}");
    assert!(!said.to_lowercase().contains("timed out"), "{said}");

    // Two minors at once: Cluster API's webhook is the one to say so. The upgrade command shows no more of
    // magnum-api's answer than up to its first dot; the answer and the cluster's row have all of it.
    let words = "cannot update Kubernetes version from v1.30.4 to v1.33.0";
    Life::create_template(stack, "1.33.0").await?;
    refused(life.upgrade("1.33.0").await)?;
    let shown = [
        "coe",
        "cluster",
        "show",
        life.name(),
        "-f",
        "value",
        "-c",
        "status_reason",
    ];
    let shown = stack.openstack(&shown).await?;
    assert!(shown.contains(words), "{shown}");
    let token = stack.token(&DEMO).await?;
    let path = format!(
        "clusters/{}/actions/upgrade",
        life.uuid().await?.unwrap_or_default()
    );
    let body = json!({"cluster_template": Life::template("1.33.0"), "max_batch_size": 1});
    let (status, answer) = stack.magnum(&token, Method::POST, &path, Some(&body)).await?;
    assert_eq!(status, 400, "{answer}");
    let said = answer.to_string();
    assert!(said.contains("denied the request"), "{said}");
    assert!(
        said.contains("cannot update Kubernetes version from v1.30.4 to v1.33.0"),
        "{said}"
    );

    let namespace = stack.namespace(&DEMO).await?;
    let kinds = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io,machinedeployments.cluster.x-k8s.io";
    let found = stack
        .kubectl(&["get", kinds, "-n", &namespace, "-o", "json"])
        .await?;
    let found: serde_json::Value = serde_json::from_str(&found)?;
    let traces = life.traces().await?;
    let mine = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mine: Vec<_> = mine
        .iter()
        .filter(|o| traces.owns(o["metadata"]["name"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        mine.len(),
        2,
        "a control plane and a machine deployment: {mine:?}"
    );
    for object in mine {
        let version = object
            .pointer("/spec/version")
            .or_else(|| object.pointer("/spec/template/spec/version"));
        assert_eq!(
            version.and_then(|v| v.as_str()),
            Some("v1.30.4"),
            "{}",
            object["metadata"]["name"]
        );
    }

    // And what is right is done afterwards.
    life.resize(2).await?;
    life.wait_resized(2).await?;
    deleted(&life).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_many_changes_of_one_node_group_counts() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    let life = created(stack, "hasty", "1.30.4", 1).await?;
    life.create_nodegroup("busy", 1).await?;
    life.wait_nodegroup("busy").await?;
    let token = stack.token(&DEMO).await?;
    let uuid = life.uuid().await?.unwrap_or_default();
    let path = format!("clusters/{uuid}/nodegroups/busy");
    for limit in [3, 4, 5] {
        let patch = json!([{"op": "replace", "path": "/max_node_count", "value": limit}]);
        let (status, body) = stack.magnum(&token, Method::PATCH, &path, Some(&patch)).await?;
        assert_eq!(status, 202, "{body}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (status, body) = stack.magnum(&token, Method::DELETE, &path, None).await?;
    assert_eq!(status, 204, "{body}");
    life.wait_no_nodegroup("busy").await?;
    stays_settled(stack, &life).await?;
    deleted(&life).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_sent_at_once_are_all_done() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    let life = created(stack, "together", "1.30.4", 1).await?;
    let token = stack.token(&DEMO).await?;
    let uuid = life.uuid().await?.unwrap_or_default();
    let groups = format!("clusters/{uuid}/nodegroups");
    let group =
        |name: &str| json!({"name": name, "node_count": 1, "min_node_count": 1, "flavor_id": "m1.medium"});
    let (one, two) = (group("one"), group("two"));
    let limit = json!([{"op": "replace", "path": "/max_node_count", "value": 7}]);
    let workers = format!("{groups}/default-worker");
    let answers = tokio::try_join!(
        stack.magnum(&token, Method::POST, &groups, Some(&one)),
        stack.magnum(&token, Method::POST, &groups, Some(&two)),
        stack.magnum(&token, Method::PATCH, &workers, Some(&limit)),
    )?;
    for (status, body) in [answers.0, answers.1, answers.2] {
        assert_eq!(status, 202, "{body}");
    }
    life.wait_nodegroup("one").await?;
    life.wait_nodegroup("two").await?;
    let changed = "EXISTS (SELECT 1 FROM magnum.nodegroup n WHERE n.cluster_id = c.uuid AND n.name = 'default-worker' \
                   AND n.max_node_count = 7 AND n.status LIKE '%_COMPLETE')";
    life.wait_for("have the new limit", changed).await?;
    stays_settled(stack, &life).await?;
    deleted(&life).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_deleted_while_it_is_created_leaves_nothing() -> Result<()> {
    let (stack, _turn) = SHARED.together().await?;
    Life::create_template(stack, "1.30.4").await?;
    for (cluster, pause) in [("brief-0", 0), ("brief-1", 1), ("brief-8", 8)] {
        let life = Life::new(stack, cluster);
        life.create("1.30.4", 1, 1).await?;
        life.wait_for("have begun", "c.status = 'CREATE_IN_PROGRESS'")
            .await?;
        let traces = life.traces().await?;
        tokio::time::sleep(Duration::from_secs(pause)).await;
        life.delete().await?;
        life.wait_deleted().await?;
        life.wait_no_traces(&traces).await?;
    }
    Ok(())
}

/// After all is done nothing of a cluster is in between, nor gets there again.
async fn stays_settled(stack: &Stack, life: &Life<'_>) -> Result<()> {
    for _ in 0..5 {
        let query = format!(
            "SELECT n.name, n.status FROM magnum.nodegroup n JOIN magnum.cluster c ON c.uuid = n.cluster_id \
             WHERE c.name = '{name}' AND (n.status NOT LIKE '%_COMPLETE' OR c.status NOT LIKE '%_COMPLETE')",
            name = life.name()
        );
        let between = stack.rows().rows(&query).await?;
        assert!(between.is_empty(), "{between:?}\n{}", life.describe().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
