//! Glance, Nova, Neutron, Cinder and Heat, as far as Magnum and its clients use them.
//!
//! Each service answers below a path of its own (`/image`, `/compute`, `/network`, `/volume`, `/orchestration`) as the real one does
//! with version documents, microversions, filters, pages and errors, to holders of a token that the real Keystone
//! accepts. What exists is data: tests put in and take out what they need below `/admin`, and there tell the cloud
//! to fail, to be slow or to hide things ([`faults`]). Nothing here takes up servers or addresses: machines are the
//! machine room's.

pub mod auth;
pub mod content;
pub mod faults;
pub mod page;

mod admin;
mod compute;
mod heat;
mod image;
mod network;
mod volume;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::auth::Tokens;
use crate::content::Content;
use crate::faults::Faults;

/// The cloud's state, shared by all requests.
#[derive(Debug)]
pub struct Cloud {
    tokens: Tokens,
    content: parking_lot::RwLock<Content>,
    stacks: parking_lot::RwLock<Vec<heat::Stack>>,
    faults: Faults,
}

impl Cloud {
    /// A cloud with [`Content::default`] in it.
    pub fn new(tokens: Tokens) -> Arc<Self> {
        Arc::new(Self {
            tokens,
            content: parking_lot::RwLock::default(),
            stacks: parking_lot::RwLock::default(),
            faults: Faults::default(),
        })
    }
}

/// All services and the administration of `cloud`.
pub fn router(cloud: Arc<Cloud>) -> Router {
    let service = |name: &'static str, routes: Router<Arc<Cloud>>| {
        let state = auth::Gate {
            cloud: Arc::clone(&cloud),
            service: name,
        };
        routes.layer(axum::middleware::from_fn_with_state(state, auth::gate))
    };
    Router::new()
        .merge(service("image", image::routes()))
        .merge(service("compute", compute::routes()))
        .merge(service("network", network::routes()))
        .merge(service("volume", volume::routes()))
        .merge(service("orchestration", heat::routes()))
        .merge(heat::discovery())
        .nest("/admin", admin::routes())
        .fallback(async || failure(StatusCode::NOT_FOUND, "The resource could not be found."))
        .with_state(cloud)
}

/// An error in the form that Nova and Cinder use, which every client understands.
fn failure(status: StatusCode, message: &str) -> Response {
    let kind = match status {
        StatusCode::NOT_FOUND => "itemNotFound",
        StatusCode::CONFLICT => "conflictingRequest",
        StatusCode::BAD_REQUEST => "badRequest",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::UNAUTHORIZED => "unauthorized",
        _ => "computeFault",
    };
    (
        status,
        Json(json!({kind: {"message": message, "code": status.as_u16()}})),
    )
        .into_response()
}

/// The address that the client used, for links in answers.
fn base(headers: &HeaderMap) -> String {
    let host = headers
        .get("host")
        .and_then(|v| v.to_str().ok())
        .unwrap_or("127.0.0.1");
    format!("http://{host}")
}

/// One entry of a version document.
fn version(id: &str, newest: Option<(&str, &str)>, href: &str) -> Value {
    let mut entry = json!({
        "id": id,
        "status": "CURRENT",
        "updated": "2023-01-01T00:00:00Z",
        "links": [{"rel": "self", "href": href}],
    });
    if let Some((oldest, newest)) = newest {
        entry["version"] = newest.into();
        entry["min_version"] = oldest.into();
    }
    entry
}
