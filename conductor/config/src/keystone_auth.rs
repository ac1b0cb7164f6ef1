//! `[keystone_auth]`: the service's own credentials.

use oslo_config::section;
use secrecy::SecretString;

section! {
    /// keystoneauth's options: common, of the password and application credential plugins, and of sessions.
    pub struct KeystoneAuth("keystone_auth") {
        /// Plugin: `password` or `v3password`, `v3applicationcredential`. Unset means `password`.
        pub auth_type: Option<String> = None, deprecated("", "auth_plugin");
        /// Group that the plugin's options are read from instead of this one; followed when settings are loaded.
        pub auth_section: Option<String> = None;
        /// Keystone.
        pub auth_url: Option<String> = None;
        /// Scope: `all`.
        pub system_scope: Option<String> = None;
        /// Scope: domain.
        pub domain_id: Option<String> = None;
        /// Scope: domain.
        pub domain_name: Option<String> = None;
        /// Scope: project.
        pub project_id: Option<String> = None, deprecated("", "tenant-id"), deprecated("", "tenant_id");
        /// Scope: project.
        pub project_name: Option<String> = None, deprecated("", "tenant-name"), deprecated("", "tenant_name"),
            deprecated("", "admin_tenant_name");
        /// The project's domain.
        pub project_domain_id: Option<String> = None;
        /// The project's domain.
        pub project_domain_name: Option<String> = None;
        /// Trust to use.
        pub trust_id: Option<String> = None;
        /// Domain of user and project where none is given.
        pub default_domain_id: Option<String> = None;
        /// Domain of user and project where none is given.
        pub default_domain_name: Option<String> = None;
        /// User.
        pub user_id: Option<String> = None;
        /// User.
        pub username: Option<String> = None, deprecated("", "user-name"), deprecated("", "user_name"),
            deprecated("", "admin_user");
        /// The user's domain.
        pub user_domain_id: Option<String> = None;
        /// The user's domain.
        pub user_domain_name: Option<String> = None;
        /// Password.
        pub password: Option<SecretString> = None, deprecated("", "admin_password");
        /// Application credential.
        pub application_credential_id: Option<String> = None;
        /// Application credential, with a user.
        pub application_credential_name: Option<String> = None;
        /// Its secret.
        pub application_credential_secret: Option<SecretString> = None;
        /// Region of OpenStack's services, where a client's own option says nothing.
        pub region_name: Option<String> = None;
        /// Interface of OpenStack's services.
        pub interface: Option<String> = None;
        /// CA bundle for HTTPS, PEM.
        pub cafile: Option<String> = None, deprecated("keystone_authtoken", "cafile");
        /// Client certificate, PEM.
        pub certfile: Option<String> = None, deprecated("keystone_authtoken", "certfile");
        /// Client key, PEM.
        pub keyfile: Option<String> = None, deprecated("keystone_authtoken", "keyfile");
        /// Do not verify certificates.
        pub insecure: bool = false, deprecated("keystone_authtoken", "insecure");
        /// Seconds per request.
        pub timeout: Option<f64> = None, deprecated("keystone_authtoken", "timeout");
        /// Python: collect timings; not used.
        pub collect_timing: bool = false;
        /// Python: several loggers; not used.
        pub split_loggers: bool = false;
    }
}
