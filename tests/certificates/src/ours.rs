//! Our conductor's certificate code, with the configuration that Python reads.

use std::path::PathBuf;

use anyhow::{Context, Result};
use conductor_config::Settings;
use conductor_driver::secrets;
use magnum_conductor::certificates::{self, Entry, NewCertificates, References, Store};
use magnum_conductor::credentials;
use magnum_objects::rows::{self, Changes, Guard};
use magnum_objects::{Cluster, Db, DbSettings, RequestContext};

/// Settings, database and certificates.
pub struct Ours {
    settings: Settings,
    db: Db,
    store: Store,
    caller: RequestContext,
}

impl Ours {
    /// As a magnum.conf says.
    ///
    /// # Errors
    /// If it is wrong, or the database cannot be reached.
    pub async fn start(config: PathBuf) -> Result<Self> {
        let settings = Settings::load(&[config], &[])?;
        let url = settings.database.connection.clone().context("no database")?;
        let db = Db::connect(&DbSettings::new(url)).await?;
        let clouds = credentials::clouds(&settings)?;
        let store = Store::new(&settings, db.clone(), clouds).map_err(anyhow::Error::msg)?;
        let caller = RequestContext {
            user_id: Some("u1".to_owned()),
            project_id: Some("p1".to_owned()),
            ..RequestContext::default()
        };
        Ok(Self {
            settings,
            db,
            store,
            caller,
        })
    }

    /// A cluster's row.
    ///
    /// # Errors
    /// If there is none.
    pub async fn cluster(&self, uuid: &str) -> Result<Cluster> {
        let mut conn = self.db.acquire().await?;
        let found = rows::cluster::by_uuid(&mut conn, self.db.schema(), uuid).await?;
        found.context("no such cluster")
    }

    /// A cluster with certificates.
    ///
    /// # Errors
    /// Those of the backend.
    pub async fn create(&self, uuid: &str, name: &str) -> Result<References> {
        let row = Cluster {
            uuid: uuid.to_owned(),
            name: name.to_owned(),
            project_id: self.caller.project_id.clone().unwrap_or_default(),
            user_id: self.caller.user_id.clone(),
            ..Cluster::default()
        };
        let mut conn = self.db.acquire().await?;
        rows::cluster::insert(&mut conn, self.db.schema(), &row).await?;
        drop(conn);
        self.renew(uuid).await
    }

    /// New certificates for a cluster, written as a creation writes them: what is outside first, then rows and
    /// references in one transaction.
    ///
    /// # Errors
    /// Those of the backend.
    pub async fn renew(&self, uuid: &str) -> Result<References> {
        let cluster = self.cluster(uuid).await?;
        let new = NewCertificates::generate(&self.settings, &self.caller, &cluster)
            .await
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let kept = self.store.keep(new).await?;
        let mut tx = self.db.begin().await?;
        let made = kept.write(&mut tx, &self.db).await?;
        let changes = Changes::new()
            .set("ca_cert_ref", made.ca.as_str())
            .set("etcd_ca_cert_ref", made.etcd.as_str())
            .set("front_proxy_ca_cert_ref", made.front_proxy.as_str())
            .set("magnum_cert_ref", made.magnum.as_str());
        rows::cluster::update(&mut tx, self.db.schema(), uuid, &changes, &Guard::none()).await?;
        Db::commit(tx).await?;
        Ok(made)
    }

    /// A cluster's certificates with their keys in the clear.
    ///
    /// # Errors
    /// If one cannot be had.
    pub async fn read(&self, uuid: &str) -> Result<secrets::Certificates> {
        Ok(certificates::load(&self.store, &self.cluster(uuid).await?).await?)
    }

    /// A stored certificate as it is.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn get(&self, reference: &str) -> Result<Entry> {
        Ok(self.store.get(reference, Some(&self.caller)).await?)
    }

    /// A signature, as `sign_certificate` makes it.
    ///
    /// # Errors
    /// If there is no such CA, or it refuses.
    pub async fn sign(&self, uuid: &str, csr: &str, kind: &str) -> Result<String> {
        let cluster = self.cluster(uuid).await?;
        let reference = certificates::reference(&cluster, Some(kind)).context("no reference")?;
        let stored = self.get(reference).await?;
        certificates::sign(&self.settings, &cluster, stored, csr.to_owned())
            .await
            .map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    /// Removes the certificates that a cluster refers to, as a deletion does.
    ///
    /// # Errors
    /// Those of the backend.
    pub async fn remove(&self, cluster: &Cluster) -> Result<()> {
        self.store.remove_outside(cluster).await?;
        let mut tx = self.db.begin().await?;
        self.store.remove_rows(&mut tx, cluster).await?;
        Ok(Db::commit(tx).await?)
    }
}
