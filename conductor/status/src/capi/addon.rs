//! What is installed inside a cluster: HelmRelease and Manifests of `addons.stackhpc.com`, HelmChartProxy of
//! `addons.cluster.x-k8s.io`.

use serde_json::Value;

use super::{Condition, Conditions, Meta, json};

/// How far an addon is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddonState {
    /// It is in the cluster.
    Deployed,
    /// It is not there yet; the phase or the reason.
    Pending(String),
    /// Its provider says that it failed; the message.
    Failed(String),
}

/// What we read of an addon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Identity.
    pub meta: Meta,
    /// Its kind.
    pub kind: &'static str,
    /// How far it is.
    pub state: AddonState,
}

impl Addon {
    /// Reads an addon by its phase; a HelmChartProxy has none and is read by its condition `Ready`.
    pub(crate) fn read(object: &Value, modern: bool, kind: &'static str) -> Self {
        let phase = json::text(object, &["status", "phase"]);
        let state = match phase {
            Some("Deployed") => AddonState::Deployed,
            Some(phase @ ("Failed" | "Unknown")) => AddonState::Failed(
                json::string(object, &["status", "failureMessage"]).unwrap_or_else(|| phase.to_owned()),
            ),
            Some(phase) => AddonState::Pending(phase.to_owned()),
            None if kind == "HelmChartProxy" => by_conditions(&Conditions::read(object, modern)),
            None => AddonState::Pending("not looked at yet".to_owned()),
        };
        Self {
            meta: Meta::read(object),
            kind,
            state,
        }
    }
}

fn by_conditions(conditions: &Conditions) -> AddonState {
    match conditions.find("Ready").or_else(|| conditions.find("Available")) {
        Some(ready) if ready.is_true() => AddonState::Deployed,
        Some(ready) => {
            let text = ready.text().unwrap_or("not ready").to_owned();
            let failed = |condition: &Condition| condition.severity.as_deref() == Some("Error");
            if failed(ready) {
                AddonState::Failed(text)
            } else {
                AddonState::Pending(text)
            }
        }
        None => AddonState::Pending("not looked at yet".to_owned()),
    }
}
