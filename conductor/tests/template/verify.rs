//! `--verify`: the keyring that it takes, and what it says; where `HELM_TEST_PROGRAM` names helm 3.17, helm says the same.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Exit code and standard error.
fn said(program: &OsStr, home: &Path, folder: Option<&Path>, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command
        .args(["template", "x", "c.tgz"])
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env_remove("GNUPGHOME");
    if let Some(folder) = folder {
        command.env("GNUPGHOME", folder);
    }
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn verify_takes_the_keyring_that_helm_takes() {
    let here = tempfile::tempdir().unwrap();
    let home = &here.path().canonicalize().unwrap();
    // Neither is looked into before there are keys.
    std::fs::write(home.join("c.tgz"), "").unwrap();
    let at = home.display();
    let helm = std::env::var_os("HELM_TEST_PROGRAM");
    if helm.is_none() {
        eprintln!(
            "SKIPPED verify_takes_the_keyring_that_helm_takes beside helm: HELM_TEST_PROGRAM is not set"
        );
    }
    let both = |folder: Option<&Path>, arguments: &[&str], expected: String| {
        let ours = OsStr::new(env!("CARGO_BIN_EXE_magnum-conductor"));
        for program in std::iter::once(ours).chain(helm.as_deref()) {
            let expected = format!("Error: {expected}\n");
            assert_eq!(said(program, home, folder, arguments), (Some(1), expected));
        }
    };
    let missing = format!(
        "could not load provenance file {at}/c.tgz.prov: stat {at}/c.tgz.prov: no such file or directory"
    );
    both(None, &["--verify"], missing);
    std::fs::write(home.join("c.tgz.prov"), "").unwrap();
    let no_keys = |path: &str| format!("failed to load keyring: open {path}: no such file or directory");
    both(None, &["--verify"], no_keys(&format!("{at}/.gnupg/pubring.gpg")));
    let folder = home.join("keys");
    both(
        Some(&folder),
        &["--verify"],
        no_keys(&format!("{at}/keys/pubring.gpg")),
    );
    let chosen = ["--verify", "--keyring", "mine.gpg"];
    both(Some(&folder), &chosen, no_keys("mine.gpg"));
    std::fs::write(home.join("mine.gpg"), "").unwrap();
    let unsigned = "failed to decode signature: signature block not found".to_owned();
    both(None, &chosen, unsigned);
}
