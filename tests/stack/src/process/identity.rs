//! Which process it is, beyond its number.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

/// A process id together with the time of its start, which tells it from a later process of the same number.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) pid: u32,
    pub(super) start: u64,
    pub(super) group_killed: bool,
}

impl Identity {
    pub(super) fn of(pid: u32) -> Result<Self> {
        // Not waited for yet, so that /proc has it even when it has already ended.
        let (_, start) = stat(pid).with_context(|| format!("process {pid} is not in /proc"))?;
        Ok(Self {
            pid,
            start,
            group_killed: false,
        })
    }

    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let mut words = text.split_whitespace();
        let (Some(pid), Some(start)) = (words.next(), words.next()) else {
            bail!("{} is not a pid file of ours", file.display());
        };
        Ok(Self {
            pid: pid.parse()?,
            start: start.parse()?,
            group_killed: false,
        })
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        std::fs::write(file, format!("{} {}\n", self.pid, self.start))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    pub(super) fn id(&self) -> Result<Pid> {
        i32::try_from(self.pid)
            .ok()
            .and_then(Pid::from_raw)
            .context("not a process id")
    }

    pub(super) fn start_of_current(&self) -> Option<u64> {
        start_time(self.pid)
    }

    pub(super) fn exists(&self) -> bool {
        self.start_of_current() == Some(self.start)
    }
}

/// When the process started, in clock ticks since boot; `None` when there is no such process or only its zombie.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    stat(pid)
        .filter(|(state, _)| *state != 'Z')
        .map(|(_, start)| start)
}

/// State letter and start time of a process.
fn stat(pid: u32) -> Option<(char, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses and may itself hold any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}
