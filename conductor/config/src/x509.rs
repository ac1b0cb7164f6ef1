//! `[x509]`.

use oslo_config::section;

use crate::texts;

section! {
    /// What `sign_certificate` lets through.
    pub struct X509("x509") {
        /// Whether a signed certificate may be a CA.
        pub allow_ca: bool = false;
        /// Extensions that may be asked for.
        pub allowed_extensions: Vec<String> = texts(&[
            "keyUsage", "extendedKeyUsage", "subjectAltName", "basicConstraints", "subjectKeyIdentifier",
        ]), choices(
            "authorityKeyIdentifier", "subjectKeyIdentifier", "authorityInfoAccess", "basicConstraints",
            "cRLDistributionPoints", "certificatePolicies", "extendedKeyUsage", "OCSPNoCheck", "inhibitAnyPolicy",
            "keyUsage", "nameConstraints", "subjectAltName", "issuerAltName"
        );
        /// Key usages that may be asked for.
        pub allowed_key_usage: Vec<String> =
            texts(&["Digital Signature", "Key Encipherment", "Non Repudiation"]),
            choices(
                "Digital Signature", "Non Repudiation", "Key Encipherment", "Data Encipherment", "Key Agreement",
                "Certificate Sign", "CRL Sign", "Encipher Only", "Decipher Only"
            );
        /// Days that a certificate is valid.
        pub term_of_validity: i64 = 1825;
        /// Bits of generated keys.
        pub rsa_key_size: u32 = 2048;
    }
}
