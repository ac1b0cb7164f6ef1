//! Digests of archives, as repositories, registries and provenance files name them.

use sha2::{Digest, Sha256};

/// SHA-256 in lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
