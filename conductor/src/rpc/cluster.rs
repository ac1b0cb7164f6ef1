//! `cluster_*`: as magnum 23.0 `conductor/handlers/cluster_conductor.py` takes its arguments and answers.

use magnum_objects::{Cluster, MagnumError, Object, Record};
use serde_json::Value;

use super::Handlers;
use crate::{
    operation::accept::Health,
    request::{Request, RequestError},
};

impl Handlers {
    pub(super) async fn cluster_create(
        &self,
        request: &Request,
        refusal: Option<MagnumError>,
    ) -> Result<Value, RequestError> {
        let object = self.cluster_object(request)?;
        let (masters, workers) = (request.count("master_count")?, request.count("node_count")?);
        let wanted = Cluster::from_ovo(&object)?;
        let cluster = self
            .acceptor
            .create(request, wanted, masters, workers, refusal)
            .await?;
        self.answer(&object, &cluster)
    }

    pub(super) async fn cluster_update(&self, request: &Request) -> Result<Value, RequestError> {
        let object = self.cluster_object(request)?;
        let node_count = match request.argument("node_count")? {
            Value::Null => None,
            _ => Some(request.integer("node_count")?),
        };
        let known = Cluster::from_ovo(&object)?;
        let health = Health::read(
            request.argument("health_status")?,
            request.argument("health_status_reason")?,
        )?;
        // The API sends what it read where the user changed nothing; writing that back would undo newer news.
        let changed = health.status != known.health_status || health.reason != known.health_status_reason;
        let cluster = self
            .acceptor
            .update(request, &object, node_count, changed.then_some(health))
            .await?;
        cluster.map_or(Ok(Value::Null), |cluster| self.answer(&object, &cluster))
    }

    pub(super) async fn cluster_resize(&self, request: &Request) -> Result<Value, RequestError> {
        let object = self.cluster_object(request)?;
        let group = request.object(self.app.registry(), "nodegroup")?;
        Request::expect_class(&group, "NodeGroup")?;
        let node_count = request.integer("node_count")?;
        let remove = request.args.get("nodes_to_remove").and_then(Value::as_array);
        let remove = remove
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let uuid = object.text("uuid").unwrap_or_default();
        let group = group.text("uuid").unwrap_or_default();
        let cluster = self
            .acceptor
            .resize(request, uuid, group, node_count, remove)
            .await?;
        self.answer(&object, &cluster)
    }

    pub(super) async fn cluster_upgrade(&self, request: &Request) -> Result<Value, RequestError> {
        let object = self.cluster_object(request)?;
        let template = request.object(self.app.registry(), "cluster_template")?;
        Request::expect_class(&template, "ClusterTemplate")?;
        let group = request.object(self.app.registry(), "nodegroup")?;
        Request::expect_class(&group, "NodeGroup")?;
        let uuid = object.text("uuid").unwrap_or_default();
        let template = template.text("uuid").unwrap_or_default();
        let group = group.text("uuid").unwrap_or_default();
        let cluster = self.acceptor.upgrade(request, uuid, template, group).await?;
        self.answer(&object, &cluster)
    }

    pub(super) async fn cluster_delete(&self, request: &Request) -> Result<Value, RequestError> {
        let uuid = request.argument("uuid")?.as_str().unwrap_or_default();
        self.acceptor.delete(request, uuid).await?;
        Ok(Value::Null)
    }

    pub(super) async fn credential_rotate(&self, request: &Request) -> Result<Value, RequestError> {
        let object = self.cluster_object(request)?;
        self.acceptor
            .rotate_credential(request, object.text("uuid").unwrap_or_default())
            .await?;
        Ok(Value::Null)
    }

    pub(super) fn cluster_object(&self, request: &Request) -> Result<Object, MagnumError> {
        let object = request.object(self.app.registry(), "cluster")?;
        Request::expect_class(&object, "Cluster")?;
        Ok(object)
    }

    /// A cluster in the version of the object that came.
    fn answer(&self, came: &Object, cluster: &Cluster) -> Result<Value, RequestError> {
        Ok(cluster.to_ovo(self.app.registry(), Some(came.version()))?)
    }
}

impl Health {
    /// From the arguments of `cluster_update`.
    fn read(status: &Value, reason: &Value) -> Result<Self, MagnumError> {
        let wrong = |text: String| MagnumError::builtin("ValueError", text);
        let status = match status.as_str() {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|error: magnum_objects::status::UnknownStatus| wrong(error.to_string()))?,
            ),
        };
        let reason = reason.as_object().map(|map| {
            map.iter()
                .map(|(key, value)| {
                    (
                        key.clone(),
                        value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                    )
                })
                .collect()
        });
        Ok(Self { status, reason })
    }
}
