use crate::describe;

/// What can go wrong with certificates and keys. Display texts are Magnum's where Magnum has one.
#[derive(Debug, thiserror::Error)]
pub enum X509Error {
    /// Magnum's `InvalidCsr` (400): the text is not a certificate signing request.
    #[error("Received invalid csr {}.", describe::bytes(.csr))]
    InvalidCsr {
        /// What was received, as bytes (Magnum encodes it in Latin-1).
        csr: Vec<u8>,
        /// Why it could not be read; for the log.
        reason: String,
    },
    /// A character outside Latin-1 in the request; Python raises `UnicodeEncodeError` with these values.
    #[error(
        "'latin-1' codec can't encode character{} in position {}: ordinal not in range(256)",
        describe::unencodable(.csr, *.start, *.end),
        describe::span(*.start, *.end)
    )]
    CsrNotLatin1 {
        /// What was received.
        csr: String,
        /// First character (counted in characters) that cannot be encoded.
        start: usize,
        /// The one behind the last of that run.
        end: usize,
    },
    /// Magnum's `CertificateValidationError` (400): the request brings an extension that `[x509]` forbids.
    #[error("Extension '{extension}' not allowed")]
    ExtensionNotAllowed {
        /// The extension, described as Python describes it.
        extension: String,
    },
    /// A common name or organization is empty or too long for a certificate; Python raises `ValueError` with this text.
    #[error("Attribute's length must be >= 1 and <= 64, but it was {length}")]
    NameLength {
        /// Its length in bytes of UTF-8.
        length: usize,
    },
    /// A private key cannot be read: not PEM, damaged, or of an unknown kind.
    #[error("cannot read the private key: {reason}")]
    UnreadableKey {
        /// What the decoder says; never key material.
        reason: String,
    },
    /// A private key cannot be decrypted: the passphrase is missing or wrong.
    #[error("cannot decrypt the private key: {reason}")]
    Passphrase {
        /// Missing or wrong.
        reason: &'static str,
    },
    /// A key could not be generated, for example because of `[x509] rsa_key_size`.
    #[error("cannot generate a private key of {bits} bits: {reason}")]
    KeyGeneration {
        /// `[x509] rsa_key_size`.
        bits: usize,
        /// Why.
        reason: String,
    },
    /// A private key could not be encoded or encrypted.
    #[error("cannot write the private key: {reason}")]
    UnwritableKey {
        /// Why.
        reason: String,
    },
    /// A certificate could not be put together or signed, for example because of `[x509] term_of_validity`.
    #[error("cannot make the certificate: {reason}")]
    Certificate {
        /// Why.
        reason: String,
    },
}

impl X509Error {
    pub(crate) fn certificate(reason: impl ToString) -> Self {
        Self::Certificate {
            reason: reason.to_string(),
        }
    }
}
