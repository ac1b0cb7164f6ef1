//! Nova, API version 2.1 with microversions.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::page::{self, next_link};
use crate::{Cloud, base, failure, version};

const NEWEST: u32 = 96;

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/compute", get(versions))
        .route("/compute/", get(versions))
        .route("/compute/v2.1", get(this_version))
        .route("/compute/v2.1/", get(this_version))
        .route("/compute/v2.1/flavors", get(list_flavors))
        .route("/compute/v2.1/flavors/detail", get(list_flavors))
        .route("/compute/v2.1/flavors/{id}", get(show_flavor))
        .route("/compute/v2.1/flavors/{id}/os-extra_specs", get(show_extra_specs))
        .route(
            "/compute/v2.1/os-keypairs",
            get(list_keypairs).post(create_keypair),
        )
        .route(
            "/compute/v2.1/os-keypairs/{name}",
            get(show_keypair).delete(delete_keypair),
        )
        .layer(axum::middleware::from_fn(microversion))
}

/// Refuses what is newer than us, and says which version an answer is in.
async fn microversion(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let asked = headers
        .get("openstack-api-version")
        .and_then(|v| v.to_str().ok()?.strip_prefix("compute "))
        .or_else(|| {
            headers
                .get("x-openstack-nova-api-version")
                .and_then(|v| v.to_str().ok())
        });
    let minor = match asked {
        None => Some(1),
        Some("latest") => Some(NEWEST),
        Some(text) => text
            .strip_prefix("2.")
            .and_then(|m| m.parse().ok())
            .filter(|m| (1..=NEWEST).contains(m)),
    };
    let Some(minor) = minor else {
        let text = format!(
            "Version {} is not supported by the API. Minimum is 2.1 and maximum is 2.{NEWEST}.",
            asked.unwrap_or_default()
        );
        return failure(StatusCode::NOT_ACCEPTABLE, &text);
    };
    let mut response = next.run(request).await;
    for (name, value) in [
        ("openstack-api-version", format!("compute 2.{minor}")),
        ("x-openstack-nova-api-version", format!("2.{minor}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn document(headers: &HeaderMap) -> Value {
    version(
        "v2.1",
        Some(("2.1", &format!("2.{NEWEST}"))),
        &format!("{}/compute/v2.1/", base(headers)),
    )
}

async fn versions(headers: HeaderMap) -> Json<Value> {
    Json(json!({"versions": [document(&headers)]}))
}

async fn this_version(headers: HeaderMap) -> Json<Value> {
    Json(json!({"version": document(&headers)}))
}

async fn list_flavors(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<page::Query>,
    headers: HeaderMap,
) -> Json<Value> {
    let least = |name: &str| query.get(name).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
    let (memory, disk) = (least("minRam"), least("minDisk"));
    let visible = cloud.content.read().visible("flavors", &caller);
    let visible = visible
        .into_iter()
        .filter(|f| f["ram"].as_u64().unwrap_or(0) >= memory && f["disk"].as_u64().unwrap_or(0) >= disk)
        .collect();
    let (flavors, marker) = page::page("flavors", visible, &query, &[]);
    let mut body = json!({"flavors": flavors});
    if let Some(marker) = marker {
        let address = format!("{}/compute/v2.1/flavors/detail", base(&headers));
        body["flavors_links"] = json!([{"rel": "next", "href": next_link(&address, &query, &marker)}]);
    }
    Json(body)
}

async fn show_flavor(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    match cloud.content.read().get("flavors", &id, &caller) {
        Some(flavor) => Json(json!({"flavor": flavor})).into_response(),
        None => failure(StatusCode::NOT_FOUND, &format!("Flavor {id} could not be found.")),
    }
}

async fn show_extra_specs(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    match cloud.content.read().get("flavors", &id, &caller) {
        Some(flavor) => Json(json!({"extra_specs": flavor["extra_specs"]})).into_response(),
        None => failure(StatusCode::NOT_FOUND, &format!("Flavor {id} could not be found.")),
    }
}

/// Key pairs are their owner's; a list wraps each.
async fn list_keypairs(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<page::Query>,
) -> Json<Value> {
    let visible = cloud.content.read().visible("keypairs", &caller);
    let (keypairs, _) = page::page("keypairs", visible, &query, &[]);
    let wrapped: Vec<Value> = keypairs.into_iter().map(|k| json!({"keypair": k})).collect();
    Json(json!({"keypairs": wrapped}))
}

async fn show_keypair(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    match cloud.content.read().get("keypairs", &name, &caller) {
        Some(keypair) => Json(json!({"keypair": keypair})).into_response(),
        None => failure(
            StatusCode::NOT_FOUND,
            &format!("Keypair {name} not found for user {}", caller.user),
        ),
    }
}

async fn create_keypair(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<Value>,
) -> Response {
    let (Some(name), Some(public_key)) = (
        body["keypair"]["name"].as_str(),
        body["keypair"]["public_key"].as_str(),
    ) else {
        return failure(
            StatusCode::BAD_REQUEST,
            "A key pair needs a name and a public_key.",
        );
    };
    let mut content = cloud.content.write();
    if content.get("keypairs", name, &caller).is_some() {
        return failure(
            StatusCode::CONFLICT,
            &format!("Key pair '{name}' already exists."),
        );
    }
    let keypair = json!({"name": name, "type": "ssh", "fingerprint": "00:00", "public_key": public_key,
        "user_id": caller.user});
    content.put("keypairs", keypair.clone());
    (StatusCode::CREATED, Json(json!({"keypair": keypair}))).into_response()
}

async fn delete_keypair(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    let mut content = cloud.content.write();
    if content.get("keypairs", &name, &caller).is_some() && content.remove("keypairs", &name) {
        return StatusCode::NO_CONTENT.into_response();
    }
    failure(
        StatusCode::NOT_FOUND,
        &format!("Keypair {name} not found for user {}", caller.user),
    )
}
