//! One delivery being worked on: what [`crate::Incoming`] does to the broker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::RemoteError;
use crate::envelope::Request;
use crate::incoming::Settle;
use crate::ledger::Ledger;
use crate::reply::Replies;

/// How long writing a frame to a connection that lives may take.
const TELLING: Duration = Duration::from_secs(5);

/// A request between its delivery and its acknowledgement.
pub(crate) struct Work {
    pub(crate) method: String,
    unique_id: Option<String>,
    /// `_msg_id` and `_reply_q` of a call.
    call: Option<(String, String)>,
    /// When the caller stops waiting.
    expires: Option<Instant>,
    redelivered: bool,
    /// Of every delivery of it. After a reconnect the broker knows only the newest; a sender that was in doubt has sent
    /// it twice, and then each has to be settled. `None` once they are.
    ackers: Mutex<Option<Vec<Acker>>>,
    heartbeat: Mutex<Option<AbortHandle>>,
    ledger: Arc<Mutex<Ledger<Work>>>,
    replies: Replies,
}

impl Work {
    pub(crate) fn new(
        request: &Request,
        acker: Acker,
        redelivered: bool,
        expiration: Option<Duration>,
        ledger: Arc<Mutex<Ledger<Work>>>,
        replies: Replies,
    ) -> Self {
        Self {
            method: request
                .method
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            unique_id: request.unique_id.clone(),
            call: request.msg_id.clone().zip(request.reply_q.clone()),
            expires: expiration.map(|expiration| Instant::now() + expiration),
            redelivered,
            ackers: Mutex::new(Some(vec![acker])),
            heartbeat: Mutex::new(None),
            ledger,
            replies,
        }
    }

    /// Begins the heartbeats that the caller asked for.
    pub(crate) fn start_heartbeat(&self, client_timeout: Option<f64>) {
        if let (Some((msg_id, reply_q)), Some(timeout)) = (&self.call, client_timeout) {
            *self.heartbeat.lock() = self.replies.heartbeat(reply_q, msg_id, timeout);
        }
    }

    /// Notes one more delivery of it; gives it back if the others are settled already.
    pub(crate) fn delivered_again(&self, ackers: Vec<Acker>) -> Vec<Acker> {
        match &mut *self.ackers.lock() {
            None => ackers,
            Some(known) => {
                // Those of lost connections are of no use any more.
                known.retain(Acker::usable);
                known.extend(ackers);
                Vec::new()
            }
        }
    }

    fn stop_heartbeat(&self) {
        if let Some(task) = self.heartbeat.lock().take() {
            task.abort();
        }
    }

    pub(crate) fn take_ackers(&self) -> Vec<Acker> {
        self.ackers.lock().take().unwrap_or_default()
    }
}

#[async_trait]
impl Settle for Work {
    async fn ack(&self) {
        if let Some(id) = &self.unique_id {
            self.ledger.lock().done(id);
        }
        acknowledge(self.take_ackers()).await;
    }

    fn requeue(&self) {
        self.stop_heartbeat();
        if let Some(id) = &self.unique_id {
            self.ledger.lock().forget(id);
        }
        let ackers = self.take_ackers();
        background(async move {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            for acker in ackers {
                if let Err(error) = settled(acker.nack(options)).await {
                    tracing::debug!("Giving a message back failed, the broker will do so itself: {error}");
                }
            }
        });
    }

    fn reply(&self, result: Result<Value, RemoteError>) {
        self.stop_heartbeat();
        let Some((msg_id, reply_q)) = &self.call else {
            if let Err(failure) = result {
                tracing::debug!("Cast of {} failed: {failure}", self.method);
            }
            return;
        };
        let left = self
            .expires
            .map(|expires| expires.saturating_duration_since(Instant::now()));
        self.replies.send(reply_q.clone(), msg_id.clone(), result, left);
    }

    fn answered_elsewhere(&self) {
        self.stop_heartbeat();
    }

    fn abandoned(&self, replied: bool) {
        if !replied && !self.redelivered {
            tracing::warn!("Request {} was abandoned, it goes back to the queue", self.method);
            return self.requeue();
        }
        if !replied {
            tracing::error!(
                "Request {} was abandoned twice, it is answered with a failure",
                self.method
            );
            self.reply(Err(RemoteError::builtin(
                "RuntimeError",
                "Internal error, see the log of the conductor",
            )));
        }
        if let Some(id) = &self.unique_id {
            self.ledger.lock().done(id);
        }
        background(acknowledge(self.take_ackers()));
    }
}

/// Acknowledges deliveries. One that cannot be acknowledged comes once more, and the ledger knows it then.
pub(crate) async fn acknowledge(ackers: Vec<Acker>) {
    for acker in ackers {
        if let Err(error) = settled(acker.ack(BasicAckOptions::default())).await {
            tracing::debug!("Acknowledging a message failed: {error}");
        }
    }
}

/// Waits until the broker has been told what becomes of a delivery. With a limit: who waits for ever for a connection
/// that is ending would keep a slot of the work for ever.
pub(crate) async fn settled(telling: impl Future<Output = lapin::Result<bool>>) -> Result<(), String> {
    match timeout(TELLING, telling).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not written in {} s", TELLING.as_secs())),
    }
}

/// Runs what a destructor cannot wait for. Without a runtime the process is at its end, and the broker notices.
fn background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}
