//! What tests use: change what exists, make the cloud fail, see what it was asked. Nobody is asked for a token.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::Value;

use crate::content::{COLLECTIONS, key};
use crate::faults::{Asked, Fault};
use crate::{Cloud, failure};

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/content/{collection}", get(list).post(add))
        .route("/content/{collection}/{id}", axum::routing::delete(remove))
        .route(
            "/content/{collection}/{id}/hidden/{project}",
            put(hide).delete(show),
        )
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/requests", get(requests))
        .route("/stacks", get(stacks))
}

fn known(collection: &str) -> Result<(), Box<Response>> {
    if COLLECTIONS.contains(&collection) {
        return Ok(());
    }
    let text = format!(
        "There is no collection {collection}; there are {}.",
        COLLECTIONS.join(", ")
    );
    Err(Box::new(failure(StatusCode::NOT_FOUND, &text)))
}

async fn list(State(cloud): State<Arc<Cloud>>, Path(collection): Path<String>) -> Response {
    if let Err(refusal) = known(&collection) {
        return *refusal;
    }
    Json(cloud.content.read().all(&collection).to_vec()).into_response()
}

async fn add(
    State(cloud): State<Arc<Cloud>>,
    Path(collection): Path<String>,
    Json(item): Json<Value>,
) -> Response {
    if let Err(refusal) = known(&collection) {
        return *refusal;
    }
    if key(&collection, &item).is_empty() {
        return failure(
            StatusCode::BAD_REQUEST,
            "An item needs an id (a key pair: a name).",
        );
    }
    cloud.content.write().put(&collection, item);
    StatusCode::NO_CONTENT.into_response()
}

async fn remove(State(cloud): State<Arc<Cloud>>, Path((collection, id)): Path<(String, String)>) -> Response {
    if cloud.content.write().remove(&collection, &id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    failure(
        StatusCode::NOT_FOUND,
        &format!("There is no {id} in {collection}."),
    )
}

async fn hide(
    State(cloud): State<Arc<Cloud>>,
    Path((collection, id, project)): Path<(String, String, String)>,
) -> StatusCode {
    cloud.content.write().hide(&collection, &id, &project, true);
    StatusCode::NO_CONTENT
}

async fn show(
    State(cloud): State<Arc<Cloud>>,
    Path((collection, id, project)): Path<(String, String, String)>,
) -> StatusCode {
    cloud.content.write().hide(&collection, &id, &project, false);
    StatusCode::NO_CONTENT
}

async fn faults(State(cloud): State<Arc<Cloud>>) -> Json<Vec<Fault>> {
    Json(cloud.faults.list())
}

async fn add_fault(State(cloud): State<Arc<Cloud>>, Json(fault): Json<Fault>) -> StatusCode {
    cloud.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(cloud): State<Arc<Cloud>>) -> StatusCode {
    cloud.faults.clear();
    StatusCode::NO_CONTENT
}

async fn requests(State(cloud): State<Arc<Cloud>>) -> Json<Vec<Asked>> {
    Json(cloud.faults.asked())
}

/// Heat's stacks, the deleted ones too.
async fn stacks(State(cloud): State<Arc<Cloud>>) -> Json<Vec<Value>> {
    Json(cloud.stacks.read().iter().map(|stack| stack.show(true)).collect())
}
