//! All groups together.

use std::path::PathBuf;

use oslo_config::{Error, Finding, OsloSource, Section, SectionDef, from_source, section_from};

use crate::{
    CapiConductor, CapiHelm, CapiHelmClusterLabels, Certificates, Cinder, Cluster, ClusterTemplate,
    Conductor, Database, DefaultSection, Drivers, KeystoneAuth, KeystoneAuthtoken, Kubernetes,
    OsloConcurrency, OsloMessagingNotifications, OsloMessagingRabbit, Quotas, ServiceClient, Trust, X509,
};

macro_rules! settings {
    ($($(#[$meta:meta])* $field:ident: $ty:ty = $group:literal,)*) => {
        /// The configuration of one conductor.
        #[derive(Clone, Debug, Default)]
        pub struct Settings {
            $($(#[$meta])* pub $field: $ty,)*
            /// What the files hold that is not read, or is read by an old name.
            pub findings: Vec<Finding>,
        }

        impl Settings {
            /// Declarations of all groups.
            pub fn sections() -> Vec<Section> {
                vec![$(<$ty>::section().renamed($group)),*]
            }

            fn from_config(config: &config::Config, findings: Vec<Finding>) -> Result<Self, Error> {
                Ok(Self { $($field: section_from(config, $group)?,)* findings })
            }
        }
    };
}

settings! {
    /// `[DEFAULT]`
    default: DefaultSection = "DEFAULT",
    /// `[oslo_messaging_rabbit]`
    oslo_messaging_rabbit: OsloMessagingRabbit = "oslo_messaging_rabbit",
    /// `[oslo_messaging_notifications]`
    oslo_messaging_notifications: OsloMessagingNotifications = "oslo_messaging_notifications",
    /// `[oslo_concurrency]`
    oslo_concurrency: OsloConcurrency = "oslo_concurrency",
    /// `[database]`
    database: Database = "database",
    /// `[conductor]`
    conductor: Conductor = "conductor",
    /// `[drivers]`
    drivers: Drivers = "drivers",
    /// `[keystone_auth]`
    keystone_auth: KeystoneAuth = "keystone_auth",
    /// `[keystone_authtoken]`, the middleware's options
    keystone_authtoken: KeystoneAuthtoken = "keystone_authtoken",
    /// `[keystone_authtoken]`, the auth plugin's options
    keystone_authtoken_auth: KeystoneAuth = "keystone_authtoken",
    /// `[certificates]`
    certificates: Certificates = "certificates",
    /// `[x509]`
    x509: X509 = "x509",
    /// `[trust]`
    trust: Trust = "trust",
    /// `[cluster]`
    cluster: Cluster = "cluster",
    /// `[cluster_template]`
    cluster_template: ClusterTemplate = "cluster_template",
    /// `[kubernetes]`
    kubernetes: Kubernetes = "kubernetes",
    /// `[quotas]`
    quotas: Quotas = "quotas",
    /// `[cinder]`
    cinder: Cinder = "cinder",
    /// `[barbican_client]`
    barbican_client: ServiceClient = "barbican_client",
    /// `[cinder_client]`
    cinder_client: ServiceClient = "cinder_client",
    /// `[glance_client]`
    glance_client: ServiceClient = "glance_client",
    /// `[magnum_client]`
    magnum_client: ServiceClient = "magnum_client",
    /// `[neutron_client]`
    neutron_client: ServiceClient = "neutron_client",
    /// `[nova_client]`
    nova_client: ServiceClient = "nova_client",
    /// `[octavia_client]`
    octavia_client: ServiceClient = "octavia_client",
    /// `[capi_helm]`
    capi_helm: CapiHelm = "capi_helm",
    /// `[capi_helm_cluster_labels]`
    capi_helm_cluster_labels: CapiHelmClusterLabels = "capi_helm_cluster_labels",
    /// `[capi_conductor]`
    capi_conductor: CapiConductor = "capi_conductor",
}

impl Settings {
    /// Reads `files` in order, then the `*.conf` files of `dirs`; later ones win.
    ///
    /// # Errors
    /// Unreadable files, text that is not INI, values that do not fit their option; each with file and line.
    pub fn load(files: &[PathBuf], dirs: &[PathBuf]) -> Result<Self, Error> {
        let source = OsloSource::read(files, dirs, Self::sections())?;
        let loaded = from_source(&source)?;
        let mut settings = Self::from_config(&loaded.config, loaded.findings)?;
        settings.keystone_auth.follow_auth_section(&source)?;
        settings.keystone_authtoken_auth.follow_auth_section(&source)?;
        Ok(settings)
    }

    /// `[DEFAULT] host`, else the machine's host name, as `socket.gethostname()` gives it.
    pub fn host(&self) -> String {
        self.default
            .host
            .clone()
            .filter(|host| !host.is_empty())
            .unwrap_or_else(crate::hostname)
    }
}

impl KeystoneAuth {
    /// Takes the plugin's options from the group that `auth_section` names; those of the session stay, as
    /// keystoneauth does it (`loading/conf.py`).
    fn follow_auth_section(&mut self, source: &OsloSource) -> Result<(), Error> {
        let Some(group) = self.auth_section.clone().filter(|group| !group.is_empty()) else {
            return Ok(());
        };
        let mut sections = Settings::sections();
        sections.push(Self::section().renamed(&group));
        let loaded = from_source(&source.with_sections(sections))?;
        let plugin: Self = section_from(&loaded.config, &group)?;
        *self = Self {
            auth_section: self.auth_section.take(),
            cafile: self.cafile.take(),
            certfile: self.certfile.take(),
            keyfile: self.keyfile.take(),
            insecure: self.insecure,
            timeout: self.timeout,
            collect_timing: self.collect_timing,
            split_loggers: self.split_loggers,
            ..plugin
        };
        Ok(())
    }
}
