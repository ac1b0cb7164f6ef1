//! Conditions in both of Cluster API's styles.
//!
//! The old style (contract v1beta1) has a severity and is positive throughout: True is good. The new style
//! (`metav1.Condition`, contract v1beta2) also has conditions that are good when False (`Deleting`, `ScalingUp`, ...).
//! Where each stands depends on the version in which the object was read; see [`Conditions::read`].

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::json;

/// The three values of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known, or not one of the two words.
    Unknown,
}

/// Which value of a condition is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// True is good.
    Positive,
    /// False is good.
    Negative,
    /// A type that we do not know: says nothing.
    Unknown,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub kind: String,
    /// Its value.
    pub status: ConditionStatus,
    /// One word for machines; may be empty.
    pub reason: String,
    /// Text for people; may be empty.
    pub message: String,
    /// Severity of the old style: `Error`, `Warning` or `Info`.
    pub severity: Option<String>,
    /// When the value last changed.
    pub since: Option<DateTime<Utc>>,
}

impl Condition {
    fn read(value: &Value) -> Self {
        Self {
            kind: json::string(value, &["type"]).unwrap_or_default(),
            status: match json::text(value, &["status"]) {
                Some("True") => ConditionStatus::True,
                Some("False") => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            },
            reason: json::string(value, &["reason"]).unwrap_or_default(),
            message: json::string(value, &["message"]).unwrap_or_default(),
            severity: json::string(value, &["severity"]),
            since: json::time(value, &["lastTransitionTime"]),
        }
    }

    /// Whether it is True.
    pub fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }

    /// Whether the old style calls it an error or a warning.
    pub fn is_severe(&self) -> bool {
        matches!(self.severity.as_deref(), Some("Error" | "Warning"))
    }

    /// The text that tells most: the message, else the reason, else nothing. The old style's count of finished
    /// steps ("1 of 2 completed") tells nothing, there the reason is better.
    pub fn text(&self) -> Option<&str> {
        let counted = self.message.ends_with(" completed");
        let message = Some(self.message.as_str()).filter(|text| !text.is_empty() && !counted);
        message.or(Some(self.reason.as_str()).filter(|text| !text.is_empty()))
    }
}

/// Polarity of a condition type of the new style.
pub fn polarity(kind: &str) -> Polarity {
    match kind {
        "Paused" | "RollingOut" | "ScalingUp" | "ScalingDown" | "Remediating" | "Deleting" | "Updating" => {
            Polarity::Negative
        }
        "Available"
        | "Ready"
        | "InfrastructureReady"
        | "BootstrapConfigReady"
        | "RemoteConnectionProbe"
        | "TopologyReconciled"
        | "ControlPlaneInitialized"
        | "ControlPlaneAvailable"
        | "ControlPlaneMachinesReady"
        | "ControlPlaneMachinesUpToDate"
        | "WorkersAvailable"
        | "WorkerMachinesReady"
        | "WorkerMachinesUpToDate"
        | "Initialized"
        | "CertificatesAvailable"
        | "EtcdClusterHealthy"
        | "ControlPlaneComponentsHealthy"
        | "MachinesReady"
        | "MachinesUpToDate"
        | "UpToDate"
        | "NodeReady"
        | "NodeHealthy"
        | "NodeKubeadmLabelsAndTaintsSet"
        | "APIServerPodHealthy"
        | "ControllerManagerPodHealthy"
        | "SchedulerPodHealthy"
        | "EtcdPodHealthy"
        | "EtcdMemberHealthy"
        | "HealthCheckSucceeded"
        | "InstanceReady"
        | "HelmReleaseProxySpecsUpToDate"
        | "HelmReleaseProxiesReady" => Polarity::Positive,
        _ => Polarity::Unknown,
    }
}

/// Both sets of conditions of one object; either may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// New style (contract v1beta2).
    pub modern: Vec<Condition>,
    /// Old style (contract v1beta1).
    pub legacy: Vec<Condition>,
}

impl Conditions {
    /// Reads the conditions of an object whose API version is of the new (`modern`) or the old contract. The new one
    /// has the old style at `status.deprecated.v1beta1`, the old one the new style at `status.v1beta2`.
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let list = |path: &[&str]| {
            json::array(object, path)
                .iter()
                .map(Condition::read)
                .collect::<Vec<_>>()
        };
        if modern {
            Self {
                modern: list(&["status", "conditions"]),
                legacy: list(&["status", "deprecated", "v1beta1", "conditions"]),
            }
        } else {
            Self {
                modern: list(&["status", "v1beta2", "conditions"]),
                legacy: list(&["status", "conditions"]),
            }
        }
    }

    /// The condition of this type in the new style.
    pub fn modern(&self, kind: &str) -> Option<&Condition> {
        self.modern.iter().find(|condition| condition.kind == kind)
    }

    /// The condition of this type in the old style.
    pub fn legacy(&self, kind: &str) -> Option<&Condition> {
        self.legacy.iter().find(|condition| condition.kind == kind)
    }

    /// The condition of this type, new style first.
    pub fn find(&self, kind: &str) -> Option<&Condition> {
        self.modern(kind).or_else(|| self.legacy(kind))
    }

    /// Whether the condition is there and True, new style first.
    pub fn is_true(&self, kind: &str) -> bool {
        self.find(kind).is_some_and(Condition::is_true)
    }

    /// What is not as it should be in a healthy object: of the new style where there is one, every condition that is
    /// good when True and is not; else every condition of the old style that is not True, as magnum-capi-helm 1.4.0.
    pub fn unhealthy(&self) -> Vec<&Condition> {
        if self.modern.is_empty() {
            let bad = |condition: &&Condition| {
                !condition.is_true() && polarity(&condition.kind) != Polarity::Negative
            };
            return self.legacy.iter().filter(bad).collect();
        }
        let bad =
            |condition: &&Condition| !condition.is_true() && polarity(&condition.kind) == Polarity::Positive;
        self.modern.iter().filter(bad).collect()
    }
}
