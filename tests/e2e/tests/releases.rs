//! Magnum's older releases, each with its own rows, magnum-api, driver and command line, before one of our conductors:
//! the whole life of a cluster with each, and every command of the oldest command line.

use anyhow::{Context, Result, ensure};
use e2e::{Shared, commands, created, deleted, refused, story};
use reqwest::Method;
use serde_json::Value;
use stack::identity::{ADMIN, DEMO};
use stack::release::Release;
use stack::stack::Options;

/// As operators run them, but for Cluster API's brakes: what is looked at here is Magnum's side.
fn of(release: Release) -> Result<Options> {
    let mut options = Options::new()?;
    options.release = release;
    options.fast_controllers = true;
    Ok(options)
}

static V18: Shared = Shared::new(|| of(Release::V18));
static V20: Shared = Shared::new(|| {
    let mut options = of(Release::V20)?;
    // Off by default; what is asked for is made.
    options.extra_conf = "[trust]\ncluster_user_trust = true\n".to_owned();
    Ok(options)
});
static V22: Shared = Shared::new(|| of(Release::V22));

#[tokio::test(flavor = "multi_thread")]
async fn whole_life_with_18() -> Result<()> {
    let (stack, _turn) = V18.together().await?;
    story(stack, "life").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_command_line_with_18() -> Result<()> {
    let (stack, _turn) = V18.together().await?;
    commands::every_command(stack, "commands").await
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_life_with_20() -> Result<()> {
    let (stack, _turn) = V20.together().await?;
    story(stack, "life").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_comes_and_goes_with_its_cluster() -> Result<()> {
    let (stack, _turn) = V20.together().await?;
    let life = created(stack, "trusted", "1.30.4", 1).await?;
    let trust = life.column("trust_id").await?.context("no trust in the row")?;
    let trustee = life
        .column("trustee_user_id")
        .await?
        .context("no trustee in the row")?;
    let (admin, demo) = (stack.token(&ADMIN).await?, stack.token(&DEMO).await?);
    let (trust, trustee) = (format!("OS-TRUST/trusts/{trust}"), format!("users/{trustee}"));
    let found = stack.identity().call(&demo, Method::GET, &trust, None).await?;
    let of_demo = found.pointer("/trust/trustor_user_id").and_then(Value::as_str) == Some(&demo.user_id);
    ensure!(of_demo, "{found}");
    stack.identity().call(&admin, Method::GET, &trustee, None).await?;
    deleted(&life).await?;
    for (who, path) in [(&demo, &trust), (&admin, &trustee)] {
        let said = refused(stack.identity().call(who, Method::GET, path, None).await)?;
        ensure!(said.contains("404"), "{path} is left: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_life_with_22() -> Result<()> {
    let (stack, _turn) = V22.together().await?;
    story(stack, "life").await
}
