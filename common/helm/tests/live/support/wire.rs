//! A connection to the API server on which things go wrong at a chosen call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tower::Service;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection breaks before the request is out.
    LostRequest,
    /// The request is carried out and its answer lost.
    LostAnswer,
    /// The API server answers with this status instead.
    Status(u16),
    /// The request takes its time.
    Delay,
    /// From this call on nothing gets through.
    Down,
    /// The caller is killed before the request is out.
    KilledBefore,
    /// The caller is killed when the request has been carried out.
    KilledAfter,
}

/// A connection, and what happened on it.
pub struct Wire {
    inner: kube::Client,
    fault: Fault,
    at: usize,
    count: AtomicUsize,
    writes: Mutex<Vec<bool>>,
    /// Told when a caller is to be killed.
    pub dead: Notify,
}

impl Wire {
    /// `fault` at the call number `at`, counted from 0.
    pub fn new(inner: kube::Client, fault: Fault, at: usize) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fault,
            at,
            count: AtomicUsize::new(0),
            writes: Mutex::default(),
            dead: Notify::new(),
        })
    }

    /// A client that talks through it.
    pub fn client(self: &Arc<Self>) -> kube::Client {
        kube::Client::new(Line(Arc::clone(self)), "default")
    }

    /// For each call so far, whether it was to change something.
    pub fn writes(&self) -> Vec<bool> {
        self.writes.lock().clone()
    }

    async fn carry(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let is_dry = request.uri().query().unwrap_or_default().contains("dryRun");
        self.writes
            .lock()
            .push(request.method() != Method::GET && !is_dry);
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let fault = match self.fault {
            Fault::Down if n >= self.at => Fault::LostRequest,
            fault if n == self.at => fault,
            _ => Fault::None,
        };
        match fault {
            Fault::LostRequest | Fault::Down => return Err("connection refused".into()),
            Fault::Status(code) => return Ok(answer(code)),
            Fault::Delay => tokio::time::sleep(Duration::from_millis(300)).await,
            Fault::KilledBefore => return self.die().await,
            Fault::None | Fault::LostAnswer | Fault::KilledAfter => {}
        }
        let response = self.inner.send(request).await?;
        match fault {
            Fault::LostAnswer => Err("connection reset".into()),
            Fault::KilledAfter => self.die().await,
            _ => Ok(response),
        }
    }

    async fn die(&self) -> Result<Response<Body>, tower::BoxError> {
        self.dead.notify_one();
        std::future::pending().await
    }
}

fn answer(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "made up by the test", "reason": "", "code": code,
    });
    let body = Body::from(status.to_string().into_bytes());
    Response::builder().status(code).body(body).unwrap()
}

struct Line(Arc<Wire>);

impl Service<Request<Body>> for Line {
    type Response = Response<Body>;
    type Error = tower::BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Arc::clone(&self.0).carry(request).boxed()
    }
}
