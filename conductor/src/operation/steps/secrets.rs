//! The namespace and the secrets that Cluster API and its addons read, as magnum-capi-helm 1.4.0 writes them.

use conductor_driver::secrets::{self, CloudAccess};
use kube::{
    Api,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use magnum_objects::Cluster;
use serde_json::json;

use super::Steps;
use crate::{
    certificates, cloud, credential_health, credentials,
    management::ManagementError,
    operation::{
        Kind, Operation, StepError,
        intent::{Change, Credential},
    },
    release::{Desired, namespace},
};

/// Cluster API's label of everything that belongs to a cluster.
const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";

/// Marks Machines to be removed first when their group shrinks (Cluster API's `DeleteMachineAnnotation`).
const DELETE_MACHINE: &str = "cluster.x-k8s.io/delete-machine";

impl Steps {
    /// Namespace, `clouds.yaml`, CAs; of a new credential `clouds.yaml`, and the CAs only if they get another owner's
    /// label. Server-side apply in the Python driver's name: repeating it changes nothing.
    pub(super) async fn write_secrets(&self, operation: &Operation) -> Result<(), StepError> {
        let settings = &self.app.settings;
        let Some(desired) = self.app.desired(&operation.cluster_uuid).await? else {
            return Err(StepError::Permanent(
                "the cluster or its template is gone from the database".to_owned(),
            ));
        };
        let cluster = &desired.cluster;
        if operation.kind == Kind::Create {
            self.step(operation, "namespace").await?;
            self.app
                .management
                .apply(&secrets::namespace(settings, &cluster.project_id))
                .await?;
        }
        self.step(operation, "secrets").await?;
        let old = credential_health::in_use(&self.app, cluster).await?;
        self.write_credential(operation, cluster).await?;
        let same_owner = matches!(&operation.intent.change,
            Change::CredentialRotate { from_user } if *from_user == cluster.user_id);
        if !same_owner {
            let all = certificates::load(&self.app.certificates, cluster).await?;
            for object in secrets::certificates(settings, cluster, &all).unwrap_or_default() {
                self.app.management.apply(object.expose_body()).await?;
            }
        }
        if operation.kind == Kind::CredentialRotate {
            let old = old.as_ref().map(|old| old.id.as_str());
            cloud::forget_old_credential(&self.app, operation, old).await;
        }
        // The secret is where it belongs now.
        Ok(self.app.journal.unseal(operation.id).await?)
    }

    /// The application credential that the operation brings, if it does, to where Cluster API looks for it.
    pub(super) async fn write_credential(
        &self,
        operation: &Operation,
        cluster: &Cluster,
    ) -> Result<(), StepError> {
        let credential = operation.intent.credential.as_ref();
        let secret = self.app.journal.sealed(operation.id).await?;
        let Some((credential, secret)) = credential.zip(secret) else {
            return Ok(());
        };
        let access = cloud_access(&self.app.settings, credential, secret)?;
        if let Some(object) = secrets::cloud_credentials(&self.app.settings, cluster, &access) {
            self.app.management.apply(object.expose_body()).await?;
        }
        let mut conn = self.app.db.acquire().await?;
        credential_health::note(&mut conn, &cluster.uuid, false).await?;
        Ok(())
    }

    /// Marks the Machines behind the servers that the user wants gone, so that Cluster API removes those first.
    pub(super) async fn mark_for_removal(
        &self,
        desired: &Desired,
        nodegroup: &str,
        remove: &[String],
    ) -> Result<(), StepError> {
        let namespace = namespace(&self.app.settings, &desired.cluster);
        let release = desired.cluster.stack_id.as_deref().unwrap_or_default();
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta1", "Machine"));
        let client = self.app.management.clients().await?.requests;
        let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &resource);
        let of_cluster = ListParams::default().labels(&format!("{CLUSTER_NAME}={release}"));
        let listed = api
            .list(&of_cluster)
            .await
            .map_err(|cause| ManagementError::Request {
                doing: format!("listing the Machines of {namespace}/{release}"),
                cause,
            })?;
        let machines: Vec<String> = listed
            .items
            .iter()
            .filter(|machine| is_meant(machine, remove))
            .filter_map(|machine| machine.metadata.name.clone())
            .collect();
        if machines.len() < remove.len() {
            tracing::warn!(
                nodegroup,
                wanted = remove.len(),
                found = machines.len(),
                "not all servers to be removed are known"
            );
        }
        for machine in machines {
            let patch = json!({"metadata": {"annotations": {DELETE_MACHINE: "yes"}}});
            match api
                .patch(&machine, &PatchParams::default(), &Patch::Merge(&patch))
                .await
            {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(cause) => {
                    return Err(ManagementError::Request {
                        doing: format!("marking Machine {namespace}/{machine}"),
                        cause,
                    }
                    .into());
                }
            }
        }
        Ok(())
    }
}

/// Whether the user means this Machine: by its name, its node's, or its server's id.
fn is_meant(machine: &DynamicObject, remove: &[String]) -> bool {
    let at = |pointer: &str| machine.data.pointer(pointer).and_then(serde_json::Value::as_str);
    let server = at("/spec/providerID").and_then(|id| id.rsplit('/').next());
    let names = [
        machine.metadata.name.as_deref(),
        at("/status/nodeRef/name"),
        server,
    ];
    names
        .into_iter()
        .flatten()
        .any(|name| remove.iter().any(|wanted| wanted == name))
}

fn cloud_access(
    settings: &conductor_config::Settings,
    credential: &Credential,
    secret: secrecy::SecretString,
) -> Result<CloudAccess, StepError> {
    Ok(CloudAccess {
        credential_id: credential.id.clone(),
        credential_secret: secret,
        auth_url: credential.auth_url.clone(),
        region: credential.region.clone().unwrap_or_default(),
        ca_bundle: credentials::ca_bundle(settings).map_err(StepError::permanent)?,
    })
}
