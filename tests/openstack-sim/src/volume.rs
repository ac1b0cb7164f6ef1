//! Cinder, API version 3.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::page::{self, next_link};
use crate::{Cloud, base, failure, version};

const NEWEST: &str = "3.71";

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/volume", get(root))
        .route("/volume/", get(root))
        .route("/volume/v3", get(versions))
        .route("/volume/v3/", get(versions))
        .route("/volume/v3/{project}/types", get(list))
        .route("/volume/v3/{project}/types/{id}", get(show))
}

fn document(headers: &HeaderMap) -> Value {
    let v3 = version(
        "v3.0",
        Some(("3.0", NEWEST)),
        &format!("{}/volume/v3/", base(headers)),
    );
    json!({"versions": [v3]})
}

async fn root(headers: HeaderMap) -> Response {
    (StatusCode::MULTIPLE_CHOICES, Json(document(&headers))).into_response()
}

async fn versions(headers: HeaderMap) -> Json<Value> {
    Json(document(&headers))
}

/// A project other than the token's is refused, as Cinder does.
fn wrong_project(caller: &Caller, project: &str) -> Option<Response> {
    (caller.project != project).then(|| failure(StatusCode::BAD_REQUEST, "Malformed request url"))
}

async fn list(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(project): Path<String>,
    Query(query): Query<page::Query>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = wrong_project(&caller, &project) {
        return refusal;
    }
    let visible = cloud.content.read().visible("types", &caller);
    let (types, marker) = page::page("types", visible, &query, &[]);
    let mut body = json!({"volume_types": types});
    if let Some(marker) = marker {
        let address = format!("{}/volume/v3/{project}/types", base(&headers));
        body["volume_type_links"] = json!([{"rel": "next", "href": next_link(&address, &query, &marker)}]);
    }
    Json(body).into_response()
}

/// `default` is the type that Cinder is configured to use when none is asked for.
async fn show(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, id)): Path<(String, String)>,
) -> Response {
    if let Some(refusal) = wrong_project(&caller, &project) {
        return refusal;
    }
    let content = cloud.content.read();
    let found = if id == "default" {
        content
            .visible("types", &caller)
            .into_iter()
            .find(|t| t["name"] == "__DEFAULT__")
    } else {
        content.get("types", &id, &caller)
    };
    match found {
        Some(item) => Json(json!({"volume_type": item})).into_response(),
        None => failure(
            StatusCode::NOT_FOUND,
            &format!("Volume type {id} could not be found."),
        ),
    }
}
