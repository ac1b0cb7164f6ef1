//! `--output-dir`.

use crate::stage::Stage;

fn stage(test: &str) -> Stage {
    Stage::new(
        test,
        &[
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/templates/a.yaml", "a: 1\n---\nb: 1\n"),
            (
                "c/templates/sub/h.yaml",
                "kind: Pod\nmetadata: {name: h, annotations: {\"helm.sh/hook\": pre-install}}\n",
            ),
            (
                "c/templates/t.yaml",
                "kind: Pod\nmetadata: {name: t, annotations: {\"helm.sh/hook\": test}}\n",
            ),
            ("c/crds/x.yaml", "kind: CustomResourceDefinition\n"),
            ("file", ""),
        ],
    )
}

#[test]
fn files_are_written_where_helm_writes_them() {
    let flags: &[&[&str]] = &[
        &["--output-dir", "out", "--include-crds"],
        &["--output-dir", "./out/", "--release-name", "--include-crds"],
        &["--output-dir", "out", "--no-hooks"],
        &["--output-dir", "out", "--skip-tests"],
        &["--output-dir", "o/../p", "--release-name"],
        &["--output-dir", ""],
        &["--output-dir", "file"],
        &["--output-dir", "file/x"],
        &["--output-dir", "out", "-s", "templates/a.yaml"],
    ];
    for flags in flags {
        let stage = stage("files_are_written_where_helm_writes_them");
        stage.both(&[&["rel", "c"], *flags].concat());
    }
}

#[test]
fn hooks_are_added_to_files_that_are_there() {
    let stage = stage("hooks_are_added_to_files_that_are_there");
    for _ in 0..2 {
        let said = stage.both(&["c", "--output-dir", "out"]);
        let expected = "wrote out/c/templates/a.yaml\nwrote out/c/templates/a.yaml\n\
                        wrote out/c/templates/sub/h.yaml\nwrote out/c/templates/t.yaml\n\n";
        let mut lines: Vec<&str> = said.stdout.lines().collect();
        lines.sort_unstable();
        let mut wanted: Vec<&str> = expected.lines().collect();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
    }
    let files = stage.files();
    let of = |name: &str| files[name].matches("---\n# Source: ").count();
    assert_eq!(
        (of("out/c/templates/a.yaml"), of("out/c/templates/sub/h.yaml")),
        (2, 2)
    );
}
