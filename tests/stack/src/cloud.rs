//! The cloud that Magnum is a part of: the database, Keystone, and the simulator of the other services.

use anyhow::Result;

use crate::home::Home;
use crate::keystone::Keystone;
use crate::mariadb::MariaDb;
use crate::python::Environments;
use crate::seed::{self, Seed};
use crate::sim::Sim;

/// Its servers.
#[derive(Debug)]
pub struct Cloud {
    /// The database server, with the schema of the environments' release of Magnum.
    pub database: MariaDb,
    /// Keystone.
    pub keystone: Keystone,
    /// Glance, Nova, Neutron and Cinder.
    pub sim: Sim,
}

/// Ports that Keystone's catalog names.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Keystone's own.
    pub keystone: u16,
    /// The simulator's.
    pub sim: u16,
    /// magnum-api's, for whoever starts it.
    pub magnum: u16,
}

impl Cloud {
    /// Starts them.
    pub async fn start(home: &Home, environments: &Environments, seed: &Seed, ports: Ports) -> Result<Self> {
        let database = MariaDb::start(home, Some(&seed.data())).await?;
        seed::set_ports(&database, ports.keystone, ports.sim, ports.magnum).await?;
        let keys = home.root().join("keystone-keys");
        seed.copy_keys(&keys).await?;
        let environment = &environments.keystone;
        let keystone = Keystone::start(home, environment, &keys, ports.keystone, database.port()).await?;
        let sim = Sim::start(home, ports.sim, ports.keystone).await?;
        Ok(Self {
            database,
            keystone,
            sim,
        })
    }
}
