//! `nodegroup_*`: as magnum 23.0 `conductor/handlers/nodegroup_conductor.py` takes its arguments and answers.

use magnum_objects::{MagnumError, Object, Record};
use serde_json::Value;

use super::Handlers;
use crate::request::{Request, RequestError};

impl Handlers {
    pub(super) async fn nodegroup_create(&self, request: &Request) -> Result<Value, RequestError> {
        let (cluster, object) = self.cluster_and_group(request)?;
        let group = self.acceptor.create_nodegroup(request, &cluster, &object).await?;
        Ok(group.to_ovo(self.app.registry(), Some(object.version()))?)
    }

    pub(super) async fn nodegroup_update(&self, request: &Request) -> Result<Value, RequestError> {
        let (cluster, object) = self.cluster_and_group(request)?;
        let group = self.acceptor.update_nodegroup(request, &cluster, &object).await?;
        Ok(group.to_ovo(self.app.registry(), Some(object.version()))?)
    }

    pub(super) async fn nodegroup_delete(&self, request: &Request) -> Result<Value, RequestError> {
        let (cluster, object) = self.cluster_and_group(request)?;
        self.acceptor
            .delete_nodegroup(request, &cluster, object.text("uuid").unwrap_or_default())
            .await?;
        Ok(Value::Null)
    }

    fn cluster_and_group(&self, request: &Request) -> Result<(String, Object), MagnumError> {
        let cluster = self.cluster_object(request)?;
        let group = request.object(self.app.registry(), "nodegroup")?;
        Request::expect_class(&group, "NodeGroup")?;
        Ok((cluster.text("uuid").unwrap_or_default().to_owned(), group))
    }
}
