//! `magnum-conductor template`: a chart rendered here, as `helm template` (3.17) prints it. Needs no
//! configuration and no cluster.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use helm::{
    Capabilities, Chart, ChartSource, RenderFailure, TemplateOptions,
    print::{self, PrintOptions},
    provenance, strvals,
    values::{self, Values},
    yaml,
};
use serde_json::{Map, Value};

/// The release's name if none is given.
const DEFAULT_NAME: &str = "release-name";

/// Renders a chart and prints its manifests, as `helm template` does.
#[derive(Clone, Debug, Default, Args)]
pub struct Template {
    /// Name of the release (`release-name` if left out) and the chart: `builtin`, a folder, an archive, its
    /// name in `--repo`, a URL or an `oci://` reference.
    #[arg(value_name = "[NAME] CHART", required = true, num_args = 1..)]
    pub names: Vec<String>,
    /// Namespace of the release.
    #[arg(
        long,
        short,
        env = "HELM_NAMESPACE",
        default_value = "default",
        hide_env = true
    )]
    pub namespace: String,
    /// What the values are.
    #[command(flatten)]
    pub values: ValueOptions,
    /// Where the chart is kept.
    #[command(flatten)]
    pub source: SourceOptions,
    /// Kubernetes version for `.Capabilities.KubeVersion`.
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// More versions for `.Capabilities.APIVersions`.
    #[arg(long, short, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// Print the CRDs as well.
    #[arg(long)]
    pub include_crds: bool,
    /// Taken because helm takes it: the CRDs are printed with `--include-crds`, and else they are not.
    #[arg(long)]
    pub skip_crds: bool,
    /// Set `.Release.IsUpgrade` instead of `.Release.IsInstall`.
    #[arg(long)]
    pub is_upgrade: bool,
    /// Leave hooks out.
    #[arg(long)]
    pub no_hooks: bool,
    /// Leave tests out.
    #[arg(long)]
    pub skip_tests: bool,
    /// Do not look at `values.schema.json`.
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// Print only what this template renders; may be given several times.
    #[arg(long, short, value_name = "TEMPLATE")]
    pub show_only: Vec<String>,
}

/// Where values come from: files first, then `--set-json`, `--set`, `--set-string`, `--set-file`,
/// `--set-literal`, whatever their order on the command line.
#[derive(Clone, Debug, Default, Args)]
pub struct ValueOptions {
    /// YAML file of values, `-` for standard input; later ones win.
    #[arg(long = "values", short = 'f', value_name = "FILE", value_delimiter = ',')]
    pub files: Vec<String>,
    /// Values, as `key1=val1,key2=val2`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Values that are text.
    #[arg(long, value_name = "KEY=TEXT")]
    pub set_string: Vec<String>,
    /// Values that are JSON.
    #[arg(long, value_name = "KEY=JSON")]
    pub set_json: Vec<String>,
    /// Values that are the text of files.
    #[arg(long, value_name = "KEY=PATH")]
    pub set_file: Vec<String>,
    /// A value that is text, with commas and all.
    #[arg(long, value_name = "KEY=TEXT")]
    pub set_literal: Vec<String>,
}

/// Where a chart is kept that is not in a local folder or archive.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceOptions {
    /// URL of the chart repository.
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// Version or range of the chart; the newest if left out.
    #[arg(long)]
    pub version: Option<String>,
    /// Take pre-releases too.
    #[arg(long)]
    pub devel: bool,
    /// User at the repository.
    #[arg(long)]
    pub username: Option<String>,
    /// Password at the repository.
    #[arg(long)]
    pub password: Option<String>,
    /// CAs to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Trust any certificate.
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Verify the chart by its provenance file; `builtin`, which is part of this program, has none.
    #[arg(long)]
    pub verify: bool,
    /// Public keys for `--verify`; `pubring.gpg` in `$GNUPGHOME` or `~/.gnupg` if left out.
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

/// Runs the command; the exit code is helm's. With `debug`, what did not become YAML is printed as it is.
pub async fn run(
    command: &Template,
    debug: bool,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> std::io::Result<u8> {
    match render(command, debug, stdin, stderr).await {
        Ok(text) => {
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
            Ok(0)
        }
        Err(failure) => {
            stdout.write_all(failure.partial.as_bytes())?;
            writeln!(stderr, "Error: {}", failure.message)?;
            Ok(1)
        }
    }
}

/// What the command says instead of manifests.
struct Failure {
    message: String,
    /// For standard output.
    partial: String,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            partial: String::new(),
        }
    }
}

async fn render(
    command: &Template,
    debug: bool,
    stdin: &mut dyn Read,
    stderr: &mut dyn Write,
) -> Result<String, Failure> {
    let capabilities = capabilities(command)?;
    let (name, reference) = name_and_chart(&command.names)?;
    let chart = chart(reference, &command.source).await?;
    let values = command.values.read(stdin)?;
    let chart = chart?;
    if chart.metadata.deprecated {
        let _ = writeln!(stderr, "WARNING: This chart is deprecated");
    }
    let stderr = RefCell::new(stderr);
    let warn = |text: &str| {
        let _ = writeln!(stderr.borrow_mut(), "{text}");
    };
    let options = TemplateOptions {
        is_upgrade: command.is_upgrade,
        keep_integers: true,
        warn: &warn,
        skip_schema_validation: command.skip_schema_validation,
        ..TemplateOptions::new(name, &command.namespace, &capabilities)
    };
    helm::check_installable(&chart).map_err(|failure| failure.to_string())?;
    check_name(name)?;
    let rendered = helm::template(&chart, &values, &options)
        .map_err(|failure| explain(failure, debug, || raw(&chart, &values, &options)))?;
    let print_options = PrintOptions {
        include_crds: command.include_crds,
        no_hooks: command.no_hooks,
        skip_tests: command.skip_tests,
        show_only: command.show_only.clone(),
    };
    Ok(print::print(&rendered, &print_options).map_err(|missing| missing.to_string())?)
}

/// Helm's words, and where it tells to look further.
fn explain(failure: RenderFailure, debug: bool, raw: impl FnOnce() -> String) -> Failure {
    let mut message = failure.to_string();
    let mut partial = String::new();
    if failure.has_begun() {
        if !debug {
            message.push_str("\n\nUse --debug flag to render out invalid YAML");
        } else if matches!(failure, RenderFailure::Yaml { .. }) {
            partial = raw();
        } else {
            partial.push('\n');
        }
    }
    Failure { message, partial }
}

/// What the templates wrote, for `--debug`.
fn raw(chart: &Chart, values: &Values, options: &TemplateOptions<'_>) -> String {
    let files = helm::raw_files(chart, values, options).unwrap_or_default();
    let text: String = files
        .iter()
        .map(|(name, text)| format!("---\n# Source: {name}\n{text}\n"))
        .collect();
    format!("{}\n", text.trim())
}

fn check_name(name: &str) -> Result<(), String> {
    if helm::is_valid_name(name) {
        return Ok(());
    }
    let why = if name.is_empty() {
        "no name provided"
    } else {
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    };
    Err(format!("release name {}: {why}", helm::go_quote(name)))
}

fn capabilities(command: &Template) -> Result<Capabilities, String> {
    let mut capabilities = helm::default_capabilities();
    if let Some(text) = command.kube_version.as_deref().filter(|text| !text.is_empty()) {
        capabilities.kube_version =
            helm::kube_version(text).map_err(|error| format!("invalid kube version '{text}': {error}"))?;
    }
    capabilities
        .api_versions
        .extend(command.api_versions.iter().cloned());
    Ok(capabilities)
}

fn name_and_chart(names: &[String]) -> Result<(&str, &str), String> {
    match names {
        [chart] => Ok((DEFAULT_NAME, chart)),
        [name, chart] => Ok((name, chart)),
        [_, _, stray @ ..] => Err(format!(
            "expected at most two arguments, unexpected arguments: {}",
            stray.join(", ")
        )),
        [] => Err("\"template\" requires at least 1 argument".to_owned()),
    }
}

/// The chart; the inner result is what helm finds only after it has read the values.
async fn chart(name: &str, source: &SourceOptions) -> Result<Result<Chart, String>, String> {
    if name == "builtin" {
        return Ok(crate::builtin_chart::load().map_err(|error| error.to_string()));
    }
    let name = name.trim();
    let path = Path::new(name);
    if path.exists() && source.verify {
        let archive = provenance::verify_file(path, &source.keyring()).map_err(|error| error.to_string())?;
        return Ok(Chart::from_archive(&archive).map_err(|error| error.to_string()));
    }
    if path.exists() {
        return Ok(Chart::from_path(path).map_err(|error| error.to_string()));
    }
    if path.is_absolute() || name.starts_with('.') {
        return Err(format!("path {} not found", helm::go_quote(name)));
    }
    let is_local_name = source.repo.is_none() && !name.contains("://");
    if is_local_name {
        // Helm would look into its list of repositories.
        return Err(match name.split_once('/') {
            Some((repository, _)) => format!("repo {repository} not found"),
            None => format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"),
        });
    }
    let version = source.version.clone().map(|version| version.trim().to_owned());
    let keyring = source.verify.then(|| source.keyring());
    let source = ChartSource {
        name: name.to_owned(),
        repo: source.repo.clone(),
        version: version.or_else(|| source.devel.then(|| ">0.0.0-0".to_owned())),
        username: source.username.clone(),
        password: source.password.clone().map(Into::into),
        ca_file: source.ca_file.clone(),
        insecure_skip_tls_verify: source.insecure_skip_tls_verify,
        keyring,
    };
    let fetched = source.fetch(&cache_dir()).await;
    Ok(Ok(fetched.map_err(|error| error.to_string())?))
}

/// A folder of the user's own: the service's belongs to the service.
fn cache_dir() -> PathBuf {
    let home = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = home("XDG_CACHE_HOME").or_else(|| home("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir)
        .join("magnum-conductor/charts")
}

impl SourceOptions {
    fn keyring(&self) -> PathBuf {
        let chosen = self.keyring.clone();
        chosen.unwrap_or_else(|| match std::env::var_os("GNUPGHOME") {
            Some(folder) => Path::new(&folder).join("pubring.gpg"),
            None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".gnupg/pubring.gpg"),
        })
    }
}

impl ValueOptions {
    /// All values as one table, merged in Helm's order.
    ///
    /// # Errors
    /// In Helm's words.
    pub fn read(&self, stdin: &mut dyn Read) -> Result<Values, String> {
        let mut all = Map::new();
        for file in &self.files {
            values::overlay(&mut all, values_file(file, stdin)?);
        }
        for line in &self.set_json {
            strvals::set_json(line, &mut all)
                .map_err(|_| format!("failed parsing --set-json data {line}"))?;
        }
        for line in &self.set {
            strvals::set(line, &mut all).map_err(|error| format!("failed parsing --set data: {error}"))?;
        }
        for line in &self.set_string {
            strvals::set_string(line, &mut all)
                .map_err(|error| format!("failed parsing --set-string data: {error}"))?;
        }
        for line in &self.set_file {
            strvals::set_file(line, &mut all, &|path| {
                let bytes = std::fs::read(path).map_err(|error| go_error(path, &error))?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            })
            .map_err(|error| format!("failed parsing --set-file data: {error}"))?;
        }
        for line in &self.set_literal {
            strvals::set_literal(line, &mut all)
                .map_err(|error| format!("failed parsing --set-literal data: {error}"))?;
        }
        Ok(all)
    }
}

fn values_file(path: &str, stdin: &mut dyn Read) -> Result<Values, String> {
    let mut bytes = Vec::new();
    if path.trim() == "-" {
        stdin.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    } else {
        bytes = std::fs::read(path).map_err(|error| go_error(path, &error))?;
    }
    let failed = |error: String| format!("failed to parse {path}: {error}");
    let mut value = yaml::from_yaml_bytes(&bytes).map_err(|error| failed(error.to_string()))?;
    values::numbers_as_floats(&mut value);
    let kind = match value {
        Value::Object(table) => return Ok(table),
        Value::Null => return Ok(Map::new()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(failed(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    )))
}

/// An error of the file system as Go words it.
fn go_error(path: &str, error: &std::io::Error) -> String {
    let (verb, why) = match error.kind() {
        std::io::ErrorKind::NotFound => ("open", "no such file or directory".to_owned()),
        std::io::ErrorKind::PermissionDenied => ("open", "permission denied".to_owned()),
        std::io::ErrorKind::IsADirectory => ("read", "is a directory".to_owned()),
        std::io::ErrorKind::NotADirectory => ("open", "not a directory".to_owned()),
        _ => ("open", error.to_string()),
    };
    format!("{verb} {path}: {why}")
}
