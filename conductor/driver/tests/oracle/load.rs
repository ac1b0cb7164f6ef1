//! Recorded cases: from the folder that `ORACLE_DIR` names, else from the copy beside this test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// All records of a kind, `values` or `functions`, in the order of their names.
pub fn records(kind: &str) -> Vec<Value> {
    match std::env::var_os("ORACLE_DIR") {
        Some(folder) => from_folder(&Path::new(&folder).join(kind)),
        None => from_archive(&data().join(format!("{kind}.jsonl.gz"))),
    }
}

/// What the cases refer to as `$common/…`, by file name without its ending.
pub fn common() -> BTreeMap<String, Value> {
    let text =
        fs::read_to_string(data().join("common.json")).expect("the repository's copy of the common files");
    let mut common: BTreeMap<String, Value> = serde_json::from_str(&text).expect("common.json");
    // Fresh recordings bring their own, such as other certificates.
    let own = std::env::var_os("ORACLE_DIR").map(|folder| Path::new(&folder).join("common"));
    for path in own
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|e| e.path())
    {
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            common.insert(name, read(&path));
        }
    }
    common
}

fn from_folder(folder: &Path) -> Vec<Value> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn from_archive(path: &Path) -> Vec<Value> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| serde_json::from_str(&line.expect("a readable archive")).expect("JSON"))
        .collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the differences on purpose, in the file's order.
pub fn differences() -> Vec<String> {
    let listed = read(&data().join("differences.json"));
    let name = |entry: &Value| {
        for field in ["id", "cases", "instead", "why"] {
            assert!(
                entry[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field} of {entry}"
            );
        }
        entry["id"].as_str().unwrap().to_owned()
    };
    listed.as_array().expect("a list").iter().map(name).collect()
}
