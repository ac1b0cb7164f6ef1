//! `[glance_client]`, `[nova_client]` and their like: how one OpenStack service is reached.

use oslo_config::section;

section! {
    /// The same options in each of these groups; the certificate options and `api_version` are gone from Magnum 23
    /// in most of them.
    pub struct ServiceClient("magnum_client") {
        /// Region in the catalog.
        pub region_name: Option<String> = None;
        /// Interface in the catalog: `publicURL`, `internalURL`, `adminURL`, also without `URL`.
        pub endpoint_type: String = "publicURL".into();
        /// Version of the service's API; what we speak is fixed.
        pub api_version: Option<String> = None;
        /// CA bundle, PEM.
        pub ca_file: Option<String> = None;
        /// Client certificate, PEM.
        pub cert_file: Option<String> = None;
        /// Client key, PEM.
        pub key_file: Option<String> = None;
        /// Do not verify certificates.
        pub insecure: bool = false;
    }
}

impl ServiceClient {
    /// The interface as the catalog names it: `public`, `internal` or `admin`.
    pub fn interface(&self) -> &str {
        self.endpoint_type
            .strip_suffix("URL")
            .unwrap_or(&self.endpoint_type)
    }
}
