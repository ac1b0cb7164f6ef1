//! The flags of `helm template` (3.17), and what a command line with them asks for.

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::{self, Flag, Given, Kind};
use super::scan;
use super::values::ValueOptions;

/// The release's name if none is given.
const DEFAULT_NAME: &str = "release-name";

const fn flag(name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        kind,
        help,
    }
}

const fn lettered(short: char, name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag {
        name,
        short: Some(short),
        kind,
        help,
    }
}

/// Of flags that change nothing here.
const NO_EFFECT: &str = "taken because helm takes it; changes nothing here";

const FLAGS: &[Flag] = &[
    lettered(
        'a',
        "api-versions",
        Kind::Csv,
        "more versions for .Capabilities.APIVersions",
    ),
    flag("atomic", Kind::Bool, NO_EFFECT),
    flag("ca-file", Kind::Text, "CAs to trust besides the system's"),
    flag("cert-file", Kind::Text, "certificate to show to the repository"),
    flag("create-namespace", Kind::Bool, NO_EFFECT),
    flag(
        "dependency-update",
        Kind::Bool,
        "not supported if dependencies are missing",
    ),
    flag("description", Kind::Text, NO_EFFECT),
    flag("devel", Kind::Bool, "take pre-releases too"),
    flag("disable-openapi-validation", Kind::Bool, NO_EFFECT),
    flag(
        "dry-run",
        Kind::TextOr("client"),
        "client, server, true, false or none; no cluster is asked",
    ),
    flag("enable-dns", Kind::Bool, "let getHostByName ask the resolver"),
    flag("force", Kind::Bool, NO_EFFECT),
    lettered('g', "generate-name", Kind::Bool, "no name is given"),
    lettered('h', "help", Kind::Bool, "print this"),
    flag("hide-notes", Kind::Bool, NO_EFFECT),
    flag("include-crds", Kind::Bool, "print the CRDs as well"),
    flag("insecure-skip-tls-verify", Kind::Bool, "trust any certificate"),
    flag(
        "is-upgrade",
        Kind::Bool,
        "set .Release.IsUpgrade instead of .Release.IsInstall",
    ),
    flag("key-file", Kind::Text, "key of --cert-file"),
    flag(
        "keyring",
        Kind::Text,
        "public keys for --verify; pubring.gpg in $GNUPGHOME or ~/.gnupg if left out",
    ),
    flag(
        "kube-version",
        Kind::Text,
        "Kubernetes version for .Capabilities.KubeVersion",
    ),
    lettered('l', "labels", Kind::Pairs, NO_EFFECT),
    flag(
        "name-template",
        Kind::Text,
        "template that gives the release's name",
    ),
    flag("no-hooks", Kind::Bool, "leave hooks out"),
    flag(
        "output-dir",
        Kind::Text,
        "write to files in this folder instead of standard output",
    ),
    flag(
        "pass-credentials",
        Kind::Bool,
        "send user and password to every host",
    ),
    flag("password", Kind::Text, "password at the repository"),
    flag("plain-http", Kind::Bool, "speak HTTP without TLS to the registry"),
    flag("post-renderer", Kind::Text, "not supported"),
    flag("post-renderer-args", Kind::List, "not supported"),
    flag(
        "release-name",
        Kind::Bool,
        "put the release's name into the path below --output-dir",
    ),
    flag("render-subchart-notes", Kind::Bool, NO_EFFECT),
    flag("replace", Kind::Bool, NO_EFFECT),
    flag("repo", Kind::Text, "URL of the chart repository"),
    flag("set", Kind::List, "values, as key1=val1,key2=val2"),
    flag("set-file", Kind::List, "values that are the text of files"),
    flag("set-json", Kind::List, "values that are JSON"),
    flag(
        "set-literal",
        Kind::List,
        "a value that is text, with commas and all",
    ),
    flag("set-string", Kind::List, "values that are text"),
    lettered(
        's',
        "show-only",
        Kind::List,
        "print only what this template renders",
    ),
    flag("skip-crds", Kind::Bool, NO_EFFECT),
    flag(
        "skip-schema-validation",
        Kind::Bool,
        "do not look at values.schema.json",
    ),
    flag("skip-tests", Kind::Bool, "leave tests out"),
    flag("take-ownership", Kind::Bool, NO_EFFECT),
    flag("timeout", Kind::Duration, NO_EFFECT),
    flag("username", Kind::Text, "user at the repository"),
    flag("validate", Kind::Bool, "not supported: no cluster is asked"),
    lettered(
        'f',
        "values",
        Kind::Csv,
        "YAML file of values or its URL, - for standard input; later ones win",
    ),
    flag("verify", Kind::Bool, "verify the chart by its provenance file"),
    flag(
        "version",
        Kind::Text,
        "version or range of the chart; the newest if left out",
    ),
    flag("wait", Kind::Bool, NO_EFFECT),
    flag("wait-for-jobs", Kind::Bool, NO_EFFECT),
    flag("burst-limit", Kind::Int, NO_EFFECT),
    flag("debug", Kind::Bool, "print what did not become YAML as it is"),
    flag("kube-apiserver", Kind::Text, NO_EFFECT),
    flag("kube-as-group", Kind::List, NO_EFFECT),
    flag("kube-as-user", Kind::Text, NO_EFFECT),
    flag("kube-ca-file", Kind::Text, NO_EFFECT),
    flag("kube-context", Kind::Text, NO_EFFECT),
    flag("kube-insecure-skip-tls-verify", Kind::Bool, NO_EFFECT),
    flag("kube-tls-server-name", Kind::Text, NO_EFFECT),
    flag("kube-token", Kind::Text, NO_EFFECT),
    flag("kubeconfig", Kind::Text, NO_EFFECT),
    lettered('n', "namespace", Kind::Text, "namespace of the release"),
    flag("qps", Kind::Float, NO_EFFECT),
    flag("registry-config", Kind::Text, NO_EFFECT),
    flag("repository-cache", Kind::Text, NO_EFFECT),
    flag("repository-config", Kind::Text, NO_EFFECT),
    // Of the log of helm's Kubernetes client, which helm does not show.
    flag("add-dir-header", Kind::Bool, ""),
    flag("alsologtostderr", Kind::Bool, ""),
    flag("log-backtrace-at", Kind::Text, ""),
    flag("log-dir", Kind::Text, ""),
    flag("log-file", Kind::Text, ""),
    flag("log-file-max-size", Kind::Text, ""),
    flag("logtostderr", Kind::Bool, ""),
    flag("one-output", Kind::Bool, ""),
    flag("skip-headers", Kind::Bool, ""),
    flag("skip-log-headers", Kind::Bool, ""),
    flag("stderrthreshold", Kind::Text, ""),
    lettered('v', "v", Kind::Text, ""),
    flag("vmodule", Kind::Text, ""),
];

/// What is printed for `--help`.
pub fn help() -> String {
    format!(
        "Renders a chart and prints its manifests, as `helm template` (3.17) does; needs no configuration and no \
         cluster.\n\nCHART is `builtin`, a folder, an archive, its name in --repo, a URL or an oci:// reference.\n\n\
         Usage:\n  magnum-conductor template [NAME] [CHART] [flags]\n\nFlags:\n{}",
        reader::shown(FLAGS)
    )
}

/// What a command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// Only how to ask is to be told.
    pub help: bool,
    /// Print what did not become YAML as it is.
    pub debug: bool,
    /// Name and chart, or only the chart.
    pub names: Vec<String>,
    /// No name is given.
    pub generate_name: bool,
    /// Gives the name.
    pub name_template: Option<String>,
    /// Namespace of the release.
    pub namespace: String,
    /// What the values are.
    pub values: ValueOptions,
    /// Where the chart is kept.
    pub source: SourceOptions,
    /// For `.Capabilities.KubeVersion`.
    pub kube_version: Option<String>,
    /// For `.Capabilities.APIVersions`.
    pub api_versions: Vec<String>,
    /// Labels of the release, `key=value`.
    pub labels: Vec<String>,
    /// The CRDs come too.
    pub include_crds: bool,
    /// `.Release.IsUpgrade`.
    pub is_upgrade: bool,
    /// No hooks.
    pub no_hooks: bool,
    /// No tests.
    pub skip_tests: bool,
    /// `values.schema.json` is not looked at.
    pub skip_schema_validation: bool,
    /// `getHostByName` may ask.
    pub enable_dns: bool,
    /// `client`, `server`, …
    pub dry_run: String,
    /// Missing dependencies are to be fetched.
    pub dependency_update: bool,
    /// Only what these templates render.
    pub show_only: Vec<String>,
    /// Files are written below this folder.
    pub output_dir: Option<String>,
    /// And there below the release's name.
    pub use_release_name: bool,
}

/// Where a chart is kept that is not in a local folder or archive.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// URL of the repository.
    pub repo: Option<String>,
    /// Version or range.
    pub version: Option<String>,
    /// Pre-releases too.
    pub devel: bool,
    /// User at the repository.
    pub username: Option<String>,
    /// Password at the repository.
    pub password: Option<SecretString>,
    /// Credentials go to every host.
    pub pass_credentials: bool,
    /// CAs to trust.
    pub ca_file: Option<PathBuf>,
    /// Certificate of the client.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// Any certificate will do.
    pub insecure_skip_tls_verify: bool,
    /// Registries without TLS.
    pub plain_http: bool,
    /// The provenance file counts.
    pub verify: bool,
    /// Public keys for it.
    pub keyring: Option<PathBuf>,
}

/// What the environment says where flags say nothing.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `HELM_NAMESPACE`.
    pub namespace: Option<String>,
    /// `HELM_DEBUG`.
    pub debug: Option<String>,
}

impl Template {
    /// Reads a command line.
    ///
    /// # Errors
    /// In helm's words, and for what is not supported in ours.
    pub fn read(
        arguments: impl IntoIterator<Item = String>,
        environment: &Environment,
    ) -> Result<Self, String> {
        let given = reader::read(FLAGS, arguments)?;
        if given.text("post-renderer").is_some() {
            return Err("--post-renderer is not supported: no other program is run here".to_owned());
        }
        if given.is_on("validate") {
            return Err("--validate is not supported: no cluster is asked here".to_owned());
        }
        let namespace = given.said("namespace").or(environment.namespace.as_deref());
        let debug = environment.debug.as_deref();
        let debug = debug.is_some_and(|text| scan::truth(text) == Ok(true));
        Ok(Self {
            help: given.is_on("help"),
            debug: given.said("debug").map_or(debug, |said| said == "true"),
            names: given.rest.clone(),
            generate_name: given.is_on("generate-name"),
            name_template: given.text("name-template"),
            namespace: namespace
                .filter(|text| !text.is_empty())
                .unwrap_or("default")
                .to_owned(),
            values: value_options(&given),
            source: source_options(&given),
            kube_version: given.text("kube-version"),
            api_versions: given.list("api-versions"),
            labels: given.list("labels"),
            include_crds: given.is_on("include-crds"),
            is_upgrade: given.is_on("is-upgrade"),
            no_hooks: given.is_on("no-hooks"),
            skip_tests: given.is_on("skip-tests"),
            skip_schema_validation: given.is_on("skip-schema-validation"),
            enable_dns: given.is_on("enable-dns"),
            dry_run: given.text("dry-run").unwrap_or_else(|| "true".to_owned()),
            dependency_update: given.is_on("dependency-update"),
            show_only: given.list("show-only"),
            output_dir: given.text("output-dir"),
            use_release_name: given.is_on("release-name"),
        })
    }

    /// The release's name and the chart.
    ///
    /// # Errors
    /// In helm's words.
    pub fn name_and_chart(&self) -> Result<(String, &str), String> {
        match self.names.as_slice() {
            [] => Err(
                "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]"
                    .to_owned(),
            ),
            [chart] => match &self.name_template {
                Some(template) => Ok((helm::name_from_template(template)?, chart)),
                None => Ok((DEFAULT_NAME.to_owned(), chart)),
            },
            [_, _] if self.generate_name => {
                Err("cannot set --generate-name and also specify a name".to_owned())
            }
            [_, _] if self.name_template.is_some() => {
                Err("cannot set --name-template and also specify a name".to_owned())
            }
            [name, chart] => Ok((name.clone(), chart)),
            [_, _, stray @ ..] => Err(format!(
                "expected at most two arguments, unexpected arguments: {}",
                stray.join(", ")
            )),
        }
    }
}

fn value_options(given: &Given) -> ValueOptions {
    ValueOptions {
        files: given.list("values"),
        set: given.list("set"),
        set_string: given.list("set-string"),
        set_json: given.list("set-json"),
        set_file: given.list("set-file"),
        set_literal: given.list("set-literal"),
    }
}

fn source_options(given: &Given) -> SourceOptions {
    let path = |name| given.text(name).map(PathBuf::from);
    SourceOptions {
        repo: given.text("repo"),
        version: given.text("version"),
        devel: given.is_on("devel"),
        username: given.text("username"),
        password: given.text("password").map(Into::into),
        pass_credentials: given.is_on("pass-credentials"),
        ca_file: path("ca-file"),
        cert_file: path("cert-file"),
        key_file: path("key-file"),
        insecure_skip_tls_verify: given.is_on("insecure-skip-tls-verify"),
        plain_http: given.is_on("plain-http"),
        verify: given.is_on("verify"),
        // Empty text is a keyring that is not there.
        keyring: given.said("keyring").map(PathBuf::from),
    }
}
