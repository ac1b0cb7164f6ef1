//! Free ports on loopback, such that several stacks at once do not pick the same one.
//!
//! A port is free when nothing listens on it and no other process of this user has reserved it. Reservations are
//! file locks, so they end with the process that holds them, by which time its servers listen or are gone.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

/// Below Linux's range for outgoing connections (32768 and up), so that no client takes a port between our
/// choice and the server's start.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// What this process has reserved; kept until it ends.
static HELD: Mutex<Vec<(u16, File)>> = Mutex::new(Vec::new());

/// Reserves one free port on 127.0.0.1 for as long as this process lives.
pub fn free() -> Result<u16> {
    let folder = lock_folder()?;
    let mut held = HELD
        .lock()
        .map_err(|_| anyhow::anyhow!("another thread failed while reserving a port"))?;
    // Start at a place of our own so that processes seldom meet.
    let span = RANGE.end - RANGE.start;
    let offset = u16::try_from(std::process::id() % u32::from(span)).unwrap_or(0);
    for step in 0..span {
        let port = RANGE.start + (offset + step) % span;
        if held.iter().any(|(p, _)| *p == port) {
            continue;
        }
        let path = folder.join(port.to_string());
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        if listens_nobody(port) {
            held.push((port, lock));
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", RANGE.start, RANGE.end)
}

/// Reserves `N` free ports.
pub fn free_many<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free()?;
    }
    Ok(ports)
}

/// True when both loopback and the wildcard address can be bound.
fn listens_nobody(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

fn lock_folder() -> Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("magnum-conductor-ports-{user}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_are_free() {
        let ports: [u16; 20] = free_many().unwrap();
        let mut unique = ports.to_vec();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ports.len());
        for port in ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn a_port_in_use_is_not_given_out() {
        let taken = free().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
        assert!(!listens_nobody(taken));
    }
}
