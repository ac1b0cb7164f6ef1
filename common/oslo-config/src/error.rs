//! What can be wrong with a configuration file.

use std::path::PathBuf;

/// An error in the configuration, with the file and line it comes from wherever there is one.
///
/// Values never appear here: they may be secrets.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file named by `--config-file` cannot be read.
    #[error("cannot read configuration file {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// A directory named by `--config-dir` cannot be listed.
    #[error("cannot read configuration directory {path}: {reason}")]
    UnreadableDir {
        /// The directory.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// A line is not INI as oslo.config understands it.
    #[error("{path}:{line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A value does not fit its option.
    #[error("{origin}: [{group}] {option}: {reason}")]
    Value {
        /// `file:line`.
        origin: String,
        /// The group as declared.
        group: String,
        /// The option as declared.
        option: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `$name` in a value names no known option, or names itself.
    #[error("{origin}: [{group}] {option}: {reason} (write $$ for a dollar sign)")]
    Substitution {
        /// `file:line`.
        origin: String,
        /// The group as declared.
        group: String,
        /// The option as declared.
        option: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The values, each valid, do not make up the expected structure.
    #[error("configuration: {0}")]
    Structure(String),
}
