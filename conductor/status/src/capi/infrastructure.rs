//! The OpenStack provider's objects of `infrastructure.cluster.x-k8s.io`.

use serde_json::Value;

use super::{Condition, Conditions, Meta, json};

/// What we read of an OpenStackCluster, OpenStackMachine or OpenStackServer: they report alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infrastructure {
    /// Identity.
    pub meta: Meta,
    /// Conditions in both styles.
    pub conditions: Conditions,
    /// Whether it is there and usable.
    pub ready: bool,
    /// `failureReason` of the old contract.
    pub failure_reason: Option<String>,
    /// `failureMessage` of the old contract.
    pub failure_message: Option<String>,
    /// Template that an OpenStackMachine was made from.
    pub cloned_from: Option<String>,
}

impl Infrastructure {
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let conditions = Conditions::read(object, modern);
        let failure = |name: &str| {
            json::string(object, &["status", name])
                .or_else(|| json::string(object, &["status", "deprecated", "v1beta1", name]))
        };
        Self {
            meta: Meta::read(object),
            ready: json::boolean(object, &["status", "ready"])
                .or_else(|| json::boolean(object, &["status", "initialization", "provisioned"]))
                .unwrap_or_else(|| conditions.is_true("Ready")),
            failure_reason: failure("failureReason"),
            failure_message: failure("failureMessage"),
            cloned_from: json::string(
                object,
                &["metadata", "annotations", "cluster.x-k8s.io/cloned-from-name"],
            ),
            conditions,
        }
    }

    /// Why it does not get on, in the provider's words: the failure of the old contract, else the first condition
    /// that is called an error or a warning.
    pub fn error(&self) -> Option<String> {
        if let Some(message) = self
            .failure_message
            .clone()
            .or_else(|| self.failure_reason.clone())
        {
            return Some(message);
        }
        self.unready()
            .filter(|condition| self.is_error(condition))
            .find_map(text)
    }

    /// What it is waiting for, in the provider's words.
    pub fn waiting(&self) -> Option<String> {
        self.unready().find_map(text)
    }

    fn unready(&self) -> impl Iterator<Item = &Condition> {
        self.conditions
            .legacy
            .iter()
            .chain(&self.conditions.modern)
            .filter(|condition| !condition.is_true())
    }

    /// The new style has no severity; there the provider's reasons for errors end in these words.
    fn is_error(&self, condition: &Condition) -> bool {
        condition.is_severe()
            || (condition.severity.is_none()
                && ["Failed", "Error"]
                    .iter()
                    .any(|word| condition.reason.ends_with(word)))
    }
}

fn text(condition: &Condition) -> Option<String> {
    condition.text().map(str::to_owned)
}
