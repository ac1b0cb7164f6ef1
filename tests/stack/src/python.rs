//! Virtual environments with OpenStack's own programs, pinned, from PyPI.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache;
use crate::packages;
use crate::process::{Spec, run};
use crate::release::Release;

/// What installs all others: ten times as fast as pip, which matters to a run from nothing.
const UV: &str = "0.13.9";

/// What an environment is made of has to change its key.
const WAY: &str = "uv, whole lists";

/// The two environments; they cannot be one, because their pins exclude each other.
#[derive(Clone, Debug)]
pub struct Environments {
    /// Which magnum it is.
    pub release: Release,
    /// magnum with the Cluster API driver, the `openstack` command and magnum's client.
    pub magnum: PathBuf,
    /// Keystone.
    pub keystone: PathBuf,
}

/// The folder of the pins and of the WSGI entry points.
pub fn sources() -> PathBuf {
    cache::source_root().join("tests").join("python")
}

/// Both environments, with the newest Magnum, built if the cache does not have them.
pub async fn environments() -> Result<Environments> {
    environments_of(Release::default()).await
}

/// Both environments, with a release of Magnum, built if the cache does not have them.
pub async fn environments_of(release: Release) -> Result<Environments> {
    let (magnum, keystone) = tokio::try_join!(magnum(release), pinned("keystone-30.0", ""))?;
    Ok(Environments {
        release,
        magnum,
        keystone,
    })
}

/// A release of Magnum with the Cluster API driver of its time, the `openstack` command, and helm.
pub async fn magnum(release: Release) -> Result<PathBuf> {
    pinned(release.pins(), "").await
}

/// The same without the Cluster API driver, as operators run the conductor for their Heat clusters.
pub async fn magnum_without_driver(release: Release) -> Result<PathBuf> {
    pinned(release.pins(), "magnum-capi-helm").await
}

/// The environment that `NAME.txt` in [`sources`] describes, but for one package (none if empty).
pub async fn pinned(name: &str, but: &str) -> Result<PathBuf> {
    let file = sources().join(format!("{name}.txt"));
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let pins: Vec<&str> = text
        .lines()
        .filter(|line| line.split("==").next() != Some(but))
        .collect();
    let name = if but.is_empty() {
        name.to_owned()
    } else {
        format!("{name}-without-{but}")
    };
    installed(&name, &pins.join("\n")).await
}

/// An environment with the packages of a complete list, one `name==version` to a line.
pub async fn installed(name: &str, pins: &str) -> Result<PathBuf> {
    let python =
        run(Spec::new("python3", "python3").args(["-c", "import sys; print(sys.version, sys.base_prefix)"]))
            .await
            .context("cannot run python3; install Python 3.11 or newer")?;
    let key = cache::key([&python, pins, WAY]);
    let folder = format!("python-{name}-{key}");
    if cache::has(&folder)? {
        // Without asking for the installer.
        return Ok(cache::folder()?.join(folder));
    }
    let tools = tools(&python).await?;
    cache::build_once(&folder, async |folder| {
        tracing::info!("installing {name} from PyPI into {}", folder.display());
        make(folder, pins, &tools).await
    })
    .await
}

/// The environment with uv (and pip).
async fn tools(python: &str) -> Result<PathBuf> {
    let key = cache::key([python, UV]);
    cache::build_once(&format!("tools-uv-{UV}-{key}"), async |folder| {
        if run(Spec::new("python3", "python3").args(["-c", "import ensurepip, venv"]))
            .await
            .is_err()
        {
            packages::install_missing(&["python3-venv"]).await?;
        }
        run(Spec::new("venv", "python3").args(["-m", "venv"]).arg(folder)).await?;
        let pip = Spec::new("pip", folder.join("bin/python")).to_the_internet();
        run(pip.args(["-m", "pip", "install", "-q", &format!("uv=={UV}")]))
            .await
            .map(|_| ())
    })
    .await
}

async fn make(folder: &Path, pins: &str, tools: &Path) -> Result<()> {
    let list = folder.join("pins.txt");
    std::fs::write(&list, pins).with_context(|| format!("cannot write {}", list.display()))?;
    let packages = cache::folder()?.join("uv");
    let uv = |name: &str| {
        Spec::new(name, tools.join("bin/uv"))
            .env("UV_CACHE_DIR", &packages)
            .to_the_internet()
    };
    run(uv("uv venv")
        .args(["venv", "-q", "--allow-existing", "--python", "python3"])
        .arg(folder))
    .await?;
    let mut install = uv("uv pip install").args(["pip", "install", "-q", "--no-deps", "--system-certs"]);
    if let Some(index) = pip_index(tools).await {
        install = install.env("UV_DEFAULT_INDEX", index);
    }
    // Servers are started without leave to write bytecode, so that a folder does not change in use.
    run(install
        .args(["--compile-bytecode", "--python"])
        .arg(folder.join("bin/python"))
        .arg("-r")
        .arg(&list))
    .await?;
    Ok(())
}

/// Where pip was told to get its packages, which uv does not look up.
async fn pip_index(tools: &Path) -> Option<String> {
    let ask = Spec::new("pip config", tools.join("bin/python"));
    let set = run(ask.args(["-m", "pip", "config", "list"])).await.ok()?;
    set.lines().find_map(|line| {
        let (name, value) = line.split_once(".index-url='")?;
        (name == "global" || name == ":env:" || name == "install")
            .then(|| value.trim_end_matches('\'').to_owned())
    })
}
