//! HTTP clients towards the services, each with the TLS that is configured for it.

use std::collections::HashMap;
use std::time::Duration;

use openstack::session::Session;
use reqwest::{Certificate, Client, Identity};

use crate::auth::KeystoneAuth;
use crate::error::OpenStackError;
use crate::settings::{CloudSettings, Credentials, Service, Tls};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What all views of the cloud share.
pub(crate) struct Connections {
    pub(crate) settings: CloudSettings,
    clients: HashMap<Tls, Client>,
}

impl Connections {
    /// Reads certificates; connects to nothing yet.
    pub(crate) fn new(settings: CloudSettings) -> Result<Self, OpenStackError> {
        let mut clients = HashMap::new();
        let services = settings
            .services
            .values()
            .filter_map(|options| options.tls.as_ref());
        for tls in std::iter::once(&settings.tls).chain(services) {
            if !clients.contains_key(tls) {
                clients.insert(tls.clone(), client(tls, settings.timeout)?);
            }
        }
        Ok(Self { settings, clients })
    }

    /// Authentication by some credentials, at the first need.
    pub(crate) fn auth(&self, credentials: Credentials) -> Result<KeystoneAuth, OpenStackError> {
        KeystoneAuth::credentials(
            &self.settings.auth_url,
            self.client(Service::Identity)?,
            credentials,
        )
    }

    /// The HTTP client for a service.
    pub(crate) fn client(&self, service: Service) -> Result<Client, OpenStackError> {
        let own = self
            .settings
            .services
            .get(&service)
            .and_then(|options| options.tls.as_ref());
        self.clients
            .get(own.unwrap_or(&self.settings.tls))
            .cloned()
            .ok_or_else(|| OpenStackError::Settings {
                what: format!("TLS towards {service}"),
                cause: "it was not prepared".into(),
            })
    }

    /// A session of the `openstack` crate for a service.
    pub(crate) async fn session(
        &self,
        service: Service,
        auth: &KeystoneAuth,
    ) -> Result<Session, OpenStackError> {
        // Authenticate first: the crate's errors would not tell what Keystone said.
        auth.current().await?;
        Session::new_with_client(self.client(service)?, auth.clone())
            .await
            .map_err(|error| OpenStackError::Unreachable {
                service: Service::Identity,
                method: "POST".into(),
                path: "/v3/auth/tokens".into(),
                cause: error.to_string(),
            })
    }
}

/// How long a connection may idle before it is not used again. Servers close idle ones, gunicorn after two seconds, Apache
/// after five, and a request that must not be repeated would fail if it met that moment.
const IDLE_LIMIT: Duration = Duration::from_secs(1);

fn client(tls: &Tls, timeout: Duration) -> Result<Client, OpenStackError> {
    let mut builder = Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .pool_idle_timeout(IDLE_LIMIT)
        .user_agent(concat!("magnum-conductor/", env!("CARGO_PKG_VERSION")))
        .danger_accept_invalid_certs(tls.insecure)
        // A redirect would carry the token to wherever it points.
        .redirect(reqwest::redirect::Policy::none());
    if let Some(path) = &tls.ca_file {
        let read = std::fs::read(path).map_err(|error| unusable(path, &error))?;
        let certificates = Certificate::from_pem_bundle(&read).map_err(|error| unusable(path, &error))?;
        builder = builder.tls_built_in_root_certs(false);
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(path) = &tls.cert_file {
        let mut pem = std::fs::read(path).map_err(|error| unusable(path, &error))?;
        if let Some(key) = &tls.key_file {
            pem.push(b'\n');
            pem.extend(std::fs::read(key).map_err(|error| unusable(key, &error))?);
        }
        builder = builder.identity(Identity::from_pem(&pem).map_err(|error| unusable(path, &error))?);
    }
    builder.build().map_err(|error| OpenStackError::Settings {
        what: "TLS".into(),
        cause: error.to_string(),
    })
}

fn unusable(path: &std::path::Path, error: &dyn std::error::Error) -> OpenStackError {
    OpenStackError::Settings {
        what: format!("file {}", path.display()),
        cause: error.to_string(),
    }
}
