//! What is played at the conductor's own traits: releases and notifications.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_driver::chart::{self, ChartRef};
use conductor_driver::{Facts, values};
use conductor_status::notify::{Notification, Priority};
use helm::{Outcome, ReleaseError, Uninstalled};
use magnum_conductor::notify::Outbox;
use magnum_conductor::release::{self, Desired, ReleaseFailure, Releasing};
use magnum_objects::Cluster;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// What helm would have been called with, and what it answers.
#[derive(Default)]
pub struct Helm {
    pub settings: conductor_config::Settings,
    pub calls: Vec<Value>,
    /// Error of installations and upgrades.
    pub fails: Option<String>,
    /// Error of uninstalls.
    pub uninstall_fails: Option<String>,
}

/// The releases of a case.
#[derive(Clone, Default)]
pub struct Releases(pub Arc<Mutex<Helm>>);

fn failure(message: &str) -> ReleaseFailure {
    ReleaseError::Apply {
        revision: 1,
        message: message.to_owned(),
        transient: false,
    }
    .into()
}

#[async_trait]
impl Releasing for Releases {
    async fn apply(&self, desired: &Desired, facts: &Facts) -> Result<Outcome, ReleaseFailure> {
        let mut helm = self.0.lock();
        let cluster = &desired.cluster;
        let values = values::helm_values(
            &helm.settings,
            &desired.template,
            cluster,
            &desired.nodegroups,
            facts,
        )?;
        let (name, repo, version) = match chart::select(&helm.settings.capi_helm, &desired.template) {
            ChartRef::Builtin => ("builtin".to_owned(), None, None),
            ChartRef::Remote { name, repo, version } => (name, repo, version),
        };
        let namespace = release::namespace(&helm.settings, cluster);
        helm.calls.push(
            json!({"action": "upgrade", "release_name": cluster.stack_id, "chart": name, "repo": repo,
            "version": version, "namespace": namespace, "values": values}),
        );
        match &helm.fails {
            Some(message) => Err(failure(message)),
            None => Ok(Outcome {
                revision: 1,
                changed: true,
                manifest: String::new(),
                applied: Vec::new(),
                notes: String::new(),
            }),
        }
    }

    async fn dry_run(&self, desired: &Desired, facts: &Facts) -> Result<(), ReleaseFailure> {
        let helm = self.0.lock();
        values::helm_values(
            &helm.settings,
            &desired.template,
            &desired.cluster,
            &desired.nodegroups,
            facts,
        )?;
        Ok(())
    }

    async fn uninstall(&self, cluster: &Cluster) -> Result<Uninstalled, ReleaseFailure> {
        let mut helm = self.0.lock();
        let Some(name) = &cluster.stack_id else {
            return Ok(Uninstalled::NotFound);
        };
        let namespace = release::namespace(&helm.settings, cluster);
        helm.calls.push(
            json!({"action": "uninstall", "release_name": name, "chart": null, "repo": null,
            "version": null, "namespace": namespace}),
        );
        match &helm.uninstall_fails {
            Some(message) => Err(failure(message)),
            None => Ok(Uninstalled::Deleted { kept: Vec::new() }),
        }
    }
}

/// Notifications that were sent.
#[derive(Default)]
pub struct Sent(pub Mutex<Vec<Value>>);

#[async_trait]
impl Outbox for Sent {
    fn put(&self, _: &Map<String, Value>, event: Notification) {
        let priority = match event.priority {
            Priority::Info => "INFO",
            Priority::Error => "ERROR",
        };
        self.0
            .lock()
            .push(json!({"priority": priority, "event_type": event.event_type,
            "publisher_id": "container-infra.oracle-host", "payload": event.payload}));
    }

    async fn close(&self, _: Duration) {}
}
