//! `credential_rotate`: a new application credential, made by the caller.

use magnum_objects::{Changes, Guard, MagnumError, rows};
use secrecy::ExposeSecret;

use super::Acceptor;
use crate::{
    cloud,
    gate::{self, Wish},
    operation::{Intent, State, intent::Change, journal::NewOperation},
    request::{Request, RequestError},
};

impl Acceptor {
    /// `credential_rotate`: the caller becomes the cluster's owner in the eyes of Keystone.
    ///
    /// # Errors
    /// `NotSupported` by the gate; Keystone's refusal.
    pub async fn rotate_credential(&self, request: &Request, cluster_uuid: &str) -> Result<(), RequestError> {
        if self.seen(request, cluster_uuid).await? {
            return Ok(());
        }
        let found = self.find(cluster_uuid).await?;
        if let Some(words) = gate::cluster(Wish::RotateCredential, found.cluster.status) {
            return Err(MagnumError::not_supported(words).into());
        }
        let (credential, secret) = cloud::new_credential(&self.app, request, &found.cluster).await?;
        let (mut tx, cluster, _) = self.locked(cluster_uuid).await?;
        let intent = Intent {
            change: Change::CredentialRotate {
                from_user: cluster.user_id.clone(),
            },
            facts: None,
            credential: Some(credential),
            asker: request.asker(),
        };
        let changes = Changes::new().set("user_id", request.context.user_id.clone());
        rows::cluster::update(
            &mut tx,
            self.app.db.schema(),
            cluster_uuid,
            &changes,
            &Guard::none(),
        )
        .await?;
        let new = NewOperation {
            message_id: &request.message_id,
            cluster_uuid,
            state: State::Accepted,
            intent: &intent,
            sealed: Some(secret.expose_secret()),
            request_id: request.context.request_id.as_deref(),
        };
        self.app.journal.insert(&mut tx, &new).await?;
        magnum_objects::Db::commit(tx).await?;
        self.executor.wake(cluster_uuid);
        Ok(())
    }
}
