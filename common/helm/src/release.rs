//! Releases and how Helm stores them: one Secret per revision, the release as JSON inside gzip inside base64
//! (`pkg/release`, `pkg/storage/driver/secrets.go`, Helm 3.17).

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::chart::Chart;
use crate::error::ReleaseError;

/// Type of the Secrets that hold records.
pub(crate) const SECRET_TYPE: &str = "helm.sh/release.v1";

/// A record may unpack to this many bytes.
const MAX_RECORD: u64 = 256 << 20;

/// Where a revision stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In force.
    Deployed,
    /// Uninstalled, its history kept.
    Uninstalled,
    /// A later revision took its place.
    Superseded,
    /// Ended in an error.
    Failed,
    /// Being uninstalled.
    Uninstalling,
    /// Being installed.
    PendingInstall,
    /// Being upgraded.
    PendingUpgrade,
    /// Being rolled back.
    PendingRollback,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Status {
    /// As Helm writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// An operation is under way, or its process died.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Before an install.
    PreInstall,
    /// After an install.
    PostInstall,
    /// Before an uninstall.
    PreDelete,
    /// After an uninstall.
    PostDelete,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// Only by `helm test`.
    Test,
}

impl Event {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "test-success" {
            return Some(Self::Test);
        }
        serde_json::from_value(Value::String(text.to_owned())).ok()
    }

    /// As Helm writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }
}

/// The last run of a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRun {
    /// RFC 3339; empty if it never ran.
    #[serde(default)]
    pub started_at: String,
    /// RFC 3339; empty if it did not end.
    #[serde(default)]
    pub completed_at: String,
    /// Empty, Unknown, Running, Succeeded or Failed.
    #[serde(default)]
    pub phase: String,
}

/// A document that is run at certain events instead of being part of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Kind of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Template that rendered it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Its text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Its last run.
    #[serde(default)]
    pub last_run: HookRun,
    /// Smaller ones run first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// before-hook-creation, hook-succeeded, hook-failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Times and status of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// RFC 3339: when the release was installed.
    #[serde(default)]
    pub first_deployed: String,
    /// RFC 3339: when this revision was begun.
    #[serde(default)]
    pub last_deployed: String,
    /// RFC 3339: when it was uninstalled; empty if it was not.
    #[serde(default)]
    pub deleted: String,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it stands.
    #[serde(default)]
    pub status: Status,
    /// The rendered NOTES.txt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// One revision of a release, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Name of the release.
    pub name: String,
    /// Times and status.
    pub info: Info,
    /// The chart after dependency processing. Kept as JSON: what another Helm stored is stored again unchanged.
    #[serde(default)]
    pub chart: Value,
    /// The user's values.
    #[serde(default, skip_serializing_if = "no_values")]
    pub config: Option<Map<String, Value>>,
    /// The documents, hooks left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// The hooks.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_list"
    )]
    pub hooks: Vec<Hook>,
    /// Revision, from 1.
    #[serde(default)]
    pub version: u64,
    /// Namespace of the release.
    #[serde(default)]
    pub namespace: String,
    /// What newer Helms store besides; kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
    /// Labels of the Secret; not in the JSON.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret; Helm never sets any.
    #[serde(skip)]
    pub annotations: BTreeMap<String, String>,
    /// resourceVersion of the Secret, empty for a new record.
    #[serde(skip)]
    pub resource_version: String,
}

/// Go's `omitempty`: neither nothing nor an empty table is stored.
fn no_values(config: &Option<Map<String, Value>>) -> bool {
    config.as_ref().is_none_or(Map::is_empty)
}

fn null_list<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<Hook>, D::Error> {
    Ok(Option::<Vec<Hook>>::deserialize(d)?.unwrap_or_default())
}

impl Release {
    /// Name of the Secret that holds this revision.
    pub fn secret_name(&self) -> String {
        secret_name(&self.name, self.version)
    }

    /// Reads the record in a Secret, given as JSON; un-gzipped ones too, as Helm does.
    ///
    /// # Errors
    /// [`ReleaseError::Record`] if the Secret holds no record or a broken one.
    pub fn from_secret(secret: &Value) -> Result<Self, ReleaseError> {
        from_secret(secret).map_err(|message| ReleaseError::Record {
            name: secret["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            message,
        })
    }

    /// The Secret of this revision, as Helm stores it.
    ///
    /// # Errors
    /// [`ReleaseError::Record`] if the record cannot be written as JSON.
    pub fn to_secret(&self) -> Result<Value, ReleaseError> {
        to_secret(self).map_err(|message| ReleaseError::Record {
            name: self.secret_name(),
            message,
        })
    }

    /// When this revision was begun.
    pub fn last_deployed(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.info.last_deployed)
            .ok()
            .map(|time| time.to_utc())
    }

    /// Name and version of the chart.
    pub fn chart_version(&self) -> (&str, &str) {
        let text = |key: &str| self.chart["metadata"][key].as_str().unwrap_or_default();
        (text("name"), text("version"))
    }

    /// The stored chart as a [`Chart`], sub-charts missing.
    pub fn chart(&self) -> Option<Chart> {
        serde_json::from_value(self.chart.clone()).ok()
    }
}

/// Name of the Secret of a revision.
pub(crate) fn secret_name(release: &str, revision: u64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// A time as Helm stores it.
pub(crate) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The Secret of a record. Its labels are those that the record carries, and the system's.
pub(crate) fn to_secret(release: &Release) -> Result<Value, String> {
    let json = serde_json::to_vec(release).map_err(|err| err.to_string())?;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&json).map_err(|err| err.to_string())?;
    let packed = STANDARD.encode(gz.finish().map_err(|err| err.to_string())?);
    let mut labels = release.labels.clone();
    labels.insert("name".to_owned(), release.name.clone());
    labels.insert("owner".to_owned(), "helm".to_owned());
    labels.insert("status".to_owned(), release.info.status.as_str().to_owned());
    labels.insert("version".to_owned(), release.version.to_string());
    let mut metadata = json!({
        "name": release.secret_name(),
        "namespace": release.namespace,
        "labels": labels,
    });
    if !release.annotations.is_empty() {
        metadata["annotations"] = json!(release.annotations);
    }
    if !release.resource_version.is_empty() {
        metadata["resourceVersion"] = json!(release.resource_version);
    }
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": SECRET_TYPE,
        "data": {"release": STANDARD.encode(packed)},
    }))
}

/// Reads the record in a Secret; un-gzipped ones too.
pub(crate) fn from_secret(secret: &Value) -> Result<Release, String> {
    let data = secret["data"]["release"].as_str().ok_or("no key \"release\"")?;
    let outer = STANDARD.decode(data).map_err(|err| err.to_string())?;
    let mut packed = STANDARD.decode(outer).map_err(|err| err.to_string())?;
    if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .take(MAX_RECORD)
            .read_to_end(&mut json)
            .map_err(|err| err.to_string())?;
        packed = json;
    }
    let mut release: Release = serde_json::from_slice(&packed).map_err(|err| err.to_string())?;
    let metadata = &secret["metadata"];
    release.labels = serde_json::from_value(metadata["labels"].clone()).unwrap_or_default();
    release.annotations = serde_json::from_value(metadata["annotations"].clone()).unwrap_or_default();
    release.resource_version = metadata["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Ok(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As helm 3.17.3 stored it (a release with a hook), file contents cut.
    const STORED: &str = r#"{"name":"hk","info":{"first_deployed":"2026-11-21T00:43:14.739074262Z","last_deployed":"2026-11-21T00:43:14.739074262Z","deleted":"","description":"Install complete","status":"deployed","notes":"Hello\n"},"chart":{"metadata":{"name":"hooked","version":"0.1.0","apiVersion":"v2","appVersion":"1"},"lock":null,"templates":[{"name":"templates/NOTES.txt","data":"SGVsbG8K"}],"values":{"v":1},"schema":null,"files":[{"name":"crds/crd.yaml","data":""}]},"config":{"a":1},"manifest":"---\n# Source: hooked/templates/all.yaml\nkind: ConfigMap\n","hooks":[{"name":"pre","kind":"ConfigMap","path":"hooked/templates/all.yaml","manifest":"kind: ConfigMap","events":["pre-install","test"],"last_run":{"started_at":"2026-11-21T00:43:15.405424432Z","completed_at":"","phase":"Succeeded"},"weight":-5,"delete_policies":["hook-failed"]}],"version":1,"namespace":"ns"}"#;

    #[test]
    fn what_helm_stored_is_stored_again_byte_for_byte() {
        let release: Release = serde_json::from_str(STORED).unwrap();
        assert_eq!(release.info.status, Status::Deployed);
        assert_eq!(release.hooks[0].events, [Event::PreInstall, Event::Test]);
        assert_eq!(release.chart_version(), ("hooked", "0.1.0"));
        assert_eq!(serde_json::to_string(&release).unwrap(), STORED);
        let chart = release.chart().unwrap();
        assert_eq!(serde_json::to_value(&chart).unwrap(), release.chart);
    }

    #[test]
    fn secrets_go_round() {
        let mut release: Release = serde_json::from_str(STORED).unwrap();
        release.labels.insert("mine".to_owned(), "x".to_owned());
        let secret = to_secret(&release).unwrap();
        assert_eq!(secret["type"], "helm.sh/release.v1");
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.hk.v1");
        let labels =
            json!({"mine": "x", "name": "hk", "owner": "helm", "status": "deployed", "version": "1"});
        assert_eq!(secret["metadata"]["labels"], labels);
        let read = from_secret(&secret).unwrap();
        assert_eq!(
            (read.info, read.manifest, read.config),
            (release.info, release.manifest, release.config)
        );
    }

    #[test]
    fn fields_of_newer_helms_are_kept_and_garbage_is_an_error() {
        let newer = STORED.replacen("\"name\":\"hk\"", "\"name\":\"hk\",\"apply_method\":\"csa\"", 1);
        let release: Release = serde_json::from_str(&newer).unwrap();
        assert!(
            serde_json::to_string(&release)
                .unwrap()
                .contains("\"apply_method\":\"csa\"")
        );
        assert!(from_secret(&json!({"data": {"release": "!"}})).is_err());
        assert!(from_secret(&json!({"data": {}})).is_err());
        let gzip_bomb_head = STANDARD.encode(STANDARD.encode([0x1f, 0x8b, 0x08, 0, 0]));
        assert!(from_secret(&json!({"data": {"release": gzip_bomb_head}})).is_err());
    }
}
