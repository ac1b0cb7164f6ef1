//! What comes of a rendering: for `--output-dir` files, one for each template, else a text; or a failure.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use helm::{Rendered, print::PrintOptions, release::Event};

/// What the command says instead of manifests.
pub struct Failure {
    /// After `Error:`.
    pub message: String,
    /// For standard output.
    pub partial: String,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            partial: String::new(),
        }
    }
}

/// Writes the files, below a folder of that name if one is given, and tells of each. As with helm, a file that was there
/// is written anew, but hooks are added to it.
pub fn write(
    folder: &str,
    name: Option<&str>,
    rendered: &Rendered,
    options: &PrintOptions,
    stdout: &mut dyn Write,
) -> Result<(), Failure> {
    let inner = name.map_or_else(|| folder.to_owned(), |name| joined(folder, name));
    let crds = rendered.crds.iter().filter(|_| options.include_crds);
    let manifests = rendered
        .manifests
        .iter()
        .map(|document| (inner.as_str(), document));
    let mut written = HashSet::new();
    for (folder, document) in crds.map(|document| (folder, document)).chain(manifests) {
        let again = !written.insert(&document.source);
        put(folder, &document.source, &document.text, again, stdout)
            .map_err(|why| Failure::from(format!("{why}\n\nUse --debug flag to render out invalid YAML")))?;
    }
    if options.no_hooks {
        return Ok(());
    }
    for hook in &rendered.hooks {
        if options.skip_tests && hook.events.contains(&Event::Test) {
            continue;
        }
        let again = Path::new(&joined(&inner, &hook.path)).exists();
        put(&inner, &hook.path, &hook.manifest, again, stdout)?;
    }
    Ok(())
}

fn put(folder: &str, name: &str, text: &str, again: bool, stdout: &mut dyn Write) -> Result<(), String> {
    let path = format!("{folder}/{name}");
    let beside = path.rsplit_once('/').map_or(".", |(beside, _)| beside);
    let beside = joined(beside, "");
    let said =
        |verb: &str, path: &str, error: &std::io::Error| format!("{verb} {path}: {}", helm::go_reason(error));
    if let Err(error) = std::fs::metadata(&beside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(said("stat", &beside, &error));
    }
    std::fs::create_dir_all(&beside).map_err(|error| said("mkdir", &beside, &error))?;
    let mut file = std::fs::File::options()
        .write(true)
        .append(again)
        .create(!again)
        .truncate(!again)
        .open(&path)
        .map_err(|error| said("open", &path, &error))?;
    file.write_all(format!("---\n# Source: {name}\n{text}\n").as_bytes())
        .map_err(|error| said("write", &path, &error))?;
    writeln!(stdout, "wrote {path}").map_err(|error| error.to_string())
}

/// `filepath.Join`.
fn joined(folder: &str, name: &str) -> String {
    let mut clean = PathBuf::new();
    for part in Path::new(folder).join(name.trim_start_matches('/')).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    match clean.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => clean.display().to_string(),
    }
}
