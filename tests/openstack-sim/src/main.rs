//! Runs the simulator as a server of its own.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Parser;
use openstack_sim::auth::{Keystone, Tokens};

/// Glance, Nova, Neutron, Cinder and Heat for tests.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9292")]
    listen: SocketAddr,
    /// The Keystone that tokens are checked with.
    #[arg(long)]
    keystone_url: String,
    /// The account to ask it with.
    #[arg(long, default_value = "magnum")]
    keystone_user: String,
    /// That account's project.
    #[arg(long, default_value = "service")]
    keystone_project: String,
    /// That account's password.
    #[arg(long, env = "KEYSTONE_PASSWORD", hide_env_values = true)]
    keystone_password: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_ansi(false).init();
    let keystone = Keystone::new(
        &arguments.keystone_url,
        &arguments.keystone_user,
        &arguments.keystone_password,
        &arguments.keystone_project,
    )?;
    let cloud = openstack_sim::Cloud::new(Tokens::Keystone(Box::new(keystone)));
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    tracing::info!("listening on {}", listener.local_addr()?);
    axum::serve(listener, openstack_sim::router(cloud))
        .await
        .context("the server ended")
}
