//! What `helm template` prints of a rendered chart (`cmd/helm/template.go`, Helm 3.17).

use crate::chart::glob;
use crate::manifest::{self, Document};
use crate::release::{Event, Hook};
use crate::template::Rendered;

/// What to print of a chart.
#[derive(Clone, Debug, Default)]
pub struct PrintOptions {
    /// The files under `crds/` come first.
    pub include_crds: bool,
    /// Hooks are left out.
    pub no_hooks: bool,
    /// Hooks of `helm test` are left out.
    pub skip_tests: bool,
    /// Only what these templates rendered (paths inside the chart, with wildcards); all if empty.
    pub show_only: Vec<String>,
}

/// A template that `--show-only` names and that rendered nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not find template {0} in chart")]
pub struct NoSuchTemplate(pub String);

/// The text that `helm template` writes to its standard output.
pub fn print(rendered: &Rendered, options: &PrintOptions) -> Result<String, NoSuchTemplate> {
    let mut text = String::new();
    if options.include_crds {
        text.push_str(&manifest::join(&rendered.crds));
    }
    text.push_str(&manifest::join(&rendered.manifests));
    let mut text = format!("{}\n", text.trim());
    if !options.no_hooks {
        for hook in &rendered.hooks {
            if !options.skip_tests || !hook.events.contains(&Event::Test) {
                text.push_str(&hook_text(hook));
            }
        }
    }
    if options.show_only.is_empty() {
        return Ok(text);
    }
    only(&text, &options.show_only)
}

fn hook_text(hook: &Hook) -> String {
    manifest::join(&[Document {
        source: hook.path.clone(),
        text: hook.manifest.clone(),
        kind: hook.kind.clone(),
    }])
}

fn only(text: &str, wanted: &[String]) -> Result<String, NoSuchTemplate> {
    let documents = manifest::split(text);
    let mut shown = String::new();
    for pattern in wanted {
        let mut missing = true;
        for document in &documents {
            if source(document).is_some_and(|path| glob(pattern, path) == Some(true)) {
                shown.push_str(&format!("---\n{document}\n"));
                missing = false;
            }
        }
        if missing {
            return Err(NoSuchTemplate(pattern.clone()));
        }
    }
    Ok(shown)
}

/// The path inside the chart from the first `# Source: chart/path` of a document.
fn source(document: &str) -> Option<&str> {
    document.split("# Source: ").skip(1).find_map(|rest| {
        let line = rest.split('\n').next().unwrap_or(rest);
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}
