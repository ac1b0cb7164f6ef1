//! Magnum's exceptions, as they travel in an oslo.messaging failure.
//!
//! Source of the rule: magnum 23.0 `common/exception.py` (classes, texts, HTTP codes) and
//! oslo.messaging's `serialize_remote_exception` (class, module, message, args, kwargs).
//! Only what the conductor, the objects or the DB layer can raise is listed.

use std::fmt;

use serde_json::{Map, Value};

/// Python module of Magnum's own exceptions; magnum-api rebuilds only these by class.
pub const MAGNUM_MODULE: &str = "magnum.common.exception";
/// Python module of oslo.versionedobjects' exceptions.
pub const OVO_MODULE: &str = "oslo_versionedobjects.exception";
/// Python module of the built-in exceptions.
pub const BUILTINS: &str = "builtins";

/// An exception in the form in which magnum-api gets it.
///
/// `Display` gives the message only, which is what Magnum shows to users and stores in
/// `status_reason`.
#[derive(Debug, Clone, PartialEq)]
pub struct MagnumError {
    /// Class name, for example `ClusterNotFound`.
    pub class: String,
    /// Python module of the class.
    pub module: String,
    /// What `str(exception)` gives.
    pub message: String,
    /// `exception.args`.
    pub args: Vec<Value>,
    /// `exception.kwargs`; Magnum's classes always carry `code`, the HTTP status. Boxed, as errors
    /// are to be small.
    pub kwargs: Box<Map<String, Value>>,
}

impl fmt::Display for MagnumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MagnumError {}

impl MagnumError {
    /// An exception of any class; `args` is the message alone, `kwargs` is empty.
    pub fn new(module: impl Into<String>, class: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            class: class.into(),
            module: module.into(),
            args: vec![Value::from(message.clone())],
            message,
            kwargs: Box::default(),
        }
    }

    /// A built-in Python exception such as `ValueError` or `TypeError`.
    pub fn builtin(class: &str, message: impl Into<String>) -> Self {
        Self::new(BUILTINS, class, message)
    }

    /// Python's `KeyError(key)`: the message is the key's repr, the argument is the key.
    pub fn key_error(key: &str) -> Self {
        let mut error = Self::builtin("KeyError", python_repr(key));
        error.args = vec![Value::from(key)];
        error
    }

    /// One of Magnum's classes raised with a text of its own instead of the class's format.
    pub fn positional(kind: Kind, message: impl Into<String>) -> Self {
        let mut error = Self::new(MAGNUM_MODULE, kind.class(), message);
        error.kwargs.insert("code".into(), Value::from(kind.code()));
        error
    }

    /// Adds a keyword argument; `code` stays last as Python puts it.
    #[must_use]
    pub fn with_kwarg(mut self, name: &str, value: impl Into<Value>) -> Self {
        let code = self.kwargs.shift_remove("code");
        self.kwargs.insert(name.to_owned(), value.into());
        if let Some(code) = code {
            self.kwargs.insert("code".into(), code);
        }
        self
    }

    /// HTTP status that magnum-api answers with; 500 where the class has none.
    pub fn code(&self) -> u16 {
        self.kwargs
            .get("code")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or(500)
    }

    /// Whether this is Magnum's class of that kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.module == MAGNUM_MODULE && self.class == kind.class()
    }

    /// `InvalidCsr`: the text shows the request as Python shows bytes. Bytes that are no UTF-8,
    /// for which Python sends no reply at all, are replaced in the keyword argument.
    pub fn invalid_csr(csr: &[u8]) -> Self {
        Self::positional(
            Kind::InvalidCsr,
            format!("Received invalid csr {}.", python_bytes(csr)),
        )
        .with_kwarg("csr", String::from_utf8_lossy(csr).into_owned())
    }

    /// `ClusterTypeNotSupported` with 23.0's text, which lists what the loaded drivers support;
    /// see [`MagnumError::cluster_type_not_supported`] for that of the releases before.
    pub fn cluster_type_not_supported_by_any(
        server_type: &str,
        os: &str,
        coe: &str,
        supported: &str,
    ) -> Self {
        let text = format!(
            "Cluster type ({server_type}, {os}, {coe}) is not supported by any loaded cluster driver. Loaded \
             drivers support: {supported}."
        );
        Self::positional(Kind::ClusterTypeNotSupported, text)
            .with_kwarg("server_type", server_type)
            .with_kwarg("os", os)
            .with_kwarg("coe", coe)
            .with_kwarg("supported_cluster_types", supported)
    }

    /// oslo.versionedobjects' `IncompatibleObjectVersion`: the sender's object is newer than ours.
    pub fn incompatible_object_version(objname: &str, objver: &str, supported: &str) -> Self {
        Self::ovo(
            "IncompatibleObjectVersion",
            format!("Version {objver} of {objname} is not supported, supported version is {supported}"),
            &[("objname", objname), ("objver", objver), ("supported", supported)],
        )
    }

    /// oslo.versionedobjects' `InvalidTargetVersion`: a reply cannot be newer than the object.
    pub fn invalid_target_version(version: &str) -> Self {
        Self::ovo(
            "InvalidTargetVersion",
            format!("Invalid target version {version}"),
            &[("version", version)],
        )
    }

    /// oslo.versionedobjects' `UnsupportedObjectError`: no class of that name (or namespace).
    pub fn unsupported_object(objtype: &str) -> Self {
        Self::ovo(
            "UnsupportedObjectError",
            format!("Unsupported object type {objtype}"),
            &[("objtype", objtype)],
        )
    }

    /// oslo.versionedobjects' `ObjectActionError`.
    pub fn object_action(action: &str, reason: &str) -> Self {
        Self::ovo(
            "ObjectActionError",
            format!("Object action {action} failed because: {reason}"),
            &[("action", action), ("reason", reason)],
        )
    }

    fn ovo(class: &str, message: String, kwargs: &[(&str, &str)]) -> Self {
        let mut error = Self::new(OVO_MODULE, class, message);
        for (name, value) in kwargs {
            error.kwargs.insert((*name).to_owned(), Value::from(*value));
        }
        error.kwargs.insert("code".into(), Value::from(500));
        error
    }
}

/// Shows a value as Python's `%s` does.
struct PyStr<'a>(&'a Value);

impl fmt::Display for PyStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::String(text) => f.write_str(text),
            other => write!(f, "{other}"),
        }
    }
}

/// Python's `repr` of a string: single quotes unless only those occur inside.
pub fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => match c as u32 {
                code @ 0..0x100 => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
    out
}

/// Python's `str.isprintable`, whose rule (no control, format, private or unassigned character, no separator but the
/// space) is that of Rust's escapes in the middle of a text.
fn is_printable(c: char) -> bool {
    !c.is_control() && !format!("a{c}").escape_debug().any(|part| part == '{' && c != '{')
}

/// Python's `repr` of bytes.
fn python_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    let mut out = format!("b{}", char::from(quote));
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if *byte == quote => out.push_str(&format!("\\{}", char::from(quote))),
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(char::from(quote));
    out
}

macro_rules! exceptions {
    ($($class:ident $constructor:ident $code:literal ($($kwarg:ident),*) $format:literal;)*) => {
        /// Magnum's exception classes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are Magnum's and the formats stand in the table")]
        pub enum Kind { InvalidCsr, $($class,)* }

        impl Kind {
            /// Python class name.
            pub const fn class(self) -> &'static str {
                match self { Self::InvalidCsr => "InvalidCsr", $(Self::$class => stringify!($class),)* }
            }

            /// HTTP status of the class.
            pub const fn code(self) -> u16 {
                match self { Self::InvalidCsr => 400, $(Self::$class => $code,)* }
            }
        }

        impl MagnumError {
            $(
                #[doc = concat!("`", stringify!($class), "`: ", $format)]
                pub fn $constructor($($kwarg: impl Into<Value>),*) -> Self {
                    $(let $kwarg: Value = $kwarg.into();)*
                    let message = {
                        $(let $kwarg = PyStr(&$kwarg);)*
                        format!($format)
                    };
                    #[allow(unused_mut)]
                    let mut error = Self::new(MAGNUM_MODULE, stringify!($class), message);
                    $(error.kwargs.insert(stringify!($kwarg).to_owned(), $kwarg);)*
                    error.kwargs.insert("code".to_owned(), Value::from($code));
                    error
                }
            )*
        }
    };
}

exceptions! {
    MagnumException magnum_exception 500 () "An unknown exception occurred.";
    ObjectNotFound object_not_found 404 (name, id) "The {name} {id} could not be found.";
    ProjectNotFound project_not_found 404 (name, id) "The {name} {id} could not be found.";
    ResourceNotFound resource_not_found 404 (name, id) "The {name} resource {id} could not be found.";
    AuthorizationFailure authorization_failure 403 (client, message) "{client} connection failed. {message}";
    Invalid invalid 400 () "Unacceptable parameters.";
    InvalidUUID invalid_uuid 400 (uuid) "Expected a uuid but received {uuid}.";
    InvalidName invalid_name 400 (name) "Expected a name but received {name}.";
    InvalidIdentity invalid_identity 400 (identity) "Expected an uuid or int but received {identity}.";
    InvalidSubnet invalid_subnet 400 (subnet) "Received invalid subnet {subnet}.";
    InvalidVersion invalid_version 400 (tag) "Received invalid tag for {tag}.";
    Conflict conflict 409 () "Conflict.";
    InvalidParameterValue invalid_parameter_value 400 (err) "{err}";
    NotAuthorized not_authorized 403 () "Not authorized.";
    PolicyNotAuthorized policy_not_authorized 403 (action) "Policy doesn't allow {action} to be performed.";
    InvalidDNS invalid_dns 400 (dns) "Expected a single dns address or comma separated dns list, but received {dns}.";
    ConfigInvalid config_invalid 400 (error_msg) "Invalid configuration file. {error_msg}";
    ClusterTemplateNotFound cluster_template_not_found 404 (clustertemplate) "ClusterTemplate {clustertemplate} could not be found.";
    ClusterTemplateAlreadyExists cluster_template_already_exists 409 (uuid) "A ClusterTemplate with UUID {uuid} already exists.";
    ClusterTemplateReferenced cluster_template_referenced 400 (clustertemplate) "ClusterTemplate {clustertemplate} is referenced by one or multiple clusters.";
    ClusterNotFound cluster_not_found 404 (cluster) "Cluster {cluster} could not be found.";
    ClusterAlreadyExists cluster_already_exists 409 (uuid) "A cluster with UUID {uuid} already exists.";
    NotSupported not_supported 400 (operation) "{operation} is not supported.";
    ClusterTypeNotSupported cluster_type_not_supported 400 (server_type, os, coe) "Cluster type ({server_type}, {os}, {coe}) not supported.";
    ClusterTypeBetaNotEnabled cluster_type_beta_not_enabled 400 (server_type, os, coe, driver_name) "Cluster type ({server_type}, {os}, {coe}) is provided by the '{driver_name}' driver, which is a beta driver and is not enabled. Add '{driver_name}' to the [drivers]/enabled_beta_drivers configuration option to use it.";
    ClusterDriverNotSupported cluster_driver_not_supported 400 (driver_name) "Cluster driver ({driver_name}) not supported.";
    RequiredParameterNotProvided required_parameter_not_provided 400 (heat_param) "Required parameter {heat_param} not provided.";
    OperationInProgress operation_in_progress 400 (cluster_name) "Cluster {cluster_name} already has an operation in progress.";
    VolumeTypeNotFound volume_type_not_found 400 () "Valid volume type could not be found.";
    ImageNotFound image_not_found 400 (image_id) "Image {image_id} could not be found.";
    ImageNotAuthorized image_not_authorized 403 (image_id) "Not authorized for image {image_id}.";
    OSDistroFieldNotFound os_distro_field_not_found 400 (image_id) "Image {image_id} doesn't contain os_distro field.";
    X509KeyPairNotFound x509_key_pair_not_found 404 (x509keypair) "A key pair {x509keypair} could not be found.";
    X509KeyPairAlreadyExists x509_key_pair_already_exists 409 (uuid) "A key pair with UUID {uuid} already exists.";
    CertificateStorageException certificate_storage_exception 500 (msg) "Could not store certificate: {msg}";
    CertificateValidationError certificate_validation_error 400 (extension) "Extension '{extension}' not allowed";
    KeyPairNotFound key_pair_not_found 404 (keypair) "Unable to find keypair {keypair}.";
    MagnumServiceNotFound magnum_service_not_found 404 (magnum_service_id) "A magnum service {magnum_service_id} could not be found.";
    MagnumServiceAlreadyExists magnum_service_already_exists 409 (id) "A magnum service with ID {id} already exists.";
    FlavorNotFound flavor_not_found 400 (flavor) "Unable to find flavor {flavor}.";
    FixedNetworkNotFound fixed_network_not_found 400 (network) "Unable to find fixed network {network}.";
    FixedSubnetNotFound fixed_subnet_not_found 400 (subnet) "Unable to find fixed subnet {subnet}.";
    ExternalNetworkNotFound external_network_not_found 400 (network) "Unable to find external network {network}.";
    QuotaAlreadyExists quota_already_exists 409 (project_id, resource) "Quota for project {project_id} already exists for resource {resource}.";
    QuotaNotFound quota_not_found 404 (msg) "Quota could not be found: {msg}";
    ResourceLimitExceeded resource_limit_exceeded 403 (msg) "Resource limit exceeded: {msg}";
    RegionsListFailed regions_list_failed 500 () "Failed to list regions.";
    ServicesListFailed services_list_failed 500 () "Failed to list services.";
    CertificatesToClusterFailed certificates_to_cluster_failed 500 (cluster_uuid) "Failed to create certificates for Cluster: {cluster_uuid}";
    FederationNotFound federation_not_found 404 (federation) "Federation {federation} could not be found.";
    FederationAlreadyExists federation_already_exists 409 (uuid) "A federation with UUID {uuid} already exists.";
    PreDeletionFailed pre_deletion_failed 409 (cluster_uuid, msg) "Failed to pre-delete resources for cluster {cluster_uuid}, error: {msg}.";
    NodeGroupAlreadyExists node_group_already_exists 409 (cluster_id, name) "A node group with name {name} already exists in the cluster {cluster_id}.";
    NodeGroupNotFound node_group_not_found 404 (nodegroup) "Nodegroup {nodegroup} could not be found.";
    MasterNGSizeInvalid master_ng_size_invalid 400 (requested_size) "master nodegroup size of {requested_size} is invalid, size cannot be an even number.";
    MasterNGResizeNotSupported master_ng_resize_not_supported 400 () "Resizing the master nodegroup is not supported by this driver.";
    ZeroNodeCountNotSupported zero_node_count_not_supported 400 () "Resizing a nodegroup to zero is not supported in the provided microversion.";
    NGResizeOutBounds ng_resize_out_bounds 400 (nodegroup, min_nc, max_nc) "Resizing {nodegroup} outside the allowed range: min_node_count = {min_nc}, max_node_count = {max_nc}";
    DeletingDefaultNGNotSupported deleting_default_ng_not_supported 400 () "Deleting a default nodegroup is not supported.";
    NodeGroupInvalidInput node_group_invalid_input 409 (attr, nodegroup, expl) "{attr} for {nodegroup} is invalid ({expl}).";
    CreateMasterNodeGroup create_master_node_group 400 () "Creating master nodegroups is currently not supported.";
    NgOperationInProgress ng_operation_in_progress 400 (nodegroup) "Nodegroup {nodegroup} already has an operation in progress.";
    InvalidClusterTemplateForUpgrade invalid_cluster_template_for_upgrade 409 (reason) "Cluster Template is not valid for upgrade: {reason}";
    ClusterAPIAddressUnavailable cluster_api_address_unavailable 409 () "Cluster API address is not available yet";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_keeps_kwargs_with_code_last() {
        let error = MagnumError::node_group_already_exists("c1", "workers");
        assert_eq!(
            error.to_string(),
            "A node group with name workers already exists in the cluster c1."
        );
        assert_eq!(
            error.kwargs.keys().collect::<Vec<_>>(),
            ["cluster_id", "name", "code"]
        );
        assert_eq!(error.code(), 409);
        assert!(error.is(Kind::NodeGroupAlreadyExists));
    }

    #[test]
    fn numbers_stay_numbers_in_kwargs() {
        let error = MagnumError::cluster_not_found(9);
        assert_eq!(error.message, "Cluster 9 could not be found.");
        assert_eq!(error.kwargs["cluster"], Value::from(9));
    }

    #[test]
    fn positional_text_is_taken_as_it_is() {
        let error = MagnumError::positional(Kind::MagnumException, "disk 100% full %(oops)s");
        assert_eq!(error.message, "disk 100% full %(oops)s");
        assert_eq!(error.kwargs.len(), 1);
    }

    #[test]
    fn a_request_is_shown_as_bytes() {
        let error = MagnumError::invalid_csr(b"\xfcn\xef'c\n");
        assert_eq!(error.message, r#"Received invalid csr b"\xfcn\xef'c\n"."#);
        assert_eq!(error.code(), 400);
    }

    #[test]
    fn key_error_is_pythons() {
        let error = MagnumError::key_error("Cluster");
        assert_eq!(
            (error.message.as_str(), error.args),
            ("'Cluster'", vec![Value::from("Cluster")])
        );
    }
}
