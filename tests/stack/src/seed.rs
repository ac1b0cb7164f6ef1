//! Databases as Keystone's and Magnum's own programs make them, made once and copied for every stack.
//!
//! `keystone-manage` and `magnum-db-manage` need half a minute between them; a copy of their work needs none.
//! The addresses in Keystone's catalog hold ports that only a stack knows, so the seed has marks in their place.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cache;
use crate::home::Home;
use crate::identity::{ADMIN, Account, DEMO, Identity, MAGNUM, OTHER, TRUSTEES, Token};
use crate::keystone::{self, Keystone};
use crate::mariadb::MariaDb;
use crate::ports;
use crate::process::{Spec, own_name, run};
use crate::python::Environments;

/// The only region.
pub const REGION: &str = "RegionOne";
/// The name and password of Magnum's database account; the database has the same name.
pub const MAGNUM_DATABASE: (&str, &str) = ("magnum", "magnum-db-secret");

/// What the catalog's addresses start with, in place of each server's real port.
const MARKS: [&str; 3] = [
    "http://127.0.0.1:1/",
    "http://127.0.0.1:2/",
    "http://127.0.0.1:3/",
];

/// A seed: `data/` is MariaDB's data folder, `keys/` holds Keystone's keys.
#[derive(Clone, Debug)]
pub struct Seed(PathBuf);

impl Seed {
    /// The seed for these environments, made if the cache does not have it.
    pub async fn get(environments: &Environments) -> Result<Self> {
        let base = keystones(&environments.keystone).await?;
        let key =
            cache::key([base.as_os_str(), environments.magnum.as_os_str()].map(OsStr::as_encoded_bytes));
        let name = format!("seed-{}-{key}", environments.release.version());
        let path = cache::build_once(&name, async |folder| {
            tracing::info!(
                "making the database of Magnum {} (once)",
                environments.release.version()
            );
            make_magnum(folder, &base, &environments.magnum).await
        })
        .await?;
        Ok(Self(path))
    }

    /// MariaDB's data folder, to be copied.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Copies Keystone's keys to a stack's own folder.
    pub async fn copy_keys(&self, to: &Path) -> Result<()> {
        run(Spec::new("cp", "cp").arg("-a").arg(self.0.join("keys")).arg(to))
            .await
            .map(|_| ())
    }
}

/// Puts a stack's real ports into the catalog of a copied seed.
pub async fn set_ports(database: &MariaDb, keystone: u16, cloud: u16, magnum: u16) -> Result<()> {
    let statements: String = MARKS
        .iter()
        .zip([keystone, cloud, magnum])
        .map(|(mark, port)| {
            format!("UPDATE keystone.endpoint SET url = REPLACE(url, '{mark}', 'http://127.0.0.1:{port}/');")
        })
        .collect();
    database.execute(&statements).await.map(|_| ())
}

/// Keystone's part, the same for all releases of Magnum; Magnum's database is there, but empty.
async fn keystones(environment: &Path) -> Result<PathBuf> {
    let server = run(Spec::new("mariadbd", "/usr/sbin/mariadbd").arg("--version")).await?;
    let ways = [
        include_str!("seed.rs"),
        include_str!("identity.rs"),
        include_str!("keystone.rs"),
    ];
    let parts = [environment.as_os_str().as_encoded_bytes(), server.as_bytes()];
    let key = cache::key(parts.into_iter().chain(ways.map(str::as_bytes)));
    cache::build_once(&format!("seed-keystone-{key}"), async |folder| {
        tracing::info!("making the database of Keystone (once)");
        make_base(folder, environment).await
    })
    .await
}

async fn make_base(folder: &Path, environment: &Path) -> Result<()> {
    let home = Home::temporary()?;
    let mut database = MariaDb::start(&home, None).await?;
    let (keystone_db, keystone_password) = keystone::DATABASE;
    let (magnum_db, magnum_password) = MAGNUM_DATABASE;
    database
        .execute(&format!(
            "CREATE DATABASE {keystone_db} CHARACTER SET utf8mb3; \
             CREATE USER '{keystone_db}'@'%' IDENTIFIED BY '{keystone_password}'; \
             GRANT ALL ON {keystone_db}.* TO '{keystone_db}'@'%'; \
             CREATE DATABASE {magnum_db} CHARACTER SET utf8mb3; \
             CREATE USER '{magnum_db}'@'%' IDENTIFIED BY '{magnum_password}'; \
             GRANT ALL ON {magnum_db}.* TO '{magnum_db}'@'%';"
        ))
        .await?;
    make_keystone(&home, environment, &folder.join("keys"), database.port()).await?;
    database.stop().await?;
    keep(&database, folder).await
}

/// Copies a stopped server's data to a seed.
async fn keep(database: &MariaDb, folder: &Path) -> Result<()> {
    run(Spec::new("cp", "cp")
        .args(["-a", "--sparse=always"])
        .arg(database.data())
        .arg(folder.join("data")))
    .await
    .map(|_| ())
}

/// Keystone's part, and on top of it what the release's own magnum-db-manage makes.
async fn make_magnum(folder: &Path, base: &Path, environment: &Path) -> Result<()> {
    let home = Home::temporary()?;
    let mut server = MariaDb::start(&home, Some(&base.join("data"))).await?;
    run(Spec::new("cp", "cp")
        .arg("-a")
        .arg(base.join("keys"))
        .arg(folder.join("keys")))
    .await?;
    let (database, password) = MAGNUM_DATABASE;
    let config = home.folder("magnum")?.join("magnum.conf");
    let text = format!(
        "[database]\nconnection = mysql+pymysql://{database}:{password}@127.0.0.1:{}/{database}?charset=utf8\n",
        server.port()
    );
    std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let manage = Spec::new("magnum-db-manage", environment.join("bin/magnum-db-manage"));
    run(manage.arg("--config-file").arg(&config).arg("upgrade")).await?;
    server.stop().await?;
    keep(&server, folder).await
}

async fn make_keystone(home: &Home, environment: &Path, keys: &Path, database_port: u16) -> Result<()> {
    let config = home.folder("keystone")?.join("seed.conf");
    keystone::write_config(&config, keys, database_port)?;
    for name in ["fernet", "credential"] {
        use std::os::unix::fs::PermissionsExt;
        let folder = keys.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
    }
    let manage = async |args: &[&str]| {
        let spec = Spec::new("keystone-manage", environment.join("bin/keystone-manage"));
        run(spec.arg("--config-file").arg(&config).args(args)).await
    };
    manage(&["db_sync"]).await?;
    let owner = [
        "--keystone-user",
        &own_name("-un").await?,
        "--keystone-group",
        &own_name("-gn").await?,
    ];
    manage(&[["fernet_setup"].as_slice(), &owner].concat()).await?;
    manage(&[["credential_setup"].as_slice(), &owner].concat()).await?;
    let url = format!("{}v3", MARKS[0]);
    let words = [
        "bootstrap",
        "--bootstrap-password",
        ADMIN.password,
        "--bootstrap-region-id",
        REGION,
    ];
    let urls = [
        "--bootstrap-public-url",
        &url,
        "--bootstrap-internal-url",
        &url,
        "--bootstrap-admin-url",
        &url,
    ];
    manage(&[words.as_slice(), urls.as_slice()].concat()).await?;
    let mut server = Keystone::start(home, environment, keys, ports::free()?, database_port).await?;
    fill(&server.identity()?).await?;
    server.stop().await
}

/// Users, projects, roles, and the catalog.
async fn fill(identity: &Identity) -> Result<()> {
    let seeder = Seeder {
        identity,
        token: identity.token(&ADMIN).await?,
    };
    let admin_role = seeder.role("admin").await?;
    let member = seeder.role("member").await?;
    let balancer = seeder.role("load-balancer_member").await?;
    seeder.account(&MAGNUM, &[&admin_role]).await?;
    seeder.account(&DEMO, &[&member, &balancer]).await?;
    seeder.account(&OTHER, &[&member, &balancer]).await?;
    let [_, cloud, magnum] = MARKS;
    seeder
        .service("container-infra", "magnum", &format!("{magnum}v1"))
        .await?;
    seeder
        .service("image", "glance", &format!("{cloud}image"))
        .await?;
    seeder
        .service("compute", "nova", &format!("{cloud}compute/v2.1"))
        .await?;
    seeder
        .service("network", "neutron", &format!("{cloud}network"))
        .await?;
    seeder
        .service(
            "orchestration",
            "heat",
            &format!("{cloud}orchestration/v1/%(project_id)s"),
        )
        .await?;
    seeder.trustees(&admin_role).await?;
    seeder
        .service(
            "volumev3",
            "cinderv3",
            &format!("{cloud}volume/v3/%(project_id)s"),
        )
        .await
}

struct Seeder<'a> {
    identity: &'a Identity,
    token: Token,
}

impl Seeder<'_> {
    async fn create(&self, collection: &str, kind: &str, body: Value) -> Result<String> {
        let body = json!({ kind: body });
        let answer = self
            .identity
            .call(&self.token, Method::POST, collection, Some(&body))
            .await?;
        answer[kind]["id"]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("no id in {answer}"))
    }

    /// The role's id; it is made unless the bootstrap made it.
    async fn role(&self, name: &str) -> Result<String> {
        let found = self
            .identity
            .call(&self.token, Method::GET, &format!("roles?name={name}"), None)
            .await?;
        match found["roles"][0]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => self.create("roles", "role", json!({"name": name})).await,
        }
    }

    async fn account(&self, account: &Account, roles: &[&String]) -> Result<()> {
        let project = json!({"name": account.project, "domain_id": "default"});
        let project = self.create("projects", "project", project).await?;
        let user = json!({"name": account.user, "password": account.password, "domain_id": "default",
            "default_project_id": project});
        let user = self.create("users", "user", user).await?;
        for role in roles {
            let path = format!("projects/{project}/users/{user}/roles/{role}");
            self.identity.call(&self.token, Method::PUT, &path, None).await?;
        }
        Ok(())
    }

    /// The domain in which releases up to 22 make a user for each cluster, and who may do that.
    async fn trustees(&self, admin_role: &str) -> Result<()> {
        let domain = self
            .create("domains", "domain", json!({"name": TRUSTEES.domain}))
            .await?;
        let user = json!({"name": TRUSTEES.user, "password": TRUSTEES.password, "domain_id": domain});
        let user = self.create("users", "user", user).await?;
        let path = format!("domains/{domain}/users/{user}/roles/{admin_role}");
        self.identity.call(&self.token, Method::PUT, &path, None).await?;
        Ok(())
    }

    async fn service(&self, kind: &str, name: &str, url: &str) -> Result<()> {
        let id = self
            .create("services", "service", json!({"type": kind, "name": name}))
            .await?;
        for interface in ["public", "internal", "admin"] {
            let endpoint = json!({"service_id": id, "interface": interface, "url": url, "region_id": REGION});
            self.create("endpoints", "endpoint", endpoint).await?;
        }
        Ok(())
    }
}
