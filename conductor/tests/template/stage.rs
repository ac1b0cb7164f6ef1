//! Two equal folders, one for our command and one for helm.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a program said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The folders, with a home each.
pub struct Stage {
    ours: TempDir,
    helms: TempDir,
    helm: Option<OsString>,
}

impl Stage {
    pub fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let helm = std::env::var_os("HELM_TEST_PROGRAM");
        if helm.is_none() {
            eprintln!("SKIPPED {test} beside helm: HELM_TEST_PROGRAM is not set");
        }
        let stage = Self {
            ours: tempfile::tempdir().unwrap(),
            helms: tempfile::tempdir().unwrap(),
            helm,
        };
        for (name, text) in files {
            stage.put(name, text);
        }
        stage
    }

    /// Writes a file into both.
    pub fn put(&self, name: &str, text: &str) {
        for folder in [&self.ours, &self.helms] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    /// What ours says; helm says the same.
    pub fn both(&self, arguments: &[&str]) -> Said {
        self.both_with(&[], arguments)
    }

    /// As [`Stage::both`], with variables.
    pub fn both_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        let said = self.ours(variables, arguments);
        if let Some(helm) = &self.helm {
            let helm = run(helm, self.helms.path(), variables, arguments);
            assert_eq!(said, helm, "ours and helm's of {arguments:?}");
            assert_eq!(
                files(self.ours.path()),
                files(self.helms.path()),
                "files of {arguments:?}"
            );
        }
        said
    }

    /// What only ours is asked.
    pub fn ours(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        let program = OsStr::new(env!("CARGO_BIN_EXE_magnum-conductor"));
        run(program, self.ours.path(), variables, arguments)
    }

    /// All files of ours.
    pub fn files(&self) -> BTreeMap<String, String> {
        files(self.ours.path())
    }
}

fn run(program: &OsStr, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
    let output = Command::new(program)
        .arg("template")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        // Helm keeps things there; they are not compared.
        .env("HOME", folder.join("home"))
        .env("KUBECONFIG", "/dev/null")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if name == "home" {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}
