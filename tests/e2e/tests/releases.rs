//! Magnum's older releases, each with its own rows, magnum-api, driver and command line, before one of our conductors:
//! the whole life of a cluster with each, and every command of the oldest command line.

use anyhow::Result;
use e2e::{Shared, commands, story};
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
static V20: Shared = Shared::new(|| of(Release::V20));
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
async fn whole_life_with_22() -> Result<()> {
    let (stack, _turn) = V22.together().await?;
    story(stack, "life").await
}
