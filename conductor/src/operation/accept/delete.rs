//! `cluster_delete`. Needs no token: it is to work when the caller's rights or the credential are gone. But where the
//! credential is dead and the caller can make another, Cluster API gets that one, to remove what is in the cloud.

use magnum_objects::{Changes, Cluster, ClusterStatus, Guard, MagnumError, rows};
use secrecy::SecretString;

use super::Acceptor;
use crate::{
    cloud,
    notify::{Action, Outcome},
    operation::intent::{Change, Credential, Remains},
    request::{Request, RequestError},
};

impl Acceptor {
    /// `cluster_delete`, from any status. Makes unfinished operations pointless.
    ///
    /// # Errors
    /// `ClusterNotFound`.
    pub async fn delete(&self, request: &Request, cluster_uuid: &str) -> Result<(), RequestError> {
        if self.seen(request, cluster_uuid).await? {
            return Ok(());
        }
        let credential = self.credential_for_deletion(request, cluster_uuid).await?;
        let written = self
            .write_deletion(request, cluster_uuid, credential.as_ref())
            .await;
        if let (Err(_), Some((cluster, credential, _))) = (&written, &credential) {
            cloud::forget_credential(&self.app, &request.context, cluster, credential).await;
        }
        written
    }

    async fn write_deletion(
        &self,
        request: &Request,
        cluster_uuid: &str,
        credential: Option<&(Cluster, Credential, SecretString)>,
    ) -> Result<(), RequestError> {
        let mut tx = self.app.db.begin().await?;
        let schema = self.app.db.schema();
        let Some((cluster, groups)) = self.app.lock(&mut tx, cluster_uuid).await? else {
            return Err(MagnumError::cluster_not_found(cluster_uuid).into());
        };
        // Only what the caller may see, as Python's `Cluster.get_by_uuid(context, uuid)`.
        rows::cluster::visible(&mut tx, schema, &request.context, cluster_uuid).await?;
        let changes = Changes::new()
            .set("status", ClusterStatus::DeleteInProgress)
            .set("status_reason", None::<String>);
        rows::cluster::update(&mut tx, schema, cluster_uuid, &changes, &Guard::none()).await?;
        for group in &groups {
            rows::nodegroup::update(&mut tx, schema, &group.uuid, &changes, &Guard::none()).await?;
        }
        let change = Change::Delete {
            cluster: Some(Remains::of(&cluster)),
        };
        let credential = credential.map(|(_, credential, secret)| (credential.clone(), secret.clone()));
        let what = (change, request.message_id.as_str());
        self.journal_with(tx, request, cluster_uuid, what, None, credential)
            .await?;
        self.app.notifications.cluster(
            &request.context,
            Action::Delete,
            Outcome::Pending,
            &cluster,
            &groups,
        );
        Ok(())
    }
}
