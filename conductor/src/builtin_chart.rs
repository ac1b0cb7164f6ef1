//! The chart that is part of the program, for places with no way to the official one
//! (`[capi_helm] helm_chart_name = builtin`).

use helm::{Chart, ChartError};
use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/chart");

/// Loads it; an error would be a fault of this build.
pub fn load() -> Result<Chart, ChartError> {
    let mut files = Vec::new();
    collect(&FILES, &mut files);
    Chart::from_files(files)
}

fn collect<'a>(dir: &'a Dir<'a>, files: &mut Vec<(String, &'a [u8])>) {
    for file in dir.files() {
        files.push((file.path().display().to_string(), file.contents()));
    }
    for dir in dir.dirs() {
        collect(dir, files);
    }
}
