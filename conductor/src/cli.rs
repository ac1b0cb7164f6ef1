//! The command line, as kolla and systemd call the Python service: `magnum-conductor --config-file FILE…`.

pub mod template;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Where oslo.config looks when no `--config-file` is given (`find_config_files`, project `magnum`).
const DEFAULT_FILES: [&str; 2] = ["/etc/magnum/magnum.conf", "/etc/magnum/magnum-conductor.conf"];

/// Conductor of OpenStack Magnum for Cluster API clusters.
#[derive(Debug, Parser)]
#[command(name = "magnum-conductor", version)]
pub struct Arguments {
    /// Configuration file; may be given several times, later ones win.
    #[arg(long, global = true, value_name = "FILE")]
    pub config_file: Vec<PathBuf>,
    /// Folder whose *.conf files are read after the files, in order of their names.
    #[arg(long, global = true, value_name = "DIR")]
    pub config_dir: Vec<PathBuf>,
    /// Log at debug level, whatever the configuration says.
    #[arg(long, short, global = true)]
    pub debug: bool,
    /// What to do; the service is run if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What people may ask for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the operations that are not finished, with the error of their last attempt.
    Operations,
    /// Create or update this program's own tables in Magnum's database; the service does it too, at its start.
    Migrate,
    /// Render a chart as `helm template` does; needs no configuration. `template --help` tells the flags.
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Template,
}

/// What stands before and after the word `template`, if that is the command: its flags are read as helm reads its own.
pub fn split_at_template(arguments: &[OsString]) -> Option<(&[OsString], &[OsString])> {
    let mut at = 1;
    loop {
        match arguments.get(at)?.to_str()? {
            "--config-file" | "--config-dir" => at += 2,
            "template" => return Some((&arguments[..=at], &arguments[at + 1..])),
            flag if flag.starts_with('-') => at += 1,
            _ => return None,
        }
    }
}

impl Arguments {
    /// The files to read: those given, else the usual ones that exist.
    pub fn files(&self) -> Vec<PathBuf> {
        if !self.config_file.is_empty() || !self.config_dir.is_empty() {
            return self.config_file.clone();
        }
        DEFAULT_FILES
            .iter()
            .map(PathBuf::from)
            .filter(|path| path.exists())
            .collect()
    }
}
