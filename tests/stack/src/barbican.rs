//! Barbican under gunicorn, with its software-only crypto plugin.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

use crate::home::Home;
use crate::identity::{ADMIN, Identity, MAGNUM};
use crate::mariadb::MariaDb;
use crate::process::{Process, Spec, http_client};
use crate::python;
use crate::seed::REGION;

/// The name and password of Barbican's database account; the database has the same name.
const DATABASE: (&str, &str) = ("barbican", "barbican-db-secret");

const START_LIMIT: Duration = Duration::from_secs(120);

/// Encrypts the projects' keys: 32 bytes in base64.
const MASTER_KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";

/// A running Barbican. It ends with this value.
#[derive(Debug)]
pub struct Barbican {
    server: Process,
    port: u16,
}

impl Barbican {
    /// Starts it on `port` with a new database, tokens checked by Keystone. Not in the catalog yet, see
    /// [`Barbican::register`].
    pub async fn start(home: &Home, port: u16, keystone: &Identity, database: &MariaDb) -> Result<Self> {
        let environment = python::pinned("barbican-23.0", "").await?;
        let folder = home.folder("barbican")?;
        let (name, password) = DATABASE;
        database
            .execute(&format!(
                "CREATE DATABASE {name} CHARACTER SET utf8mb3; \
                 CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'; GRANT ALL ON {name}.* TO '{name}'@'%';"
            ))
            .await?;
        write_config(&folder, port, keystone, database.port())?;
        let spec = Spec::new("barbican", environment.join("bin/gunicorn"))
            .args(["--workers", "1", "--threads", "4", "--timeout", "120"])
            // Magnum's client does not bear it when an idle connection is closed under its request.
            .args(["--keep-alive", "75"])
            .args(["--access-logfile", "-", "--no-control-socket"])
            .args(["--bind", &format!("127.0.0.1:{port}"), "--pythonpath"])
            .arg(python::sources())
            .arg("barbican_wsgi:application")
            // Where oslo looks for barbican.conf.
            .env("HOME", &folder)
            // Barbican's own; openstacksdk, and so Magnum, finds the API by the versions that it shows at `/`.
            .env(
                "BARBICAN_PASTE",
                environment.join("etc/barbican/barbican-api-paste.ini"),
            )
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut server = Process::spawn(home, spec)?;
        let http = http_client(30)?;
        let url = format!("http://127.0.0.1:{port}/v1/secrets");
        server
            .wait_until("answer", START_LIMIT, async || {
                http.get(&url)
                    .send()
                    .await
                    .is_ok_and(|r| r.status().as_u16() == 401)
            })
            .await?;
        Ok(Self { server, port })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts it into Keystone's catalog.
    pub async fn register(&self, keystone: &Identity) -> Result<()> {
        let token = keystone.token(&ADMIN).await?;
        let service = json!({"service": {"type": "key-manager", "name": "barbican"}});
        let made = keystone
            .call(&token, Method::POST, "services", Some(&service))
            .await?;
        let id = made["service"]["id"].as_str().context("no id of the service")?;
        for interface in ["public", "internal"] {
            let endpoint = json!({"endpoint": {"service_id": id, "interface": interface, "region_id": REGION,
                "url": format!("http://127.0.0.1:{}", self.port)}});
            keystone
                .call(&token, Method::POST, "endpoints", Some(&endpoint))
                .await?;
        }
        Ok(())
    }

    /// Stops it.
    pub async fn stop(self) -> Result<()> {
        self.server.stop(Duration::from_secs(10)).await
    }
}

fn write_config(folder: &Path, port: u16, keystone: &Identity, database_port: u16) -> Result<()> {
    let (database, password) = DATABASE;
    let hidden = folder.join(".barbican");
    std::fs::create_dir_all(&hidden).with_context(|| format!("cannot create {}", hidden.display()))?;
    let path = hidden.join("barbican.conf");
    let text = format!(
        "[DEFAULT]\nhost_href = http://127.0.0.1:{port}\nuse_stderr = true\ndb_auto_create = true\n\
         [database]\nconnection = \
         mysql+pymysql://{database}:{password}@127.0.0.1:{database_port}/{database}?charset=utf8\n\
         [secretstore]\nenabled_secretstore_plugins = store_crypto\n\
         [crypto]\nenabled_crypto_plugins = simple_crypto\n\
         [simple_crypto_plugin]\nkek = {MASTER_KEY}\n\
         [queue]\nenable = false\n\
         [oslo_messaging_notifications]\ndriver = noop\n\
         [keystone_authtoken]\nwww_authenticate_uri = {url}\nauth_url = {url}\nauth_type = password\n\
         username = {}\npassword = {}\nproject_name = {}\nuser_domain_name = Default\n\
         project_domain_name = Default\n",
        MAGNUM.user,
        MAGNUM.password,
        MAGNUM.project,
        url = keystone.url(),
    );
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
