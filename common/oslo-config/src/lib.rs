//! oslo.config's INI files as a [`config::Source`].
//!
//! Sections are declared with [`section!`]; [`load`] reads files against the declarations and yields a
//! [`config::Config`] from which the sections deserialise, with what an operator should know about the files.
//! The rules are those of oslo.config 10 (`cfg.py`, `iniparser.py`, `types.py`): several files and directories, later
//! ones win, multi-line values, `$substitution`, deprecated names and groups, repeated options. Unlike oslo.config,
//! substitution and conversion happen once, when the files are loaded, so that a mistake is told at start.

mod error;
mod ini;
pub mod messaging;
mod schema;
mod source;
mod substitute;
mod value;

use std::path::PathBuf;

use config::{Config, ConfigError};

pub use crate::error::Error;
pub use crate::schema::{Kind, MultiString, Opt, OptionType, Section, SectionDef};
pub use crate::source::{Finding, FindingKind, OsloSource};
pub use crate::value::parse as parse_option;

/// What [`load`] found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Values by group and option; options that no file sets are absent. May hold secrets: not for logs.
    pub config: Config,
    /// Unknown options, unknown groups, deprecated names.
    pub findings: Vec<Finding>,
}

/// Reads `files` in order, then the `*.conf` of `dirs`, against `sections`.
///
/// # Errors
/// See [`Error`]; each names the file and line.
pub fn load(files: &[PathBuf], dirs: &[PathBuf], sections: Vec<Section>) -> Result<Loaded, Error> {
    from_source(&OsloSource::read(files, dirs, sections)?)
}

/// As [`load`], from files that were read already.
///
/// # Errors
/// As [`load`], but for unreadable files.
pub fn from_source(source: &OsloSource) -> Result<Loaded, Error> {
    // Asked first for the error's own type; the config crate only keeps its text.
    source.values()?;
    let config = Config::builder()
        .add_source(source.clone())
        .build()
        .map_err(structure)?;
    Ok(Loaded {
        config,
        findings: source.findings(),
    })
}

/// The values of one declared group; defaults where no file says anything.
///
/// # Errors
/// [`Error::Structure`] if a number does not fit the field's type.
pub fn section<T: SectionDef + Default + serde::de::DeserializeOwned>(config: &Config) -> Result<T, Error> {
    section_from(config, T::GROUP)
}

/// As [`section`], from a group of another name.
///
/// # Errors
/// As [`section`].
pub fn section_from<T: Default + serde::de::DeserializeOwned>(
    config: &Config,
    group: &str,
) -> Result<T, Error> {
    match config.get::<T>(group) {
        Err(ConfigError::NotFound(_)) => Ok(T::default()),
        other => other.map_err(|error| Error::Structure(format!("[{group}]: {error}"))),
    }
}

fn structure(error: ConfigError) -> Error {
    Error::Structure(error.to_string())
}
