//! RabbitMQ 4 and its Erlang from Debian 13, unpacked into the cache beside whatever Debian this machine runs.
//!
//! The packages come through the ordinary package client from the mirror that this machine uses already, with lists and
//! a (then empty) package database of their own. They are not installed: each of Erlang's executables is started through
//! the loader and the libraries that came with it, so that no root and no container is needed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::process::{Spec, run};

/// Debian's name for the release that has RabbitMQ 4.
const RELEASE: &str = "trixie";

/// Beginnings of the names of the packages that a node needs; what else they depend on has shells and users to do.
const NEEDED: [&str; 13] = [
    "erlang-",
    "rabbitmq-server_",
    "libc6_",
    "libgcc-s1_",
    "libstdc++6_",
    "libtinfo6_",
    "libncursesw6_",
    "libssl3",
    "openssl-provider",
    "libsystemd0_",
    "libcap2_",
    "libzstd1_",
    "zlib1g_",
];

/// Where a broker's programs are.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Folder of `rabbitmq-server` and `rabbitmqctl`.
    pub scripts: PathBuf,
    /// Folder of `erl` and `epmd`; `None` where they are in PATH.
    pub erlang: Option<PathBuf>,
}

impl Installation {
    /// RabbitMQ 4, fetched once.
    ///
    /// # Errors
    /// If the packages cannot be had or unpacked.
    pub async fn newer() -> Result<Self> {
        let root = cache::build_once(&format!("rabbitmq-{RELEASE}-1"), async |folder| {
            tracing::info!(
                "fetching RabbitMQ 4 of Debian {RELEASE} into {}",
                folder.display()
            );
            fetch(folder).await
        })
        .await?;
        Ok(Self {
            scripts: root.join("usr/lib/rabbitmq/bin"),
            erlang: Some(root.join("usr/lib/erlang/bin")),
        })
    }
}

async fn fetch(root: &Path) -> Result<()> {
    let work = root.join("apt");
    for folder in [
        "etc/sources.list.d",
        "etc/preferences.d",
        "lists/partial",
        "archives/partial",
    ] {
        std::fs::create_dir_all(work.join(folder))?;
    }
    let source = format!("deb [{}] {} {RELEASE} main\n", keyring(), mirror().await?);
    std::fs::write(work.join("etc/sources.list"), source)?;
    std::fs::write(work.join("status"), "")?;
    let conf = work.join("conf");
    std::fs::write(&conf, configuration(&work))?;
    let apt = |args: &[&str]| {
        run(Spec::new("apt-get", "apt-get")
            .arg("-c")
            .arg(&conf)
            .args(args)
            .to_the_internet())
    };
    apt(&["update"]).await?;
    apt(&[
        "install",
        "-y",
        "--no-install-recommends",
        "--download-only",
        "rabbitmq-server",
    ])
    .await?;
    for package in files(&work.join("archives"))? {
        let name = package
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if NEEDED.iter().any(|needed| name.starts_with(needed)) {
            run(Spec::new("dpkg", "dpkg").arg("-x").arg(&package).arg(root)).await?;
        }
    }
    std::fs::remove_dir_all(&work)?;
    // Documentation and manuals are more than a third of it.
    std::fs::remove_dir_all(root.join("usr/share")).ok();
    through_own_loader(root)
}

/// The mirror of this machine's own release.
async fn mirror() -> Result<String> {
    let about = std::fs::read_to_string("/etc/os-release").context("this is no Debian")?;
    let codename = about
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("/etc/os-release names no release")?;
    let targets = run(Spec::new("apt-get", "apt-get").args([
        "indextargets",
        "--format",
        "$(RELEASE) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    ]))
    .await?;
    targets
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{codename} main ")))
        .map(str::to_owned)
        .with_context(|| format!("the package client has no mirror of {codename}"))
}

fn keyring() -> &'static str {
    "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
}

/// Lists, cache and package database of our own; of the system's configuration only how the mirror is reached counts.
fn configuration(work: &Path) -> String {
    let work = work.display();
    format!(
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Post-Invoke;\n\
         #clear Acquire::IndexTargets::deb::DEP-11;\n#clear Acquire::IndexTargets::deb::DEP-11-icons-small;\n\
         Dir::Etc \"{work}/etc\";\nDir::State::lists \"{work}/lists\";\nDir::State::status \"{work}/status\";\n\
         Dir::Cache::archives \"{work}/archives\";\nDir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n\
         Acquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\nDebug::NoLocking \"true\";\n"
    )
}

/// Puts a script in front of each of Erlang's executables that names the loader and its libraries.
fn through_own_loader(root: &Path) -> Result<()> {
    let erlang = root.join("usr/lib/erlang");
    let (loader, libraries) = loader(&root.join("usr/lib"))?;
    let mut folders = vec![erlang.join("bin")];
    for folder in files(&erlang)? {
        folders.push(folder.join("bin"));
    }
    for library in files(&erlang.join("lib"))? {
        folders.push(library.join("priv/bin"));
    }
    for program in folders.iter().filter_map(|folder| files(folder).ok()).flatten() {
        if program.is_symlink() || !program.is_file() {
            continue;
        }
        let content = std::fs::read(&program)?;
        if content.starts_with(b"\x7fELF") {
            let real = program.with_extension("elf");
            std::fs::rename(&program, &real)?;
            let script = format!(
                "#!/bin/sh\nexec '{}' --library-path '{}' --argv0 '{}' '{}' \"$@\"\n",
                loader.display(),
                libraries.display(),
                program.display(),
                real.display()
            );
            std::fs::write(&program, script)?;
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        } else if program.file_name().is_some_and(|name| name == "erl") {
            let script = String::from_utf8(content).context("erl is no script")?;
            let here = format!("ROOTDIR={}\n", erlang.display());
            std::fs::write(&program, script.replace("ROOTDIR=/usr/lib/erlang\n", &here))?;
        }
    }
    Ok(())
}

/// The dynamic loader, and the folder of the libraries.
fn loader(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    for libraries in files(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in files(&libraries)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("ld-linux") {
                return Ok((file, libraries));
            }
        }
    }
    bail!("no dynamic loader in {}", folder.display())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
