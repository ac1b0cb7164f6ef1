//! Trusts of clusters, which Magnum knew up to 22: a user made for the cluster acts for the one who asked for it. As
//! magnum 22.0 `conductor/handlers/common/trust_manager.py` and `common/keystone.py`.
//!
//! Nothing in a Cluster API cluster uses its trust: its access to the cloud is the application credential. So one is made
//! only where `[trust] cluster_user_trust` asks for it (Magnum makes one always); those that are there are removed with
//! their cluster, whoever made them.

use conductor_config::Settings;
use magnum_objects::{Cluster, MagnumError, RequestContext};
use openstack_clients::{
    Cloud, Clouds, Credentials, Named, NewTrust, NewUser, OpenStackError, Password, Scope,
};
use secrecy::{ExposeSecret, SecretString};
use x509::generate_passphrase;

use crate::credentials::{self, set};

/// A trust and the user that it is made out to, as the cluster's row keeps them.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `trust_id`.
    pub id: String,
    /// `trustee_user_id`.
    pub trustee_user_id: String,
    /// `trustee_username`.
    pub trustee_username: String,
    /// `trustee_password`.
    pub trustee_password: SecretString,
}

/// Makes a trust for a cluster in the caller's name. If that fails, the trustee goes again, best effort.
///
/// # Errors
/// Keystone's; `[trust]` options that name no administrator of trustees.
pub async fn create(
    clouds: &Clouds,
    settings: &Settings,
    context: &RequestContext,
    cluster: &Cluster,
) -> Result<Trust, OpenStackError> {
    let caller = credentials::caller(clouds, context)?;
    let (admin, domain_id) = trustees(clouds, settings).await?;
    // 24 characters of 5 random bits.
    let password = [generate_passphrase(), generate_passphrase()];
    let password: SecretString = password
        .iter()
        .map(|part| part.expose_secret())
        .collect::<String>()
        .into();
    let trustee = admin
        .create_user(&NewUser {
            name: format!("{}_{}", cluster.uuid, cluster.project_id),
            password: password.clone(),
            domain_id,
        })
        .await?;
    let roles = &settings.trust.roles;
    let trust = caller
        .create_trust(&NewTrust {
            trustor_user_id: context.user_id.clone().unwrap_or_default(),
            trustee_user_id: trustee.id.clone(),
            project_id: context.project_id.clone().unwrap_or_default(),
            roles: if roles.is_empty() { &context.roles } else { roles }.clone(),
        })
        .await;
    match trust {
        Ok(id) => Ok(Trust {
            id,
            trustee_user_id: trustee.id,
            trustee_username: trustee.name,
            trustee_password: password,
        }),
        Err(error) => {
            if let Err(error) = admin.delete_user(&trustee.id).await {
                tracing::warn!(trustee = trustee.id, %error, "trustee without a trust is left behind");
            }
            Err(error)
        }
    }
}

/// Removes a trust and its trustee.
///
/// # Errors
/// The first of Keystone's refusals; a trust that is dead with its trustor is none.
pub async fn delete(
    clouds: &Clouds,
    settings: &Settings,
    trust_id: Option<&str>,
    trustee_user_id: Option<&str>,
    trustee_password: Option<&SecretString>,
) -> Result<(), OpenStackError> {
    let trust = match (trust_id, trustee_user_id, trustee_password) {
        (Some(trust), Some(trustee), Some(password)) => delete_trust(clouds, trust, trustee, password).await,
        _ => Ok(()),
    };
    let trustee = match trustee_user_id {
        Some(trustee) => trustees(clouds, settings)
            .await?
            .0
            .delete_user(trustee)
            .await
            .map(drop),
        None => Ok(()),
    };
    trust.and(trustee)
}

/// Only its trustor may delete a trust; the trustee is the trustor's deputy in everything.
async fn delete_trust(
    clouds: &Clouds,
    trust: &str,
    trustee: &str,
    password: &SecretString,
) -> Result<(), OpenStackError> {
    let deputy = clouds.with_credentials(Credentials::Password(Password {
        user: Named::Id(trustee.to_owned()),
        password: password.clone(),
        scope: Scope::Trust(trust.to_owned()),
    }))?;
    match deputy.delete_trust(trust).await {
        // Keystone lets nobody act for a trustor who is gone, and has removed the trust with them.
        Err(error) if matches!(error.status(), Some(401 | 403 | 404)) => {
            tracing::debug!(trust, %error, "trust is gone or dead");
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}

/// The administrator of trustees, and the id of the domain that they live in.
async fn trustees(clouds: &Clouds, settings: &Settings) -> Result<(Cloud, String), OpenStackError> {
    let options = &settings.trust;
    let missing = |what: &str| OpenStackError::Settings {
        what: format!("[trust] {what}"),
        cause: "it is not set".into(),
    };
    let domain = named(&options.trustee_domain_id, &options.trustee_domain_name, None)
        .ok_or_else(|| missing("trustee_domain_id or trustee_domain_name"))?;
    let of_admin = named(
        &options.trustee_domain_admin_domain_id,
        &options.trustee_domain_admin_domain_name,
        None,
    );
    let user = named(
        &options.trustee_domain_admin_id,
        &options.trustee_domain_admin_name,
        Some(of_admin.unwrap_or_else(|| domain.clone())),
    )
    .ok_or_else(|| missing("trustee_domain_admin_id or trustee_domain_admin_name"))?;
    let password = options.trustee_domain_admin_password.clone();
    let admin = clouds.with_credentials(Credentials::Password(Password {
        user,
        password: password.ok_or_else(|| missing("trustee_domain_admin_password"))?,
        scope: Scope::Domain(domain),
    }))?;
    let domain_id = match set(&options.trustee_domain_id) {
        Some(id) => id,
        None => {
            let info = admin.token_info().await?;
            info.domain_id()
                .map(str::to_owned)
                .ok_or_else(|| missing("trustee_domain_id"))?
        }
    };
    Ok((admin, domain_id))
}

fn named(id: &Option<String>, name: &Option<String>, domain: Option<Named>) -> Option<Named> {
    set(id).map(Named::Id).or_else(|| {
        set(name).map(|name| Named::Name {
            name,
            domain: domain.map(Box::new),
        })
    })
}

/// The exception for a creation that fails at its trust; Keystone's words are logged, and told too.
pub fn refusal(cluster: &Cluster, error: &OpenStackError) -> MagnumError {
    MagnumError::new(
        "magnum.common.exception",
        "TrusteeOrTrustToClusterFailed",
        format!(
            "Failed to create trustee or trust for Cluster: {} ({error})",
            cluster.uuid
        ),
    )
}
