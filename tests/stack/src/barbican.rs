//! Barbican under gunicorn, with its software-only crypto plugin and a database file of its own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

use crate::home::Home;
use crate::identity::{ADMIN, Identity, MAGNUM};
use crate::process::{Process, Spec, http_client};
use crate::python;
use crate::seed::REGION;

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
    /// Starts it on `port`, with tokens checked by Keystone. Not in the catalog yet, see [`Barbican::register`].
    pub async fn start(home: &Home, port: u16, keystone: &Identity) -> Result<Self> {
        let environment = python::pinned("barbican-23.0", "").await?;
        let folder = home.folder("barbican")?;
        write_config(&folder, port, keystone)?;
        let spec = Spec::new("barbican", environment.join("bin/gunicorn"))
            .args(["--workers", "1", "--threads", "4", "--timeout", "120"])
            .args(["--access-logfile", "-", "--no-control-socket"])
            .args(["--bind", &format!("127.0.0.1:{port}"), "--pythonpath"])
            .arg(python::sources())
            .arg("barbican_wsgi:application")
            // Where oslo looks for barbican.conf.
            .env("HOME", &folder)
            .env("BARBICAN_PASTE", folder.join("paste.ini"))
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

fn write_config(folder: &Path, port: u16, keystone: &Identity) -> Result<()> {
    let write = |path: std::path::PathBuf, text: String| {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let hidden = folder.join(".barbican");
    std::fs::create_dir_all(&hidden).with_context(|| format!("cannot create {}", hidden.display()))?;
    write(
        hidden.join("barbican.conf"),
        format!(
            "[DEFAULT]\nhost_href = http://127.0.0.1:{port}\nuse_stderr = true\ndb_auto_create = true\n\
             [database]\nconnection = sqlite:///{}/barbican.sqlite\n\
             [secretstore]\nenabled_secretstore_plugins = store_crypto\n\
             [crypto]\nenabled_crypto_plugins = simple_crypto\n\
             [simple_crypto_plugin]\nkek = {MASTER_KEY}\n\
             [queue]\nenable = false\n\
             [oslo_messaging_notifications]\ndriver = noop\n\
             [keystone_authtoken]\nwww_authenticate_uri = {url}\nauth_url = {url}\nauth_type = password\n\
             username = {}\npassword = {}\nproject_name = {}\nuser_domain_name = Default\n\
             project_domain_name = Default\n",
            folder.display(),
            MAGNUM.user,
            MAGNUM.password,
            MAGNUM.project,
            url = keystone.url(),
        ),
    )?;
    let filter = |name: &str, factory: &str| format!("[filter:{name}]\npaste.filter_factory = {factory}\n");
    write(
        folder.join("paste.ini"),
        [
            "[composite:main]\nuse = egg:Paste#urlmap\n/v1: api\n".to_owned(),
            "[pipeline:api]\npipeline = authtoken context microversion app\n".to_owned(),
            filter("authtoken", "keystonemiddleware.auth_token:filter_factory"),
            filter(
                "context",
                "barbican.api.middleware.context:ContextMiddleware.factory",
            ),
            filter(
                "microversion",
                "barbican.api.middleware.microversion:MicroversionMiddleware.factory",
            ),
            "[app:app]\npaste.app_factory = barbican.api.app:create_main_app\n".to_owned(),
        ]
        .concat(),
    )
}
