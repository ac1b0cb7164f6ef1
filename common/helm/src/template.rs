//! From chart and values to documents, as Helm's `install` and `template` do it before they write anything.

use std::collections::BTreeMap;

use helm_template::{Capabilities, Limits, Lookup, NoLookup, ReleaseInfo, RenderChart};
use serde_json::Value;

use crate::chart::Chart;
use crate::dependencies;
use crate::error::RenderFailure;
use crate::fetch::Fetch;
use crate::manifest::{self, Document};
use crate::release::Hook;
use crate::values::{self, Values};
use crate::version;

/// What rendering needs to know besides chart and values.
pub struct TemplateOptions<'a> {
    /// Name of the release.
    pub name: &'a str,
    /// Namespace of the release.
    pub namespace: &'a str,
    /// Whether this is an upgrade (`.Release.IsUpgrade`).
    pub is_upgrade: bool,
    /// `.Release.Revision`.
    pub revision: u64,
    /// What the API server can do.
    pub capabilities: &'a Capabilities,
    /// The cluster behind the function `lookup`; [`NoLookup`] finds nothing.
    pub lookup: &'a dyn Lookup,
    /// Bounds on rendering.
    pub limits: Limits,
    /// Whole numbers among the user's values are Go's int64, as those of `--set` are, not float64, as those
    /// of values files are.
    pub keep_integers: bool,
    /// Does not look at `values.schema.json`.
    pub skip_schema_validation: bool,
    /// Gets what `$ref` in a `values.schema.json` names outside of it. Without one nothing is read or asked that the
    /// chart names, and a value that such a reference is about is refused; Helm always fetches.
    pub fetch: Option<&'a dyn Fetch>,
    /// Who is told of values that are passed over.
    pub warn: values::Warn<'a>,
}

impl<'a> TemplateOptions<'a> {
    /// An install, first revision, no cluster.
    pub fn new(name: &'a str, namespace: &'a str, capabilities: &'a Capabilities) -> Self {
        Self {
            name,
            namespace,
            is_upgrade: false,
            revision: 1,
            capabilities,
            lookup: &NoLookup,
            limits: Limits::default(),
            keep_integers: false,
            skip_schema_validation: false,
            fetch: None,
            warn: &silent,
        }
    }
}

/// A chart rendered with values.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The documents in install order, hooks left out.
    pub manifests: Vec<Document>,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// NOTES.txt of the root chart; empty if it has none.
    pub notes: String,
    /// The files under `crds/`, sub-charts' after the chart's own.
    pub crds: Vec<Document>,
    /// The chart after dependency processing, as it goes into a release record.
    pub chart: Chart,
}

impl Rendered {
    /// The text that is stored as the release's manifest.
    pub fn manifest(&self) -> String {
        manifest::join(&self.manifests)
    }
}

/// Renders a chart.
pub fn template(
    chart: &Chart,
    user: &Values,
    options: &TemplateOptions<'_>,
) -> Result<Rendered, RenderFailure> {
    check_installable(chart)?;
    let mut chart = chart.clone();
    if options.keep_integers {
        default_numbers_as_floats(&mut chart);
    }
    dependencies::process(&mut chart, user, options.warn)?;
    let crds = crd_files(&chart);
    let files = render_files(&chart, user, options, options.warn)?;
    finish(chart, crds, files)
}

/// Refuses a library chart, and one whose dependencies are not all there.
pub fn check_installable(chart: &Chart) -> Result<(), RenderFailure> {
    if let Some(kind) = chart.metadata.kind.as_deref()
        && !matches!(kind, "" | "application")
    {
        return Err(RenderFailure::NotInstallable(kind.to_owned()));
    }
    Ok(dependencies::check(chart)?)
}

/// Renders the templates of a chart whose dependencies are processed.
fn render_files(
    chart: &Chart,
    user: &Values,
    options: &TemplateOptions<'_>,
    warn: values::Warn<'_>,
) -> Result<BTreeMap<String, String>, RenderFailure> {
    let values = values::coalesce(chart, user, warn)?;
    if !options.skip_schema_validation {
        crate::schema::validate(chart, &values, options.fetch)?;
    }
    check_kube_version(chart, options.capabilities)?;
    let release = ReleaseInfo {
        name: options.name.to_owned(),
        namespace: options.namespace.to_owned(),
        is_install: !options.is_upgrade,
        is_upgrade: options.is_upgrade,
        revision: i64::try_from(options.revision).unwrap_or(i64::MAX),
        service: "Helm".to_owned(),
    };
    let tree = render_tree(chart);
    let render = if options.keep_integers {
        helm_template::render_exact
    } else {
        helm_template::render
    };
    Ok(render(
        &tree,
        &Value::Object(values),
        &release,
        options.capabilities,
        options.lookup,
        &options.limits,
    )?)
}

/// The release's name as a template of its own gives it (`--name-template`).
///
/// # Errors
/// In Go's words.
pub fn name_from_template(template: &str) -> Result<String, String> {
    helm_template::text("name-template", template, &Limits::default()).map_err(|error| error.to_string())
}

/// Sorts rendered files into what an install makes of them.
fn finish(
    chart: Chart,
    crds: Vec<Document>,
    mut files: BTreeMap<String, String>,
) -> Result<Rendered, RenderFailure> {
    let notes = files
        .remove(&format!("{}/templates/NOTES.txt", chart.name()))
        .unwrap_or_default();
    files.retain(|name, _| !name.ends_with("NOTES.txt"));
    let (hooks, manifests) = manifest::sort(&files)?;
    Ok(Rendered {
        manifests,
        hooks,
        notes,
        crds,
        chart,
    })
}

/// What a template wrote, file by file, before it is split into documents: for people who look for the
/// reason of a [`RenderFailure::Yaml`].
pub fn raw_files(
    chart: &Chart,
    user: &Values,
    options: &TemplateOptions<'_>,
) -> Result<BTreeMap<String, String>, RenderFailure> {
    let mut chart = chart.clone();
    if options.keep_integers {
        default_numbers_as_floats(&mut chart);
    }
    dependencies::process(&mut chart, user, &silent)?;
    let mut files = render_files(&chart, user, options, &silent)?;
    files.retain(|name, text| !name.ends_with("NOTES.txt") && !text.trim().is_empty());
    Ok(files)
}

/// Tells nobody.
fn silent(_: &str) {}

fn default_numbers_as_floats(chart: &mut Chart) {
    chart.values.values_mut().for_each(values::numbers_as_floats);
    chart.dependencies.iter_mut().for_each(default_numbers_as_floats);
}

/// Refuses an API server outside the chart's `kubeVersion`.
fn check_kube_version(chart: &Chart, capabilities: &Capabilities) -> Result<(), RenderFailure> {
    let required = &chart.metadata.kube_version;
    let actual = &capabilities.kube_version.version;
    if required.is_empty() || version::compatible(required, actual) {
        return Ok(());
    }
    Err(RenderFailure::KubeVersion {
        required: required.clone(),
        actual: actual.clone(),
    })
}

/// What the renderer takes: the same tree, with full paths.
fn render_tree(chart: &Chart) -> RenderChart {
    RenderChart {
        name: chart.name().to_owned(),
        path: chart.standing.path.clone(),
        is_library: chart.is_library(),
        metadata: serde_json::to_value(&chart.metadata).unwrap_or_default(),
        files: chart
            .files
            .iter()
            .map(|file| (file.name.clone(), file.data.clone()))
            .collect::<BTreeMap<_, _>>(),
        templates: chart
            .templates
            .iter()
            .map(|file| (file.name.clone(), file.data.clone()))
            .collect(),
        dependencies: chart.dependencies.iter().map(render_tree).collect(),
    }
}

/// The CRDs that an install creates before it renders: of the chart and the sub-charts that take part.
pub(crate) fn crds(chart: &Chart, user: &Values) -> Result<Vec<Document>, RenderFailure> {
    let mut chart = chart.clone();
    dependencies::process(&mut chart, user, &silent)?;
    Ok(crd_files(&chart))
}

/// The CRD files of a chart and of its sub-charts.
fn crd_files(chart: &Chart) -> Vec<Document> {
    let is_crd = |name: &str| {
        let extension = name.rsplit('/').next().and_then(|base| base.rsplit_once('.'));
        name.starts_with("crds/")
            && extension.is_some_and(|(_, extension)| {
                ["yaml", "yml", "json"]
                    .iter()
                    .any(|known| extension.eq_ignore_ascii_case(known))
            })
    };
    let mut found: Vec<Document> = chart
        .files
        .iter()
        .filter(|file| is_crd(&file.name))
        .map(|file| Document {
            source: format!("{}/{}", chart.standing.path, file.name),
            text: String::from_utf8_lossy(&file.data).into_owned(),
            kind: "CustomResourceDefinition".to_owned(),
        })
        .collect();
    for sub in &chart.dependencies {
        found.extend(crd_files(sub));
    }
    found
}
