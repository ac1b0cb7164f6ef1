//! What a program that we start finds in its environment.

use std::process::Command;

/// Variables of the caller's environment that no server may see: they override the CA that a client of a server
/// of ours was told to trust, or send loopback traffic through a proxy.
const UNWANTED: [&str; 11] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LOGS",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Removes what cargo sets for a program that it runs. Build scripts read the same names, and a cargo below us would take
/// each crate of such a script, ring among them, for changed, and build it and all that uses it anew.
pub(crate) fn forget_cargo(command: &mut Command) {
    const PREFIXES: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// Takes out of a command's environment what would disturb traffic on loopback: proxies, foreign CA bundles, and
/// the caller's own OpenStack credentials.
pub fn clean_environment(command: &mut Command) {
    for name in UNWANTED {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|n| n.starts_with("OS_")) {
            command.env_remove(name);
        }
    }
}
