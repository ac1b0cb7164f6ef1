//! What is called: the methods of Magnum's conductor, releases 18 to 23.

use std::sync::Arc;

use magnum_objects::{MagnumError, indirection};
use serde_json::Value;

use crate::{
    app::App,
    operation::accept::Acceptor,
    request::{Request, RequestError},
};

/// Answers requests that are ours.
pub struct Handlers {
    pub(super) app: Arc<App>,
    pub(super) acceptor: Acceptor,
}

impl Handlers {
    /// Over the parts of this conductor.
    pub fn new(app: Arc<App>, acceptor: Acceptor) -> Self {
        Self { app, acceptor }
    }

    /// Answers one request; `refusal` is one that routing found (nobody drives such a cluster).
    ///
    /// # Errors
    /// What the request is refused for; a server that is away.
    pub async fn handle(
        &self,
        request: &Request,
        refusal: Option<MagnumError>,
    ) -> Result<Value, RequestError> {
        expect_arguments(request)?;
        if request.method == "cluster_create" {
            return self.cluster_create(request, refusal).await;
        }
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        match request.method.as_str() {
            "ping_conductor" => Ok(Value::Bool(true)),
            "federation_create" | "federation_update" | "federation_delete" => {
                let words = "This feature is not yet implemented.";
                Err(MagnumError::builtin("NotImplementedError", words.to_owned()).into())
            }
            "cluster_update" => self.cluster_update(request).await,
            "cluster_resize" => self.cluster_resize(request).await,
            "cluster_upgrade" => self.cluster_upgrade(request).await,
            "cluster_delete" => self.cluster_delete(request).await,
            "nodegroup_create" => self.nodegroup_create(request).await,
            "nodegroup_update" => self.nodegroup_update(request).await,
            "nodegroup_delete" => self.nodegroup_delete(request).await,
            "credential_rotate" => self.credential_rotate(request).await,
            "sign_certificate" => self.sign_certificate(request).await,
            "get_ca_certificate" => self.get_ca_certificate(request).await,
            "rotate_ca_certificate" => self.rotate_ca_certificate(request).await,
            method => Ok(indirection::dispatch(&self.app.db, &request.context, method, &request.args).await?),
        }
    }
}

/// Whether there is such a method.
pub fn knows(method: &str) -> bool {
    arguments(method).is_some() || indirection::handles(method)
}

/// Whether it is about one cluster, so that it belongs to that cluster's driver.
pub fn about_a_cluster(method: &str) -> bool {
    matches!(
        method,
        "cluster_create"
            | "cluster_update"
            | "cluster_resize"
            | "cluster_upgrade"
            | "cluster_delete"
            | "nodegroup_create"
            | "nodegroup_update"
            | "nodegroup_delete"
            | "credential_rotate"
            | "sign_certificate"
            | "get_ca_certificate"
            | "rotate_ca_certificate"
    )
}

/// Names of a method's arguments: all it must have, then those that it may have.
fn arguments(method: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match method {
        "cluster_create" => (&["cluster", "master_count", "node_count", "create_timeout"], &[]),
        "cluster_update" => (
            &["cluster", "node_count", "health_status", "health_status_reason"],
            &["rollback"],
        ),
        "cluster_resize" => (&["cluster", "node_count", "nodes_to_remove"], &["nodegroup"]),
        "cluster_upgrade" => (
            &["cluster", "cluster_template", "max_batch_size", "nodegroup"],
            &["rollback"],
        ),
        "cluster_delete" => (&["uuid"], &[]),
        "nodegroup_create" | "nodegroup_update" | "nodegroup_delete" => (&["cluster", "nodegroup"], &[]),
        "credential_rotate" | "rotate_ca_certificate" => (&["cluster"], &[]),
        "sign_certificate" => (&["cluster", "certificate"], &[]),
        "get_ca_certificate" => (&["cluster"], &["ca_cert_type"]),
        "federation_create" => (&["federation", "create_timeout"], &[]),
        "federation_update" => (&["federation"], &["rollback"]),
        "federation_delete" => (&["uuid"], &[]),
        "ping_conductor" => (&[], &[]),
        _ => return None,
    })
}

/// Refuses arguments that the method does not have, in Python's words.
fn expect_arguments(request: &Request) -> Result<(), MagnumError> {
    let Some((needed, possible)) = arguments(&request.method) else {
        return Ok(());
    };
    let is_known = |name: &String| needed.contains(&name.as_str()) || possible.contains(&name.as_str());
    match request.args.keys().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(unknown) => Err(MagnumError::builtin(
            "TypeError",
            format!(
                "Handler.{}() got an unexpected keyword argument '{unknown}'",
                request.method
            ),
        )),
    }
}
