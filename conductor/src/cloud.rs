//! The cloud as requests need it: facts and application credentials, in the caller's view.

use std::fmt::Display;

use conductor_driver::facts::{Facts, Needs};
use magnum_objects::{Cluster, MagnumError, RequestContext};
use secrecy::SecretString;

use crate::{
    app::App,
    credentials::{self, CredentialError},
    facts,
    operation::{Operation, intent::Change, intent::Credential},
    request::{Request, RequestError},
};

/// Digits of a credential's name that make it its own, as Python's `secrets.token_hex(4)`.
const UNIQUE_DIGITS: usize = 8;

/// Looks up what an operation needs.
///
/// # Errors
/// What the cloud refuses or does not have; a service that is away, which is worth another try.
pub async fn facts(app: &App, request: &Request, needs: &Needs) -> Result<Facts, RequestError> {
    let context = &request.context;
    let cloud = credentials::caller(&app.clouds, context).map_err(|error| facts::cloud_error(&error))?;
    let gathered = facts::gather(&cloud, &app.settings, needs, context.auth_url.clone()).await;
    gathered.map_err(|error| away_or_refused(request, error.is_transient(), error))
}

/// Makes an application credential for a cluster in the caller's name; its secret is returned apart.
///
/// # Errors
/// Keystone's refusal; Keystone's being away, which is worth another try.
pub async fn new_credential(
    app: &App,
    request: &Request,
    cluster: &Cluster,
) -> Result<(Credential, SecretString), RequestError> {
    let context = &request.context;
    let cloud = credentials::caller(&app.clouds, context).map_err(|error| facts::cloud_error(&error))?;
    let unique: String = uuid::Uuid::new_v4()
        .simple()
        .to_string()
        .chars()
        .take(UNIQUE_DIGITS)
        .collect();
    let made = credentials::create(&cloud, &app.settings, context, cluster, &unique).await;
    let made = made.map_err(|error| away_or_refused(request, error.is_transient(), error))?;
    let credential = Credential {
        id: made.id,
        user_id: made.user_id,
        auth_url: made.auth_url,
        region: Some(made.region),
    };
    Ok((credential, made.secret))
}

/// What a failure of one of the cloud's services makes of a request: tried again while it is worth it, else refused.
pub(crate) fn away_or_refused<E: Display + Into<MagnumError>>(
    request: &Request,
    is_away: bool,
    error: E,
) -> RequestError {
    if is_away && !request.impatient {
        return RequestError::Unavailable(error.to_string());
    }
    RequestError::Refused(error.into())
}

/// Takes back a credential that nobody will use. Best effort: a deletion of the cluster finds what is left.
pub async fn forget_credential(
    app: &App,
    context: &RequestContext,
    cluster: &Cluster,
    credential: &Credential,
) {
    let forgotten = async {
        let cloud = credentials::caller(&app.clouds, context)?;
        credentials::delete(&cloud, &cluster.uuid, &credential.user_id, &credential.id).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(cluster = %cluster.uuid, credential = %credential.id, %error, "unused application credential not removed");
    }
}

/// Removes the credential that a rotation replaced. Best effort, as in Python: the cluster works with the new one.
pub async fn forget_old_credential(app: &App, operation: &Operation, old: Option<&str>) {
    let Change::CredentialRotate { from_user } = &operation.intent.change else {
        return;
    };
    let new = operation
        .intent
        .credential
        .as_ref()
        .map(|credential| credential.id.as_str());
    let (Some(old), Some(user)) = (old.filter(|old| Some(*old) != new), from_user) else {
        return;
    };
    let forgotten = async {
        let cloud = app.clouds.service()?;
        credentials::delete(&cloud, &operation.cluster_uuid, user, old).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(credential = old, %error, "previous application credential not removed");
    }
}

/// Removes every application credential that the cluster has with these users, in the service's own name.
///
/// # Errors
/// Keystone's refusal.
pub async fn delete_credentials(
    app: &App,
    cluster_uuid: &str,
    users: &[String],
) -> Result<(), CredentialError> {
    let cloud = app.clouds.service()?;
    for user in users {
        credentials::delete_all(&cloud, cluster_uuid, user).await?;
    }
    Ok(())
}
