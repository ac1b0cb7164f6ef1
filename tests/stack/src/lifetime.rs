//! A stack that outlives the program that started it: how to use it, and how it is ended.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::identity::DEMO;
use crate::process::Process;
use crate::stack::Stack;

/// For each server to end by itself.
const GRACE: Duration = Duration::from_secs(15);

/// Tells how to look around in a running stack.
pub fn explain(stack: &Stack, out: &mut impl Write) -> Result<()> {
    let home = stack.home().root();
    let environment = home.join("openrc");
    let mut text = String::new();
    for (name, value) in stack.cli_environment(&DEMO) {
        text.push_str(&format!("export {name}='{value}'\n"));
    }
    text.push_str(&format!(
        "export PATH='{}':\"$PATH\"\n",
        stack.python().join("bin").display()
    ));
    std::fs::write(&environment, text).with_context(|| format!("cannot write {}", environment.display()))?;
    writeln!(out, "How to look around:")?;
    writeln!(
        out,
        "  as a user    . {} && openstack coe cluster list",
        environment.display()
    )?;
    let socket = home.join("mariadb/socket");
    writeln!(
        out,
        "  the rows     mariadb --no-defaults -uroot --socket={} magnum",
        socket.display()
    )?;
    let kubectl = home.join("bin/kubectl");
    writeln!(
        out,
        "  kubectl      {} --kubeconfig {}",
        kubectl.display(),
        stack.kubeconfig().display()
    )?;
    writeln!(
        out,
        "  the log      {}",
        stack.home().log("magnum-conductor").display()
    )?;
    writeln!(out, "  all logs     {}", home.join("log").display())?;
    Ok(())
}

/// Whether any server of the stack in `root` runs.
pub fn is_alive(root: &Path) -> Result<bool> {
    let home = Home::permanent(root)?;
    Ok(home
        .process_names()?
        .iter()
        .any(|name| Process::attach(&home, name).is_some()))
}

/// Ends every server of the stack in `root`, the newest first, and deletes the folder. Nothing to do is no error.
pub async fn end(root: &Path) -> Result<()> {
    if !root.exists() {
        tracing::info!("nothing runs in {}", root.display());
        return Ok(());
    }
    let home = Home::permanent(root)?;
    let mut names = home.process_names()?;
    names.reverse();
    let stops = names
        .into_iter()
        .filter_map(|name| Process::attach(&home, &name))
        .map(|process| process.stop(GRACE));
    // The servers need nothing of each other in order to end.
    let stops: Vec<_> = stops.map(tokio::spawn).collect();
    for stop in stops {
        stop.await??;
    }
    home.remove()
}
