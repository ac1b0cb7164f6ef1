//! Application credentials of clusters, on the real Keystone: made, used, rotated by a colleague, dead with that one's
//! user, made anew by whoever changes or deletes the cluster next.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use stack::identity::{ADMIN, Account, DEMO};
use stack::life::Life;
use stack::stack::Stack;

use crate::{created, log_tail};

/// Another user of the project demo.
const MATE: Account = Account {
    user: "mate",
    password: "mate-secret",
    project: "demo",
};

/// Whose credential the cluster logs in with.
async fn owner(stack: &Stack, life: &Life<'_>) -> Result<String> {
    let release = life.column("stack_id").await?.context("no release")?;
    let namespace = stack.namespace(&DEMO).await?;
    let name = format!("{release}-cloud-credentials");
    let secret = stack
        .kubectl(&[
            "get",
            "secret",
            &name,
            "-n",
            &namespace,
            "-o",
            "go-template={{index .data \"clouds.yaml\" | base64decode}}",
        ])
        .await?;
    // What might be read as a number or a date stands in quotes.
    let field = |name: &str| {
        let line = secret.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(|rest| rest.trim_start_matches(':').trim().trim_matches('\'').to_owned())
            .with_context(|| format!("clouds.yaml has no {name}"))
    };
    let (id, secret) = (
        field("application_credential_id")?,
        field("application_credential_secret")?,
    );
    stack.identity().owner_of_credential(&id, &secret).await
}

async fn wait_for_owner(stack: &Stack, life: &Life<'_>, user_id: &str) -> Result<()> {
    let mut last = String::new();
    for _ in 0..60 {
        match owner(stack, life).await {
            Ok(found) if found == user_id => return Ok(()),
            Ok(found) => last = format!("it logs in as {found}"),
            Err(error) => last = format!("{error:#}"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    bail!(
        "{} does not log in as {user_id}: {last}\n{}",
        life.name(),
        log_tail(stack)
    )
}

/// The credentials of a user that are for one cluster.
async fn held(stack: &Stack, account: &Account, cluster_uuid: &str) -> Result<Vec<String>> {
    let token = stack.token(account).await?;
    let mut names = stack.identity().application_credentials(&token).await?;
    names.retain(|name| name.contains(cluster_uuid));
    Ok(names)
}

/// What the cluster's health says of its credential.
const SAYS_DEAD: &str =
    "c.health_status = 'UNHEALTHY' AND c.health_status_reason LIKE '%application_credential%'";
const SAYS_NOTHING: &str = "c.health_status_reason NOT LIKE '%application_credential%'";

/// # Errors
/// What was not as it should be.
pub async fn follow_the_people(stack: &Stack) -> Result<()> {
    let identity = stack.identity();
    let (admin, demo) = (stack.token(&ADMIN).await?, stack.token(&DEMO).await?);
    let mate = identity.create_colleague(&admin, &demo, &MATE).await?;

    // Made in its creator's name, and good for the cluster.
    let (people, orphan) = tokio::try_join!(created(stack, "people", "1.30.4", 1), async {
        let orphan = Life::new(stack, "orphan").by(MATE);
        Life::create_template(stack, "1.30.4").await?;
        orphan.create("1.30.4", 1, 1).await?;
        orphan.wait_created().await.with_context(|| log_tail(stack))?;
        Ok(orphan)
    })?;
    let uuid = people.uuid().await?.context("no row")?;
    ensure!(
        owner(stack, &people).await? == demo.user_id,
        "made in another's name"
    );
    ensure!(owner(stack, &orphan).await? == mate, "made in another's name");

    // A colleague rotates it; the one before is gone.
    stack
        .openstack_as(&MATE, &["coe", "credential", "rotate", people.name()])
        .await?;
    wait_for_owner(stack, &people, &mate).await?;
    people
        .wait_for("be settled", "c.status LIKE '%_COMPLETE'")
        .await?;
    let left = held(stack, &DEMO, &uuid).await?;
    ensure!(left.is_empty(), "the rotation left {left:?}");
    ensure!(held(stack, &MATE, &uuid).await?.len() == 1, "not one credential");

    // The colleague leaves, and both clusters' credentials with them.
    let path = format!("users/{mate}");
    identity
        .call(&admin, reqwest::Method::DELETE, &path, None)
        .await?;
    ensure!(
        owner(stack, &people).await.is_err(),
        "the credential outlived its user"
    );
    let orphan = orphan.by(DEMO);
    tokio::try_join!(
        people.wait_for("tell that its credential is dead", SAYS_DEAD),
        orphan.wait_for("tell that its credential is dead", SAYS_DEAD)
    )?;
    let shown = stack
        .openstack(&["coe", "cluster", "show", people.name(), "-f", "json"])
        .await?;
    let shown: Value = serde_json::from_str(&shown)?;
    let reason = shown["health_status_reason"].to_string();
    ensure!(
        reason.contains("Refused by Keystone"),
        "the user is shown {shown:#}"
    );

    // The next change brings one of its own, the deletion too.
    people.resize(2).await?;
    people.wait_resized(2).await?;
    ensure!(owner(stack, &people).await? == demo.user_id, "not replaced");
    people.wait_for("be healthy again", SAYS_NOTHING).await?;
    for life in [&people, &orphan] {
        let traces = life.traces().await?;
        life.delete().await?;
        life.wait_deleted().await.with_context(|| log_tail(stack))?;
        life.wait_no_traces(&traces).await?;
    }
    Ok(())
}
