//! `Cluster` of `cluster.x-k8s.io`.

use serde_json::Value;

use super::{Conditions, Meta, json};

/// What we read of a Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Identity.
    pub meta: Meta,
    /// Conditions in both styles.
    pub conditions: Conditions,
    /// `status.phase`. `Provisioned` means that the infrastructure is there, no more.
    pub phase: Option<String>,
    /// Host and port of the workload API server, once known.
    pub endpoint: Option<(String, i64)>,
    /// Name of the infrastructure cluster.
    pub infrastructure: Option<String>,
    /// Name of the control plane object.
    pub control_plane: Option<String>,
    /// Whether the controller has seen the current spec.
    pub observed: bool,
    /// Whether network, load balancer and so on are there.
    pub infrastructure_ready: bool,
    /// Whether the first control plane node has come up once.
    pub control_plane_initialized: bool,
    /// Failure text of the old contract.
    pub failure: Option<String>,
}

impl Cluster {
    pub(crate) fn read(object: &Value, modern: bool) -> Self {
        let meta = Meta::read(object);
        let conditions = Conditions::read(object, modern);
        let flag = |new: &str, old: &[&str], condition: &str| {
            json::boolean(object, &["status", "initialization", new])
                .or_else(|| json::boolean(object, old))
                .unwrap_or_else(|| conditions.is_true(condition))
        };
        Self {
            phase: json::string(object, &["status", "phase"]),
            endpoint: endpoint(object),
            infrastructure: json::string(object, &["spec", "infrastructureRef", "name"]),
            control_plane: json::string(object, &["spec", "controlPlaneRef", "name"]),
            observed: super::observed(object, &meta),
            infrastructure_ready: flag(
                "infrastructureProvisioned",
                &["status", "infrastructureReady"],
                "InfrastructureReady",
            ),
            control_plane_initialized: flag(
                "controlPlaneInitialized",
                &["status", "controlPlaneInitialized"],
                "ControlPlaneInitialized",
            ) || conditions.is_true("ControlPlaneInitialized"),
            failure: super::failure(object),
            conditions,
            meta,
        }
    }
}

/// An endpoint with a host and a port; Cluster API writes `{host: "", port: 0}` while it does not know.
fn endpoint(object: &Value) -> Option<(String, i64)> {
    let host = json::string(object, &["spec", "controlPlaneEndpoint", "host"])?;
    let port = json::integer(object, &["spec", "controlPlaneEndpoint", "port"]).filter(|port| *port > 0)?;
    Some((host, port))
}
