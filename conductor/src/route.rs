//! Whose cluster a message is about (design D2): Magnum's own rule over the cluster's template.

use conductor_driver::choice::{self, Owner};
use magnum_objects::{Cluster, DbError, MagnumError, Object, rows};

use crate::{
    app::App,
    request::{Request, RequestError},
};

/// Where a message belongs.
#[derive(Debug)]
pub enum Route {
    /// To us.
    Ours,
    /// To the conductor with the other drivers, on this topic.
    Elsewhere(String),
    /// To nobody: no conductor with other drivers is configured.
    Nowhere(MagnumError),
}

/// The cluster that a message is about: its `cluster` argument, or its `uuid`.
pub fn cluster_uuid(request: &Request) -> Option<String> {
    let data = request
        .args
        .get("cluster")
        .and_then(|cluster| cluster.get("magnum_object.data"));
    let uuid = data
        .and_then(|data| data.get("uuid"))
        .or_else(|| request.args.get("uuid"))?;
    uuid.as_str().map(str::to_owned)
}

/// Decides where a message about a cluster belongs. A cluster or template that does not exist is ours to say so.
///
/// # Errors
/// If the database is away.
pub async fn route(app: &App, request: &Request, cluster_uuid: &str) -> Result<Route, RequestError> {
    let mut conn = app.db.acquire().await?;
    let in_message = request
        .args
        .get("cluster")
        .and_then(|cluster| Object::from_wire(app.registry(), cluster).ok())
        .and_then(|cluster| cluster.text("cluster_template_id").map(str::to_owned));
    // The row knows best; a cluster that is about to be created has none yet.
    let row = rows::cluster::by_uuid(&mut conn, app.db.schema(), cluster_uuid).await?;
    let Some(template_uuid) = row.map(|row| row.cluster_template_id).or(in_message) else {
        return Ok(Route::Ours);
    };
    let Some(template) = app.template(&mut conn, &template_uuid).await? else {
        return Ok(Route::Ours);
    };
    Ok(
        match choice::owner(&app.settings.drivers.disabled_drivers, &template) {
            Owner::Ours => Route::Ours,
            Owner::Other(refusal) => match &app.settings.capi_conductor.other_drivers_topic {
                Some(topic) => Route::Elsewhere(topic.clone()),
                None => Route::Nowhere(refusal.into()),
            },
        },
    )
}

/// Whether a cluster is ours.
///
/// # Errors
/// If the database is away.
pub async fn is_ours(app: &App, cluster: &Cluster) -> Result<bool, DbError> {
    let mut conn = app.db.acquire().await?;
    let template = app.template(&mut conn, &cluster.cluster_template_id).await?;
    let owner = template.map(|template| choice::owner(&app.settings.drivers.disabled_drivers, &template));
    Ok(matches!(owner, Some(Owner::Ours)))
}
