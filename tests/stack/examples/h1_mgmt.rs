//! temporary
use stack::{
    home::Home,
    management_cluster::{ManagementCluster, Options},
};
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let home = Home::permanent(std::path::Path::new(&a[3]))?;
    let mut m = ManagementCluster::start(
        a[1].as_ref(),
        a[2].as_ref(),
        &home,
        &Options { fast: a.len() > 4 },
    )
    .await?;
    m.leave_running();
    Ok(())
}
