//! Backend `local`, for trials: files in `[certificates] storage_path`, as magnum 23.0
//! `common/cert_manager/local_cert_manager.py`; but keys can be read by their owner only.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::{Entry, StoreError};

const CERTIFICATE: &str = "crt";
const PRIVATE_KEY: &str = "key";
const INTERMEDIATES: &str = "int";
const PASSPHRASE: &str = "pass";

/// Gives the reference: the UUID that the files are named by.
pub(super) async fn store(folder: &Path, entry: &Entry) -> Result<String, StoreError> {
    let reference = uuid::Uuid::new_v4().to_string();
    let parts = [
        (CERTIFICATE, Some(entry.certificate.as_str())),
        (PRIVATE_KEY, Some(entry.private_key.expose_secret())),
        (INTERMEDIATES, entry.intermediates.as_deref()),
        (
            PASSPHRASE,
            entry.passphrase.as_ref().map(|phrase| phrase.expose_secret()),
        ),
    ];
    for (extension, text) in parts {
        let Some(text) = text else { continue };
        let file = file(folder, &reference, extension)?;
        if let Err(cause) = write(&file, text).await {
            // What was written before would be of no use to anybody.
            let _ = delete(folder, &reference).await;
            return Err(StoreError::Unwritable { file, cause });
        }
    }
    Ok(reference)
}

async fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    let mut open = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .await?;
    open.write_all(text.as_bytes()).await?;
    open.sync_all().await
}

pub(super) async fn get(folder: &Path, reference: &str) -> Result<Entry, StoreError> {
    Ok(Entry {
        certificate: required(folder, reference, CERTIFICATE, "Certificate").await?,
        private_key: required(folder, reference, PRIVATE_KEY, "Private Key")
            .await?
            .into(),
        passphrase: optional(folder, reference, PASSPHRASE, "Passphrase")
            .await?
            .map(SecretString::from),
        intermediates: optional(folder, reference, INTERMEDIATES, "Intermediates").await?,
    })
}

async fn required(
    folder: &Path,
    reference: &str,
    extension: &str,
    what: &'static str,
) -> Result<String, StoreError> {
    let file = file(folder, reference, extension)?;
    tokio::fs::read_to_string(&file)
        .await
        .map_err(|cause| StoreError::Unreadable { what, file, cause })
}

async fn optional(
    folder: &Path,
    reference: &str,
    extension: &str,
    what: &'static str,
) -> Result<Option<String>, StoreError> {
    match required(folder, reference, extension, what).await {
        Ok(text) => Ok(Some(text)),
        Err(StoreError::Unreadable { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what is there; nothing is no error.
pub(super) async fn delete(folder: &Path, reference: &str) -> Result<(), StoreError> {
    for extension in [CERTIFICATE, INTERMEDIATES, PASSPHRASE, PRIVATE_KEY] {
        let file = file(folder, reference, extension)?;
        match tokio::fs::remove_file(&file).await {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                return Err(StoreError::Unwritable { file, cause });
            }
            _ => {}
        }
    }
    Ok(())
}

fn file(folder: &Path, reference: &str, extension: &str) -> Result<PathBuf, StoreError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if reference.is_empty() || !reference.chars().all(plain) {
        return Err(StoreError::NoReference {
            reference: reference.to_owned(),
        });
    }
    Ok(folder.join(format!("{reference}.{extension}")))
}
