//! Where cases come from.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

fn fresh() -> Option<PathBuf> {
    std::env::var_os("ORACLE_DIR")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}

/// Whether the cases are fresh ones rather than the repository's.
pub fn is_fresh() -> bool {
    fresh().is_some()
}

/// All cases of a kind, in the order of their names; none if a fresh recording has none of that kind.
pub fn records(kind: &str) -> Vec<Value> {
    match fresh() {
        Some(folder) => from_folder(&folder.join(kind))
            .into_iter()
            .map(|(_, case)| case)
            .collect(),
        None => lines(&data().join(format!("{kind}.jsonl.gz"))),
    }
}

/// Cases in folders below that of a kind, with the path from there: `23.0.0/schema`.
pub fn recordings(kind: &str) -> Vec<(String, Value)> {
    match fresh() {
        Some(folder) => {
            let mut all = Vec::new();
            for below in folders(&folder.join(kind)) {
                let name = below.file_name().expect("a name").to_string_lossy().into_owned();
                all.extend(
                    from_folder(&below)
                        .into_iter()
                        .map(|(file, case)| (format!("{name}/{file}"), case)),
                );
            }
            all
        }
        None => {
            let lines = lines(&data().join(format!("{kind}.jsonl.gz")));
            lines
                .into_iter()
                .map(|mut line| {
                    (
                        line["path"].as_str().expect("a path").to_owned(),
                        line["case"].take(),
                    )
                })
                .collect()
        }
    }
}

/// What the cases refer to as `$common/…`, by file name without its ending.
pub fn common() -> BTreeMap<String, Value> {
    let text =
        fs::read_to_string(data().join("common.json")).expect("the repository's copy of the common files");
    let mut common: BTreeMap<String, Value> = serde_json::from_str(&text).expect("common.json");
    // Fresh recordings bring their own, such as other certificates.
    if let Some(folder) = fresh()
        .map(|folder| folder.join("common"))
        .filter(|folder| folder.is_dir())
    {
        common.extend(from_folder(&folder));
    }
    common
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    paths
}

fn from_folder(folder: &Path) -> Vec<(String, Value)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (
            path.file_stem().expect("a name").to_string_lossy().into_owned(),
            value,
        )
    };
    paths.iter().map(read).collect()
}

fn lines(path: &Path) -> Vec<Value> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| serde_json::from_str(&line.expect("a readable archive")).expect("JSON"))
        .collect()
}
