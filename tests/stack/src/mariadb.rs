//! One MariaDB server of Debian's package.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::ports;
use crate::process::{Process, Spec, accepts, own_name, run};

const SERVER: &str = "/usr/sbin/mariadbd";
const START_LIMIT: Duration = Duration::from_secs(90);

/// A database server that can be stopped, killed and started again on the same port and data.
#[derive(Debug)]
pub struct MariaDb {
    home: Home,
    data: PathBuf,
    /// Its own: a server removes at its start what another one's death left among temporary tables,
    /// and two that start at once over the same left-overs fail.
    temporary: PathBuf,
    socket: PathBuf,
    port: u16,
    server: Option<Process>,
}

/// Asks a server by its socket, as root; stays valid while the server is stopped and started.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Runs statements; fields of the answer are separated by tabs, rows by newlines.
    pub async fn execute(&self, statements: &str) -> Result<String> {
        let spec = Spec::new("mariadb-client", "mariadb")
            .args(["--no-defaults", "-uroot", "--batch", "--skip-column-names"])
            .arg(option("socket", &self.socket))
            .arg(format!("--execute={statements}"));
        run(spec).await
    }

    /// Runs one query; `None` is NULL.
    pub async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>> {
        let text = self.execute(query).await?;
        Ok(text
            .lines()
            .map(|line| line.split('\t').map(field).collect())
            .collect())
    }

    /// Runs a query for a single number.
    pub async fn count(&self, query: &str) -> Result<u64> {
        let text = self.execute(query).await?;
        text.trim()
            .parse()
            .with_context(|| format!("not a number: {text}"))
    }
}

/// Undoes what `--batch` does to a field.
fn field(raw: &str) -> Option<String> {
    if raw == "NULL" {
        return None;
    }
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    Some(text)
}

impl MariaDb {
    /// Starts a server with an empty data folder, or with a copy of `seed` (see [`crate::seed`]).
    pub async fn start(home: &Home, seed: Option<&Path>) -> Result<Self> {
        let folder = home.folder("mariadb")?;
        let data = folder.join("data");
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)
            .with_context(|| format!("cannot make {}", temporary.display()))?;
        match seed {
            Some(seed) => {
                run(Spec::new("cp", "cp")
                    .args(["-a", "--sparse=always"])
                    .arg(seed)
                    .arg(&data))
                .await?;
            }
            None => {
                let install = Spec::new("mariadb-install-db", "mariadb-install-db")
                    .args([
                        "--no-defaults",
                        "--auth-root-authentication-method=normal",
                        "--skip-test-db",
                    ])
                    .arg(format!("--user={}", own_name("-un").await?))
                    .arg(option("datadir", &data))
                    .arg(option("tmpdir", &temporary));
                run(install).await?;
            }
        }
        let socket = folder.join("socket");
        let mut server = Self {
            home: home.clone(),
            data,
            temporary,
            socket,
            port: ports::free()?,
            server: None,
        };
        server.start_again().await?;
        Ok(server)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket on which `root` needs no password.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The data folder; copy it only while the server is stopped.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Starts the server, if it does not run, with the data that it had.
    pub async fn start_again(&mut self) -> Result<()> {
        if self.server.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        // Run by root, it insists on being told a user.
        let spec = Spec::new("mariadb", SERVER)
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
            ])
            .args([
                "--max-connections=500",
                "--innodb-buffer-pool-size=64M",
                "--innodb-log-file-size=16M",
            ])
            .args([
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
            ])
            .arg(format!("--user={}", own_name("-un").await?))
            .arg(format!("--port={}", self.port))
            .arg(option("datadir", &self.data))
            .arg(option("tmpdir", &self.temporary))
            .arg(option("socket", &self.socket))
            .arg(option("pid-file", &self.socket.with_extension("pid")));
        let mut server = Process::spawn(&self.home, spec)?;
        let (port, socket) = (self.port, self.socket.clone());
        server
            .wait_until("accept connections", START_LIMIT, async || {
                socket.exists() && accepts(port).await
            })
            .await?;
        self.server = Some(server);
        Ok(())
    }

    /// Asks it as root.
    pub fn client(&self) -> Client {
        Client {
            socket: self.socket.clone(),
        }
    }

    /// Runs statements as root; see [`Client::execute`].
    pub async fn execute(&self, statements: &str) -> Result<String> {
        self.client().execute(statements).await
    }

    /// Shuts the server down in good order.
    pub async fn stop(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.stop(Duration::from_secs(30)).await,
            None => Ok(()),
        }
    }

    /// Kills the server without a warning.
    pub async fn kill(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Lets the server run on after this program.
    pub fn leave_running(&mut self) {
        if let Some(server) = &mut self.server {
            server.leave_running();
        }
    }
}

/// `--name=path`.
fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("--{name}="));
    text.push(path);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_stored() {
        assert_eq!(field("NULL"), None);
        assert_eq!(field(r"a\nb\tc\\d").unwrap(), "a\nb\tc\\d");
        assert_eq!(field("").unwrap(), "");
    }
}
