//! Random templates over random values: all functions and actions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;

use differential::engines::Helm;
use differential::generate::{Dice, statements, values};
use differential::snippets::{Setting, Snippet, compare};
use differential::{Volume, report};

#[test]
fn random_templates() {
    let Some(helm) = Helm::from_env("random_templates") else {
        return;
    };
    let volume = Volume::from_env().part(85);
    let setting = Setting {
        chart: "apiVersion: v2\nname: sem\nversion: 1.2.3\nappVersion: '9.9'\nannotations: {a: b}\n"
            .to_owned(),
        files: BTreeMap::from([
            ("f.txt".to_owned(), b"line 1\nline 2\n".to_vec()),
            ("conf/a.conf".to_owned(), b"x=1".to_vec()),
        ]),
        ..Setting::default()
    };
    let snippets: Vec<Snippet> = (volume.first..volume.first + volume.cases)
        .map(|case| {
            let mut dice = Dice::new(volume.seed, case);
            Snippet {
                name: format!(
                    "DIFFERENTIAL_SEED={} DIFFERENTIAL_FIRST={case} DIFFERENTIAL_CASES=1",
                    volume.seed
                ),
                values: values::case(&mut dice),
                template: statements::template(&mut dice),
            }
        })
        .collect();
    let differences = compare(&helm, &setting, &snippets).unwrap();
    eprintln!("random_templates: {} cases compared with helm", snippets.len());
    if !differences.is_empty() {
        panic!("{}", report::describe("expressions", &differences).unwrap());
    }
}
