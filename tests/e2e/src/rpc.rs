//! An RPC client down at the wire, which keeps what oslo.messaging's would hide: every reply that came, also a second.
//!
//! It sends as oslo.messaging does: confirmed by the broker, and again, with the same `_unique_id`, as long as it is not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

const PAUSE: Duration = Duration::from_millis(100);
/// How long the broker may take to confirm, before the message is sent again.
const CONFIRM: Duration = Duration::from_secs(5);

/// Replies by `_msg_id`, each with its `_unique_id`: what oslo.messaging's client takes for one and the same is one.
type Replies = Mutex<HashMap<String, Vec<(String, Value)>>>;

/// A client of magnum's conductors with a reply queue of its own, which comes back after every loss of the connection.
pub struct Client {
    reply_q: String,
    channel: watch::Receiver<Option<Channel>>,
    replies: Arc<Replies>,
    keeper: tokio::task::JoinHandle<()>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Answered, with that.
    Result(Value),
    /// Answered with an exception.
    Failure(String),
    /// Not answered in time.
    TimedOut,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Client {
    /// Connects, now and whenever it has to.
    pub async fn connect(url: &str) -> Self {
        let reply_q = format!("reply_{}", uuid::Uuid::new_v4().simple());
        let replies = Arc::new(Replies::default());
        let (sender, channel) = watch::channel(None);
        let (to, queue, known) = (url.to_owned(), reply_q.clone(), replies.clone());
        let keeper = tokio::spawn(async move {
            loop {
                if let Err(error) = connected(&to, &queue, &known, &sender).await {
                    tracing::debug!("the client's connection: {error:#}");
                }
                sender.send_replace(None);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self {
            reply_q,
            channel,
            replies,
            keeper,
        }
    }

    /// Sends a request and does not wait for what comes of it.
    pub async fn cast(&self, method: &str, args: Value) -> Result<()> {
        self.send(&body(method, args, None)).await
    }

    /// Sends a request and waits for its reply, for at most `patience`. Gives its `_msg_id` too.
    pub async fn call(&self, method: &str, args: Value, patience: Duration) -> Result<(String, Answer)> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let end = Instant::now() + patience;
        self.send(&body(method, args, Some((&id, &self.reply_q)))).await?;
        loop {
            let reply = self
                .replies
                .lock()
                .get(&id)
                .and_then(|replies| replies.first().cloned());
            if let Some((_, reply)) = reply {
                let answer = match reply["failure"].as_str() {
                    Some(failure) => Answer::Failure(failure.to_owned()),
                    None => Answer::Result(reply["result"].clone()),
                };
                return Ok((id, answer));
            }
            if Instant::now() > end {
                return Ok((id, Answer::TimedOut));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// As [`Client::call`], for what has to succeed.
    pub async fn result(&self, method: &str, args: Value) -> Result<Value> {
        match self.call(method, args, Duration::from_secs(60)).await?.1 {
            Answer::Result(value) => Ok(value),
            other => bail!("{method}: {other:?}"),
        }
    }

    /// How many different replies came to each call.
    pub fn replies(&self) -> HashMap<String, usize> {
        let replies = self.replies.lock();
        replies
            .iter()
            .map(|(id, replies)| (id.clone(), replies.len()))
            .collect()
    }

    async fn send(&self, body: &[u8]) -> Result<()> {
        let mut channel = self.channel.clone();
        loop {
            let up = channel
                .wait_for(Option::is_some)
                .await
                .context("the client has ended")?
                .clone();
            if let Some(channel) = up
                && tokio::time::timeout(CONFIRM, publish(&channel, body))
                    .await
                    .is_ok_and(|sent| sent.is_ok())
            {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn publish(channel: &Channel, body: &[u8]) -> Result<()> {
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(2);
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let confirmation = channel
        .basic_publish(
            "magnum".into(),
            "magnum-conductor".into(),
            options,
            body,
            properties,
        )
        .await?
        .await?;
    let acked = confirmation.is_ack();
    if !acked || confirmation.take_message().is_some() {
        bail!("not taken");
    }
    Ok(())
}

/// Connects, and consumes replies until the connection is lost. lapin does not end everything that is asked of a
/// connection in the moment of its loss, so that is looked at too.
async fn connected(
    url: &str,
    reply_q: &str,
    replies: &Replies,
    channel: &watch::Sender<Option<Channel>>,
) -> Result<()> {
    let connecting = Connection::connect(url, ConnectionProperties::default());
    let connection = tokio::time::timeout(CONFIRM, connecting).await??;
    let lost = async {
        while connection.status().connected() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        outcome = session(&connection, reply_q, replies, channel) => outcome,
        () = lost => bail!("lost"),
    }
}

async fn session(
    connection: &Connection,
    reply_q: &str,
    replies: &Replies,
    channel: &watch::Sender<Option<Channel>>,
) -> Result<()> {
    let ours = connection.create_channel().await?;
    ours.confirm_select(ConfirmSelectOptions::default()).await?;
    // One that outlives the broker, as kolla's options have it.
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-expires".into(), AMQPValue::LongInt(1_800_000));
    ours.queue_declare(reply_q.into(), durable, arguments).await?;
    let no_ack = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let mut consumer = ours
        .basic_consume(reply_q.into(), "replies".into(), no_ack, FieldTable::default())
        .await?;
    channel.send_replace(Some(ours.clone()));
    while let Some(delivery) = consumer.next().await {
        let envelope: Value = serde_json::from_slice(&delivery?.data)?;
        let reply: Value = serde_json::from_str(envelope["oslo.message"].as_str().unwrap_or_default())?;
        if reply["ending"] != true {
            continue;
        }
        let text = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
        let (id, unique) = (text("_msg_id"), text("_unique_id"));
        let mut replies = replies.lock();
        let known = replies.entry(id).or_default();
        if known.iter().all(|(seen, _)| *seen != unique) {
            known.push((unique, reply));
        }
    }
    bail!("lost")
}

fn body(method: &str, args: Value, reply: Option<(&str, &str)>) -> Vec<u8> {
    let mut message = json!({
        "method": method, "args": args, "_unique_id": uuid::Uuid::new_v4().simple().to_string(),
        "_context_is_admin": true, "_context_all_tenants": true, "_context_roles": [],
    });
    if let Some((id, queue)) = reply {
        (message["_msg_id"], message["_reply_q"]) = (id.into(), queue.into());
    }
    json!({"oslo.version": "2.0", "oslo.message": message.to_string()})
        .to_string()
        .into_bytes()
}
