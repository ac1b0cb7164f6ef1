//! Backend `x509keypair`, kolla's default without Barbican: rows of that table, as magnum 23.0
//! `common/cert_manager/x509keypair_cert_manager.py`.

use magnum_objects::{Db, DbError, RequestContext, X509KeyPair, rows};
use sqlx::MySqlConnection;

use super::{Entry, Owner, StoreError};

pub(super) async fn store(
    conn: &mut MySqlConnection,
    db: &Db,
    owner: &Owner,
    entry: &Entry,
) -> Result<String, DbError> {
    let row = X509KeyPair {
        certificate: Some(entry.certificate.clone()),
        private_key: Some(entry.private_key.clone()),
        private_key_passphrase: entry.passphrase.clone(),
        intermediates: entry.intermediates.clone(),
        project_id: owner.project_id.clone(),
        user_id: owner.user_id.clone(),
        ..X509KeyPair::default()
    };
    Ok(rows::x509keypair::insert(conn, db.schema(), &row).await?.uuid)
}

pub(super) async fn get(db: &Db, uuid: &str, viewer: Option<&RequestContext>) -> Result<Entry, StoreError> {
    let mut conn = db.acquire().await?;
    let row = match viewer {
        Some(viewer) => rows::x509keypair::visible(&mut conn, db.schema(), viewer, uuid).await?,
        None => {
            let row = rows::x509keypair::by_uuid(&mut conn, db.schema(), uuid).await?;
            row.ok_or_else(|| StoreError::NoRow {
                reference: uuid.to_owned(),
            })?
        }
    };
    Ok(Entry {
        certificate: row.certificate.unwrap_or_default(),
        private_key: row.private_key.unwrap_or_default(),
        passphrase: row.private_key_passphrase,
        intermediates: row.intermediates,
    })
}

pub(super) async fn delete(conn: &mut MySqlConnection, db: &Db, uuid: &str) -> Result<(), DbError> {
    rows::x509keypair::delete(conn, db.schema(), uuid).await.map(drop)
}
