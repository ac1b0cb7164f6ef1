//! Virtual environments with OpenStack's own programs, pinned, from PyPI.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache;
use crate::packages;
use crate::process::{Spec, run};

/// setuptools took `pkg_resources` out in 81; some of the pinned packages import it.
const INSTALLERS: [&str; 3] = ["pip", "wheel", "setuptools<81"];

/// The two environments; they cannot be one, because their pins exclude each other.
#[derive(Clone, Debug)]
pub struct Environments {
    /// magnum with the Cluster API driver, the `openstack` command and magnum's client.
    pub magnum: PathBuf,
    /// Keystone.
    pub keystone: PathBuf,
    /// Changes when anything in the environments changes.
    pub key: String,
}

/// The folder of the pins and of the WSGI entry points.
pub fn sources() -> PathBuf {
    cache::source_root().join("tests").join("python")
}

/// Both environments, built if the cache does not have them.
pub async fn environments() -> Result<Environments> {
    let python =
        run(Spec::new("python3", "python3").args(["-c", "import sys; print(sys.version, sys.base_prefix)"]))
            .await
            .context("cannot run python3; install Python 3.11 or newer")?;
    let (magnum, keystone) = tokio::try_join!(
        environment("magnum-23.0", &python),
        environment("keystone-30.0", &python)
    )?;
    let key = cache::key([
        magnum.as_os_str().as_encoded_bytes(),
        keystone.as_os_str().as_encoded_bytes(),
    ]);
    Ok(Environments {
        magnum,
        keystone,
        key,
    })
}

async fn environment(name: &str, python: &str) -> Result<PathBuf> {
    let pins = sources().join(format!("{name}.txt"));
    let text = std::fs::read(&pins).with_context(|| format!("cannot read {}", pins.display()))?;
    let key = cache::key([python.as_bytes(), &text]);
    cache::build_once(&format!("python-{name}-{key}"), async |folder| {
        tracing::info!("installing {name} from PyPI into {}", folder.display());
        make(folder, &pins).await
    })
    .await
}

async fn make(folder: &Path, pins: &Path) -> Result<()> {
    if run(Spec::new("python3", "python3").args(["-c", "import ensurepip, venv"]))
        .await
        .is_err()
    {
        packages::install_missing(&["python3-venv"]).await?;
    }
    run(Spec::new("venv", "python3").args(["-m", "venv"]).arg(folder)).await?;
    let pip = || Spec::new("pip", folder.join("bin/python")).args(["-m", "pip", "install", "-q"]);
    run(pip().arg("-U").args(INSTALLERS)).await?;
    run(pip().arg("-r").arg(pins)).await?;
    Ok(())
}
