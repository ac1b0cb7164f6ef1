//! How Python prints what refusals speak of, so that messages are the ones that users of Magnum know.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_BASIC_CONSTRAINTS, ID_CE_KEY_USAGE};
use der::Decode;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::BasicConstraints;

use crate::key_usage::KeyUsages;

/// Names in `[x509] allowed_extensions`.
const EXTENSIONS: [(&str, &str); 13] = [
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.37", "extendedKeyUsage"),
    ("1.3.6.1.5.5.7.48.1.5", "OCSPNoCheck"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
];

pub(crate) fn extension_name(oid: ObjectIdentifier) -> Option<&'static str> {
    let dotted = oid.to_string();
    EXTENSIONS
        .iter()
        .find(|(known, _)| *known == dotted)
        .map(|(_, name)| *name)
}

/// As `str()` of cryptography's Extension, where we know the form of its value; else the value as bytes.
pub(crate) fn extension(extension: &Extension) -> String {
    let name = extension_name(extension.extn_id).unwrap_or("Unknown OID");
    let oid = format!("<ObjectIdentifier(oid={}, name={name})>", extension.extn_id);
    let critical = if extension.critical { "True" } else { "False" };
    let der = extension.extn_value.as_bytes();
    let value = match extension.extn_id {
        ID_CE_KEY_USAGE => KeyUsages::from_der(der).ok().map(KeyUsages::describe),
        ID_CE_BASIC_CONSTRAINTS => BasicConstraints::from_der(der).ok().map(|value| {
            let length = value
                .path_len_constraint
                .map_or("None".to_owned(), |length| length.to_string());
            format!(
                "<BasicConstraints(ca={}, path_length={length})>",
                if value.ca { "True" } else { "False" }
            )
        }),
        _ if name == "OCSPNoCheck" => Some("<OCSPNoCheck()>".to_owned()),
        _ => None,
    };
    let value = value.unwrap_or_else(|| format!("<UnrecognizedExtension(oid={oid}, value={})>", bytes(der)));
    format!("<Extension(oid={oid}, critical={critical}, value={value})>")
}

/// As `repr()` of Python's bytes.
pub(crate) fn bytes(value: &[u8]) -> String {
    let quote = if value.contains(&b'\'') && !value.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut text = format!("b{quote}");
    for byte in value {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            _ if char::from(*byte) == quote => {
                text.push('\\');
                text.push(quote);
            }
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    text
}

/// The characters part of `UnicodeEncodeError`: one is shown, several are only counted.
pub(crate) fn unencodable(text: &str, start: usize, end: usize) -> String {
    match text.chars().nth(start) {
        Some(c) if end == start + 1 => match u32::from(c) {
            code @ 0x1_0000.. => format!(" '\\U{code:08x}'"),
            code => format!(" '\\u{code:04x}'"),
        },
        _ => "s".to_owned(),
    }
}

/// The position part of `UnicodeEncodeError`.
pub(crate) fn span(start: usize, end: usize) -> String {
    if end == start + 1 {
        start.to_string()
    } else {
        format!("{start}-{}", end.saturating_sub(1))
    }
}
