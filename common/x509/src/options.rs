/// Options of magnum.conf's `[x509]` group, with Magnum's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509Options {
    /// `allow_ca`: whether a signed request may yield a CA certificate.
    pub allow_ca: bool,
    /// `allowed_extensions`: names of the extensions that a request may bring, as OpenSSL writes them.
    /// Others are dropped, or refused when critical.
    pub allowed_extensions: Vec<String>,
    /// `allowed_key_usage`: names of the key usages that a request may bring ("Digital Signature").
    /// Others are switched off, or refused when the extension is critical.
    pub allowed_key_usage: Vec<String>,
    /// `term_of_validity`: days from now for which a certificate is valid.
    pub term_of_validity: i64,
    /// `rsa_key_size`: bits of generated private keys.
    pub rsa_key_size: usize,
}

impl Default for X509Options {
    fn default() -> Self {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Self {
            allow_ca: false,
            allowed_extensions: names(&[
                "keyUsage",
                "extendedKeyUsage",
                "subjectAltName",
                "basicConstraints",
                "subjectKeyIdentifier",
            ]),
            allowed_key_usage: names(&["Digital Signature", "Key Encipherment", "Non Repudiation"]),
            term_of_validity: 5 * 365,
            rsa_key_size: 2048,
        }
    }
}
