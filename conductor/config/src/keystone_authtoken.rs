//! `[keystone_authtoken]`: the API's token validation; the conductor reads Keystone's public address from it.

use oslo_config::section;
use secrecy::SecretString;

section! {
    /// keystonemiddleware's own options. Those of the auth plugin are in [`crate::Settings::keystone_authtoken_auth`].
    pub struct KeystoneAuthtoken("keystone_authtoken") {
        /// Keystone as users reach it; used where `[keystone_auth] auth_url` is unset.
        pub www_authenticate_uri: Option<String> = None, deprecated("", "auth_uri");
        /// API version of Keystone.
        pub auth_version: Option<String> = None;
        /// Interface of Keystone.
        pub interface: String = "internal".into();
        /// For middleware only.
        pub delay_auth_decision: bool = false;
        /// For middleware only.
        pub http_connect_timeout: Option<i64> = None;
        /// For middleware only.
        pub http_request_max_retries: i64 = 3;
        /// For middleware only.
        pub cache: Option<String> = None;
        /// For middleware only.
        pub memcached_servers: Vec<String> = Vec::new(), deprecated("", "memcache_servers");
        /// For middleware only.
        pub token_cache_time: i64 = 300;
        /// For middleware only.
        pub memcache_security_strategy: String = "None".into();
        /// For middleware only.
        pub memcache_secret_key: Option<SecretString> = None;
        /// For middleware only.
        pub memcache_tls_enabled: bool = false;
        /// For middleware only.
        pub memcache_tls_cafile: Option<String> = None;
        /// For middleware only.
        pub memcache_tls_certfile: Option<String> = None;
        /// For middleware only.
        pub memcache_tls_keyfile: Option<String> = None;
        /// For middleware only.
        pub memcache_tls_allowed_ciphers: Option<String> = None;
        /// For middleware only.
        pub memcache_pool_dead_retry: i64 = 300;
        /// For middleware only.
        pub memcache_pool_maxsize: i64 = 10;
        /// For middleware only.
        pub memcache_pool_socket_timeout: i64 = 3;
        /// For middleware only.
        pub memcache_pool_unused_timeout: i64 = 60;
        /// For middleware only.
        pub memcache_pool_conn_get_timeout: i64 = 10;
        /// For middleware only.
        pub memcache_use_advanced_pool: bool = true;
        /// For middleware only.
        pub memcache_sasl_enabled: bool = false;
        /// For middleware only.
        pub memcache_username: Option<String> = None;
        /// For middleware only.
        pub memcache_password: Option<SecretString> = None;
        /// For middleware only.
        pub include_service_catalog: bool = true;
        /// For middleware only.
        pub enforce_token_bind: String = "permissive".into();
        /// For middleware only.
        pub service_token_roles: Vec<String> = vec!["service".into()];
        /// For middleware only.
        pub service_token_roles_required: bool = true;
        /// For middleware only.
        pub service_type: Option<String> = None;
    }
}
