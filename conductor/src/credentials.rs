//! Who we are to OpenStack, and the application credentials of clusters, as magnum-capi-helm `common/app_creds.py`.

use std::path::PathBuf;
use std::time::Duration;

use conductor_config::{KeystoneAuth, ServiceClient, Settings};
use conductor_driver::{DriverError, facts};
use magnum_objects::{Cluster, Kind, MagnumError, RequestContext};
use openstack_clients::{
    CallerToken, Cloud, CloudSettings, Clouds, Credentials, Named, NewApplicationCredential, OpenStackError,
    Password, Retries, Scope, Service, ServiceOptions, Tls,
};
use secrecy::SecretString;

use crate::facts::cloud_error;

/// Longest time of one OpenStack request where `[keystone_auth] timeout` says nothing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// CA bundles of the systems that we run on, for clusters if no other bundle is configured.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// What goes wrong with credentials of clusters.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Keystone failed or refused.
    #[error(transparent)]
    Cloud(#[from] OpenStackError),
    /// Keystone's regions could not be listed.
    #[error("Failed to list regions.")]
    Regions(#[source] OpenStackError),
    /// The configured region is not one of Keystone's.
    #[error(transparent)]
    Refused(#[from] DriverError),
    /// The request tells no user.
    #[error("the request does not say which user it comes from")]
    NoUser,
    /// The credential bears another cluster's name.
    #[error("{id} is not managed by Magnum.")]
    NotOurs {
        /// Id of the credential.
        id: String,
    },
    /// No CA bundle for clusters can be read.
    #[error("no CA bundle for clusters: {path} cannot be read: {cause}")]
    CaBundle {
        /// File.
        path: String,
        /// Why not.
        cause: String,
    },
}

impl CredentialError {
    /// Whether the same may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Cloud(error) | Self::Regions(error) if error.is_transient())
    }
}

impl From<CredentialError> for MagnumError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Cloud(error) => cloud_error(&error),
            CredentialError::Regions(_) => Self::regions_list_failed(),
            CredentialError::Refused(error) => error.into(),
            other => Self::positional(Kind::MagnumException, other.to_string()),
        }
    }
}

/// A new application credential and what else `clouds.yaml` needs.
#[derive(Debug, Clone)]
pub struct Created {
    /// Id.
    pub id: String,
    /// Secret.
    pub secret: SecretString,
    /// User that it belongs to.
    pub user_id: String,
    /// Names of the roles that it carries.
    pub roles: Vec<String>,
    /// Keystone's public endpoint.
    pub auth_url: String,
    /// Region, one of Keystone's.
    pub region: String,
}

/// Connections to OpenStack as `magnum.conf` describes them, see magnum `common/keystone.py` and `common/clients.py`.
///
/// # Errors
/// Files with certificates that cannot be used; no address for Keystone.
pub fn clouds(settings: &Settings) -> Result<Clouds, OpenStackError> {
    let auth = &settings.keystone_auth;
    let legacy = || set(&settings.keystone_authtoken.www_authenticate_uri);
    let auth_url = set(&auth.auth_url)
        .or_else(legacy)
        .ok_or_else(|| OpenStackError::Settings {
            what: "[keystone_auth] auth_url".into(),
            cause: "it is not set, nor is [keystone_authtoken] www_authenticate_uri".into(),
        })?;
    let path = |value: &Option<String>| set(value).map(PathBuf::from);
    let tls = Tls {
        ca_file: path(&auth.cafile),
        cert_file: path(&auth.certfile),
        key_file: path(&auth.keyfile),
        insecure: auth.insecure,
    };
    let services = [
        (Service::Image, &settings.glance_client),
        (Service::Compute, &settings.nova_client),
        (Service::Network, &settings.neutron_client),
        (Service::BlockStorage, &settings.cinder_client),
        (Service::KeyManager, &settings.barbican_client),
    ];
    Clouds::new(CloudSettings {
        auth_url,
        services: services
            .into_iter()
            .map(|(service, options)| (service, service_options(options, &tls)))
            .collect(),
        tls,
        timeout: auth
            .timeout
            .filter(|seconds| *seconds > 0.0)
            .map_or(TIMEOUT, Duration::from_secs_f64),
        retries: Retries::default(),
        service_user: service_user(auth).or_else(|| legacy_user(&settings.keystone_authtoken_auth)),
    })
}

/// The value of an option, if it is set to something.
pub(crate) fn set(value: &Option<String>) -> Option<String> {
    value.clone().filter(|value| !value.is_empty())
}

fn service_options(options: &ServiceClient, keystone: &Tls) -> ServiceOptions {
    let own = Tls {
        ca_file: set(&options.ca_file)
            .map(PathBuf::from)
            .or_else(|| keystone.ca_file.clone()),
        cert_file: set(&options.cert_file)
            .map(PathBuf::from)
            .or_else(|| keystone.cert_file.clone()),
        key_file: set(&options.key_file)
            .map(PathBuf::from)
            .or_else(|| keystone.key_file.clone()),
        insecure: options.insecure || keystone.insecure,
    };
    ServiceOptions {
        region: set(&options.region_name),
        interface: options.interface().to_owned(),
        tls: (own != *keystone).then_some(own),
    }
}

/// The service's own user where only `[keystone_authtoken]` has one, as magnum up to 22 takes it; its user and project are
/// in the domain `default` unless the options say otherwise.
fn legacy_user(options: &KeystoneAuth) -> Option<Credentials> {
    let mut options = options.clone();
    options.default_domain_id = set(&options.default_domain_id).or_else(|| Some("default".to_owned()));
    service_user(&options)
}

/// The service's own user; `None` if the options name neither a user nor an application credential.
fn service_user(auth: &KeystoneAuth) -> Option<Credentials> {
    let named = |id: &Option<String>, name: &Option<String>, domain: Option<Named>| -> Option<Named> {
        let by_name = || {
            set(name).map(|name| Named::Name {
                name,
                domain: domain.map(Box::new),
            })
        };
        set(id).map(Named::Id).or_else(by_name)
    };
    let domain = |id: &Option<String>, name: &Option<String>| {
        named(id, name, None).or_else(|| named(&auth.default_domain_id, &auth.default_domain_name, None))
    };
    let user = named(
        &auth.user_id,
        &auth.username,
        domain(&auth.user_domain_id, &auth.user_domain_name),
    );
    if let Some(secret) = auth.application_credential_secret.clone() {
        return match (&auth.application_credential_id, &auth.application_credential_name) {
            (Some(id), _) => Some(Credentials::ApplicationCredential {
                id: id.clone(),
                secret,
            }),
            (None, Some(name)) => Some(Credentials::NamedApplicationCredential {
                name: name.clone(),
                user: user?,
                secret,
            }),
            (None, None) => None,
        };
    }
    let project_domain = domain(&auth.project_domain_id, &auth.project_domain_name);
    let scope = if let Some(trust) = auth.trust_id.clone() {
        Scope::Trust(trust)
    } else if let Some(project) = named(&auth.project_id, &auth.project_name, project_domain) {
        Scope::Project(project)
    } else if let Some(domain) = named(&auth.domain_id, &auth.domain_name, None) {
        Scope::Domain(domain)
    } else if auth.system_scope.as_deref() == Some("all") {
        Scope::System
    } else {
        Scope::Default
    };
    Some(Credentials::Password(Password {
        user: user?,
        password: auth.password.clone()?,
        scope,
    }))
}

/// The caller's view of the cloud; the service's own for an administrator's request without a token.
///
/// # Errors
/// A request with neither token nor administrator's rights; no service user.
pub fn caller(clouds: &Clouds, context: &RequestContext) -> Result<Cloud, OpenStackError> {
    match &context.auth_token {
        Some(token) => {
            let request = context.request_id.clone();
            clouds.caller(CallerToken::new(
                token.clone(),
                &context.auth_token_info.0,
                request,
            ))
        }
        None if context.is_admin => clouds.service(),
        None => Err(OpenStackError::NoCredentials {
            what: "token in the request",
        }),
    }
}

/// Makes the application credential of a cluster, in the caller's name.
///
/// `unique` makes the name the credential's own: eight hexadecimal digits in Python. The region is checked first, so
/// that no credential is left behind when the configuration is wrong.
///
/// # Errors
/// Keystone's, and a region that is none.
pub async fn create(
    cloud: &Cloud,
    settings: &Settings,
    context: &RequestContext,
    cluster: &Cluster,
    unique: &str,
) -> Result<Created, CredentialError> {
    let user_id = context
        .user_id
        .clone()
        .filter(|id| !id.is_empty())
        .ok_or(CredentialError::NoUser)?;
    let (regions, auth_url) =
        tokio::join!(cloud.regions(), cloud.endpoint(Service::Identity, "public", None));
    let regions = match regions {
        Err(error) if error.is_not_found() => Vec::new(),
        regions => regions.map_err(CredentialError::Regions)?,
    };
    let region = facts::region(settings.cinder_client.region_name.as_deref(), &regions)?;
    let auth_url = auth_url?;
    let called = if cluster.name.is_empty() {
        &cluster.uuid
    } else {
        &cluster.name
    };
    let new = NewApplicationCredential {
        user_id: user_id.clone(),
        name: format!("{}-{unique}", name_prefix(&cluster.uuid)),
        description: format!("Magnum cluster ({called})"),
    };
    let made = cloud.create_application_credential(&new).await?;
    let roles = made.roles().map(str::to_owned).collect();
    let secret = made.secret.ok_or_else(|| OpenStackError::InvalidResponse {
        service: Service::Identity,
        method: "POST".into(),
        path: format!("/users/{user_id}/application_credentials"),
        cause: "the new application credential has no secret".into(),
    })?;
    Ok(Created {
        id: made.id,
        secret,
        user_id,
        roles,
        auth_url,
        region,
    })
}

/// Deletes an application credential of a cluster; false if there was none.
///
/// `cloud` is the service's own view, as in Python, or the owner's.
///
/// # Errors
/// Keystone's, and a credential that is not the cluster's.
pub async fn delete(
    cloud: &Cloud,
    cluster_uuid: &str,
    user_id: &str,
    id: &str,
) -> Result<bool, CredentialError> {
    let Some(found) = cloud.application_credential(user_id, id).await? else {
        return Ok(false);
    };
    if !found.name.starts_with(&name_prefix(cluster_uuid)) {
        return Err(CredentialError::NotOurs { id: id.to_owned() });
    }
    Ok(cloud.delete_application_credential(user_id, id).await?)
}

/// Deletes all application credentials that a user has for a cluster, those that nobody remembers included: a conductor
/// that was killed between making one and writing it down leaves one behind.
///
/// # Errors
/// Keystone's.
pub async fn delete_all(cloud: &Cloud, cluster_uuid: &str, user_id: &str) -> Result<(), CredentialError> {
    let prefix = name_prefix(cluster_uuid);
    for found in cloud.application_credentials(user_id).await? {
        if found.name.starts_with(&prefix) {
            cloud.delete_application_credential(user_id, &found.id).await?;
        }
    }
    Ok(())
}

/// Whether Keystone still takes a cluster's application credential.
///
/// # Errors
/// Keystone's, but for the refusal itself.
pub async fn is_taken(clouds: &Clouds, id: &str, secret: &SecretString) -> Result<bool, CredentialError> {
    let credentials = Credentials::ApplicationCredential {
        id: id.to_owned(),
        secret: secret.clone(),
    };
    match clouds.with_credentials(credentials)?.token_info().await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.status(), Some(401 | 404)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How the names of all application credentials of a cluster begin.
fn name_prefix(cluster_uuid: &str) -> String {
    format!("magnum-{cluster_uuid}")
}

/// CA certificates that clusters trust when they talk to OpenStack: `[drivers] openstack_ca_file`, else those of the
/// system that we run on. (Python falls back on certifi's; Cluster API's provider has none of its own.)
///
/// # Errors
/// No file can be read.
pub fn ca_bundle(settings: &Settings) -> Result<String, CredentialError> {
    let configured = Some(settings.drivers.openstack_ca_file.clone()).filter(|path| !path.is_empty());
    let paths: Vec<String> = match configured {
        Some(path) => vec![path],
        None => {
            let named = std::env::var("SSL_CERT_FILE").ok();
            named
                .into_iter()
                .chain(SYSTEM_BUNDLES.map(str::to_owned))
                .collect()
        }
    };
    let mut failure = CredentialError::CaBundle {
        path: "ca-certificates.crt".into(),
        cause: "not found".into(),
    };
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(bundle) => return Ok(bundle),
            Err(error) => {
                failure = CredentialError::CaBundle {
                    path,
                    cause: error.to_string(),
                }
            }
        }
    }
    Err(failure)
}
