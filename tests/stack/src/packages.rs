//! Debian packages: what is missing is installed, if we may; else the user is told what to install.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::process::{Spec, run};

/// A file that a package brings, and the package.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// A file that is there when the package is.
    pub file: &'static str,
    /// What to install.
    pub name: &'static str,
}

/// All that a stack takes from Debian.
pub const PACKAGES: [Package; 3] = [
    Package {
        file: "/usr/lib/rabbitmq/bin/rabbitmq-server",
        name: "rabbitmq-server",
    },
    Package {
        file: "/usr/sbin/mariadbd",
        name: "mariadb-server",
    },
    Package {
        file: "/usr/bin/mariadb",
        name: "mariadb-client",
    },
];

/// Keeps package scripts from starting services, which would run beside ours and take their usual ports.
const POLICY_FILE: &str = "/usr/sbin/policy-rc.d";

/// Installs those of `packages` that are missing.
///
/// # Errors
/// When something is missing and we are neither root nor may use sudo without a password: the command to run.
pub async fn ensure(packages: &[Package]) -> Result<()> {
    // Two stacks that start at once must not both install.
    let _lock = installer_lock().await?;
    let missing: Vec<&str> = packages
        .iter()
        .filter(|p| !Path::new(p.file).exists())
        .map(|p| p.name)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        install(&missing).await
    }
}

/// Installs packages that the caller found to be missing; errors as [`ensure`].
pub async fn install_missing(packages: &[&str]) -> Result<()> {
    let _lock = installer_lock().await?;
    install(packages).await
}

async fn installer_lock() -> Result<std::fs::File> {
    let lock_file = cache::folder()?.join("packages.lock");
    tokio::task::spawn_blocking(move || cache::lock(&lock_file)).await?
}

async fn install(missing: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    let Some(prefix) = root_prefix().await else {
        bail!("missing Debian packages, and no right to install them; run as root: {by_hand}");
    };
    tracing::info!("installing Debian packages: {}", missing.join(" "));
    install_as(&prefix, missing)
        .await
        .with_context(|| format!("cannot install packages; try as root: {by_hand}"))
}

/// The words in front of a command that make it run as root; `None` when there is no way.
async fn root_prefix() -> Option<Vec<&'static str>> {
    if rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    run(Spec::new("sudo", "sudo").args(["-n", "true"]))
        .await
        .ok()
        .map(|_| vec!["sudo", "-n"])
}

async fn install_as(prefix: &[&str], missing: &[&str]) -> Result<()> {
    let as_root = |words: &[&str]| {
        let mut all: Vec<&str> = prefix.to_vec();
        all.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
        all.extend(words);
        run(Spec::new(words[0], all[0]).args(&all[1..]))
    };
    let our_policy = !Path::new(POLICY_FILE).exists();
    if our_policy {
        let script = format!("printf '#!/bin/sh\\nexit 101\\n' >{POLICY_FILE} && chmod 755 {POLICY_FILE}");
        as_root(&["sh", "-c", &script]).await?;
    }
    let outcome = async {
        as_root(&["apt-get", "update", "-q"]).await?;
        let mut words = vec![
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
            "install",
            "-y",
            "--no-install-recommends",
        ];
        words.extend(missing);
        as_root(&words).await
    }
    .await;
    if our_policy {
        as_root(&["rm", "-f", POLICY_FILE]).await?;
    }
    outcome.map(|_| ())
}
