//! The folder that a stack lives in, and the guard that cleans it up when its owner is gone.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

/// Waits until the owner's end of the pipe on stdin is closed, then kills what the pid files name, and the folder.
///
/// A pid file holds the process id and its start time in clock ticks; a process id that was given to another
/// process since then is left alone. Each server leads a process group of its own.
const GUARD: &str = r#"
cat >/dev/null
for file in "$1"/run/*.pid; do
  read -r pid start <"$file" 2>/dev/null || continue
  if [ -r "/proc/$pid/stat" ]; then
    now=$(sed 's/^.*) //' "/proc/$pid/stat" | cut -d' ' -f20)
    [ "$now" = "$start" ] || continue
  fi
  kill -s KILL -- "-$pid" 2>/dev/null
done
[ "$2" = keep ] && exit 0
for round in 1 2 3 4 5; do
  rm -rf -- "$1" 2>/dev/null && break
  sleep 0.3
done
"#;

/// A stack's folder: `run/` holds pid files, `log/` the servers' output, and each server has a folder of its own.
///
/// Cheap to clone; all clones are the same folder. A temporary home is removed, and every process started in it
/// killed, when the last clone is dropped or the owning process ends in whatever way (also by SIGKILL).
#[derive(Clone, Debug)]
pub struct Home(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    guard: Mutex<Option<Child>>,
}

impl Home {
    /// A new folder under the system's temporary one. It is kept for a look afterwards (but its processes still
    /// end) when the environment variable `STACK_KEEP` is set.
    pub fn temporary() -> Result<Self> {
        // Short, because it holds Unix sockets, whose paths are limited to 108 bytes.
        let root = tempfile::Builder::new()
            .prefix("mcs-")
            .tempdir()
            .context("cannot create a temporary folder")?
            .keep();
        let home = Self::prepare(root)?;
        let keep = if std::env::var_os("STACK_KEEP").is_some() {
            "keep"
        } else {
            "remove"
        };
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "stack-guard"])
            .arg(home.root())
            .arg(keep)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh")?;
        if let Ok(mut slot) = home.0.guard.lock() {
            *slot = Some(guard);
        }
        Ok(home)
    }

    /// A folder that stays, with its processes, until [`Home::remove`].
    pub fn permanent(root: &Path) -> Result<Self> {
        Self::prepare(root.to_path_buf())
    }

    fn prepare(root: PathBuf) -> Result<Self> {
        for folder in ["run", "log"] {
            let path = root.join(folder);
            std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        }
        Ok(Self(Arc::new(Inner {
            root,
            guard: Mutex::new(None),
        })))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// A folder inside it, made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.root.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Where the named process writes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.0.root.join("log").join(format!("{name}.log"))
    }

    /// Where the named process's id stands.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.0.root.join("run").join(format!("{name}.pid"))
    }

    /// The names of all processes that have a pid file here, by age, oldest first.
    pub fn process_names(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.0.root.join("run"))? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().and_then(|n| n.strip_suffix(".pid")) {
                found.push((entry.metadata()?.modified()?, name.to_owned()));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// Deletes the folder. Stop its processes first.
    pub fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.0.root)
            .with_context(|| format!("cannot remove {}", self.0.root.display()))
    }
}

impl Drop for Inner {
    /// Lets the guard do its work and waits for it.
    fn drop(&mut self) {
        if let Ok(slot) = self.guard.get_mut()
            && let Some(mut guard) = slot.take()
        {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Process, Spec};

    #[tokio::test]
    async fn dropping_a_temporary_home_kills_and_removes() {
        let home = Home::temporary().unwrap();
        let root = home.root().to_path_buf();
        let mut process = Process::spawn(&home, Spec::new("sleeper", "sleep").args(["1000"])).unwrap();
        assert!(process.is_running());
        process.leave_running();
        drop(home);
        assert!(!root.exists());
        for _ in 0..100 {
            if !process.is_running() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the guard left the process running");
    }

    #[tokio::test]
    async fn processes_are_listed_by_age() {
        let home = Home::temporary().unwrap();
        let _a = Process::spawn(&home, Spec::new("zz", "sleep").args(["1000"])).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let _b = Process::spawn(&home, Spec::new("aa", "sleep").args(["1000"])).unwrap();
        assert_eq!(home.process_names().unwrap(), ["zz", "aa"]);
    }
}
