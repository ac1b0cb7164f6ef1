//! Certificates as Magnum makes them: a CA for each purpose of a cluster, a client certificate for its
//! administrator, signatures under users' requests, and private keys encrypted for storage.
//!
//! Behaviour is that of magnum 23.0 (`magnum/common/x509/operations.py`, `validator.py`), with three
//! differences: times are UTC (Python writes local time and calls it UTC), a request that brings its own
//! subject key identifier is signed (Python fails on the second one), and every refusal is an error that
//! can be sent to the caller.
//!
//! Generating a key takes a good part of a second of CPU: call from a blocking thread in async code.

mod authority;
mod certificate;
mod describe;
mod error;
mod key_usage;
mod options;
mod policy;
mod private_key;
mod request;

pub use authority::{CertificateAuthority, KeyPair};
pub use error::X509Error;
pub use options::X509Options;
pub use private_key::{decrypt_private_key, encrypt_private_key, generate_passphrase};
