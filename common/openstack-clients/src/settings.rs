//! How the cloud is reached and as whom.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// A service that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Glance.
    Image,
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Cinder.
    BlockStorage,
    /// Barbican.
    KeyManager,
}

impl Service {
    /// Types under which the catalog may list the service: the official one, then its older names, as keystoneauth
    /// looks them up.
    pub(crate) fn catalog_types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Image => &["image"],
            Self::Compute => &["compute"],
            Self::Network => &["network"],
            Self::BlockStorage => &["block-storage", "volumev3", "block-store", "volume"],
            Self::KeyManager => &["key-manager"],
        }
    }

    /// Version that is added to an endpoint that names none.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Identity | Self::BlockStorage => "v3",
            Self::Image => "v2",
            Self::Compute => "v2.1",
            Self::Network => "v2.0",
            Self::KeyManager => "v1",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "Keystone",
            Self::Image => "Glance",
            Self::Compute => "Nova",
            Self::Network => "Neutron",
            Self::BlockStorage => "Cinder",
            Self::KeyManager => "Barbican",
        })
    }
}

/// TLS towards a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tls {
    /// CA certificates to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Key of the client certificate, PEM; may be in `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Accept any certificate.
    pub insecure: bool,
}

/// How one service is found in the catalog and reached.
#[derive(Debug, Clone, Default)]
pub struct ServiceOptions {
    /// Region; any if unset.
    pub region: Option<String>,
    /// `public` (if empty), `internal` or `admin`.
    pub interface: String,
    /// TLS if other than Keystone's.
    pub tls: Option<Tls>,
}

/// Repetition of calls that failed on the way; only calls that may be repeated are.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Attempts in all.
    pub attempts: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_millis(300),
        }
    }
}

/// Everything about reaching the cloud that does not depend on who asks.
#[derive(Debug, Clone)]
pub struct CloudSettings {
    /// Keystone, with or without `/v3`.
    pub auth_url: String,
    /// TLS towards Keystone, and towards services without their own.
    pub tls: Tls,
    /// Longest time of one request.
    pub timeout: Duration,
    /// Repetition.
    pub retries: Retries,
    /// The service's own user.
    pub service_user: Option<Credentials>,
    /// Options of services; those absent have the defaults.
    pub services: HashMap<Service, ServiceOptions>,
}

/// A user, project or domain by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id.
    Id(String),
    /// By name; in the domain if the thing lives in one.
    Name {
        /// Name.
        name: String,
        /// Domain of the thing.
        domain: Option<Box<Named>>,
    },
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Whatever Keystone chooses.
    Default,
    /// A project.
    Project(Named),
    /// A domain.
    Domain(Named),
    /// The whole deployment.
    System,
    /// A trust, by id.
    Trust(String),
}

/// User and password.
#[derive(Debug, Clone)]
pub struct Password {
    /// User.
    pub user: Named,
    /// Password.
    pub password: SecretString,
    /// Scope.
    pub scope: Scope,
}

/// What is shown to Keystone for a token.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// User and password.
    Password(Password),
    /// An application credential by id.
    ApplicationCredential {
        /// Id.
        id: String,
        /// Secret.
        secret: SecretString,
    },
    /// An application credential by name.
    NamedApplicationCredential {
        /// Name.
        name: String,
        /// Its user.
        user: Named,
        /// Secret.
        secret: SecretString,
    },
}
