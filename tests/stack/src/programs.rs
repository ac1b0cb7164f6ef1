//! The programs of this repository that a stack starts, and those that Go builds for it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::home::Home;
use crate::process::{Spec, run};

/// Builds `magnum-conductor` and `openstack-sim` beside the running program, in its profile, so that tests never
/// run against what an earlier source made.
pub async fn build() -> Result<()> {
    let folder = own_folder()?;
    let mut words = vec![
        "build",
        "--quiet",
        "--bin",
        "magnum-conductor",
        "--bin",
        "openstack-sim",
    ];
    if folder.ends_with("release") {
        words.push("--release");
    }
    let spec = Spec::new("cargo build", "cargo")
        .args(words)
        .current_dir(&cache::source_root());
    run(spec).await.map(|_| ())
}

/// One of this repository's programs: beside the running one.
///
/// # Errors
/// When it is not there: the command that builds it.
pub fn ours(name: &str) -> Result<PathBuf> {
    let path = own_folder()?.join(name);
    if !path.exists() {
        bail!("{} is not there; run: cargo build --bin {name}", path.display());
    }
    Ok(path)
}

/// The folder of cargo's profile that we were built into.
fn own_folder() -> Result<PathBuf> {
    let mut folder = std::env::current_exe().context("cannot find our own program")?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}

/// The Go side of the stack.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// A folder with etcd, kube-apiserver, kubectl, Cluster API's managers and the machine room.
    pub programs: PathBuf,
    /// The source of Cluster API's module, for its CRDs and webhook manifests.
    pub cluster_api: PathBuf,
}

/// Finds each Go program in the folder that `STACK_KUBE_BIN` names, else on PATH, else builds it into the cache
/// (minutes, once), and brings them together in a folder of `home`.
///
/// # Errors
/// When Go is missing or too old, or a build fails.
pub async fn kubernetes(home: &Home) -> Result<Kubernetes> {
    let script = cache::source_root().join("tests/go/build.sh");
    let ask = async |flag: &str| run(Spec::new("build.sh", "bash").arg(&script).arg(flag)).await;
    let names = ask("--names").await?;
    let given = std::env::var_os("STACK_KUBE_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = given.into_iter().chain(std::env::split_paths(&path)).collect();
    let built = cache::folder()?.join(ask("--key").await?.trim());
    let folder = home.folder("bin")?;
    let mut missing = Vec::new();
    for name in names.lines() {
        // The machine room is of this repository; one found elsewhere may be of another version of it.
        let found = (name != "machine-room").then(|| find(&places, name)).flatten();
        let program = found.unwrap_or_else(|| {
            missing.push(name);
            built.join(name)
        });
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(&program, &link).with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    if missing.iter().any(|name| !built.join(name).exists()) {
        tracing::info!(
            "building {} with Go into {} (minutes, once)",
            missing.join(", "),
            built.display()
        );
    }
    run(Spec::new("build.sh", "bash")
        .arg(&script)
        .arg(&built)
        .args(&missing))
    .await?;
    let cluster_api = PathBuf::from(ask("--cluster-api").await?.trim());
    Ok(Kubernetes {
        programs: folder,
        cluster_api,
    })
}

fn find(places: &[PathBuf], name: &str) -> Option<PathBuf> {
    places
        .iter()
        .map(|place| place.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}
