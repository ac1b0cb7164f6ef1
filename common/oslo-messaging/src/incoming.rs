//! A request on its way through an endpoint.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use lapin::BasicProperties;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::RemoteError;
use crate::envelope::Request;

/// What a server hands its requests to.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// Names what a request is about, if requests about it must not overtake each other: such requests are dispatched
    /// one after the other, in the order in which the broker delivered them.
    fn lane(&self, _method: &str, _args: &Map<String, Value>) -> Option<String> {
        None
    }

    /// Works on one request: acknowledges it once the intent is durable, and replies.
    ///
    /// Runs beside other requests, up to the server's limit. A panic is answered with a failure.
    async fn dispatch(&self, incoming: Incoming);
}

/// A message as it came off the queue, so that it can be passed on untouched.
#[derive(Clone)]
pub struct RawMessage {
    /// Body.
    pub body: Arc<[u8]>,
    /// Properties and headers.
    pub properties: BasicProperties,
    /// Exchange it was sent to.
    pub exchange: String,
    /// Routing key it was sent with.
    pub routing_key: String,
    /// Whether the broker delivered it before.
    pub redelivered: bool,
}

/// One request.
///
/// Dropped without [`ack`](Self::ack) it goes back to the queue once; should that happen to it again, it is answered
/// with a failure, so that a request that breaks its endpoint does not circle for ever.
pub struct Incoming {
    /// Name of the method.
    pub method: String,
    /// Keyword arguments.
    pub args: Map<String, Value>,
    /// Namespace; a server only gets those that it serves.
    pub namespace: Option<String>,
    /// Version asked for; a server only gets those that it serves.
    pub version: Option<String>,
    /// Request context, without the prefix that it travels with. Holds the caller's token.
    pub context: Map<String, Value>,
    /// The same for every delivery of one request; empty if the sender gave none.
    pub unique_id: String,
    /// Identifies a call; `None` for a cast.
    pub msg_id: Option<String>,
    /// Queue for the reply to a call.
    pub reply_q: Option<String>,
    /// Seconds after which the caller gives up without a heartbeat.
    pub timeout: Option<f64>,
    raw: Arc<RawMessage>,
    settle: Arc<dyn Settle>,
    acked: AtomicBool,
    replied: AtomicBool,
}

/// What becomes of a request, behind [`Incoming`].
#[async_trait]
pub(crate) trait Settle: Send + Sync {
    async fn ack(&self);
    fn requeue(&self);
    fn reply(&self, result: Result<Value, RemoteError>);
    /// Another server replies.
    fn answered_elsewhere(&self);
    /// The endpoint let go of it unacknowledged.
    fn abandoned(&self, replied: bool);
}

impl Incoming {
    pub(crate) fn new(
        request: Request,
        method: String,
        args: Map<String, Value>,
        raw: Arc<RawMessage>,
        settle: Arc<dyn Settle>,
    ) -> Self {
        Self {
            method,
            args,
            namespace: request.namespace,
            version: request.version,
            context: request.context,
            unique_id: request.unique_id.unwrap_or_default(),
            msg_id: request.msg_id,
            reply_q: request.reply_q,
            timeout: request.timeout,
            raw,
            settle,
            acked: AtomicBool::new(false),
            replied: AtomicBool::new(false),
        }
    }

    /// A request that came from no broker, for tests of endpoints.
    pub fn detached(method: &str, args: Map<String, Value>, context: Map<String, Value>) -> (Self, Outcome) {
        let request = Request {
            context,
            unique_id: Some(crate::envelope::new_id()),
            msg_id: Some(crate::envelope::new_id()),
            reply_q: Some("reply_detached".to_owned()),
            ..Request::default()
        };
        Self::without_broker(request, method, args)
    }

    fn without_broker(request: Request, method: &str, args: Map<String, Value>) -> (Self, Outcome) {
        let (reply, receiver) = oneshot::channel();
        let settle = Arc::new(Detached {
            acked: AtomicBool::new(false),
            reply: Mutex::new(Some(reply)),
        });
        let raw = RawMessage {
            body: Arc::from([]),
            properties: BasicProperties::default(),
            exchange: String::new(),
            routing_key: String::new(),
            redelivered: false,
        };
        let incoming = Self::new(request, method.to_owned(), args, Arc::new(raw), settle.clone());
        (
            incoming,
            Outcome {
                settle,
                reply: receiver,
            },
        )
    }

    /// A request as it would come off a queue, with no broker behind it: for tests of endpoints with recorded bodies,
    /// and of the reading itself.
    ///
    /// # Errors
    /// Why the body is no request; the text that a server logs when it drops it.
    pub fn read(body: &[u8], properties: &BasicProperties) -> Result<(Self, Outcome), String> {
        let message = crate::compression::unpack(body, properties)
            .and_then(|body| crate::envelope::open(&body))
            .map_err(|malformed| malformed.to_string())?;
        let mut request = Request::parse(message);
        let method = request.method.as_ref().and_then(Value::as_str);
        let method = method.ok_or("the method is no text")?.to_owned();
        let Value::Object(args) = request.args.take() else {
            return Err("the arguments are no object".to_owned());
        };
        Ok(Self::without_broker(request, &method, args))
    }

    /// Whether the caller waits for a reply.
    pub fn is_call(&self) -> bool {
        self.msg_id.is_some()
    }

    /// The message as it came.
    pub fn raw(&self) -> &RawMessage {
        &self.raw
    }

    /// Tells the broker that the request is safe with us. To be called once the intent is durable.
    ///
    /// If the connection is lost meanwhile, the broker delivers the message again; this process then knows it and
    /// acknowledges it without dispatching it.
    pub async fn ack(&self) {
        if !self.acked.swap(true, Ordering::SeqCst) {
            self.settle.ack().await;
        }
    }

    /// Gives the request back to the queue, for this or another server, and lets go of it.
    pub fn nack_requeue(self) {
        // Whoever gets it next will answer.
        self.replied.store(true, Ordering::SeqCst);
        if !self.acked.swap(true, Ordering::SeqCst) {
            self.settle.requeue();
        }
    }

    /// Another server has the request and replies to it: ours would be one too many.
    pub(crate) fn answered_elsewhere(&self) {
        if !self.replied.swap(true, Ordering::SeqCst) {
            self.settle.answered_elsewhere();
        }
    }

    /// Answers a call; nothing for a cast. Returns at once: the reply is sent in the background, again and again
    /// while the connection is down or the caller's queue is missing, up to
    /// `kombu_missing_consumer_retry_timeout`. Call-monitor heartbeats end here. Only the first reply counts.
    pub async fn reply(&self, result: Result<Value, RemoteError>) {
        if !self.replied.swap(true, Ordering::SeqCst) {
            self.settle.reply(result);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.acked.load(Ordering::SeqCst) {
            self.settle.abandoned(self.replied.load(Ordering::SeqCst));
        } else if !self.replied.load(Ordering::SeqCst) && self.is_call() {
            // Acknowledged, and nobody will answer any more: the caller would wait for its timeout.
            self.settle.reply(Err(RemoteError::builtin(
                "RuntimeError",
                "The request was not answered",
            )));
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and context hold secrets.
        f.debug_struct("Incoming")
            .field("method", &self.method)
            .field("unique_id", &self.unique_id)
            .field("msg_id", &self.msg_id)
            .field("reply_q", &self.reply_q)
            .finish_non_exhaustive()
    }
}

/// What an endpoint did with a [`detached`](Incoming::detached) request.
pub struct Outcome {
    settle: Arc<Detached>,
    reply: oneshot::Receiver<Result<Value, RemoteError>>,
}

impl Outcome {
    /// Whether it was acknowledged.
    pub fn acked(&self) -> bool {
        self.settle.acked.load(Ordering::SeqCst)
    }

    /// The reply; `None` if the request was dropped without one.
    pub async fn reply(self) -> Option<Result<Value, RemoteError>> {
        drop(self.settle);
        self.reply.await.ok()
    }
}

struct Detached {
    acked: AtomicBool,
    reply: Mutex<Option<oneshot::Sender<Result<Value, RemoteError>>>>,
}

#[async_trait]
impl Settle for Detached {
    async fn ack(&self) {
        self.acked.store(true, Ordering::SeqCst);
    }

    fn requeue(&self) {
        self.reply.lock().take();
    }

    fn reply(&self, result: Result<Value, RemoteError>) {
        if let Some(sender) = self.reply.lock().take() {
            // Whoever asked may no longer listen.
            let _ = sender.send(result);
        }
    }

    fn answered_elsewhere(&self) {
        self.reply.lock().take();
    }

    fn abandoned(&self, _replied: bool) {
        self.reply.lock().take();
    }
}
