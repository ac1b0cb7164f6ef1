//! What templates may ask that stands outside of the chart: as good as nothing.

use std::net::ToSocketAddrs;

use helm::{Lookup, LookupError};
use serde_json::{Map, Value};

use super::flags::Template;

/// What is asked, and whether it may be answered.
pub struct World {
    dns: bool,
    dry_run: Option<String>,
}

impl World {
    /// As the command line says.
    pub fn of(command: &Template) -> Self {
        let asks = matches!(command.dry_run.as_str(), "server" | "none" | "false");
        Self {
            dns: command.enable_dns,
            dry_run: asks.then(|| command.dry_run.clone()),
        }
    }
}

impl Lookup for World {
    fn get(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, LookupError> {
        match &self.dry_run {
            Some(said) => Err(LookupError(format!(
                "lookup with --dry-run={said} is not supported: no cluster is asked here"
            ))),
            None => Ok(Value::Object(Map::new())),
        }
    }

    fn host(&self, name: &str) -> Result<String, LookupError> {
        if !self.dns {
            return Ok(String::new());
        }
        let found = (name, 0)
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next());
        // What sprig says when it draws one of no addresses.
        found
            .map(|address| address.ip().to_string())
            .ok_or_else(|| LookupError("invalid argument to Intn".to_owned()))
    }
}
