//! The recording: `data/recorded.jsonl.gz`, one exchange to a line.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

/// A request, and its reply if it was a call.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Exchange {
    /// Number and method.
    pub(crate) name: String,
    /// Exchange it was sent to.
    pub(crate) exchange: String,
    /// Routing key it was sent with.
    pub(crate) routing_key: String,
    /// Its properties.
    pub(crate) properties: Value,
    /// Its body.
    pub(crate) payload: String,
    /// Heartbeats before the reply.
    pub(crate) heartbeats: usize,
    /// The last reply.
    pub(crate) reply: Option<Reply>,
}

impl Exchange {
    /// The same request, sent once more by somebody else.
    pub(crate) fn with_another_id(&self) -> Self {
        let id = decoded(&self.payload)["_unique_id"].as_str().unwrap().to_owned();
        Self {
            payload: self.payload.replace(&id, &id.chars().rev().collect::<String>()),
            ..self.clone()
        }
    }
}

/// A message on a reply queue.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reply {
    /// Its properties.
    pub(crate) properties: Value,
    /// Its body.
    pub(crate) payload: String,
}

/// All exchanges, in order.
pub(crate) fn all() -> Vec<Exchange> {
    let packed: &[u8] = include_bytes!("../../data/recorded.jsonl.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The message in an envelope; the failure in it as JSON rather than as text.
pub(crate) fn decoded(payload: &str) -> Value {
    let envelope: Value = serde_json::from_str(payload).unwrap();
    let mut message: Value = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    if let Some(failure) = message["failure"].as_str() {
        message["failure"] = serde_json::from_str(failure).unwrap();
    }
    message
}
