//! The whole life of a cluster with the official chart, where the environment variable `OFFICIAL_CHART` names a
//! folder with it (`openstack-cluster`, its dependencies built). It cannot be fetched from a package registry.

use anyhow::{Context, Result};
use e2e::{Shared, official_chart, story};
use stack::magnum_conf::Chart;
use stack::stack::Options;

static SHARED: Shared = Shared::new(|| {
    let mut options = Options::new()?;
    options.chart =
        Chart::Folder(official_chart().context("OFFICIAL_CHART names no folder with a Chart.yaml")?);
    Ok(options)
});

#[tokio::test(flavor = "multi_thread")]
async fn whole_life_with_the_official_chart() -> Result<()> {
    if official_chart().is_none() {
        println!(
            "SKIPPED whole_life_with_the_official_chart: OFFICIAL_CHART names no folder with a Chart.yaml"
        );
        return Ok(());
    }
    let (stack, _turn) = SHARED.together().await?;
    story(stack, "official").await
}
