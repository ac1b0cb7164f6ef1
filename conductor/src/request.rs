//! A request as the handlers see it, and how it can end.

use magnum_objects::{Class, DbError, MagnumError, NodeGroup, Object, Registry, RequestContext};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{operation::intent::Asker, release::ReleaseFailure};

/// One RPC request.
#[derive(Debug)]
pub struct Request {
    /// Method name.
    pub method: String,
    /// The caller.
    pub context: RequestContext,
    /// oslo.messaging's `_unique_id`: the same for a redelivered request.
    pub message_id: String,
    /// Arguments.
    pub args: Map<String, Value>,
    /// Whether a service of the cloud that is away is no longer waited for but is the reason of a refusal.
    pub impatient: bool,
}

/// How a request can fail.
#[derive(Debug, Error)]
pub enum RequestError {
    /// Answered to the caller as Magnum's exception.
    #[error("{0}")]
    Refused(MagnumError),
    /// A server that acceptance needs is away: the request is kept and tried again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<MagnumError> for RequestError {
    fn from(error: MagnumError) -> Self {
        Self::Refused(error)
    }
}

impl From<DbError> for RequestError {
    fn from(error: DbError) -> Self {
        if error.is_transient() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Refused(error.into())
        }
    }
}

impl From<sqlx::Error> for RequestError {
    fn from(source: sqlx::Error) -> Self {
        DbError::Sql {
            action: "operation journal".to_owned(),
            source,
        }
        .into()
    }
}

impl From<ReleaseFailure> for RequestError {
    fn from(error: ReleaseFailure) -> Self {
        match error {
            ReleaseFailure::Values(error) => Self::Refused(error.into()),
            other => Self::Refused(MagnumError::positional(
                magnum_objects::Kind::MagnumException,
                other.to_string(),
            )),
        }
    }
}

impl Request {
    /// An argument that is a versioned object.
    ///
    /// # Errors
    /// Python's TypeError if it is missing, what versioned objects raise if it is not one.
    pub fn object(&self, registry: &'static Registry, name: &str) -> Result<Object, MagnumError> {
        Object::from_wire(registry, self.argument(name)?)
    }

    /// A required argument.
    ///
    /// # Errors
    /// Python's TypeError if it is missing.
    pub fn argument(&self, name: &str) -> Result<&Value, MagnumError> {
        self.args.get(name).ok_or_else(|| {
            MagnumError::builtin(
                "TypeError",
                format!(
                    "Handler.{}() missing 1 required positional argument: '{name}'",
                    self.method
                ),
            )
        })
    }

    /// A required argument that is a number; texts of digits count, as oslo.versionedobjects coerces them.
    ///
    /// # Errors
    /// Python's TypeError or ValueError.
    pub fn integer(&self, name: &str) -> Result<i64, MagnumError> {
        let value = self.argument(name)?;
        value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
            .ok_or_else(|| MagnumError::builtin("ValueError", format!("{name} is not a number: {value}")))
    }

    /// A required argument that is a number of nodes; null is the default, as Magnum's objects read it.
    ///
    /// # Errors
    /// Python's TypeError or ValueError.
    pub fn count(&self, name: &str) -> Result<i64, MagnumError> {
        match self.argument(name)? {
            Value::Null => Ok(NodeGroup::default().node_count),
            _ => self.integer(name),
        }
    }

    /// Who asks, for the journal.
    pub fn asker(&self) -> Asker {
        Asker {
            user_id: self.context.user_id.clone(),
            project_id: self.context.project_id.clone(),
            domain_id: None,
            global_request_id: None,
        }
    }

    /// Registry class of an object argument's name, so that a request for a wrong class is refused early.
    ///
    /// # Errors
    /// Python's ValueError.
    pub fn expect_class(object: &Object, class: &str) -> Result<(), MagnumError> {
        let got: &Class = object.class();
        if object.name() == class {
            return Ok(());
        }
        Err(MagnumError::builtin(
            "ValueError",
            format!("expected a {class}, got a {}", got.name),
        ))
    }
}
