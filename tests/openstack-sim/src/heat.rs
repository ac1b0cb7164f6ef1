//! Heat, API version 1, as far as Magnum's Heat driver uses it: stacks that are created, changed and deleted in no more
//! time than [`ACTION`], with the parameters that their templates declare and the outputs that Magnum's templates have.
//!
//! Nothing of a template is carried out: addresses are made up, one for each machine that the parameters ask for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::page;
use crate::{Cloud, base, version};

/// How long an action on a stack takes.
const ACTION: Duration = Duration::from_secs(1);

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    id: String,
    name: String,
    project: String,
    parameters: Map<String, Value>,
    outputs: Vec<String>,
    action: &'static str,
    since: Instant,
}

impl Stack {
    fn status(&self) -> String {
        let state = if self.since.elapsed() < ACTION {
            "IN_PROGRESS"
        } else {
            "COMPLETE"
        };
        format!("{}_{state}", self.action)
    }

    fn begin(&mut self, action: &'static str) {
        (self.action, self.since) = (action, Instant::now());
    }

    fn is_gone(&self) -> bool {
        self.action == "DELETE" && self.since.elapsed() >= ACTION
    }

    /// Takes parameters over; Heat shows all of them as texts.
    fn set(&mut self, parameters: Option<&Value>) {
        for (name, value) in parameters.and_then(Value::as_object).into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => continue,
                other => other.to_string(),
            };
            self.parameters.insert(name.clone(), text.into());
        }
    }

    fn count(&self, parameter: &str) -> u8 {
        let text = self.parameters.get(parameter).and_then(Value::as_str);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn output(&self, name: &str) -> Value {
        let addresses = |net: &str, count: u8| {
            (0..count)
                .map(|host| format!("{net}.{}", host + 10))
                .collect::<Vec<_>>()
        };
        match name {
            "api_address" => json!("172.24.4.9"),
            "kube_masters" => json!(addresses("172.24.4", self.count("number_of_masters"))),
            "kube_masters_private" => json!(addresses("10.0.0", self.count("number_of_masters"))),
            "kube_minions" => json!(addresses("172.24.5", self.count("number_of_minions"))),
            "kube_minions_private" => json!(addresses("10.0.1", self.count("number_of_minions"))),
            _ => json!(""),
        }
    }

    /// As `GET /stacks/NAME/ID` shows it.
    pub(crate) fn show(&self, outputs: bool) -> Value {
        let status = self.status();
        let mut stack = json!({
            "id": self.id, "stack_name": self.name, "description": "", "parameters": self.parameters,
            "stack_status": status, "stack_status_reason": format!("Stack {status}"),
            "creation_time": "2026-01-01T00:00:00Z", "updated_time": null, "timeout_mins": 60,
            "disable_rollback": true, "parent": null, "stack_owner": null, "tags": null, "links": [],
            "project": self.project,
        });
        if outputs {
            let shown = self.outputs.iter();
            stack["outputs"] = shown
                .map(|name| json!({"output_key": name, "output_value": self.output(name), "description": ""}))
                .collect();
        }
        stack
    }
}

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/orchestration", get(versions))
        .route("/orchestration/", get(versions))
        .route("/orchestration/v1/{project}/stacks", get(list).post(create))
        .route("/orchestration/v1/{project}/stacks/{stack}", any(lookup))
        .route(
            "/orchestration/v1/{project}/stacks/{name}/{id}",
            get(show).patch(update).put(update).delete(delete),
        )
        .route(
            "/orchestration/v1/{project}/stacks/{name}/{id}/resources/{resource}",
            get(resource),
        )
}

/// The public service through which etcd's first members find each other: Magnum asks it for an address per cluster,
/// and later for how many members that has.
pub(crate) fn discovery() -> Router<Arc<Cloud>> {
    let new = async |Query(query): Query<page::Query>, headers: HeaderMap| {
        let size = query.get("size").cloned().unwrap_or_default();
        format!("{}/discovery/{size}", base(&headers))
    };
    let size = async |Path(size): Path<u32>| Json(json!({"node": {"value": size.to_string()}}));
    Router::new()
        .route("/discovery/new", get(new))
        .route("/discovery/{size}/_config/size", get(size))
}

async fn versions(headers: HeaderMap) -> Response {
    let v1 = version("v1.0", None, &format!("{}/orchestration/v1/", base(&headers)));
    (StatusCode::MULTIPLE_CHOICES, Json(json!({"versions": [v1]}))).into_response()
}

/// Errors have a form of their own in Heat.
fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    let error = json!({"message": message, "type": kind, "traceback": null});
    let body = json!({"code": status.as_u16(), "title": status.canonical_reason(), "error": error,
        "explanation": message});
    (status, Json(body)).into_response()
}

fn not_found(stack: &str) -> Response {
    let text = format!("The Stack ({stack}) could not be found.");
    refuse(StatusCode::NOT_FOUND, "EntityNotFound", &text)
}

fn may_see(stack: &Stack, caller: &Caller, project: &str) -> bool {
    stack.project == project && (caller.admin || caller.project == project)
}

async fn list(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(project): Path<String>,
) -> Json<Value> {
    let stacks = cloud.stacks.read();
    let seen = stacks
        .iter()
        .filter(|stack| may_see(stack, &caller, &project) && !stack.is_gone());
    Json(json!({"stacks": seen.map(|stack| stack.show(false)).collect::<Vec<_>>()}))
}

async fn create(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path(project): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if caller.project != project {
        return refuse(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "You are not authorized to complete this action.",
        );
    }
    let Some(name) = body["stack_name"].as_str() else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "HTTPBadRequest",
            "No stack name specified",
        );
    };
    let declared = body["template"]["parameters"].as_object();
    let given = body["parameters"].as_object();
    if let (Some(declared), Some(given)) = (declared, given)
        && let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name))
    {
        let text = format!("The Parameter ({unknown}) was not defined in template.");
        return refuse(StatusCode::BAD_REQUEST, "UnknownUserParameter", &text);
    }
    let mut stacks = cloud.stacks.write();
    if stacks
        .iter()
        .any(|stack| stack.name == name && stack.project == project && !stack.is_gone())
    {
        let text = format!("The Stack ({name}) already exists.");
        return refuse(StatusCode::CONFLICT, "StackExists", &text);
    }
    let outputs = body["template"]["outputs"].as_object();
    let mut stack = Stack {
        id: format!("{:08x}-0000-4000-8000-{:012x}", 0x57, stacks.len() + 1),
        name: name.to_owned(),
        project,
        parameters: Map::new(),
        outputs: outputs
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
        action: "CREATE",
        since: Instant::now(),
    };
    for (name, parameter) in declared.into_iter().flatten() {
        stack.set(Some(&json!({name: parameter["default"]})));
    }
    stack.set(body.get("parameters"));
    let link = json!({"rel": "self", "href": address(&headers, &stack)});
    let answer = json!({"stack": {"id": stack.id, "links": [link]}});
    stacks.push(stack);
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn address(headers: &HeaderMap, stack: &Stack) -> String {
    let Stack {
        project, name, id, ..
    } = stack;
    format!("{}/orchestration/v1/{project}/stacks/{name}/{id}", base(headers))
}

/// By id or name alone Heat only says where the stack is.
async fn lookup(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, asked)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let stacks = cloud.stacks.read();
    let found = stacks.iter().find(|stack| {
        may_see(stack, &caller, &project) && (stack.id == asked || (stack.name == asked && !stack.is_gone()))
    });
    let Some(stack) = found else {
        return not_found(&asked);
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = address(&headers, stack) + &query;
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// Works on a stack that the caller may see.
fn with<T>(
    cloud: &Cloud,
    caller: &Caller,
    (project, name, id): (&str, &str, &str),
    work: impl FnOnce(&mut Stack) -> T,
) -> Result<T, Box<Response>> {
    let mut stacks = cloud.stacks.write();
    let found = stacks
        .iter_mut()
        .find(|stack| may_see(stack, caller, project) && stack.name == name && stack.id == id);
    found.map(work).ok_or_else(|| Box::new(not_found(id)))
}

async fn show(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, name, id)): Path<(String, String, String)>,
    Query(query): Query<page::Query>,
) -> Response {
    let outputs = !query
        .get("resolve_outputs")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let shown = with(&cloud, &caller, (&project, &name, &id), |stack| {
        stack.show(outputs)
    });
    match shown {
        Ok(stack) => Json(json!({"stack": stack})).into_response(),
        Err(refusal) => *refusal,
    }
}

async fn update(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, name, id)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let changed = with(&cloud, &caller, (&project, &name, &id), |stack| {
        if stack.action == "DELETE" {
            return Err(Box::new(not_found(&id)));
        }
        stack.set(body.get("parameters"));
        stack.begin("UPDATE");
        Ok(())
    });
    match changed.and_then(|changed| changed) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refusal) => *refusal,
    }
}

async fn delete(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, name, id)): Path<(String, String, String)>,
) -> Response {
    let deleted = with(&cloud, &caller, (&project, &name, &id), |stack| {
        if stack.action != "DELETE" {
            stack.begin("DELETE");
        }
    });
    match deleted {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => *refusal,
    }
}

/// The resources that the driver asks for when it adds a node group.
async fn resource(
    State(cloud): State<Arc<Cloud>>,
    Extension(caller): Extension<Caller>,
    Path((project, name, id, resource)): Path<(String, String, String, String)>,
) -> Response {
    let attributes = match resource.as_str() {
        "network" => {
            json!({"fixed_network": format!("{name}-net"), "fixed_subnet": format!("{name}-subnet")})
        }
        "secgroup_kube_minion" => json!({"id": format!("{name}-secgroup")}),
        _ => {
            let text = format!("The Resource ({resource}) could not be found in Stack {name}.");
            return refuse(StatusCode::NOT_FOUND, "EntityNotFound", &text);
        }
    };
    match with(&cloud, &caller, (&project, &name, &id), |_| ()) {
        Ok(()) => {
            let shown = json!({"resource_name": resource, "logical_resource_id": resource, "attributes": attributes,
                "resource_status": "CREATE_COMPLETE", "physical_resource_id": attributes["id"], "links": []});
            Json(json!({"resource": shown})).into_response()
        }
        Err(refusal) => *refusal,
    }
}
