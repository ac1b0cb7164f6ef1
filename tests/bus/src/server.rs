//! Our server of the exchanges.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use oslo_messaging::{
    CallError, CallTarget, Caller, Endpoint, Incoming, Limits, Notifier, OsloMessagingNotifications,
    Priority, RemoteError, ServerHandle, Target, Transport, TransportConfig,
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// Its name among the servers of a topic.
pub const NAME: &str = "ours";
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server of several topics.
pub struct Server {
    /// Its way to the broker.
    pub transport: Transport,
    handles: Vec<ServerHandle>,
    notifier: Notifier,
}

struct Exchanges {
    topic: String,
    seen: Mutex<HashSet<String>>,
    notifier: Notifier,
    caller: Caller,
}

impl Server {
    /// Serves `topics` of the exchange `magnum`, and notifies with `driver` on the topics `notifications`.
    ///
    /// # Errors
    /// What the configuration lacks, or queues that cannot be consumed.
    pub async fn start(
        config: TransportConfig,
        topics: &[String],
        driver: &str,
        notifications: &[String],
    ) -> Result<Self> {
        let transport = Transport::connect(config)?;
        let options = OsloMessagingNotifications {
            driver: oslo_config::MultiString(vec![driver.to_owned()]),
            topics: notifications.to_vec(),
            ..OsloMessagingNotifications::default()
        };
        let notifier = Notifier::new(&transport, "magnum", &options, "container-infra.bus")?;
        let mut handles = Vec::new();
        for topic in topics {
            let target = Target {
                exchange: "magnum".into(),
                topic: topic.clone(),
                server: NAME.into(),
            };
            let endpoint = Arc::new(Exchanges {
                topic: topic.clone(),
                seen: Mutex::default(),
                notifier: notifier.clone(),
                caller: Caller::new(&transport)?,
            });
            let limits = Limits {
                ping: true,
                ..Limits::default()
            };
            handles.push(transport.serve(&target, endpoint, limits)?);
        }
        for handle in &handles {
            anyhow::ensure!(handle.wait_consuming(PATIENCE).await, "queues are not consumed");
        }
        Ok(Self {
            transport,
            handles,
            notifier,
        })
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        for handle in self.handles {
            handle.stop(PATIENCE).await;
        }
        self.notifier.close(PATIENCE).await;
        self.transport.close(PATIENCE).await;
    }
}

#[async_trait]
impl Endpoint for Exchanges {
    async fn dispatch(&self, incoming: Incoming) {
        incoming.ack().await;
        let text = |name: &str| {
            let value = incoming.args.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let result = match incoming.method.as_str() {
            "echo" => Ok(incoming.args.get("value").cloned().unwrap_or_default()),
            "context" => Ok(Value::Object(incoming.context.clone())),
            "who" => Ok(NAME.into()),
            "note" => {
                self.seen.lock().insert(text("key"));
                Ok(Value::Null)
            }
            "seen" => Ok(self.seen.lock().contains(&text("key")).into()),
            "slow" => {
                let seconds = incoming.args.get("seconds").and_then(Value::as_f64);
                tokio::time::sleep(Duration::from_secs_f64(seconds.unwrap_or(1.0))).await;
                Ok("late".into())
            }
            "notify" => {
                let context = json!({"user_id": "ü", "auth_token": null}).as_object().cloned();
                let payload = json!({"text": "ü", "list": [1, null]});
                self.notifier.emit(
                    &context.unwrap_or_default(),
                    Priority::Info,
                    "magnum.cluster.test",
                    payload,
                );
                Ok(Value::Null)
            }
            "fail" if text("kind") == "silent" => return,
            "fail" => Err(failure(&text("kind"))),
            "relay" => self.relay(&text("server"), &text("called")).await,
            other => Err(RemoteError::no_such_method(other)),
        };
        incoming.reply(result).await;
    }
}

impl Exchanges {
    /// Calls another server of the topic.
    async fn relay(&self, server: &str, method: &str) -> Result<Value, RemoteError> {
        let target = CallTarget {
            exchange: "magnum".into(),
            topic: self.topic.clone(),
            server: Some(server.to_owned()),
            ..CallTarget::default()
        };
        let none = Map::new();
        match self
            .caller
            .call(&target, &none, method, &none, PATIENCE, Some(PATIENCE))
            .await
        {
            Ok(value) => Ok(value),
            Err(CallError::Remote(failure)) => Err(failure),
            Err(other) => Err(RemoteError::builtin("RuntimeError", other.to_string())),
        }
    }
}

fn failure(kind: &str) -> RemoteError {
    match kind {
        "builtin" => RemoteError::builtin("ValueError", "bad ü"),
        "allowed" => RemoteError {
            args: Vec::new(),
            kwargs: json!({"id": 7, "code": 410})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            ..RemoteError::new("ObjectGone", "bus_errors", "Object 7 is gone.")
        },
        "foreign" => RemoteError::new("Odd", "somebody.elses.module", "odd"),
        _ => RemoteError::new("Missing", "bus_errors", "no such class"),
    }
}
