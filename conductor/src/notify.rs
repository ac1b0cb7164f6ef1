//! Notifications about clusters (CADF), sent by oslo.messaging's rules.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use conductor_config::Settings;
use conductor_status::notify::{self, Initiator, Notification};
pub use conductor_status::notify::{Action, Outcome};
use magnum_objects::{Cluster, NodeGroup, RequestContext};
use oslo_messaging::{ConfigError, Notifier, Priority as NotifyPriority, Transport, TransportConfig};
use serde_json::{Map, Value};

/// Publisher of Magnum's notifications: `magnum/common/rpc.py`, `get_notifier`.
const SERVICE: &str = "container-infra";

/// Takes notifications away; [`Notifier`] is the one there is.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes one; never waits. `context` is the request's, as notifications carry it.
    fn put(&self, context: &Map<String, Value>, event: Notification);

    /// Sends what waits, for at most `patience`.
    async fn close(&self, patience: Duration);
}

#[async_trait]
impl Outbox for Notifier {
    fn put(&self, context: &Map<String, Value>, event: Notification) {
        let priority = match event.priority {
            notify::Priority::Info => NotifyPriority::Info,
            notify::Priority::Error => NotifyPriority::Error,
        };
        self.emit(context, priority, &event.event_type, event.payload);
    }

    async fn close(&self, patience: Duration) {
        self.clone().close(patience).await;
    }
}

/// Where notifications go; clones share the queue.
#[derive(Clone)]
pub struct Notifications {
    outbox: Arc<dyn Outbox>,
}

impl Notifications {
    /// As `[oslo_messaging_notifications]` says; over `transport` unless it names one of its own.
    ///
    /// # Errors
    /// A driver or transport URL that is none.
    pub fn new(settings: &Settings, transport: &Transport) -> Result<Self, ConfigError> {
        let options = &settings.oslo_messaging_notifications;
        let own = match &options.transport_url {
            Some(url) => Some(Transport::connect(TransportConfig::new(
                url,
                settings.oslo_messaging_rabbit.clone(),
                settings.oslo_concurrency.lock_path.clone(),
            )?)?),
            None => None,
        };
        let transport = own.as_ref().unwrap_or(transport);
        let publisher = format!("{SERVICE}.{}", settings.host());
        let notifier = Notifier::new(transport, &settings.default.control_exchange, options, &publisher)?;
        Ok(Self::to(Arc::new(notifier)))
    }

    /// To this outbox.
    pub fn to(outbox: Arc<dyn Outbox>) -> Self {
        Self { outbox }
    }

    /// Tells that something happens to a cluster. Never waits.
    pub fn cluster(
        &self,
        context: &RequestContext,
        action: Action,
        outcome: Outcome,
        cluster: &Cluster,
        groups: &[NodeGroup],
    ) {
        let initiator = Initiator {
            user_id: context.user_id.clone(),
            project_id: context.project_id.clone(),
            domain_id: None,
        };
        let event = notify::cluster_event(action, outcome, &initiator, Some((cluster, groups)), Utc::now());
        self.send(context, event);
    }

    fn send(&self, context: &RequestContext, event: Notification) {
        self.outbox.put(&context.to_notification_map(), event);
    }

    /// Sends what waits, for at most `patience`.
    pub async fn close(&self, patience: Duration) {
        self.outbox.close(patience).await;
    }
}

#[async_trait]
impl conductor_status::edges::Notifications for Notifications {
    async fn emit(&self, notification: Notification) {
        self.send(&RequestContext::admin(true), notification);
    }
}
