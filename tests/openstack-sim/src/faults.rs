//! What the cloud was told to do wrong, and what it was asked.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// A fault; it applies to requests that match all that is given.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// `image`, `compute`, `network` or `volume`.
    pub service: Option<String>,
    /// The HTTP method, in capitals.
    pub method: Option<String>,
    /// A part of the path.
    pub path: Option<String>,
    /// The caller's project id.
    pub project: Option<String>,
    /// Answer with this status instead of doing the work.
    pub status: Option<u16>,
    /// Wait so long first.
    pub delay_ms: u64,
    /// Apply to so many requests and no more; for ever if absent.
    pub times: Option<u32>,
}

impl Fault {
    fn matches(&self, service: &str, method: &str, path: &str, project: Option<&str>) -> bool {
        self.times != Some(0)
            && self.service.as_deref().is_none_or(|s| s == service)
            && self.method.as_deref().is_none_or(|m| m == method)
            && self.path.as_deref().is_none_or(|p| path.contains(p))
            && self.project.as_deref().is_none_or(|p| Some(p) == project)
    }
}

/// A request that was answered.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Asked {
    /// `image`, `compute`, `network` or `volume`.
    pub service: String,
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The caller's project id.
    pub project: Option<String>,
    /// The answer's status.
    pub status: u16,
}

/// What to do to a request before it is worked on.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub delay: Duration,
    pub status: Option<StatusCode>,
}

/// The faults in force and the requests so far.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Mutex<Vec<Fault>>,
    asked: Mutex<VecDeque<Asked>>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        self.faults.lock().push(fault);
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        self.faults.lock().clear();
    }

    /// The faults in force.
    pub fn list(&self) -> Vec<Fault> {
        self.faults.lock().clone()
    }

    /// The requests answered so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().iter().cloned().collect()
    }

    /// The effect of the first fault that matches, which is then one application nearer its end.
    pub(crate) fn take(&self, service: &str, method: &str, path: &str, project: Option<&str>) -> Effect {
        let mut faults = self.faults.lock();
        let Some(fault) = faults
            .iter_mut()
            .find(|f| f.matches(service, method, path, project))
        else {
            return Effect::default();
        };
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Effect {
            delay: Duration::from_millis(fault.delay_ms),
            status: fault.status.and_then(|s| StatusCode::from_u16(s).ok()),
        }
    }

    pub(crate) fn note(
        &self,
        service: &str,
        method: &str,
        path: &str,
        project: Option<String>,
        status: StatusCode,
    ) {
        let mut asked = self.asked.lock();
        if asked.len() == REMEMBERED {
            asked.pop_front();
        }
        asked.push_back(Asked {
            service: service.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            project,
            status: status.as_u16(),
        });
    }
}
