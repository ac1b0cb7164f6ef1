//! Glance, API version 2.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::json;

use crate::auth::Caller;
use crate::page::{self, next_link};
use crate::{Cloud, base, version};

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/image", get(versions))
        .route("/image/", get(versions))
        .route("/image/v2/images", get(list))
        .route("/image/v2/images/{id}", get(show))
        .route("/image/v2/schemas/image", get(schema))
}

async fn versions(headers: HeaderMap) -> Response {
    let v2 = version("v2.9", None, &format!("{}/image/v2/", base(&headers)));
    (StatusCode::MULTIPLE_CHOICES, Json(json!({"versions": [v2]}))).into_response()
}

/// What glanceclient, which Magnum up to 22 has, asks before it believes an image.
async fn schema() -> Json<serde_json::Value> {
    let text = json!({"type": ["null", "string"]});
    Json(json!({
        "name": "image",
        "properties": {
            "id": text, "name": text, "status": text, "visibility": text, "owner": text, "checksum": text,
            "container_format": text, "disk_format": text, "created_at": text, "updated_at": text,
            "self": text, "file": text, "schema": text,
            "min_disk": {"type": "integer"}, "min_ram": {"type": "integer"},
            "size": {"type": ["null", "integer"]}, "protected": {"type": "boolean"}, "os_hidden": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": {"type": "string"},
    }))
}

async fn list(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<page::Query>,
) -> Response {
    let visible = cloud.content.read().visible("images", &caller);
    // Hidden images are listed only when asked for.
    let hidden = query
        .get("os_hidden")
        .is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let visible = visible
        .into_iter()
        .filter(|image| (image["os_hidden"] == true) == hidden)
        .collect();
    let filters = [
        "id",
        "name",
        "status",
        "visibility",
        "owner",
        "os_distro",
        "kube_version",
    ];
    let (images, marker) = page::page("images", visible, &query, &filters);
    let mut body = json!({"images": images, "first": "/v2/images", "schema": "/v2/schemas/images"});
    if let Some(marker) = marker {
        body["next"] = next_link("/v2/images", &query, &marker).into();
    }
    Json(body).into_response()
}

async fn show(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    match cloud.content.read().get("images", &id, &caller) {
        Some(image) => Json(image).into_response(),
        None => {
            let text = format!(
                "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>\
                No image found with ID {id}<br /><br /></body></html>"
            );
            (
                StatusCode::NOT_FOUND,
                [("content-type", "text/html; charset=UTF-8")],
                text,
            )
                .into_response()
        }
    }
}
