//! The RPC endpoint: what magnum-api calls on the conductor's topic.

mod certificate;
mod cluster;
mod handlers;
mod nodegroup;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use magnum_objects::{MagnumError, RequestContext};
use oslo_messaging::{Endpoint, Incoming, RemoteError, Transport};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    app::App,
    operation::accept::Acceptor,
    request::{Request, RequestError},
    route::{self, Route},
};
pub use handlers::{Handlers, about_a_cluster, knows};

/// Pauses between attempts while a server that acceptance needs is away.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How long a cast waits for a service of the cloud that is away; then that is the reason of a refusal, so that the user
/// learns of it. Shorter than tokens live.
const CLOUD_PATIENCE: Duration = Duration::from_secs(300);

/// How long the broker may take to confirm that it holds a message that was passed on.
const PASS_ON_PATIENCE: Duration = Duration::from_secs(10);

/// The endpoint.
pub struct Conductor {
    app: Arc<App>,
    handlers: Handlers,
    transport: Transport,
    cancel: CancellationToken,
}

impl Conductor {
    /// Over the parts of this conductor; `transport` is for what belongs to other drivers.
    pub fn new(app: Arc<App>, acceptor: Acceptor, transport: Transport, cancel: CancellationToken) -> Self {
        Self {
            handlers: Handlers::new(app.clone(), acceptor),
            app,
            transport,
            cancel,
        }
    }

    async fn serve(&self, incoming: Incoming, mut request: Request) {
        if !knows(&request.method) {
            tracing::warn!(method = %request.method, "no such method");
            incoming.ack().await;
            return incoming
                .reply(Err(RemoteError::no_such_method(&request.method)))
                .await;
        }
        let cluster = self.lane(&request.method, &request.args);
        let patience = incoming
            .timeout
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or(Duration::from_secs(
                self.app.settings.default.rpc_response_timeout,
            ));
        let began = tokio::time::Instant::now();
        let until = incoming.is_call().then(|| began + patience);
        let mut pauses = PAUSES.into_iter();
        let mut pause = PAUSES[0];
        loop {
            request.impatient = began.elapsed() >= CLOUD_PATIENCE;
            match self.attempt(&incoming, &request, cluster.as_deref()).await {
                Ok(Some(result)) => {
                    incoming.ack().await;
                    return incoming.reply(Ok(result)).await;
                }
                // Passed on: the other conductor replies.
                Ok(None) => return incoming.ack().await,
                Err(RequestError::Refused(error)) => {
                    // The API asks for objects that need not be there (a quota, say) with every other request.
                    match &cluster {
                        Some(cluster) => {
                            tracing::info!(method = %request.method, %cluster, reason = %error, "refused")
                        }
                        None => tracing::debug!(method = %request.method, reason = %error, "refused"),
                    }
                    incoming.ack().await;
                    return incoming.reply(Err(remote(error))).await;
                }
                Err(RequestError::Unavailable(error)) => {
                    pause = pauses.next().unwrap_or(pause);
                    if until.is_some_and(|until| tokio::time::Instant::now() + pause >= until) {
                        incoming.ack().await;
                        return incoming.reply(Err(unavailable(&error))).await;
                    }
                    tracing::warn!(method = %request.method, cluster = cluster.as_deref(), %error, "not accepted yet; trying again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cancel.cancelled() => return incoming.nack_requeue(),
            }
        }
    }

    /// One attempt; `None`: the message was passed on.
    async fn attempt(
        &self,
        incoming: &Incoming,
        request: &Request,
        cluster: Option<&str>,
    ) -> Result<Option<Value>, RequestError> {
        let mut refusal = None;
        if let Some(cluster) = cluster {
            match route::route(&self.app, request, cluster).await? {
                Route::Ours => {}
                Route::Elsewhere(topic) => {
                    let exchange = &self.app.settings.default.control_exchange;
                    let passed = self
                        .transport
                        .pass_on(incoming, exchange, &topic, PASS_ON_PATIENCE)
                        .await;
                    passed.map_err(|error| RequestError::Unavailable(error.to_string()))?;
                    tracing::debug!(method = %request.method, cluster, %topic, "passed on: another driver's cluster");
                    return Ok(None);
                }
                Route::Nowhere(error) => refusal = Some(error),
            }
        }
        self.handlers.handle(request, refusal).await.map(Some)
    }
}

#[async_trait]
impl Endpoint for Conductor {
    /// Requests for one cluster are accepted, or passed on, one after the other in the order of their arrival.
    fn lane(&self, method: &str, args: &Map<String, Value>) -> Option<String> {
        about_a_cluster(method)
            .then(|| route::cluster_uuid(args))
            .flatten()
    }

    async fn dispatch(&self, mut incoming: Incoming) {
        let context = RequestContext::from_map(&incoming.context);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let span = tracing::info_span!(
            "request",
            request_id = text(&context.request_id),
            user = text(&context.user_id),
            project = text(&context.project_id),
            user_domain = text(&context.user_domain_id),
        );
        // A sender that gives no id cannot be told from another that gives none.
        let message_id = match incoming.unique_id.as_str() {
            "" => uuid::Uuid::new_v4().simple().to_string(),
            id => id.to_owned(),
        };
        let request = Request {
            method: incoming.method.clone(),
            context,
            message_id,
            args: std::mem::take(&mut incoming.args),
            impatient: false,
        };
        self.serve(incoming, request).instrument(span).await;
    }
}

/// An exception as it is put on the wire.
pub fn remote(error: MagnumError) -> RemoteError {
    RemoteError {
        tb: vec![format!("{}.{}: {}\n", error.module, error.class, error.message)],
        class: error.class,
        module: error.module,
        message: error.message,
        args: error.args,
        kwargs: *error.kwargs,
    }
}

fn unavailable(error: &str) -> RemoteError {
    remote(MagnumError::positional(
        magnum_objects::Kind::MagnumException,
        format!("The request cannot be accepted now: {error}. Please try again."),
    ))
}
