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
        if request.method == "cluster_create" {
            return self.cluster_create(request, refusal).await;
        }
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        match request.method.as_str() {
            "ping_conductor" => Ok(Value::Bool(true)),
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
pub(super) fn knows(method: &str) -> bool {
    about_a_cluster(method) || method == "ping_conductor" || indirection::handles(method)
}

/// Whether it is about one cluster, so that it belongs to that cluster's driver.
pub(super) fn about_a_cluster(method: &str) -> bool {
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
