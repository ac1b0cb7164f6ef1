//! From files to a chart, as `pkg/chart/loader` of Helm 3.17 does it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use helm_template::yaml;
use serde_json::{Map, Value};

use super::archive::{self, Limits, Tally};
use super::fields;
use super::ignore::Rules;
use super::metadata::EmptyNodes;
use super::{Chart, File, Metadata, Standing};
use crate::error::ChartError;
use crate::warn::Warn;

/// Charts in charts in charts: more than this is an attack.
const MAX_NESTING: usize = 16;

/// Helm's warnings, with the place in its source that its log names.
const OLD_DEPENDENCIES: &str = "load.go:120: Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". \
     We recommend migrating dependencies to Chart.yaml.";
const OLD_LOCK: &str = "load.go:138: Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We \
     recommend migrating to Chart.lock.";

/// One load: the tally is one for a chart and all archives in it, as an archive of archives may not pass the limits
/// either.
struct Load<'l> {
    limits: &'l Limits,
    tally: Tally,
    warn: Warn<'l>,
}

impl<'l> Load<'l> {
    fn new(limits: &'l Limits, warn: Warn<'l>) -> Self {
        Self {
            limits,
            tally: Tally::default(),
            warn,
        }
    }
}

pub(super) fn from_archive(bytes: &[u8], limits: &Limits, warn: Warn<'_>) -> Result<Chart, ChartError> {
    archive_at(bytes, &mut Load::new(limits, warn), 0)
}

fn archive_at(bytes: &[u8], load: &mut Load<'_>, depth: usize) -> Result<Chart, ChartError> {
    files_at(archive::unpack(bytes, load.limits, &mut load.tally)?, load, depth)
}

pub(super) fn from_files(files: Vec<File>, limits: &Limits) -> Result<Chart, ChartError> {
    files_at(files, &mut Load::new(limits, &|_| {}), 0)
}

pub(super) fn from_dir(dir: &Path, limits: &Limits, warn: Warn<'_>) -> Result<Chart, ChartError> {
    let dir = &absolute(dir);
    let mut rules = Rules::default();
    let ignore_file = dir.join(".helmignore");
    if ignore_file.is_file() {
        let text = std::fs::read_to_string(&ignore_file).map_err(|source| ChartError::Io {
            path: ignore_file.clone(),
            source,
        })?;
        rules = Rules::parse(&text).map_err(|message| ChartError::File {
            file: ".helmignore".to_owned(),
            message,
        })?;
    }
    let mut files = Vec::new();
    let mut load = Load::new(limits, warn);
    let tally = &mut load.tally;
    walk(
        dir,
        "",
        &rules,
        &mut files,
        &mut |name, bytes| tally.add(name, bytes, limits),
        0,
    )?;
    files_at(files, &mut load, 0)
}

/// Go's `filepath.Abs`, as which Helm names files in errors: what `..` takes away is decided by the words alone.
fn absolute(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .components()
    {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

fn walk(
    dir: &Path,
    prefix: &str,
    rules: &Rules,
    files: &mut Vec<File>,
    count: &mut dyn FnMut(&str, u64) -> Result<(), ChartError>,
    depth: usize,
) -> Result<(), ChartError> {
    if depth > 64 {
        return Err(ChartError::TooDeep(prefix.to_owned()));
    }
    let io = |source| ChartError::Io {
        path: dir.to_owned(),
        source,
    };
    let mut entries = std::fs::read_dir(dir)
        .map_err(io)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(io)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(base) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let name = if prefix.is_empty() {
            base
        } else {
            format!("{prefix}/{base}")
        };
        // Links are followed, as Helm does.
        let kind = std::fs::metadata(&path).map_err(|source| unreachable(&path, source))?;
        if rules.ignored(&name, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, &name, rules, files, count, depth + 1)?;
        } else if kind.is_file() {
            count(&name, kind.len())?;
            let data = std::fs::read(&path).map_err(|source| ChartError::Io {
                path: path.clone(),
                source,
            })?;
            files.push(File {
                name,
                data: data.into(),
            });
        } else {
            return Err(ChartError::Irregular(path));
        }
    }
    Ok(())
}

/// A path that cannot be looked at; of a broken link Helm says where it leads.
fn unreachable(path: &Path, source: std::io::Error) -> ChartError {
    let link = std::fs::read_link(path).ok();
    match link.filter(|_| source.kind() == std::io::ErrorKind::NotFound) {
        Some(target) => ChartError::Link {
            path: path.to_owned(),
            message: format!(
                "lstat {}: no such file or directory",
                first_missing(path, &target)
            ),
        },
        None => ChartError::Io {
            path: path.to_owned(),
            source,
        },
    }
}

/// The first part of the way along a broken link that is not there, as Go finds it.
fn first_missing(link: &Path, target: &Path) -> String {
    let mut at = link.parent().unwrap_or(link).to_owned();
    for part in target.components() {
        match part {
            Component::ParentDir => {
                at.pop();
            }
            Component::CurDir => {}
            part => at.push(part),
        }
        if std::fs::symlink_metadata(&at).is_err() {
            break;
        }
    }
    at.display().to_string()
}

fn files_at(mut files: Vec<File>, load: &mut Load<'_>, depth: usize) -> Result<Chart, ChartError> {
    for file in &mut files {
        if file.data.starts_with(b"\xef\xbb\xbf") {
            file.data = file.data[3..].into();
        }
    }
    let metadata = files
        .iter()
        .find(|file| file.name == "Chart.yaml")
        .ok_or(ChartError::NoMetadata)?;
    let (metadata, mut empty) = read_metadata(read(metadata)?, metadata)?;
    let mut chart = Chart {
        metadata,
        lock: None,
        templates: Vec::new(),
        values: Map::new(),
        schema: None,
        files: Vec::new(),
        dependencies: Vec::new(),
        standing: Standing::default(),
    };
    if chart.metadata.api_version.is_empty() {
        chart.metadata.api_version = "v1".to_owned();
    }
    let mut nested: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        sort_in(&mut chart, &mut nested, &mut empty, file, load.warn)?;
    }
    chart.metadata.validate(empty)?;
    if depth >= MAX_NESTING && !nested.is_empty() {
        return Err(ChartError::TooDeep(chart.metadata.name));
    }
    for (name, files) in nested {
        if let Some(dependency) = sub_chart(&chart, &name, files, load, depth + 1)? {
            chart.dependencies.push(dependency);
        }
    }
    Ok(chart)
}

/// Puts one file where it belongs.
fn sort_in(
    chart: &mut Chart,
    nested: &mut BTreeMap<String, Vec<File>>,
    empty: &mut EmptyNodes,
    file: File,
    warn: Warn<'_>,
) -> Result<(), ChartError> {
    match file.name.as_str() {
        "Chart.yaml" => {}
        "Chart.lock" => chart.lock = Some(lock(read(&file)?)),
        "values.yaml" => chart.values = values(&file)?,
        "values.schema.json" => chart.schema = Some(file.data.to_vec()),
        "requirements.yaml" => {
            if chart.metadata.api_version != "v1" {
                warn(OLD_DEPENDENCIES);
            }
            let (read, nodes) = read_metadata(read(&file)?, &file)?;
            if !read.dependencies.is_empty() || nodes.dependencies {
                chart.metadata.dependencies = read.dependencies;
                empty.dependencies = nodes.dependencies;
            }
            keep_for_v1(chart, file);
        }
        "requirements.lock" => {
            chart.lock = Some(lock(read(&file)?));
            if chart.metadata.api_version != "v1" {
                warn(OLD_LOCK);
            }
            keep_for_v1(chart, file);
        }
        name if name.starts_with("templates/") => chart.templates.push(file),
        name => match name.strip_prefix("charts/") {
            Some(rest) if !rest.ends_with(".prov") => {
                let sub = rest.split('/').next().unwrap_or_default().to_owned();
                let rest = rest.to_owned();
                nested.entry(sub).or_default().push(File {
                    name: rest,
                    data: file.data,
                });
            }
            _ => chart.files.push(file),
        },
    }
    Ok(())
}

fn keep_for_v1(chart: &mut Chart, file: File) {
    if chart.metadata.api_version == "v1" {
        chart.files.push(file);
    }
}

/// `Chart.lock` with the keys that Helm's structure has, in its order.
fn lock(read: Value) -> Value {
    let mut lock = Map::new();
    lock.insert(
        "generated".to_owned(),
        read.get("generated")
            .cloned()
            .unwrap_or_else(|| "0001-01-01T00:00:00Z".into()),
    );
    lock.insert(
        "digest".to_owned(),
        read.get("digest").cloned().unwrap_or_else(|| "".into()),
    );
    lock.insert(
        "dependencies".to_owned(),
        read.get("dependencies").cloned().unwrap_or(Value::Null),
    );
    Value::Object(lock)
}

fn sub_chart(
    parent: &Chart,
    name: &str,
    mut files: Vec<File>,
    load: &mut Load<'_>,
    depth: usize,
) -> Result<Option<Chart>, ChartError> {
    if name.starts_with(['_', '.']) {
        return Ok(None);
    }
    let loaded = if name.ends_with(".tgz") {
        let file = files.swap_remove(0);
        if file.name != name {
            let message = format!("expected {name}, got {}", file.name);
            return Err(ChartError::File {
                file: format!("charts/{name}"),
                message,
            });
        }
        archive_at(&file.data, load, depth)
    } else {
        let inner: Vec<File> = files
            .into_iter()
            .filter_map(|file| {
                let (_, rest) = file.name.split_once('/')?;
                Some(File {
                    name: rest.to_owned(),
                    data: file.data,
                })
            })
            .collect();
        files_at(inner, load, depth)
    };
    loaded.map(Some).map_err(|source| ChartError::SubChart {
        name: name.to_owned(),
        parent: parent.name().to_owned(),
        source: Box::new(source),
    })
}

/// Reads a YAML file of the chart.
fn read(file: &File) -> Result<Value, ChartError> {
    let text = std::str::from_utf8(&file.data).map_err(|err| unfit(file, err.to_string()))?;
    yaml::from_yaml(text).map_err(|err| unfit(file, err.to_string()))
}

fn unfit(file: &File, message: String) -> ChartError {
    ChartError::File {
        file: file.name.clone(),
        message,
    }
}

/// What `Chart.yaml` says, or `requirements.yaml`, which Helm reads as if it were one.
fn read_metadata(read: Value, file: &File) -> Result<(Metadata, EmptyNodes), ChartError> {
    let mut fitting = fields::fit(&fields::METADATA, read).map_err(|message| unfit(file, message))?;
    let empty = EmptyNodes::taken_from(&mut fitting);
    let metadata = serde_json::from_value(fitting).map_err(|err| unfit(file, err.to_string()))?;
    Ok((metadata, empty))
}

fn values(file: &File) -> Result<Map<String, Value>, ChartError> {
    match read(file)? {
        Value::Object(table) => Ok(table),
        Value::Null => Ok(Map::new()),
        other => Err(unfit(
            file,
            fields::mismatch(&other, "value of type map[string]interface {}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, data) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *data).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn archives_in_archives_are_counted_together_and_nest_only_so_deep() {
        let metadata: &[u8] = b"apiVersion: v2\nname: c\nversion: 1.0.0\n";
        let inner = archive(&[("c/Chart.yaml", metadata), ("c/x", &[b'x'; 5000])]);
        let outer = archive(&[
            ("c/Chart.yaml", metadata),
            ("c/charts/a.tgz", &inner),
            ("c/charts/b.tgz", &inner),
        ]);
        let limits = Limits {
            total: 9000,
            ..Limits::default()
        };
        assert!(from_archive(&inner, &limits, &|_| {}).is_ok());
        assert!(from_archive(&outer, &Limits::default(), &|_| {}).is_ok());
        let err = from_archive(&outer, &limits, &|_| {}).unwrap_err();
        assert!(
            err.to_string().contains("larger than the limit of 9000 bytes"),
            "{err}"
        );
        let mut deep = inner;
        for _ in 0..20 {
            deep = archive(&[("c/Chart.yaml", metadata), ("c/charts/c.tgz", &deep)]);
        }
        let err = from_archive(&deep, &Limits::default(), &|_| {}).unwrap_err();
        assert!(err.to_string().contains("nested too deeply"), "{err}");
    }

    #[test]
    fn files_are_named_from_the_root_on() {
        let dir = tempfile::tempdir_in(".").unwrap();
        std::fs::write(dir.path().join("Chart.yaml"), "name: c\nversion: 1.0.0\n").unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("lost")).unwrap();
        let name = dir.path().file_name().unwrap();
        let err = from_dir(&Path::new("./x/..").join(name), &Limits::default(), &|_| {}).unwrap_err();
        let here = std::env::current_dir().unwrap().join(name).join("lost");
        let expected = format!("error evaluating symlink {}: ", here.display());
        assert!(err.to_string().starts_with(&expected), "{err}");
    }

    #[test]
    fn a_folder_that_links_to_itself_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Chart.yaml"), "name: c\nversion: 1.0.0\n").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
        let err = from_dir(dir.path(), &Limits::default(), &|_| {}).unwrap_err();
        assert!(
            matches!(err, ChartError::TooDeep(_) | ChartError::Io { .. }),
            "{err}"
        );
    }
}
