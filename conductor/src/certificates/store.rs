//! Where certificates are kept: one interface to the backends of `[certificates] cert_manager_type`.
//!
//! New certificates go to the configured backend. Old ones are looked for where their reference leads: Barbican's
//! references are URLs, the others UUIDs, so a cluster stays usable when an operator moves to or from Barbican.

use std::path::PathBuf;

use conductor_config::Settings;
use magnum_objects::{Cluster, Db, DbError, MagnumError, RequestContext};
use openstack_clients::{Clouds, OpenStackError};
use secrecy::SecretString;
use sqlx::MySqlConnection;

use super::{CLIENT_NAME, NewCertificates, PerCertificate, References, barbican, keypair, local, references};
use crate::facts::cloud_error;

/// A certificate with its key, as every backend keeps it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// PEM.
    pub certificate: String,
    /// PEM; encrypted if there is a passphrase.
    pub private_key: SecretString,
    /// Passphrase of the key.
    pub passphrase: Option<SecretString>,
    /// PEM of further certificates; Magnum makes none.
    pub intermediates: Option<String>,
}

/// Why a certificate could not be stored, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed, or the caller may not see the row.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Barbican failed or refused.
    #[error(transparent)]
    Barbican(#[from] OpenStackError),
    /// There is no row of that UUID.
    #[error("A key pair {reference} could not be found.")]
    NoRow {
        /// The reference.
        reference: String,
    },
    /// Barbican has no such container, or not all of it.
    #[error("Barbican's container {reference} has no {what}")]
    NotInBarbican {
        /// The reference.
        reference: String,
        /// What is missing.
        what: &'static str,
    },
    /// A file of the `local` backend cannot be read; in Python's words.
    #[error("{what} could not be read.")]
    Unreadable {
        /// `Certificate`, `Private Key` or such.
        what: &'static str,
        /// Name of the file.
        file: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A file of the `local` backend cannot be written or removed.
    #[error("{}: {cause}", file.display())]
    Unwritable {
        /// Name of the file.
        file: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The reference is none of the `local` backend's: it must not lead out of its folder.
    #[error("{reference:?} is no reference to a certificate")]
    NoReference {
        /// The reference.
        reference: String,
    },
}

impl StoreError {
    /// Whether the same may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => error.is_transient(),
            Self::Barbican(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<StoreError> for MagnumError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::Barbican(error) => cloud_error(&error),
            StoreError::NoRow { reference } => Self::x509_key_pair_not_found(reference),
            StoreError::Unreadable { .. } | StoreError::Unwritable { .. } => {
                Self::certificate_storage_exception(error.to_string())
            }
            other => Self::positional(magnum_objects::Kind::MagnumException, other.to_string()),
        }
    }
}

/// `[certificates] cert_manager_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    X509KeyPair,
    Barbican,
    Local,
}

/// Where a reference leads.
enum Place<'a> {
    Row(&'a str),
    Container(&'a str),
    Files(&'a str),
}

/// All certificates.
pub struct Store {
    backend: Backend,
    /// `[certificates] storage_path`.
    folder: PathBuf,
    db: Db,
    clouds: Clouds,
}

impl Store {
    /// As `[certificates]` says.
    ///
    /// # Errors
    /// The text for the operator, if there is no such backend.
    pub fn new(settings: &Settings, db: Db, clouds: Clouds) -> Result<Self, String> {
        let options = &settings.certificates;
        let backend = match options.cert_manager_type.as_str() {
            "x509keypair" => Backend::X509KeyPair,
            "barbican" => Backend::Barbican,
            "local" => Backend::Local,
            other => {
                return Err(format!(
                    "[certificates] cert_manager_type is {other:?}; it must be barbican, x509keypair or local"
                ));
            }
        };
        Ok(Self {
            backend,
            folder: PathBuf::from(&options.storage_path),
            db,
            clouds,
        })
    }

    /// Keeps new certificates, as far as that is outside the database: what is to be in rows is written by
    /// [`Kept::write`], together with the cluster's.
    ///
    /// # Errors
    /// The backend's; nothing is left behind then.
    pub async fn keep(&self, new: NewCertificates) -> Result<Kept, StoreError> {
        if self.backend == Backend::X509KeyPair {
            return Ok(Kept(Where::Rows(Box::new(new))));
        }
        let NewCertificates { entries, issuer, .. } = &new;
        let (ca, etcd, front_proxy, magnum) = tokio::join!(
            self.keep_one(issuer, &entries.ca),
            self.keep_one(issuer, &entries.etcd),
            self.keep_one(issuer, &entries.front_proxy),
            self.keep_one(CLIENT_NAME, &entries.magnum),
        );
        let all = [ca, etcd, front_proxy, magnum];
        if all.iter().any(Result::is_err) {
            for kept in all.iter().flatten() {
                self.remove_quietly(kept).await;
            }
        }
        let [ca, etcd, front_proxy, magnum] = all;
        Ok(Kept(Where::Outside(References {
            ca: ca?,
            etcd: etcd?,
            front_proxy: front_proxy?,
            magnum: magnum?,
        })))
    }

    async fn keep_one(&self, name: &str, entry: &Entry) -> Result<String, StoreError> {
        match self.backend {
            Backend::Local => local::store(&self.folder, entry).await,
            _ => Ok(barbican::store(&self.clouds.service()?, name, entry).await?),
        }
    }

    /// A certificate. `viewer` restricts rows to those that the caller may see; Barbican and files know Magnum only.
    ///
    /// # Errors
    /// The backend's.
    pub async fn get(&self, reference: &str, viewer: Option<&RequestContext>) -> Result<Entry, StoreError> {
        match self.place(reference) {
            Place::Row(uuid) => keypair::get(&self.db, uuid, viewer).await,
            Place::Container(reference) => barbican::get(&self.clouds.service()?, reference).await,
            Place::Files(uuid) => local::get(&self.folder, uuid).await,
        }
    }

    /// Removes a cluster's certificates that are not in rows.
    ///
    /// # Errors
    /// The first of the backend's; the others are removed nevertheless.
    pub async fn remove_outside(&self, cluster: &Cluster) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for reference in references(cluster) {
            if let Err(error) = self.remove_one_outside(reference).await {
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    /// Removes a cluster's certificates that are in rows; part of the transaction that removes the cluster's row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn remove_rows(&self, conn: &mut MySqlConnection, cluster: &Cluster) -> Result<(), DbError> {
        for reference in references(cluster) {
            if let Place::Row(uuid) = self.place(reference) {
                keypair::delete(conn, &self.db, uuid).await?;
            }
        }
        Ok(())
    }

    /// Removes what [`Store::keep`] made and nobody will use. Best effort.
    pub async fn forget(&self, kept: &Kept) {
        let Where::Outside(made) = &kept.0 else { return };
        for reference in [&made.ca, &made.etcd, &made.front_proxy, &made.magnum] {
            self.remove_quietly(reference).await;
        }
    }

    async fn remove_quietly(&self, reference: &str) {
        if let Err(error) = self.remove_one_outside(reference).await {
            tracing::warn!(reference, %error, "unused certificate not removed");
        }
    }

    async fn remove_one_outside(&self, reference: &str) -> Result<(), StoreError> {
        match self.place(reference) {
            Place::Row(_) => Ok(()),
            Place::Container(reference) => Ok(barbican::delete(&self.clouds.service()?, reference).await?),
            Place::Files(uuid) => local::delete(&self.folder, uuid).await,
        }
    }

    fn place<'a>(&self, reference: &'a str) -> Place<'a> {
        if reference.contains("://") {
            Place::Container(reference)
        } else if self.backend == Backend::Local {
            Place::Files(reference)
        } else {
            Place::Row(reference)
        }
    }
}

/// New certificates that are kept, but for the rows.
pub struct Kept(Where);

enum Where {
    Rows(Box<NewCertificates>),
    Outside(References),
}

impl Kept {
    /// Writes what belongs in rows; part of the transaction that writes the references into the cluster.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write(&self, conn: &mut MySqlConnection, db: &Db) -> Result<References, DbError> {
        let new = match &self.0 {
            Where::Outside(references) => return Ok(references.clone()),
            Where::Rows(new) => new,
        };
        let PerCertificate {
            ca,
            etcd,
            front_proxy,
            magnum,
        } = &new.entries;
        Ok(References {
            ca: keypair::store(conn, db, &new.owner, ca).await?,
            etcd: keypair::store(conn, db, &new.owner, etcd).await?,
            front_proxy: keypair::store(conn, db, &new.owner, front_proxy).await?,
            magnum: keypair::store(conn, db, &new.owner, magnum).await?,
        })
    }
}
