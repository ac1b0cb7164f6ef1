//! What a process and its children have used, from `/proc`.

use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time so far, and memory now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Proportional set size: shared pages are counted in parts.
    pub memory_mib: f64,
}

impl Usage {
    /// Of a process with everything it started.
    ///
    /// # Errors
    /// When it is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let mut all = Self::of_one(pid)?;
        for child in children(pid)? {
            // One that has just ended is none.
            if let Ok(usage) = Self::of(child) {
                all.cpu += usage.cpu;
                all.memory_mib += usage.memory_mib;
            }
        }
        Ok(all)
    }

    fn of_one(pid: u32) -> Result<Self> {
        let mut nanoseconds = 0;
        let tasks = format!("/proc/{pid}/task");
        for task in std::fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
            // A thread that has just ended is none.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += text
                .split(' ')
                .next()
                .unwrap_or_default()
                .parse::<u64>()
                .unwrap_or(0);
        }
        let rollup = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&rollup).with_context(|| format!("cannot read {rollup}"))?;
        let pss = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .unwrap_or_default();
        let kib: f64 = pss.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
        Ok(Self {
            cpu: Duration::from_nanos(nanoseconds),
            memory_mib: kib / 1024.0,
        })
    }
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(text
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect())
}
