//! What was downloaded, on disk: archives by digest, indexes by the URL of their repository.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::digest::sha256;

/// Endings of an archive and of the provenance file beside it, as Helm names them.
const ARCHIVE: &str = "tgz";
const PROVENANCE: &str = "tgz.prov";

pub(super) struct Cache {
    dir: PathBuf,
}

impl Cache {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// An archive; what does not match its digest (a disk that was full) is not taken.
    pub(super) fn archive(&self, digest: &str) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.path(digest, ARCHIVE)?).ok()?;
        (sha256(&bytes) == digest).then_some(bytes)
    }

    pub(super) fn keep_archive(&self, digest: &str, bytes: &[u8]) {
        self.keep(self.path(digest, ARCHIVE), bytes);
    }

    /// The provenance file last seen of the archive with this digest; who uses it verifies it.
    pub(super) fn provenance(&self, digest: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(digest, PROVENANCE)?).ok()
    }

    pub(super) fn keep_provenance(&self, digest: &str, bytes: &[u8]) {
        self.keep(self.path(digest, PROVENANCE), bytes);
    }

    /// Writes; a cache that cannot be written costs time, not the operation. Without a path there is no digest to
    /// keep the bytes by.
    fn keep(&self, path: Option<PathBuf>, bytes: &[u8]) {
        let Some(path) = path else { return };
        if let Err(error) = write(&path, bytes) {
            tracing::warn!(path = %path.display(), %error, "chart cache cannot be written");
        }
    }

    fn path(&self, digest: &str, ending: &str) -> Option<PathBuf> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| self.dir.join("charts").join(format!("{digest}.{ending}")))
    }

    /// What is remembered about a URL.
    pub(super) fn recall<T: DeserializeOwned>(&self, kind: &str, url: &str) -> Option<T> {
        let bytes = std::fs::read(self.memory_path(kind, url)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub(super) fn remember<T: Serialize>(&self, kind: &str, url: &str, what: &T) {
        match serde_json::to_vec(what) {
            Ok(bytes) => self.keep(Some(self.memory_path(kind, url)), &bytes),
            Err(error) => tracing::warn!(%error, url, "what is known of a chart repository cannot be kept"),
        }
    }

    fn memory_path(&self, kind: &str, url: &str) -> PathBuf {
        self.dir
            .join(kind)
            .join(format!("{}.json", &sha256(url.as_bytes())[..32]))
    }
}

/// Writes beside and renames, so that a reader never sees half a file.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let beside = parent.join(format!(".{}", uuid::Uuid::new_v4()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&beside, path))
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
