//! The remotable methods: what magnum-api as its own executable does through the conductor.
//!
//! Source of the rule: `conductor/handlers/indirection_api.py` over `objects/*.py` and
//! `db/sqlalchemy/api.py`; texts of wrong calls are Python's.

mod classes;
mod methods;
mod objects;

use serde_json::{Map, Value, json};
use sqlx::mysql::MySqlConnection;

use crate::Values;
use crate::class::Registry;
use crate::context::RequestContext;
use crate::db::{Db, DbError, Retry, Schema, Select};
use crate::exception::MagnumError;
use crate::ovo::{Object, check_entities};

use methods::{Bound, Method, Target, bind};

/// RPC methods that [`dispatch`] answers, with their arguments.
const RPC: &[(&str, &[&str])] = &[
    ("object_action", &["objinst", "objmethod", "args", "kwargs"]),
    (
        "object_class_action",
        &["objname", "objmethod", "objver", "args", "kwargs"],
    ),
    (
        "object_class_action_versions",
        &["objname", "objmethod", "object_versions", "args", "kwargs"],
    ),
    ("object_backport", &["objinst", "target_version"]),
    ("object_backport_versions", &["objinst", "object_versions"]),
];

/// Whether the RPC method is one of the indirection API's.
pub fn handles(method: &str) -> bool {
    RPC.iter().any(|(name, _)| *name == method)
}

/// The class that a call changes, if it changes any; for caches of what was read before.
pub fn changes(method: &str, args: &Map<String, Value>) -> Option<&'static str> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let (class, target) = match method {
        "object_action" => (
            text(args.get("objinst")?.get("magnum_object.name"))?,
            Target::Object,
        ),
        "object_class_action" | "object_class_action_versions" => (text(args.get("objname"))?, Target::Class),
        _ => return None,
    };
    let found = methods::find(&class, args.get("objmethod")?.as_str()?, target)?;
    found.writes.then_some(found.class)
}

/// What every method gets.
struct Scope<'a> {
    schema: &'a Schema,
    context: &'a RequestContext,
}

impl Scope<'_> {
    fn registry(&self) -> &'static Registry {
        self.schema.registry()
    }

    fn select(&self, class: &str) -> Result<Select, MagnumError> {
        Select::from(self.schema, class)
    }

    fn object(&self, class: &str, row: &Values) -> Result<Object, MagnumError> {
        let mut object = Object::new(self.registry(), class)?;
        object.load(row)?;
        Ok(object)
    }
}

/// What a method gives.
enum Outcome {
    Object(Object),
    List(Vec<Object>),
    Plain(Value),
}

/// Answers an indirection call. `args` are the message's arguments; what comes back is the reply's
/// result.
///
/// # Errors
/// The exception that the caller is to get. An error of the database is retried before it is
/// given up.
pub async fn dispatch(
    db: &Db,
    context: &RequestContext,
    method: &str,
    args: &Map<String, Value>,
) -> Result<Value, MagnumError> {
    let scope = Scope {
        schema: db.schema(),
        context,
    };
    let args = checked(&scope, method, args)?;
    let part = |name: &str| args.get(name).unwrap_or(&Value::Null);
    match method {
        "object_action" => object_action(db, &scope, &args).await,
        "object_class_action" => {
            let version = part("objver").as_str().unwrap_or_default();
            let outcome = class_action(db, &scope, &args, version).await?;
            wire(outcome, Some(version), None)
        }
        "object_class_action_versions" => {
            let name = part("objname").as_str().unwrap_or_default();
            let versions = part("object_versions");
            let version = version_of(versions, name)?;
            let outcome = class_action(db, &scope, &args, version).await?;
            wire(outcome, Some(version), versions.as_object())
        }
        "object_backport" => {
            let object = Object::from_wire(scope.registry(), part("objinst"))?;
            object.to_wire_version(part("target_version").as_str().unwrap_or_default(), None)
        }
        _ => {
            let object = Object::from_wire(scope.registry(), part("objinst"))?;
            let versions = part("object_versions");
            object.to_wire_version(version_of(versions, object.name())?, versions.as_object())
        }
    }
}

/// The message's arguments, all there, none too many, every object in them read.
fn checked(
    scope: &Scope<'_>,
    method: &str,
    args: &Map<String, Value>,
) -> Result<Map<String, Value>, MagnumError> {
    let (_, names) = RPC.iter().find(|(name, _)| *name == method).ok_or_else(|| {
        MagnumError::new(
            "oslo_messaging.rpc.dispatcher",
            "NoSuchMethod",
            format!("Endpoint does not support RPC method {method}"),
        )
    })?;
    let args: Map<String, Value> = args
        .iter()
        .map(|(name, value)| {
            check_entities(scope.registry(), value.clone()).map(|value| (name.clone(), value))
        })
        .collect::<Result<_, _>>()?;
    let function = format!("Handler.{method}()");
    if let Some(extra) = args.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(methods::type_error(format!(
            "{function} got an unexpected keyword argument '{extra}'"
        )));
    }
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !args.contains_key(**name))
        .copied()
        .collect();
    if missing.is_empty() {
        Ok(args)
    } else {
        Err(methods::missing(&function, &missing))
    }
}

/// `object_versions[name]`.
fn version_of<'a>(versions: &'a Value, name: &str) -> Result<&'a str, MagnumError> {
    versions
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| MagnumError::key_error(name))
}

/// A single object goes back in the version that the caller knows; lists do not, as in Python.
fn wire(
    outcome: Outcome,
    version: Option<&str>,
    manifest: Option<&Map<String, Value>>,
) -> Result<Value, MagnumError> {
    match (outcome, version) {
        (Outcome::Object(object), Some(version)) => object.to_wire_version(version, manifest),
        (Outcome::Object(object), None) => Ok(object.to_wire()),
        (Outcome::List(objects), _) => Ok(objects.iter().map(Object::to_wire).collect()),
        (Outcome::Plain(value), _) => Ok(value),
    }
}

fn bound(method: &Method, args: &Map<String, Value>) -> Result<Bound, MagnumError> {
    let list = args
        .get("args")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let named = args
        .get("kwargs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    bind(method, list, named)
}

async fn class_action(
    db: &Db,
    scope: &Scope<'_>,
    args: &Map<String, Value>,
    version: &str,
) -> Result<Outcome, MagnumError> {
    let part = |name: &str| args.get(name).and_then(Value::as_str).unwrap_or_default();
    let class = scope.registry().class_for(part("objname"), version)?;
    let method = methods::find(class.name, part("objmethod"), Target::Class).ok_or_else(|| {
        let text = format!(
            "type object '{}' has no attribute '{}'",
            class.name,
            part("objmethod")
        );
        MagnumError::builtin("AttributeError", text)
    })?;
    let bound = bound(method, args)?;
    let mut retry = Retry::default();
    loop {
        let attempt = async {
            if method.writes {
                let mut transaction = db.begin().await?;
                let outcome = classes::call(&mut transaction, scope, method, &bound).await?;
                Db::commit(transaction).await?;
                Ok(outcome)
            } else {
                classes::call(&mut *db.acquire().await?, scope, method, &bound).await
            }
        };
        match attempt.await {
            Err(error) if retry.again(&error).await => {}
            other => return other.map_err(MagnumError::from),
        }
    }
}

async fn object_action(db: &Db, scope: &Scope<'_>, args: &Map<String, Value>) -> Result<Value, MagnumError> {
    let given = Object::from_wire(scope.registry(), args.get("objinst").unwrap_or(&Value::Null))?;
    let name = args.get("objmethod").and_then(Value::as_str).unwrap_or_default();
    let method = methods::find(given.name(), name, Target::Object).ok_or_else(|| {
        MagnumError::builtin(
            "AttributeError",
            format!("'{}' object has no attribute '{name}'", given.name()),
        )
    })?;
    bound(method, args)?;
    let mut retry = Retry::default();
    loop {
        let mut object = given.clone();
        let attempt = async {
            let mut transaction = db.begin().await?;
            objects::call(&mut transaction, scope, method, &mut object).await?;
            Db::commit(transaction).await
        };
        match attempt.await {
            Ok(()) => return Ok(json!([updates(&given, &object), null])),
            Err(error) if retry.again(&error).await => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Fields that differ from what came in, and what is still marked changed. A nested object is
/// another one after every call, so it always differs.
fn updates(before: &Object, after: &Object) -> Value {
    let mut updates: Map<String, Value> = after
        .data()
        .iter()
        .filter(|(name, value)| before.get(name) != Some(*value) || Object::is_wire(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    updates.insert(
        "obj_what_changed".into(),
        after.what_changed().into_iter().collect::<Vec<_>>().into(),
    );
    Value::Object(updates)
}

/// `add_identity_filter`: by id if the value looks like a number, by UUID if like one.
fn identity(select: Select, value: &Value) -> Result<Select, MagnumError> {
    if is_int_like(value) {
        select.filter("id", value)
    } else if is_uuid_like(value) {
        select.filter("uuid", value)
    } else {
        Err(MagnumError::invalid_identity(value.clone()))
    }
}

/// oslo.utils' `is_int_like`: equal to its own text as an integer.
fn is_int_like(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::String(text) => text
            .parse::<i64>()
            .is_ok_and(|number| number.to_string() == *text),
        _ => false,
    }
}

/// oslo.utils' `is_uuid_like`: 32 hexadecimal digits, however they are grouped.
fn is_uuid_like(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let digits = text.replace("urn:", "").replace("uuid:", "");
    let digits = digits.trim_matches(['{', '}']).replace('-', "");
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Magnum's not-found exception of the class.
fn not_found(class: &str, key: Value) -> MagnumError {
    match class {
        "Cluster" => MagnumError::cluster_not_found(key),
        "ClusterTemplate" => MagnumError::cluster_template_not_found(key),
        "NodeGroup" => MagnumError::node_group_not_found(key),
        "X509KeyPair" => MagnumError::x509_key_pair_not_found(key),
        "MagnumService" => MagnumError::magnum_service_not_found(key),
        "Federation" => MagnumError::federation_not_found(key),
        _ => MagnumError::object_not_found(class, key),
    }
}

fn quota_not_found(project_id: &Value, resource: &Value) -> MagnumError {
    let show = crate::coerce::python_str;
    MagnumError::quota_not_found(format!(
        "project_id {} resource {}.",
        show(project_id),
        show(resource)
    ))
}

/// Locks the rows of `select`, which is to be one, and writes what differs, as SQLAlchemy does:
/// nothing is written, nor `updated_at` stamped, if nothing differs. Gives the row afterwards.
async fn update_locked(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    class: &str,
    select: Select,
    values: &Values,
    missing: impl FnOnce() -> MagnumError,
) -> Result<Values, DbError> {
    let row = select.for_update().first(conn).await?.ok_or_else(missing)?;
    write_differences(conn, scope, class, row, values).await
}

async fn write_differences(
    conn: &mut MySqlConnection,
    scope: &Scope<'_>,
    class: &str,
    mut row: Values,
    values: &Values,
) -> Result<Values, DbError> {
    let different: Values = values
        .iter()
        .filter(|(name, value)| row.get(*name).is_some_and(|old| old != *value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if different.is_empty() {
        return Ok(row);
    }
    let id = row.get("id").cloned().unwrap_or(Value::Null);
    let stamped = json!(crate::datetime::from_utc(crate::db::now()));
    row.extend(different.clone());
    row.entry("updated_at").and_modify(|value| *value = stamped);
    let guard = crate::rows::Guard::none();
    crate::rows::update_by_key(conn, scope.schema, class, ("id", &id), &different.into(), &guard).await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_told_apart_as_oslo_does() {
        assert!(is_int_like(&json!(7)) && is_int_like(&json!("7")) && is_int_like(&json!("-7")));
        assert!(!is_int_like(&json!("07")) && !is_int_like(&json!(true)) && !is_int_like(&json!(null)));
        assert!(is_uuid_like(&json!("c1000000-0000-4000-8000-000000000001")));
        assert!(is_uuid_like(&json!("{C100000000004000800000000000000A}")));
        assert!(!is_uuid_like(&json!("my-cluster")) && !is_uuid_like(&json!(7)));
    }

    #[test]
    fn what_a_call_changes_is_known() {
        let save = json!({"objinst": {"magnum_object.name": "ClusterTemplate"}, "objmethod": "save"});
        assert_eq!(
            changes("object_action", save.as_object().unwrap()),
            Some("ClusterTemplate")
        );
        let list = json!({"objname": "ClusterTemplate", "objmethod": "list"});
        assert_eq!(
            changes("object_class_action_versions", list.as_object().unwrap()),
            None
        );
        assert_eq!(changes("ping_conductor", &Map::new()), None);
    }
}
