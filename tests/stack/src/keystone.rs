//! Keystone under gunicorn, on a database that was seeded for it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::identity::Identity;
use crate::process::{Process, Spec, http_client};
use crate::python;

/// The name and password of Keystone's database account; the database has the same name.
pub const DATABASE: (&str, &str) = ("keystone", "keystone-db-secret");

const START_LIMIT: Duration = Duration::from_secs(120);

/// A running Keystone.
#[derive(Debug)]
pub struct Keystone {
    home: Home,
    program: std::path::PathBuf,
    config: std::path::PathBuf,
    port: u16,
    server: Option<Process>,
}

impl Keystone {
    /// Starts it on `port`, with the keys in `keys` (see [`write_config`]).
    pub async fn start(
        home: &Home,
        environment: &Path,
        keys: &Path,
        port: u16,
        database_port: u16,
    ) -> Result<Self> {
        let config = home.folder("keystone")?.join("keystone.conf");
        write_config(&config, keys, database_port)?;
        let program = environment.join("bin/gunicorn");
        let mut keystone = Self {
            home: home.clone(),
            program,
            config,
            port,
            server: None,
        };
        keystone.start_again().await?;
        Ok(keystone)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    pub fn identity(&self) -> Result<Identity> {
        Identity::new(self.port)
    }

    /// Starts it, if it does not run.
    pub async fn start_again(&mut self) -> Result<()> {
        if self.server.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        // Processes, not threads: with threads Keystone sometimes refuses an application credential for a role
        // that its user never had.
        let spec = Spec::new("keystone", &self.program)
            .args([
                "--workers",
                "2",
                "--threads",
                "1",
                "--timeout",
                "120",
                "--access-logfile",
                "-",
            ])
            .args(["--bind", &format!("127.0.0.1:{}", self.port), "--pythonpath"])
            .arg(python::sources())
            .arg("keystone_wsgi:application")
            .env("OS_KEYSTONE_CONFIG_FILES", &self.config)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut server = Process::spawn(&self.home, spec)?;
        let identity = self.identity()?;
        let http = http_client(10)?;
        let answers = async || {
            http.get(identity.url())
                .send()
                .await
                .is_ok_and(|r| r.status().is_success())
        };
        server.wait_until("answer", START_LIMIT, answers).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Stops it.
    pub async fn stop(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.stop(Duration::from_secs(10)).await,
            None => Ok(()),
        }
    }

    /// Lets it run on after this program.
    pub fn leave_running(&mut self) {
        if let Some(server) = &mut self.server {
            server.leave_running();
        }
    }
}

/// Writes a keystone.conf for a database on `database_port`, with Fernet and credential keys below `keys`.
pub fn write_config(path: &Path, keys: &Path, database_port: u16) -> Result<()> {
    let (database, password) = DATABASE;
    let keys = keys.display();
    let text = format!(
        "[DEFAULT]\n\
         use_stderr = true\n\
         [database]\n\
         connection = mysql+pymysql://{database}:{password}@127.0.0.1:{database_port}/{database}?charset=utf8\n\
         [token]\n\
         provider = fernet\n\
         expiration = 86400\n\
         [fernet_tokens]\n\
         key_repository = {keys}/fernet\n\
         [credential]\n\
         key_repository = {keys}/credential\n\
         [oslo_messaging_notifications]\n\
         driver = noop\n\
         [cache]\n\
         enabled = false\n"
    );
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
