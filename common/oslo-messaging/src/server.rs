//! The RPC server: consumes a topic's queue, its own queue of that topic and the fanout queue.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicCancelOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions, QueueDeleteOptions,
};
use lapin::types::AMQPValue;
use lapin::{BasicProperties, Channel, Connection};
use parking_lot::Mutex;
use rand::Rng;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, admit};
use crate::declare::{self, Refusal};
use crate::envelope::{self, Request};
use crate::incoming::{Endpoint, Incoming, RawMessage, Settle};
use crate::lanes::{Lanes, Ticket};
use crate::ledger::{Known, Ledger};
use crate::topology::{self, Queue};
use crate::transport::Transport;
use crate::work::{Work, acknowledge, settled};
use crate::{ConfigError, compression};

/// Whom a server serves, or a client calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Control exchange.
    pub exchange: String,
    /// Topic.
    pub topic: String,
    /// One server of the topic.
    pub server: String,
}

/// Bounds of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests worked on at once, `[DEFAULT] executor_thread_pool_size`.
    pub concurrency: usize,
    /// Whether `oslo_rpc_server_ping` is answered, `[DEFAULT] rpc_ping_enabled`.
    pub ping: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 64,
            ping: false,
        }
    }
}

/// A running server. Dropped, it goes on.
pub struct ServerHandle {
    core: Arc<Core>,
    task: JoinHandle<()>,
    consuming: watch::Receiver<bool>,
}

impl ServerHandle {
    /// Whether the queues are consumed now; changes with the connection.
    pub fn consuming(&self) -> watch::Receiver<bool> {
        self.consuming.clone()
    }

    /// Waits until the queues are consumed; `false` if that took longer.
    pub async fn wait_consuming(&self, patience: Duration) -> bool {
        let mut consuming = self.consuming.clone();
        timeout(patience, consuming.wait_for(|up| *up))
            .await
            .is_ok_and(|found| found.is_ok())
    }

    /// Stops taking requests, gives back those that were not begun, and lets the others finish for at most
    /// `patience`; what is not acknowledged then goes back to the queue.
    pub async fn stop(self, patience: Duration) {
        self.core.stopping.cancel();
        self.core.tasks.close();
        if timeout(patience, self.core.tasks.wait()).await.is_err() {
            tracing::warn!(
                "{} requests did not finish before the stop",
                self.core.tasks.len()
            );
        }
        self.core.stopped.cancel();
        if timeout(Duration::from_secs(5), self.task).await.is_err() {
            tracing::warn!("The server's channel could not be closed in time");
        }
    }
}

struct Core {
    transport: Transport,
    endpoint: Arc<dyn Endpoint>,
    limits: Limits,
    queues: Mutex<Vec<Queue>>,
    slots: Arc<Semaphore>,
    lanes: Lanes,
    ledger: Arc<Mutex<Ledger<Work>>>,
    /// Where the fanout stream is read on after a reconnect.
    offset: Mutex<Option<i64>>,
    /// No more requests are taken.
    stopping: CancellationToken,
    /// No more acknowledgements either.
    stopped: CancellationToken,
    tasks: TaskTracker,
    consuming: watch::Sender<bool>,
}

/// A delivery, or the end of a consumer, with the position of its queue.
enum Event {
    Delivered(usize, Box<lapin::Result<Delivery>>),
    Ended(usize),
}

impl Transport {
    /// Serves a target until the handle is told to stop, through every loss of the connection.
    ///
    /// # Errors
    /// No name for the fanout queue.
    pub fn serve(
        &self,
        target: &Target,
        endpoint: Arc<dyn Endpoint>,
        limits: Limits,
    ) -> Result<ServerHandle, ConfigError> {
        let options = self.options();
        let unique = if options.rabbit_stream_fanout {
            String::new()
        } else {
            self.unique_name()?
        };
        let queues = vec![
            topology::topic_queue(options, &target.exchange, &target.topic),
            topology::topic_queue(
                options,
                &target.exchange,
                &format!("{}.{}", target.topic, target.server),
            ),
            topology::fanout_queue(options, &target.topic, &unique),
        ];
        let (sender, consuming) = watch::channel(false);
        let core = Arc::new(Core {
            transport: self.clone(),
            endpoint,
            slots: Arc::new(Semaphore::new(limits.concurrency.max(1))),
            limits,
            lanes: Lanes::default(),
            queues: Mutex::new(queues),
            ledger: Arc::new(Mutex::new(Ledger::new())),
            offset: Mutex::new(None),
            stopping: CancellationToken::new(),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
            consuming: sender,
        });
        let task = tokio::spawn(core.clone().run());
        Ok(ServerHandle {
            core,
            task,
            consuming,
        })
    }
}

/// What comes in on all subscriptions.
type Events = SelectAll<BoxStream<'static, Event>>;

impl Core {
    async fn run(self: Arc<Self>) {
        let mut told = None;
        while !self.stopping.is_cancelled() {
            let connection = tokio::select! {
                () = self.stopping.cancelled() => return,
                connection = self.transport.consumers().connection() => connection,
            };
            let Some(connection) = connection else { return };
            let outcome = self.session(&connection).await;
            self.consuming.send_replace(false);
            let Err(reason) = outcome else { return };
            if connection.status().connected() {
                // The connection tells of its own loss.
                if told.as_ref() == Some(&reason) {
                    tracing::debug!("Still not consuming: {reason}");
                } else {
                    tracing::error!("Not consuming, trying again: {reason}");
                }
                told = Some(reason);
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.reconnect_delay() => {}
            }
        }
    }

    /// Consumes on one channel. `Ok` if stopped, else why it ended.
    async fn session(self: &Arc<Self>, connection: &Arc<Connection>) -> Result<(), String> {
        let link = self.transport.consumers();
        let lost = || "the connection is lost".to_owned();
        let begun = link.while_up(connection, self.begin(connection)).await;
        let (channel, mut events) = begun.ok_or_else(lost)??;
        self.consuming.send_replace(true);
        tracing::info!("Consuming from {}", self.names());
        loop {
            let event = tokio::select! {
                () = self.stopping.cancelled() => break,
                event = link.while_up(connection, events.next()) => event,
            };
            match event.ok_or_else(lost)? {
                Some(Event::Delivered(index, delivery)) => {
                    self.receive(index, (*delivery).map_err(|error| error.to_string())?)
                        .await;
                }
                Some(Event::Ended(index)) if channel.status().connected() => {
                    tracing::warn!(
                        "The broker ended the subscription to {}, renewing it",
                        self.queue(index).name
                    );
                    *self.offset.lock() = None;
                    self.reconnect_delay().await;
                    let renewed = self.subscribe(connection, &channel, index);
                    let renewed = link.while_up(connection, renewed).await;
                    events.push(renewed.ok_or_else(lost)??);
                }
                Some(Event::Ended(_)) | None => return Err("the channel is closed".to_owned()),
            }
        }
        self.wind_down(&channel, events).await;
        Ok(())
    }

    /// A channel, and what comes in on it.
    async fn begin(&self, connection: &Connection) -> Result<(Channel, Events), String> {
        let text = |error: lapin::Error| error.to_string();
        let channel = connection.create_channel().await.map_err(text)?;
        channel
            .basic_qos(self.prefetch(), BasicQosOptions::default())
            .await
            .map_err(text)?;
        let mut events = SelectAll::new();
        let count = self.queues.lock().len();
        for index in 0..count {
            events.push(self.subscribe(connection, &channel, index).await?);
        }
        Ok((channel, events))
    }

    /// Ends the subscriptions, gives back what came but was not begun, and waits for the rest.
    async fn wind_down(&self, channel: &Channel, mut events: Events) {
        self.consuming.send_replace(false);
        let count = self.queues.lock().len();
        for tag in 1..=count {
            // The broker ends them with the channel, should this fail.
            let _ = channel
                .basic_cancel(tag.to_string().into(), BasicCancelOptions::default())
                .await;
        }
        let back = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        while let Ok(Some(event)) = timeout(Duration::from_secs(1), events.next()).await {
            if let Event::Delivered(_, delivery) = event
                && let Ok(delivery) = *delivery
            {
                let _ = settled(delivery.acker.nack(back)).await;
            }
        }
        self.stopped.cancelled().await;
        drop(events);
        let queues = self.queues.lock().clone();
        for queue in queues.iter().filter(|queue| queue.ours_to_delete) {
            let _ = channel
                .queue_delete(queue.name.clone().into(), QueueDeleteOptions::default())
                .await;
        }
        let _ = channel.close(200, "OK".into()).await;
    }

    async fn subscribe(
        &self,
        connection: &Connection,
        channel: &Channel,
        index: usize,
    ) -> Result<BoxStream<'static, Event>, String> {
        let queue = self.queue(index);
        let refused = |refusal| match refusal {
            Refusal::Other(reason) | Refusal::Stuck(reason) => reason,
            Refusal::Transient => {
                self.make_transient(index);
                format!(
                    "queue '{}' or its exchange exists and is not durable; it will be used as it is. Its services \
                     differ in amqp_durable_queues or rabbit_quorum_queue",
                    queue.name
                )
            }
        };
        match declare::declare(channel, &queue).await {
            Ok(()) => {}
            Err(Refusal::Stuck(reason)) => {
                // As oslo.messaging: then it can be declared on a node that is up, with the next attempt.
                let deleted = declare::delete(connection, &queue).await.err();
                let outcome = deleted.map_or("deleted".to_owned(), |error| error.to_string());
                return Err(format!("{reason}. Deleting it to declare it anew: {outcome}"));
            }
            Err(refusal) => return Err(refused(refusal)),
        }
        let offset = if queue.stream { *self.offset.lock() } else { None };
        let failover = self.transport.options().enable_cancel_on_failover;
        let consumer = declare::consume(channel, &queue, index + 1, offset, failover)
            .await
            .map_err(refused)?;
        let ended = futures::stream::once(async move { Event::Ended(index) });
        Ok(consumer
            .map(move |delivery| Event::Delivered(index, Box::new(delivery)))
            .chain(ended)
            .boxed())
    }

    fn make_transient(&self, index: usize) {
        if let Some(queue) = self.queues.lock().get_mut(index) {
            queue.durable = false;
            if let Some(exchange) = &mut queue.exchange {
                exchange.durable = false;
            }
        }
    }

    fn queue(&self, index: usize) -> Queue {
        self.queues.lock()[index].clone()
    }

    fn names(&self) -> String {
        self.queues
            .lock()
            .iter()
            .map(|queue| queue.name.clone())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Messages on their way to us. Python acknowledges before it works and may be content with
    /// `rabbit_qos_prefetch_count`; here as many as are worked on are unacknowledged, and more help nobody.
    fn prefetch(&self) -> u16 {
        let working = u16::try_from(self.limits.concurrency).unwrap_or(u16::MAX);
        self.transport.options().rabbit_qos_prefetch_count.max(working)
    }

    async fn reconnect_delay(&self) {
        let options = self.transport.options();
        let splay = rand::rng().random_range(0.0..=options.kombu_reconnect_splay.max(0.0));
        let seconds = (options.kombu_reconnect_delay + splay).clamp(0.0, 60.0);
        sleep(Duration::from_secs_f64(seconds)).await;
    }

    async fn receive(self: &Arc<Self>, index: usize, delivery: Delivery) {
        self.advance(index, &delivery.properties);
        let opened =
            compression::unpack(&delivery.data, &delivery.properties).and_then(|body| envelope::open(&body));
        let request = match opened {
            Ok(message) => Request::parse(message),
            Err(malformed) => {
                let (size, queue) = (delivery.data.len(), self.queue(index).name);
                tracing::warn!("Dropped a message of {size} bytes from queue {queue}: {malformed}");
                let _ = settled(delivery.acker.reject(BasicRejectOptions { requeue: false })).await;
                return;
            }
        };
        let work = Arc::new(Work::new(
            &request,
            delivery.acker,
            delivery.redelivered,
            expiration(&delivery.properties),
            self.ledger.clone(),
            self.transport.replies().clone(),
        ));
        if !self.is_new(&request, &work).await {
            return;
        }
        work.start_heartbeat(request.timeout);
        let raw = Arc::new(RawMessage {
            body: delivery.data.into(),
            properties: delivery.properties,
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            redelivered: delivery.redelivered,
        });
        let ticket = self.ticket(&request);
        self.tasks.spawn(self.clone().work(request, raw, work, ticket));
    }

    /// A place in the lane of what the request is about. Here and not in the task, because tasks overtake each other.
    fn ticket(&self, request: &Request) -> Option<Ticket> {
        let (Some(Value::String(method)), Value::Object(args)) = (&request.method, &request.args) else {
            return None;
        };
        let lane = self.endpoint.lane(method, args)?;
        Some(self.lanes.draw(lane))
    }

    /// Remembers how far the fanout stream was read.
    fn advance(&self, index: usize, properties: &BasicProperties) {
        let headers = properties.headers().as_ref();
        let offset = headers.and_then(|headers| headers.inner().get("x-stream-offset"));
        if let Some(AMQPValue::LongLongInt(offset)) = offset
            && self.queue(index).stream
        {
            *self.offset.lock() = Some(offset + 1);
        }
    }

    /// `false` for a delivery of what this process already has.
    async fn is_new(&self, request: &Request, work: &Arc<Work>) -> bool {
        let Some(id) = &request.unique_id else { return true };
        let known = self.ledger.lock().note(id, work);
        match known {
            Known::New => true,
            Known::Done => {
                tracing::debug!("Ignoring duplicate message {id}");
                acknowledge(work.take_ackers()).await;
                false
            }
            Known::Working(first) => {
                tracing::debug!("Message {id} was delivered again while it is worked on");
                acknowledge(first.delivered_again(work.take_ackers())).await;
                false
            }
        }
    }

    async fn work(
        self: Arc<Self>,
        mut request: Request,
        raw: Arc<RawMessage>,
        work: Arc<Work>,
        mut ticket: Option<Ticket>,
    ) {
        if let Some(ticket) = &mut ticket {
            // Before a slot is taken, so that those who wait for one lane leave the slots to the others.
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return work.requeue(),
                () = ticket.turn() => {}
            }
        }
        let slot = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return work.requeue(),
            slot = self.slots.clone().acquire_owned() => slot,
        };
        let (method, args) = match admit(&mut request, self.limits.ping) {
            Admission::Granted(method, args) => (method, args),
            Admission::Answered(answer) => {
                work.ack().await;
                return work.reply(answer);
            }
        };
        let name = method.clone();
        let incoming = Incoming::new(request, method, args, raw, work);
        let dispatch = std::panic::AssertUnwindSafe(self.endpoint.dispatch(incoming)).catch_unwind();
        if dispatch.await.is_err() {
            tracing::error!("The endpoint panicked in {name}");
        }
        drop(slot);
        drop(ticket);
    }
}

/// How long the sender waits: `expiration`, milliseconds as text.
fn expiration(properties: &BasicProperties) -> Option<Duration> {
    let text = properties.expiration().as_ref()?;
    text.as_str().parse().ok().map(Duration::from_millis)
}
