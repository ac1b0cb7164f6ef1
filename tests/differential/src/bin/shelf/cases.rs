//! Which charts, with which values.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A chart of the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// `OWNER/REPOSITORY`, or the first folder's name.
    pub origin: String,
    /// The rest of the path.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Dependencies that could not be had and were taken out for both engines; from `CHART.without`.
    pub without: String,
}

impl Subject {
    /// Origin and name.
    pub fn label(&self) -> String {
        format!("{}/{}", self.origin, self.name)
    }
}

/// One rendering of a chart.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name for messages.
    pub label: String,
    /// Values files, the last wins.
    pub values: Vec<PathBuf>,
    /// More values, as text; they win over the files.
    pub more: String,
    /// `--kube-version`, unless the flags have one.
    pub kube_version: String,
    /// Flags of `helm template`, which only a program understands.
    pub flags: Vec<String>,
}

impl Case {
    /// The defaults.
    pub fn new(kube_version: &str) -> Self {
        Self {
            label: "defaults".to_owned(),
            values: Vec::new(),
            more: String::new(),
            kube_version: kube_version.to_owned(),
            flags: Vec::new(),
        }
    }
}

/// All charts under a folder; charts within charts belong to those.
pub fn charts(folder: &Path, only: Option<&str>) -> Result<Vec<Subject>> {
    let mut found = Vec::new();
    walk(folder, &mut found)?;
    let mut subjects = Vec::new();
    for path in found {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let text = relative.to_string_lossy();
        let (origin, name) = text.split_once('/').unwrap_or(("", &text));
        if only.is_none_or(|only| text.contains(only)) {
            let note = PathBuf::from(format!("{}.without", path.display()));
            subjects.push(Subject {
                origin: origin.replace('+', "/"),
                name: name.to_owned(),
                without: std::fs::read_to_string(note)
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                path,
            });
        }
    }
    subjects.sort();
    Ok(subjects)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join("Chart.yaml").is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "tgz") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a list of cases.
pub fn layers(list: &Path) -> Result<Vec<(String, Vec<PathBuf>)>> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let folder = list.parent().unwrap_or(Path::new("."));
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines
        .map(|(name, files)| {
            let files = files.split_whitespace().map(|file| folder.join(file)).collect();
            (name.trim().to_owned(), files)
        })
        .collect())
}

/// The cases of a chart: those of the list, or its defaults and its `ci/` files; for each Kubernetes version.
pub fn of_chart(
    chart: &Subject,
    layers: Option<&[(String, Vec<PathBuf>)]>,
    versions: &[String],
) -> Vec<Case> {
    let named = match layers {
        Some(layers) => layers.to_vec(),
        None => {
            let mut named = vec![("defaults".to_owned(), Vec::new())];
            named.extend(ci_files(&chart.path));
            named
        }
    };
    let case = |version: &String, (label, values): &(String, Vec<PathBuf>)| Case {
        label: if versions.len() > 1 {
            format!("{label} on {version}")
        } else {
            label.clone()
        },
        values: values.clone(),
        ..Case::new(version)
    };
    versions
        .iter()
        .flat_map(|version| named.iter().map(move |one| case(version, one)))
        .collect()
}

fn ci_files(chart: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let entries = std::fs::read_dir(chart.join("ci"))
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml"))
        .collect();
    files.sort();
    let name = |path: &Path| {
        path.file_name()
            .map(|name| format!("ci {}", name.to_string_lossy()))
            .unwrap_or_default()
    };
    files.into_iter().map(|path| (name(&path), vec![path])).collect()
}
