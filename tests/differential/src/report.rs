//! What differed, written down so that it can be done again.

use std::path::{Path, PathBuf};

use crate::engines::Answer;

/// A case on which the engines disagree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which case, with what it takes to run it again.
    pub case: String,
    /// What went in, for people.
    pub input: String,
    /// Helm's answer.
    pub helm: Answer,
    /// Ours.
    pub ours: Answer,
}

/// Where the failures of a suite are written (`DIFFERENTIAL_REPORT`, else below the build folder).
pub fn folder(suite: &str) -> PathBuf {
    std::env::var_os("DIFFERENTIAL_REPORT")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/differential"),
            PathBuf::from,
        )
        .join(suite)
}

/// Writes every difference into a file of its own, and describes the first ones.
pub fn describe(suite: &str, differences: &[Difference]) -> std::io::Result<String> {
    let folder = folder(suite);
    std::fs::create_dir_all(&folder)?;
    let mut text = format!(
        "{suite}: {} cases differ; all of them in {}\n",
        differences.len(),
        folder.display()
    );
    for (index, difference) in differences.iter().enumerate() {
        let one = format!(
            "case: {}\n\n{}\n\nhelm: {}\n\nours: {}\n",
            difference.case,
            difference.input,
            shown(&difference.helm),
            shown(&difference.ours)
        );
        std::fs::write(folder.join(format!("{index:04}.txt")), &one)?;
        if index < 12 {
            text.push_str(&format!("---------- {one}"));
        }
    }
    Ok(text)
}

fn shown(answer: &Answer) -> String {
    match answer {
        Ok(text) => format!("Ok {text:?}"),
        Err(text) => format!("Err {text:?}"),
    }
}
