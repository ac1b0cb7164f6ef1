//! Exceptions on the wire, as oslo.messaging's `serialize_remote_exception` writes them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A Python exception: what a server answers with instead of a result.
///
/// magnum-api rebuilds classes of `magnum.common.exception` and builtins from `args` and `kwargs`; any other module
/// becomes a `RemoteError` with `class` and `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteError {
    /// Class name.
    pub class: String,
    /// Module of the class.
    pub module: String,
    /// `str()` of the exception.
    pub message: String,
    /// Lines of the trace, each ended by a line feed.
    #[serde(default)]
    pub tb: Vec<String>,
    /// Positional arguments that rebuild it.
    #[serde(default)]
    pub args: Vec<Value>,
    /// Keyword arguments that rebuild it.
    #[serde(default)]
    pub kwargs: Map<String, Value>,
}

const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";

impl RemoteError {
    /// An exception whose only argument is its message.
    pub fn new(class: &str, module: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            class: class.to_owned(),
            module: module.to_owned(),
            // The last line of a Python trace; there is none before it that would mean anything.
            tb: vec![trace_line(class, module, &message)],
            args: vec![Value::from(message.clone())],
            kwargs: Map::new(),
            message,
        }
    }

    /// No endpoint has the method.
    pub fn no_such_method(method: &str) -> Self {
        Self::new(
            "NoSuchMethod",
            DISPATCHER,
            format!("Endpoint does not support RPC method {method}"),
        )
    }

    /// No endpoint has the version or the namespace.
    pub fn unsupported_version(version: &str, method: Option<&str>) -> Self {
        let attempted = method
            .map(|m| format!(". Attempted method: {m}"))
            .unwrap_or_default();
        let message = format!("Endpoint does not support RPC version {version}{attempted}");
        Self::new("UnsupportedVersion", DISPATCHER, message)
    }

    /// Arguments that the method does not take, in Python's words, such as
    /// `Handler.ping_conductor() got an unexpected keyword argument 'bogus'`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", "builtins", message)
    }

    /// An exception of Python itself.
    pub fn builtin(class: &str, message: impl Into<String>) -> Self {
        Self::new(class, "builtins", message)
    }

    /// The JSON text that travels in the `failure` of a reply.
    pub(crate) fn to_wire(&self) -> String {
        crate::json::dumps(self)
    }

    /// Reads the `failure` of a reply; text that is none becomes the message.
    pub(crate) fn from_wire(failure: &Value) -> Self {
        match failure {
            Value::String(text) => serde_json::from_str(text)
                .unwrap_or_else(|_| Self::new("RemoteError", "oslo_messaging.rpc.client", text.clone())),
            other => serde_json::from_value(other.clone())
                .unwrap_or_else(|_| Self::new("RemoteError", "oslo_messaging.rpc.client", other.to_string())),
        }
    }
}

fn trace_line(class: &str, module: &str, message: &str) -> String {
    match module {
        "builtins" | "exceptions" => format!("{class}: {message}\n"),
        _ => format!("{module}.{class}: {message}\n"),
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for RemoteError {}
