//! Messages on the wire: the envelope (version 2.0), requests, replies and notifications, as oslo.messaging's
//! `_drivers/common.py` and `_drivers/amqpdriver.py` have them.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{RemoteError, json as python_json};

const VERSION_KEY: &str = "oslo.version";
const MESSAGE_KEY: &str = "oslo.message";
/// Version of the envelope.
const VERSION: &str = "2.0";
const CONTEXT_PREFIX: &str = "_context_";

/// Why a body is no message. The texts go to the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("not a JSON object")]
    NotAnObject,
    #[error("envelope version {0} is not supported")]
    EnvelopeVersion(String),
    #[error("compression {0} is not supported")]
    Compression(String),
    #[error("cannot be decompressed: {0}")]
    Compressed(String),
}

/// The parts of a request.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Request {
    /// `method` as it came: oslo answers a `TypeError` to what is no text.
    pub(crate) method: Option<Value>,
    /// `args` as they came; an object in every sane request.
    pub(crate) args: Value,
    pub(crate) namespace: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) context: Map<String, Value>,
    pub(crate) unique_id: Option<String>,
    pub(crate) msg_id: Option<String>,
    pub(crate) reply_q: Option<String>,
    pub(crate) timeout: Option<f64>,
}

/// Takes a body out of its envelope. A body without one is a message of the time before envelopes.
pub(crate) fn open(body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let outer: Value = serde_json::from_slice(body).map_err(|e| Malformed::NotJson(e.to_string()))?;
    let Value::Object(mut outer) = outer else {
        return Err(Malformed::NotAnObject);
    };
    if !outer.contains_key(VERSION_KEY) || !outer.contains_key(MESSAGE_KEY) {
        return Ok(outer);
    }
    let version = outer.remove(VERSION_KEY).map(|v| plain(&v)).unwrap_or_default();
    if !version_is_compatible(VERSION, &version) {
        return Err(Malformed::EnvelopeVersion(version));
    }
    let inner = match outer.remove(MESSAGE_KEY) {
        Some(Value::String(text)) => {
            serde_json::from_str(&text).map_err(|e| Malformed::NotJson(e.to_string()))?
        }
        _ => return Err(Malformed::NotAnObject),
    };
    match inner {
        Value::Object(message) => Ok(message),
        _ => Err(Malformed::NotAnObject),
    }
}

/// Puts a message into its envelope.
pub(crate) fn seal(message: &Map<String, Value>) -> Vec<u8> {
    let mut envelope = Map::new();
    envelope.insert(VERSION_KEY.to_owned(), VERSION.into());
    envelope.insert(MESSAGE_KEY.to_owned(), python_json::dumps(message).into());
    python_json::dumps(&envelope).into_bytes()
}

/// Whether an endpoint of `offered` serves what asks for `wanted`: same major version, minor not above.
pub(crate) fn version_is_compatible(offered: &str, wanted: &str) -> bool {
    fn parts(version: &str) -> Option<[u64; 3]> {
        let mut numbers = version.split('.').map(|part| part.parse().ok());
        let major = numbers.next()??;
        let minor = numbers.next()??;
        Some([major, minor, numbers.next().flatten().unwrap_or(0)])
    }
    match (parts(offered), parts(wanted)) {
        (Some(offered), Some(wanted)) => {
            offered[0] == wanted[0] && (wanted[1], wanted[2]) <= (offered[1], offered[2])
        }
        _ => false,
    }
}

impl Request {
    /// Sorts the keys of a message.
    pub(crate) fn parse(message: Map<String, Value>) -> Self {
        let mut request = Self {
            args: Value::Object(Map::new()),
            ..Self::default()
        };
        for (key, value) in message {
            match key.as_str() {
                "method" => request.method = Some(value),
                "args" => request.args = value,
                "namespace" => request.namespace = text(&value),
                "version" => request.version = text(&value),
                "_unique_id" => request.unique_id = text(&value),
                "_msg_id" => request.msg_id = text(&value),
                "_reply_q" => request.reply_q = text(&value),
                "_timeout" => request.timeout = number(&value),
                _ => {
                    if let Some(name) = key.strip_prefix(CONTEXT_PREFIX) {
                        request.context.insert(name.to_owned(), value);
                    }
                }
            }
        }
        request
    }
}

/// A request as a client writes it. Keys stand in oslo's order.
pub(crate) fn request(
    method: &str,
    args: &Map<String, Value>,
    namespace: Option<&str>,
    version: Option<&str>,
    reply: Option<(&str, &str, Option<u64>)>,
    context: &Map<String, Value>,
) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("method".into(), method.into());
    message.insert("args".into(), Value::Object(args.clone()));
    if let Some(namespace) = namespace {
        message.insert("namespace".into(), namespace.into());
    }
    if let Some(version) = version {
        message.insert("version".into(), version.into());
    }
    if let Some((msg_id, reply_q, timeout)) = reply {
        message.insert("_msg_id".into(), msg_id.into());
        message.insert("_reply_q".into(), reply_q.into());
        message.insert("_timeout".into(), timeout.into());
    }
    message.insert("_unique_id".into(), new_id().into());
    add_context(&mut message, context);
    message
}

/// A reply, or with `ending` false a call-monitor heartbeat.
pub(crate) fn reply(msg_id: &str, result: Result<&Value, &RemoteError>, ending: bool) -> Map<String, Value> {
    let (result, failure) = match result {
        Ok(result) => (result.clone(), Value::Null),
        Err(failure) => (Value::Null, Value::from(failure.to_wire())),
    };
    let message = json!({
        "result": result, "failure": failure, "ending": ending, "_msg_id": msg_id, "_unique_id": new_id(),
    });
    match message {
        Value::Object(message) => message,
        _ => Map::new(),
    }
}

/// Adds a request context in the form that travels.
pub(crate) fn add_context(message: &mut Map<String, Value>, context: &Map<String, Value>) {
    message.extend(
        context
            .iter()
            .map(|(name, value)| (format!("{CONTEXT_PREFIX}{name}"), value.clone())),
    );
}

/// 32 hexadecimal characters, as `uuid.uuid4().hex`.
pub(crate) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

fn plain(value: &Value) -> String {
    text(value).unwrap_or_else(|| "null".to_owned())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse::<i64>().ok().map(|n| {
            #[allow(clippy::cast_precision_loss, reason = "seconds")]
            let seconds = n as f64;
            seconds
        }),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let message = open(br#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"m\"}"}"#).unwrap();
        assert_eq!(Value::Object(message), json!({"method": "m"}));
        let bare = open(br#"{"method": "m", "args": {}}"#).unwrap();
        assert_eq!(bare["method"], "m", "a message of the time before envelopes");
        for (body, expected) in [
            ("no", "not JSON"),
            ("[1]", "not a JSON object"),
            (
                r#"{"oslo.version": "3.0", "oslo.message": "{}"}"#,
                "envelope version 3.0 is not supported",
            ),
            (
                r#"{"oslo.version": "2.1", "oslo.message": "{}"}"#,
                "envelope version 2.1 is not supported",
            ),
            (
                r#"{"oslo.version": null, "oslo.message": "{}"}"#,
                "envelope version null is not supported",
            ),
            (r#"{"oslo.version": "2.0", "oslo.message": "{"}"#, "not JSON"),
            (
                r#"{"oslo.version": "2.0", "oslo.message": {}}"#,
                "not a JSON object",
            ),
            (
                r#"{"oslo.version": "2.0", "oslo.message": "[]"}"#,
                "not a JSON object",
            ),
        ] {
            let error = open(body.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{body}: {error}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(open(deep.as_bytes()), Err(Malformed::NotJson(_))));
    }

    #[test]
    fn versions() {
        for (offered, wanted, expected) in [
            ("1.0", "1.0", true),
            ("1.5", "1.4", true),
            ("1.0", "1.1", false),
            ("1.0", "2.0", false),
            ("1.0", "1", false),
            ("2.0", "2.0.0", true),
            ("1.0", "one", false),
        ] {
            assert_eq!(
                version_is_compatible(offered, wanted),
                expected,
                "{offered} for {wanted}"
            );
        }
    }

    #[test]
    fn odd_requests_keep_what_came() {
        let Value::Object(message) = json!({
            "method": 3, "args": [1], "version": 2.0, "_timeout": "7", "_unique_id": 1, "_msg_id": null,
            "_context_user": "u", "other": true,
        }) else {
            unreachable!()
        };
        let request = Request::parse(message);
        assert_eq!(request.method, Some(json!(3)));
        assert_eq!(request.args, json!([1]));
        assert_eq!(request.version.as_deref(), Some("2.0"));
        assert_eq!(request.timeout, Some(7.0));
        assert_eq!(request.unique_id.as_deref(), Some("1"));
        assert_eq!(request.msg_id, None);
        assert_eq!(request.context, *json!({"user": "u"}).as_object().unwrap());
    }
}
