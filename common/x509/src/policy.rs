//! Which extensions of a request make it into the certificate, as magnum 23.0 `common/x509/validator.py`.

use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::Decode;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};

use crate::certificate::{basic_constraints, key_usage};
use crate::describe;
use crate::error::X509Error;
use crate::key_usage::KeyUsages;
use crate::options::X509Options;
use crate::request::Request;

/// The extensions of `request` that `options` let through, changed where Magnum changes them.
pub(crate) fn filter(request: &Request, options: &X509Options) -> Result<Vec<Extension>, X509Error> {
    let mut kept = Vec::new();
    for extension in &request.extensions {
        let known = describe::extension_name(extension.extn_id);
        if !known.is_some_and(|name| options.allowed_extensions.iter().any(|allowed| allowed == name)) {
            if extension.critical {
                return Err(not_allowed(extension));
            }
            continue;
        }
        check_value(extension)
            .map_err(|error| request.invalid(format!("extension {}: {error}", extension.extn_id)))?;
        match extension.extn_id {
            ID_CE_KEY_USAGE => kept.push(allowed_key_usage(extension, options)?),
            ID_CE_BASIC_CONSTRAINTS => kept.push(allowed_basic_constraints(extension, options)?),
            // The certificate gets one that is computed from the key.
            ID_CE_SUBJECT_KEY_IDENTIFIER => {}
            _ => kept.push(extension.clone()),
        }
    }
    Ok(kept)
}

fn not_allowed(extension: &Extension) -> X509Error {
    X509Error::ExtensionNotAllowed {
        extension: describe::extension(extension),
    }
}

/// Refuses values that are not what their extension holds.
fn check_value(extension: &Extension) -> Result<(), der::Error> {
    let der = extension.extn_value.as_bytes();
    match extension.extn_id {
        ID_CE_KEY_USAGE => KeyUsages::from_der(der).map(drop),
        ID_CE_BASIC_CONSTRAINTS => BasicConstraints::from_der(der).map(drop),
        ID_CE_EXT_KEY_USAGE => ExtendedKeyUsage::from_der(der).map(drop),
        ID_CE_SUBJECT_ALT_NAME => SubjectAltName::from_der(der).map(drop),
        _ => der::asn1::AnyRef::from_der(der).map(drop),
    }
}

fn allowed_key_usage(extension: &Extension, options: &X509Options) -> Result<Extension, X509Error> {
    let requested = KeyUsages::from_der(extension.extn_value.as_bytes()).map_err(X509Error::certificate)?;
    let mut bits = requested.bits();
    for (bit, name) in bits.iter_mut().zip(KeyUsages::NAMES) {
        let allowed = options.allowed_key_usage.iter().any(|allowed| allowed == name)
            && (options.allow_ca || !KeyUsages::OF_A_CA.contains(&name));
        if *bit && !allowed {
            if extension.critical {
                return Err(not_allowed(extension));
            }
            *bit = false;
        }
    }
    key_usage(KeyUsages::from_bits(bits), extension.critical)
}

fn allowed_basic_constraints(extension: &Extension, options: &X509Options) -> Result<Extension, X509Error> {
    let requested =
        BasicConstraints::from_der(extension.extn_value.as_bytes()).map_err(X509Error::certificate)?;
    if !requested.ca || options.allow_ca {
        return Ok(extension.clone());
    }
    if extension.critical {
        return Err(not_allowed(extension));
    }
    basic_constraints(
        BasicConstraints {
            ca: false,
            path_len_constraint: None,
        },
        false,
    )
}
