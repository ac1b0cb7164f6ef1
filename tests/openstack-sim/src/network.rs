//! Neutron, API version 2.0.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::page::{self, next_link};
use crate::{Cloud, base, version};

/// What lists can be filtered by.
const FILTERS: [&str; 8] = [
    "id",
    "name",
    "router:external",
    "network_id",
    "project_id",
    "shared",
    "ip_version",
    "cidr",
];

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/network", get(versions))
        .route("/network/", get(versions))
        .route("/network/v2.0", get(resources))
        .route("/network/v2.0/", get(resources))
        .route("/network/v2.0/{collection}", get(list))
        .route("/network/v2.0/{collection}/{id}", get(show))
}

async fn versions(headers: HeaderMap) -> Json<Value> {
    Json(json!({"versions": [version("v2.0", None, &format!("{}/network/v2.0/", base(&headers)))]}))
}

async fn resources() -> Json<Value> {
    Json(json!({"resources": []}))
}

/// An address that does not name networks or subnets is one that this Neutron has no extension for.
fn singular(collection: &str) -> Option<&'static str> {
    match collection {
        "networks" => Some("network"),
        "subnets" => Some("subnet"),
        _ => None,
    }
}

async fn list(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(collection): Path<String>,
    Query(query): Query<page::Query>,
    headers: HeaderMap,
) -> Response {
    if singular(&collection).is_none() {
        return missing("HTTPNotFound", "The resource could not be found.");
    }
    let visible = cloud.content.read().visible(&collection, &caller);
    let (items, marker) = page::page(&collection, visible, &query, &FILTERS);
    let mut body = json!({collection.as_str(): items});
    if let Some(marker) = marker {
        let address = format!("{}/network/v2.0/{collection}", base(&headers));
        body[format!("{collection}_links")] =
            json!([{"rel": "next", "href": next_link(&address, &query, &marker)}]);
    }
    Json(body).into_response()
}

async fn show(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((collection, id)): Path<(String, String)>,
) -> Response {
    let Some(kind) = singular(&collection) else {
        return missing("HTTPNotFound", "The resource could not be found.");
    };
    match cloud.content.read().get(&collection, &id, &caller) {
        Some(item) => Json(json!({kind: item})).into_response(),
        None if kind == "network" => missing("NetworkNotFound", &format!("Network {id} could not be found.")),
        None => missing("SubnetNotFound", &format!("Subnet {id} could not be found.")),
    }
}

fn missing(kind: &str, message: &str) -> Response {
    let body = json!({"NeutronError": {"type": kind, "message": message, "detail": ""}});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
