//! `magnum-conductor template`: a chart rendered here, as `helm template` (3.17) prints it. Needs no
//! configuration and no cluster.

mod flags;
mod output;
mod reader;
mod scan;
mod source;
mod values;
mod world;

use std::cell::RefCell;
use std::io::{Read, Write};

use helm::{
    Capabilities, Chart, Fetcher, RenderFailure, Rendered, TemplateOptions,
    print::{self, PrintOptions},
    values::{Values, Warn},
};

pub use flags::{Environment, Template};
use output::Failure;
use world::World;

/// Labels that helm gives to its releases itself.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// Runs the command on what stands after its name; the exit code is helm's.
pub async fn run(
    arguments: impl IntoIterator<Item = String>,
    environment: &Environment,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> std::io::Result<u8> {
    let command = match Template::read(arguments, environment) {
        Ok(command) => command,
        Err(message) => {
            writeln!(stderr, "Error: {message}")?;
            return Ok(1);
        }
    };
    if command.help {
        stdout.write_all(flags::help().as_bytes())?;
        return Ok(0);
    }
    let (text, message) = match render(&command, stdin, stdout, stderr).await {
        Ok(text) => (text, None),
        Err(failure) => (failure.partial, Some(failure.message)),
    };
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    if let Some(message) = &message {
        writeln!(stderr, "Error: {message}")?;
    }
    Ok(message.is_some().into())
}

async fn render(
    command: &Template,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<String, Failure> {
    if command.names.is_empty() {
        command.name_and_chart()?;
    }
    let capabilities = capabilities(command)?;
    command.source.check_files()?;
    let (name, reference) = command.name_and_chart()?;
    let located = source::locate(reference, &command.source).await?;
    let values = command.values.read(stdin)?;
    let stderr = RefCell::new(stderr);
    let warn = |text: &str| {
        let _ = writeln!(stderr.borrow_mut(), "{text}");
    };
    let chart = located.load(&warn)?;
    check_chart(command, &chart, &warn)?;
    check_dry_run(&command.dry_run)?;
    check_name(&name)?;
    let world = World::of(command);
    let options = TemplateOptions {
        is_upgrade: command.is_upgrade,
        keep_integers: true,
        lookup: &world,
        warn: &warn,
        skip_schema_validation: command.skip_schema_validation,
        fetch: Some(&Fetcher),
        ..TemplateOptions::new(&name, &command.namespace, &capabilities)
    };
    let rendered = helm::template(&chart, &values, &options);
    check_labels(&command.labels, &rendered)?;
    let rendered =
        rendered.map_err(|failure| explain(failure, command.debug, || raw(&chart, &values, &options)))?;
    show(command, &name, &rendered, stdout)
}

/// Writes files, or gives what is to be printed.
fn show(
    command: &Template,
    name: &str,
    rendered: &Rendered,
    stdout: &mut dyn Write,
) -> Result<String, Failure> {
    let options = PrintOptions {
        include_crds: command.include_crds,
        no_hooks: command.no_hooks,
        skip_tests: command.skip_tests,
        show_only: command.show_only.clone(),
    };
    let Some(folder) = &command.output_dir else {
        return Ok(print::print(rendered, &options).map_err(|missing| missing.to_string())?);
    };
    output::write(
        folder,
        command.use_release_name.then_some(name),
        rendered,
        &options,
        stdout,
    )?;
    // There is nothing left that could be shown.
    match command.show_only.first() {
        Some(pattern) => Err(print::NoSuchTemplate(pattern.clone()).to_string().into()),
        None => Ok("\n".to_owned()),
    }
}

/// Refuses what is not to be installed, or lacks charts.
fn check_chart(command: &Template, chart: &Chart, warn: Warn<'_>) -> Result<(), String> {
    let outcome = helm::check_installable(chart);
    let is_application = !matches!(outcome, Err(RenderFailure::NotInstallable(_)));
    if chart.metadata.deprecated && is_application {
        warn("WARNING: This chart is deprecated");
    }
    outcome.map_err(|failure| match failure {
        RenderFailure::Dependencies(missing) if command.dependency_update => {
            format!("--dependency-update is not supported: nothing is fetched here that is {missing}")
        }
        other => other.to_string(),
    })
}

fn check_dry_run(said: &str) -> Result<(), String> {
    if ["false", "true", "none", "client", "server"].contains(&said) {
        return Ok(());
    }
    Err("Invalid dry-run flag. Flag must one of the following: false, true, none, client, server".to_owned())
}

/// Helm looks at labels when the values are known to fit, before it renders.
fn check_labels(labels: &[String], rendered: &Result<Rendered, RenderFailure>) -> Result<(), String> {
    let is_reserved = labels
        .iter()
        .filter_map(|label| label.split_once('='))
        .any(|(key, _)| SYSTEM_LABELS.contains(&key));
    let comes_first = rendered.as_ref().is_err_and(|failure| !failure.has_begun());
    if !is_reserved || comes_first {
        return Ok(());
    }
    let all = SYSTEM_LABELS.join(" ");
    Err(format!(
        "user supplied labels contains system reserved label name. System labels: [{all}]"
    ))
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
