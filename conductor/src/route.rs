//! Whose cluster a message is about (design D2): Magnum's own rule over the cluster's template.
//!
//! Nothing is cached. One join over two unique keys says it for each message, which costs less than a message to the
//! broker; what is remembered would be wrong when somebody else has changed the template, and nobody would tell us.

use conductor_driver::DriverError;
use conductor_driver::choice::{self, Owner, Traits};
use magnum_objects::{Cluster, DbError, MagnumError, Object, Release};
use serde_json::{Map, Value};

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
pub fn cluster_uuid(args: &Map<String, Value>) -> Option<String> {
    let data = args
        .get("cluster")
        .and_then(|cluster| cluster.get("magnum_object.data"));
    let uuid = data
        .and_then(|data| data.get("uuid"))
        .or_else(|| args.get("uuid"))?;
    uuid.as_str().map(str::to_owned)
}

/// Decides where a message about a cluster belongs. A cluster or template that does not exist is ours to say so.
///
/// # Errors
/// If the database is away.
pub async fn route(app: &App, request: &Request, cluster_uuid: &str) -> Result<Route, RequestError> {
    // The row knows best; a cluster that is about to be created has none yet.
    let traits = match of_cluster(app, cluster_uuid).await? {
        Known::Traits(traits) => traits,
        Known::NoTemplate => return Ok(Route::Ours),
        Known::NoCluster => {
            let in_message = request
                .args
                .get("cluster")
                .and_then(|cluster| Object::from_wire(app.registry(), cluster).ok())
                .and_then(|cluster| cluster.text("cluster_template_id").map(str::to_owned));
            let traits = match in_message {
                Some(template) => of_template(app, &template).await?,
                None => None,
            };
            match traits {
                Some(traits) => traits,
                None => return Ok(Route::Ours),
            }
        }
    };
    let disabled = &app.settings.drivers.disabled_drivers;
    Ok(match choice::owner(disabled, &traits) {
        Owner::Ours => Route::Ours,
        Owner::Other(refusal) => match &app.settings.capi_conductor.other_drivers_topic {
            Some(topic) => Route::Elsewhere(topic.clone()),
            None => Route::Nowhere(unsupported(app.db.schema().release(), disabled, refusal)),
        },
    })
}

/// Whether a cluster is ours.
///
/// # Errors
/// If the database is away.
pub async fn is_ours(app: &App, cluster: &Cluster) -> Result<bool, DbError> {
    let traits = of_template(app, &cluster.cluster_template_id).await?;
    let owner = traits.map(|traits| choice::owner(&app.settings.drivers.disabled_drivers, &traits));
    Ok(matches!(owner, Some(Owner::Ours)))
}

/// The refusal in the words of a release: since 23.0 it lists what the loaded drivers make.
fn unsupported(release: Release, disabled_drivers: &[String], refusal: DriverError) -> MagnumError {
    match refusal {
        DriverError::ClusterTypeNotSupported { server_type, os, coe } if release == Release::V23 => {
            let mut types = choice::PROVIDES;
            types.sort_unstable();
            let types = types.map(|(server_type, os, coe)| format!("({server_type}, {os}, {coe})"));
            let supported = if choice::is_enabled(disabled_drivers) {
                types.join(", ")
            } else {
                "none (no cluster drivers are loaded)".to_owned()
            };
            MagnumError::cluster_type_not_supported_by_any(&server_type, &os, &coe, &supported)
        }
        other => other.into(),
    }
}

/// What the database says of a cluster's template.
enum Known {
    NoCluster,
    NoTemplate,
    Traits(Traits),
}

type Columns = (Option<String>, Option<String>, Option<String>, Option<String>);

fn traits((driver, server_type, os, coe): Columns) -> Traits {
    Traits {
        driver,
        server_type,
        os,
        coe,
    }
}

async fn of_cluster(app: &App, uuid: &str) -> Result<Known, DbError> {
    type Row = (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    let row: Option<Row> = sqlx::query_as(
        "SELECT t.uuid, t.driver, t.server_type, t.cluster_distro, t.coe \
         FROM cluster c LEFT JOIN cluster_template t ON t.uuid = c.cluster_template_id WHERE c.uuid = ?",
    )
    .bind(uuid)
    .fetch_optional(app.db.pool())
    .await
    .map_err(failed)?;
    Ok(match row {
        None => Known::NoCluster,
        Some((None, ..)) => Known::NoTemplate,
        Some((Some(_), driver, server_type, os, coe)) => {
            Known::Traits(traits((driver, server_type, os, coe)))
        }
    })
}

async fn of_template(app: &App, uuid: &str) -> Result<Option<Traits>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT driver, server_type, cluster_distro, coe FROM cluster_template WHERE uuid = ?",
    )
    .bind(uuid)
    .fetch_optional(app.db.pool())
    .await
    .map_err(failed)?;
    Ok(row.map(traits))
}

fn failed(source: sqlx::Error) -> DbError {
    DbError::Sql {
        action: "reading whose cluster it is".to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_by_its_object_or_its_uuid() {
        let uuid = |args: Value| cluster_uuid(args.as_object().expect("an object"));
        let object = serde_json::json!({"magnum_object.data": {"uuid": "a"}});
        assert_eq!(
            uuid(serde_json::json!({"cluster": object, "uuid": "b"})).as_deref(),
            Some("a")
        );
        assert_eq!(uuid(serde_json::json!({"uuid": "b"})).as_deref(), Some("b"));
        assert_eq!(uuid(serde_json::json!({"cluster": 1})), None);
    }

    #[test]
    fn each_release_refuses_in_its_own_words() {
        let refused = |release, disabled: &[&str]| {
            let disabled: Vec<String> = disabled.iter().map(|name| (*name).to_owned()).collect();
            let traits = Traits {
                driver: None,
                server_type: Some("bm".into()),
                os: Some("fedora".into()),
                coe: Some("kubernetes".into()),
            };
            match choice::owner(&disabled, &traits) {
                Owner::Ours => "ours".to_owned(),
                Owner::Other(refusal) => unsupported(release, &disabled, refusal).to_string(),
            }
        };
        assert_eq!(
            refused(Release::V18, &[]),
            "Cluster type (bm, fedora, kubernetes) not supported."
        );
        assert_eq!(
            refused(Release::V23, &[]),
            "Cluster type (bm, fedora, kubernetes) is not supported by any loaded cluster driver. Loaded drivers \
             support: (vm, flatcar, kubernetes), (vm, ubuntu, kubernetes)."
        );
        assert_eq!(
            refused(Release::V23, &[choice::NAME]),
            "Cluster type (bm, fedora, kubernetes) is not supported by any loaded cluster driver. Loaded drivers \
             support: none (no cluster drivers are loaded)."
        );
    }
}
