//! What is built once and kept outside the clone: virtual environments, Kubernetes' binaries, seeded databases.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// `$XDG_CACHE_HOME/magnum-conductor`, or `~/.cache/magnum-conductor`.
pub fn folder() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|v| !v.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    let folder = base.join("magnum-conductor");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// A short name for what the given parts say; any change of a part changes it.
pub fn key<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether the folder `name` of the cache is there and complete.
pub fn has(name: &str) -> Result<bool> {
    Ok(folder()?.join(name).join(".complete").exists())
}

/// The folder `name` of the cache, made by `build` if it is not complete yet. Of several processes that want it at
/// once, one builds and the others wait. What an interrupted build left is deleted first.
///
/// # Errors
/// What `build` says; the folder is then built anew the next time.
pub async fn build_once(name: &str, build: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let root = folder()?;
    let path = root.join(name);
    let complete = path.join(".complete");
    let lock_file = root.join(format!("{name}.lock"));
    let _lock = tokio::task::spawn_blocking(move || lock(&lock_file)).await??;
    if complete.exists() {
        return Ok(path);
    }
    if path.exists() {
        std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    build(&path).await?;
    File::create(&complete).with_context(|| format!("cannot write {}", complete.display()))?;
    Ok(path)
}

/// An exclusive lock that other processes respect, held until the file is dropped.
pub fn lock(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// The root of the clone that this program was built from.
pub fn source_root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path.pop();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_parts_apart() {
        assert_eq!(key(["ab", "c"]), key(["ab", "c"]));
        assert_ne!(key(["ab", "c"]), key(["a", "bc"]));
        assert_eq!(key(["x"]).len(), 12);
    }
}
