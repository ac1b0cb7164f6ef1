//! `helm upgrade --install` in a few lines:
//! `cargo run -p helm --example upgrade -- NAME NAMESPACE CHART [VALUES.yaml]`, with the cluster of `KUBECONFIG`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use helm::{Chart, Releases, ReleasesOptions, UpgradeRequest};
use helm_template::yaml;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(namespace), Some(chart)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("NAME, NAMESPACE and CHART are needed".into());
    };
    let values = match arguments.next() {
        None => Default::default(),
        Some(file) => serde_json::from_value(yaml::from_yaml(&std::fs::read_to_string(file)?)?)?,
    };
    let request = UpgradeRequest {
        name,
        namespace,
        chart: Arc::new(Chart::from_dir(Path::new(&chart))?),
        values,
        history_max: 10,
        force: false,
    };
    let releases = Releases::new(kube::Client::try_default().await?, ReleasesOptions::default());
    let outcome = releases.upgrade_install(&request).await?;
    let what = if outcome.changed {
        "written"
    } else {
        "as it should be already"
    };
    println!(
        "revision {}: {} objects, {what}",
        outcome.revision,
        outcome.applied.len()
    );
    for object in outcome.applied {
        println!("{} {}/{}", object.kind, object.namespace, object.name);
    }
    print!("{}", outcome.notes);
    Ok(())
}
