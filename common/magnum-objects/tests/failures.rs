//! Failures recorded from the real services. Objects and contexts are the oracle suite's.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use magnum_objects::{Kind, MagnumError};
use serde_json::Value;

fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn failures_have_the_recorded_form() {
    let failures = data(include_str!("data/failures.json"));
    for recorded in failures.as_array().unwrap() {
        let kwargs = &recorded["kwargs"];
        let text = |name: &str| kwargs[name].as_str().unwrap_or_default();
        let message = recorded["message"].as_str().unwrap();
        let has_only_code = kwargs.as_object().unwrap().len() == 1;
        let error = match recorded["class"].as_str().unwrap() {
            "InvalidParameterValue" if !has_only_code => MagnumError::invalid_parameter_value(text("err")),
            "InvalidParameterValue" => MagnumError::positional(Kind::InvalidParameterValue, message),
            "ClusterTemplateReferenced" => MagnumError::cluster_template_referenced(text("clustertemplate")),
            "QuotaAlreadyExists" => MagnumError::quota_already_exists(text("project_id"), text("resource")),
            "CertificatesToClusterFailed" => {
                MagnumError::certificates_to_cluster_failed(text("cluster_uuid"))
            }
            "ClusterAlreadyExists" => MagnumError::cluster_already_exists(text("uuid")),
            "AuthorizationFailure" => {
                MagnumError::positional(Kind::AuthorizationFailure, message).with_kwarg("client", "keystone")
            }
            "Conflict" => MagnumError::positional(Kind::Conflict, message),
            "MagnumException" => MagnumError::positional(Kind::MagnumException, message),
            "NodeGroupInvalidInput" => MagnumError::positional(Kind::NodeGroupInvalidInput, message),
            "ClusterNotFound" => MagnumError::cluster_not_found(text("cluster")),
            "NotSupported" if has_only_code => MagnumError::positional(Kind::NotSupported, message),
            "NotSupported" => MagnumError::not_supported(text("operation")),
            "ClusterDriverNotSupported" => MagnumError::cluster_driver_not_supported(text("driver_name")),
            "ClusterTypeNotSupported" => MagnumError::cluster_type_not_supported_by_any(
                text("server_type"),
                text("os"),
                text("coe"),
                text("supported_cluster_types"),
            ),
            "ClusterTemplateNotFound" => MagnumError::cluster_template_not_found(text("clustertemplate")),
            "X509KeyPairNotFound" => MagnumError::x509_key_pair_not_found(text("x509keypair")),
            "InvalidIdentity" => MagnumError::invalid_identity(text("identity")),
            "IncompatibleObjectVersion" => {
                MagnumError::incompatible_object_version(text("objname"), text("objver"), text("supported"))
            }
            "NodeGroupNotFound" => MagnumError::node_group_not_found(text("nodegroup")),
            "UnsupportedObjectError" => MagnumError::unsupported_object(text("objtype")),
            "QuotaNotFound" => MagnumError::quota_not_found(text("msg")),
            "NodeGroupAlreadyExists" => {
                MagnumError::node_group_already_exists(text("cluster_id"), text("name"))
            }
            "InvalidCsr" => MagnumError::invalid_csr(text("csr").as_bytes()),
            "InvalidTargetVersion" => MagnumError::invalid_target_version(text("version")),
            other => panic!("no constructor for {other}"),
        };
        let ours = serde_json::json!({
            "class": error.class, "module": error.module, "message": error.message,
            "args": error.args, "kwargs": error.kwargs,
        });
        assert_eq!(&ours, recorded);
    }
}
