//! What a new cluster is given outside the rows: certificates, an application credential, a trust where one is asked for.

use magnum_objects::{Changes, Cluster, MagnumError};
use secrecy::SecretString;

use super::Acceptor;
use crate::{
    certificates::{Kept, NewCertificates},
    cloud,
    operation::intent::Credential,
    request::{Request, RequestError},
    trusts::{self, Trust},
};

/// All of it; either there or taken back.
pub(super) struct Means {
    /// Certificates, but for those that belong in rows.
    pub certificates: Kept,
    /// The application credential.
    pub credential: Credential,
    /// Its secret.
    pub secret: SecretString,
    /// The trust; none since Magnum 23.
    trust: Option<Trust>,
}

impl Means {
    /// The columns of the cluster's row that hold the trust.
    pub(super) fn trust_columns(&self, changes: Changes) -> Changes {
        let Some(trust) = &self.trust else { return changes };
        changes
            .set("trust_id", trust.id.as_str())
            .set("trustee_user_id", trust.trustee_user_id.as_str())
            .set("trustee_username", trust.trustee_username.as_str())
            .set("trustee_password", trust.trustee_password.clone())
    }
}

impl Acceptor {
    /// Makes them side by side. What was made is taken back if anything fails.
    pub(super) async fn means(&self, request: &Request, cluster: &Cluster) -> Result<Means, RequestError> {
        let (certificates, made, trust) = tokio::join!(
            self.certificates(request, cluster),
            cloud::new_credential(&self.app, request, cluster),
            self.trust(request, cluster),
        );
        if certificates.is_err() || made.is_err() || trust.is_err() {
            if let Ok(kept) = &certificates {
                self.app.certificates.forget(kept).await;
            }
            if let Ok((credential, _)) = &made {
                cloud::forget_credential(&self.app, &request.context, cluster, credential).await;
            }
            if let Ok(trust) = &trust {
                self.forget_trust(trust.as_ref()).await;
            }
        }
        let certificates = certificates?;
        let (credential, secret) = made?;
        Ok(Means {
            certificates,
            credential,
            secret,
            trust: trust?,
        })
    }

    /// Takes them back. Best effort.
    pub(super) async fn forget_means(&self, request: &Request, cluster: &Cluster, means: &Means) {
        self.app.certificates.forget(&means.certificates).await;
        cloud::forget_credential(&self.app, &request.context, cluster, &means.credential).await;
        self.forget_trust(means.trust.as_ref()).await;
    }

    async fn certificates(&self, request: &Request, cluster: &Cluster) -> Result<Kept, RequestError> {
        let new = NewCertificates::generate(&self.app.settings, &request.context, cluster).await?;
        let kept = self.app.certificates.keep(new).await;
        kept.map_err(|error| {
            if error.is_transient() && !request.impatient {
                return RequestError::Unavailable(error.to_string());
            }
            tracing::error!(cluster = %cluster.uuid, %error, "certificates cannot be kept");
            MagnumError::certificates_to_cluster_failed(cluster.uuid.as_str()).into()
        })
    }

    async fn trust(&self, request: &Request, cluster: &Cluster) -> Result<Option<Trust>, RequestError> {
        let has_place = self.app.db.schema().has_column("cluster", "trust_id");
        if !has_place || !self.app.settings.trust.cluster_user_trust {
            return Ok(None);
        }
        let app = &self.app;
        let made = trusts::create(&app.clouds, &app.settings, &request.context, cluster).await;
        made.map(Some).map_err(|error| {
            tracing::error!(cluster = %cluster.uuid, %error, "trustee or trust cannot be made");
            if error.is_transient() && !request.impatient {
                return RequestError::Unavailable(error.to_string());
            }
            trusts::refusal(cluster, &error).into()
        })
    }

    async fn forget_trust(&self, trust: Option<&Trust>) {
        let Some(trust) = trust else { return };
        let gone = trusts::delete(
            &self.app.clouds,
            &self.app.settings,
            Some(&trust.id),
            Some(&trust.trustee_user_id),
            Some(&trust.trustee_password),
        );
        if let Err(error) = gone.await {
            tracing::warn!(trust = trust.id, %error, "unused trust not removed");
        }
    }
}
