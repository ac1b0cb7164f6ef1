//! Liveness and readiness over HTTP, on `[capi_conductor] admin_bind`: for people and for probes, not for the public.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use conductor_status::index::Index;
use oslo_messaging::Transport;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Pause before the address is tried again.
const BIND_AGAIN: Duration = Duration::from_secs(5);

/// What readiness is made of.
#[derive(Clone)]
pub struct Readiness {
    app: Arc<App>,
    index: Arc<Index>,
    transport: Transport,
    consuming: watch::Receiver<bool>,
}

impl Readiness {
    /// Of these parts.
    pub fn new(
        app: Arc<App>,
        index: Arc<Index>,
        transport: Transport,
        consuming: watch::Receiver<bool>,
    ) -> Self {
        Self {
            app,
            index,
            transport,
            consuming,
        }
    }

    async fn report(&self) -> (bool, Value) {
        let unfinished = self.app.journal.unfinished_total().await;
        let (bus, queues) = (self.transport.is_connected(), *self.consuming.borrow());
        // Requests are accepted and passed on without the management cluster, so it does not count.
        let ready = bus && queues && unfinished.is_ok();
        let report = json!({
            "ready": ready,
            "message_bus": bus,
            "consuming": queues,
            "database": unfinished.is_ok(),
            "management_cluster": self.index.synced(),
            "unfinished_operations": unfinished.ok(),
        });
        (ready, report)
    }
}

/// Serves `/livez` and `/readyz` until cancelled.
pub async fn serve(address: String, readiness: Readiness, cancel: CancellationToken) {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness);
    let listener = loop {
        match tokio::net::TcpListener::bind(&address).await {
            Ok(listener) => break listener,
            Err(error) => {
                tracing::error!(%address, %error, "[capi_conductor] admin_bind cannot be listened on; trying again")
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(BIND_AGAIN) => {}
        }
    };
    if let Err(error) = axum::serve(listener, routes)
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await
    {
        tracing::error!(%error, "health reports ended");
    }
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, Json<Value>) {
    let (ready, report) = readiness.report().await;
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(report),
    )
}
