//! What a request has to pass before an endpoint sees it: the checks of oslo.messaging's dispatcher.

use serde_json::{Map, Value};

use crate::RemoteError;
use crate::envelope::{Request, version_is_compatible};

/// Version of every endpoint that declares none.
const ENDPOINT_VERSION: &str = "1.0";
/// oslo.messaging's own method, answered if `[DEFAULT] rpc_ping_enabled`.
const PING: &str = "oslo_rpc_server_ping";

/// What the checks say.
pub(crate) enum Admission {
    /// To be worked on: method and arguments.
    Granted(String, Map<String, Value>),
    /// The answer is known already.
    Answered(Result<Value, RemoteError>),
}

/// The checks, in the dispatcher's order and words (oslo.messaging `rpc/dispatcher.py`); `ping` is `rpc_ping_enabled`.
pub(crate) fn admit(request: &mut Request, ping: bool) -> Admission {
    let method = match &request.method {
        Some(Value::String(method)) => Some(method.as_str()),
        _ => None,
    };
    let version = request.version.as_deref().unwrap_or(ENDPOINT_VERSION);
    if request.namespace.is_some() || !version_is_compatible(ENDPOINT_VERSION, version) {
        return Admission::Answered(Err(RemoteError::unsupported_version(version, method)));
    }
    let Some(method) = method else {
        return Admission::Answered(Err(RemoteError::type_error(
            "hasattr(): attribute name must be string",
        )));
    };
    if method == PING && ping {
        return Admission::Answered(Ok("pong".into()));
    }
    if method.starts_with('_') {
        return Admission::Answered(Err(RemoteError::no_such_method(method)));
    }
    let method = method.to_owned();
    match &mut request.args {
        Value::Object(args) => Admission::Granted(method, std::mem::take(args)),
        other => {
            let message = format!("'{}' object has no attribute 'items'", python_type(other));
            Admission::Answered(Err(RemoteError::builtin("AttributeError", message)))
        }
    }
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}
