//! Names of transient queues that survive a restart (`use_queue_manager`): `<host>:<process>:<n>`, with a counter in
//! shared memory that begins again with every start of the service, as oslo.messaging's `QManager`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use oslo_config::messaging::OsloMessagingRabbit;
use rustix::fs::{FlockOperation, fcntl_lock};

use crate::{ConfigError, link};

/// Where oslo.messaging keeps its counters.
const SHARED_MEMORY: &str = "/dev/shm";

/// Gives out names.
#[derive(Debug)]
pub(crate) struct QueueManager {
    host: String,
    process: String,
    counter: PathBuf,
    lock: Option<PathBuf>,
    /// One name at a time in this process; files are locked per process.
    turn: parking_lot::Mutex<()>,
    group: i32,
    started: u64,
}

impl QueueManager {
    /// `lock_path` is `[oslo_concurrency] lock_path`; without it the counter file itself is locked.
    pub(crate) fn new(options: &OsloMessagingRabbit, lock_path: Option<&str>) -> Result<Self, ConfigError> {
        Self::in_folder(Path::new(SHARED_MEMORY), options, lock_path)
    }

    fn in_folder(
        folder: &Path,
        options: &OsloMessagingRabbit,
        lock_path: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let set = |option: &Option<String>| option.clone().filter(|text| !text.is_empty());
        let host = set(&options.hostname)
            .unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        let process = set(&options.processname).unwrap_or_else(link::program);
        let group = rustix::process::getpgrp().as_raw_nonzero().get();
        let started = start_time(group)
            .or_else(|_| start_time(std::process::id()))
            .map_err(|error| ConfigError::QueueManager(format!("start time of the process: {error}")))?;
        let lock = match lock_path.filter(|path| !path.is_empty()) {
            None => None,
            Some(path) => {
                std::fs::create_dir_all(path)
                    .map_err(|error| ConfigError::QueueManager(format!("{path}: {error}")))?;
                Some(Path::new(path).join(format!("oslo_read_shm_{host}_{process}").replace('/', "_")))
            }
        };
        Ok(Self {
            counter: folder.join(format!("{host}_{process}_qmanager").replace('/', "_")),
            lock,
            host,
            process,
            turn: parking_lot::Mutex::new(()),
            group,
            started,
        })
    }

    /// The next name.
    pub(crate) fn next(&self) -> Result<String, ConfigError> {
        let _turn = self.turn.lock();
        let number = self
            .count()
            .map_err(|error| ConfigError::QueueManager(format!("{}: {error}", self.counter.display())))?;
        Ok(format!("{}:{}:{number}", self.host, self.process))
    }

    fn count(&self) -> io::Result<u64> {
        // Dropping a file gives up its locks.
        let _lock = self.lock.as_deref().map(locked).transpose()?;
        let mut file = match self.lock {
            Some(_) => open(&self.counter)?,
            None => locked(&self.counter)?,
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let number = self.following(&text);
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}:{number}:{}", self.group, self.started)?;
        Ok(number)
    }

    /// The number after that of `text`, `<process group>:<number>:<start time>`; 1 if another process group or start
    /// wrote it.
    fn following(&self, text: &str) -> u64 {
        let mut parts = text.lines().next().unwrap_or_default().split(':');
        let mut part = || parts.next()?.trim().parse::<u64>().ok();
        match (part(), part(), part()) {
            (Some(group), Some(number), Some(started))
                if i32::try_from(group) == Ok(self.group) && started == self.started =>
            {
                number + 1
            }
            _ => 1,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Locked with fcntl, as Python's fasteners do.
fn locked(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    fcntl_lock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// When a process began, in clock ticks since the machine was started: field 22 of its `stat`.
fn start_time(pid: impl std::fmt::Display) -> io::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, the name in parentheses, may hold anything.
    stat.rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unexpected contents of /proc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> OsloMessagingRabbit {
        OsloMessagingRabbit {
            hostname: Some("host".into()),
            processname: Some("process".into()),
            ..OsloMessagingRabbit::default()
        }
    }

    #[test]
    fn names_count_up_and_begin_again_with_a_new_start() {
        let folder = tempfile::tempdir().unwrap();
        let locks = folder.path().join("locks");
        for lock_path in [None, Some(locks.to_str().unwrap())] {
            let manager = QueueManager::in_folder(folder.path(), &options(), lock_path).unwrap();
            std::fs::write(folder.path().join("host_process_qmanager"), "1:41:5").unwrap();
            assert_eq!(manager.next().unwrap(), "host:process:1", "another process group");
            assert_eq!(manager.next().unwrap(), "host:process:2");
            let text = std::fs::read_to_string(folder.path().join("host_process_qmanager")).unwrap();
            assert_eq!(text, format!("{}:2:{}", manager.group, manager.started));
        }
        assert!(locks.join("oslo_read_shm_host_process").exists());
    }

    #[test]
    fn a_damaged_counter_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let manager = QueueManager::in_folder(folder.path(), &options(), None).unwrap();
        std::fs::write(folder.path().join("host_process_qmanager"), "1:x:\u{0}").unwrap();
        assert_eq!(manager.next().unwrap(), "host:process:1");
    }
}
