//! `credential_rotate`: a new application credential, made by the caller.

use std::time::Duration;

use magnum_objects::{Changes, Cluster, Guard, MagnumError, rows};
use secrecy::SecretString;

use super::Acceptor;
use crate::{
    cloud, credential_health,
    gate::{self, Wish},
    operation::intent::{Change, Credential},
    request::{Request, RequestError},
};

/// How long Keystone and the management cluster may take to say whether a credential is still good.
const ASK_LIMIT: Duration = Duration::from_secs(10);

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
        self.rotate(request, &found.cluster, &request.message_id).await
    }

    /// Whether Keystone refuses the cluster's application credential, and the caller can make another: one of another
    /// project, an administrator's, would lead Cluster API into that project. Where nobody can say, it counts as good: the
    /// change that was asked for goes on as it would without the question.
    pub(super) async fn has_dead_credential(&self, request: &Request, cluster: &Cluster) -> bool {
        let context = &request.context;
        if context.auth_token.is_none() || context.project_id.as_ref() != Some(&cluster.project_id) {
            return false;
        }
        let asked = credential_health::is_dead(&self.app, cluster);
        match tokio::time::timeout(ASK_LIMIT, asked).await {
            Ok(Ok(dead)) => dead,
            Ok(Err(error)) => {
                tracing::debug!(cluster = %cluster.uuid, %error, "application credential not checked");
                false
            }
            Err(_) => false,
        }
    }

    /// Gives a cluster whose credential is dead a new one in the name of whoever changes it, ahead of the change: nothing
    /// that Cluster API does for the change would succeed without. If it cannot be made, the change shows what is wrong.
    pub(super) async fn replace_dead_credential(&self, request: &Request, cluster: &Cluster) {
        let replaced = async {
            let mut conn = self.app.db.acquire().await?;
            let under_way = self.app.journal.unfinished(&mut conn, &cluster.uuid).await?;
            drop(conn);
            if under_way
                .iter()
                .any(|operation| operation.intent.credential.is_some())
            {
                return Ok(());
            }
            tracing::warn!(
                cluster = %cluster.uuid,
                user = request.context.user_id,
                "Keystone refuses the cluster's application credential; one of the caller's replaces it"
            );
            let message_id = format!("{}-credential", request.message_id);
            self.rotate(request, cluster, &message_id).await
        };
        if let Err(error) = replaced.await {
            tracing::warn!(cluster = %cluster.uuid, %error, "dead application credential not replaced");
        }
    }

    /// A credential for Cluster API to delete a cluster with whose own one is dead. `None`: its own will do, or there is no
    /// release, or none can be made, which the deletion does not depend on.
    pub(super) async fn credential_for_deletion(
        &self,
        request: &Request,
        cluster_uuid: &str,
    ) -> Result<Option<(Cluster, Credential, SecretString)>, RequestError> {
        let mut conn = self.app.db.acquire().await?;
        let schema = self.app.db.schema();
        let cluster = rows::cluster::visible(&mut conn, schema, &request.context, cluster_uuid).await?;
        drop(conn);
        if !self.has_dead_credential(request, &cluster).await {
            return Ok(None);
        }
        match cloud::new_credential(&self.app, request, &cluster).await {
            Ok((credential, secret)) => Ok(Some((cluster, credential, secret))),
            Err(error) => {
                tracing::warn!(cluster = cluster_uuid, %error, "dead application credential not replaced for the deletion");
                Ok(None)
            }
        }
    }

    async fn rotate(
        &self,
        request: &Request,
        cluster: &Cluster,
        message_id: &str,
    ) -> Result<(), RequestError> {
        let (credential, secret) = cloud::new_credential(&self.app, request, cluster).await?;
        let written = self
            .write_rotation(request, &cluster.uuid, message_id, (credential.clone(), secret))
            .await;
        if written.is_err() {
            cloud::forget_credential(&self.app, &request.context, cluster, &credential).await;
        }
        written
    }

    async fn write_rotation(
        &self,
        request: &Request,
        cluster_uuid: &str,
        message_id: &str,
        credential: (Credential, SecretString),
    ) -> Result<(), RequestError> {
        let (mut tx, cluster, _) = self.locked(cluster_uuid).await?;
        let changes = Changes::new().set("user_id", request.context.user_id.clone());
        rows::cluster::update(
            &mut tx,
            self.app.db.schema(),
            cluster_uuid,
            &changes,
            &Guard::none(),
        )
        .await?;
        let change = Change::CredentialRotate {
            from_user: cluster.user_id,
        };
        let what = (change, message_id);
        self.journal_with(tx, request, cluster_uuid, what, None, Some(credential))
            .await
    }
}
