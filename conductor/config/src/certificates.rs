//! `[certificates]`.

use oslo_config::section;

section! {
    /// Where certificates are kept.
    pub struct Certificates("certificates") {
        /// `barbican`, `x509keypair` or `local`.
        pub cert_manager_type: String = "barbican".into();
        /// Folder of the `local` backend.
        pub storage_path: String = "/var/lib/magnum/certificates/".into();
    }
}
