//! Real servers for the tests of single crates: broker, database and a management cluster, as environment variables.

use std::process::ExitStatus;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::environment::forget_cargo;
use crate::home::Home;
use crate::management_cluster::{self, ManagementCluster};
use crate::mariadb::MariaDb;
use crate::rabbitmq::RabbitMq;
use crate::stack;

/// Runs a command with the servers up, and tells it where they are: `AMQP_URL`, `MARIADB_URL`,
/// `MANAGEMENT_KUBECONFIG`, `HELM_TEST_KUBECONFIG` and `HELM_TEST_PROGRAM`. Tests that find none of these skip loudly.
///
/// # Errors
/// If a server cannot be started, or the command cannot.
pub async fn with_servers(home: &Home, command: &[String]) -> Result<ExitStatus> {
    let prepared = stack::prepare(home).await?;
    let kubernetes = prepared.kubernetes();
    let options = management_cluster::Options { fast: true };
    let (broker, database, management) = tokio::try_join!(
        RabbitMq::start(home),
        MariaDb::start(home, None),
        ManagementCluster::start(&kubernetes.programs, &kubernetes.cluster_api, home, &options),
    )?;
    let (program, arguments) = command.split_first().context("no command is given")?;
    let mut child = Command::new(program);
    forget_cargo(child.as_std_mut());
    let outcome = child
        .args(arguments)
        .env("AMQP_URL", broker.transport_url())
        .env(
            "MARIADB_URL",
            format!("mysql://root@127.0.0.1:{}/", database.port()),
        )
        .env("MANAGEMENT_KUBECONFIG", management.kubeconfig())
        .env("HELM_TEST_KUBECONFIG", management.kubeconfig())
        .env("HELM_TEST_PROGRAM", prepared.magnum().join("bin/helm"))
        .status()
        .await
        .with_context(|| format!("{program} cannot be run"))?;
    management.stop().await?;
    Ok(outcome)
}
