//! Every recorded case of the Python driver: the release, its values to the last key, type and order, and the objects
//! beside it are the same, but for the differences on purpose in `data/differences.json`.

use std::collections::BTreeSet;

use crate::expect::Expected;
use crate::{differences, load, replay};

#[test]
fn the_release_is_the_python_drivers() {
    let common = load::common();
    let (mut cases, mut equal, mut differ, mut elsewhere) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for case in load::records("values") {
        let name = case["name"].as_str().unwrap();
        cases += 1;
        let Some(outcome) = replay::replay(&case, &common) else {
            elsewhere += 1;
            continue;
        };
        let mut expected = Expected::of(&case);
        if expected.compare(&outcome, &case).is_empty() {
            equal += 1;
            continue;
        }
        let rules = differences::adjust(&case, &mut expected, &outcome);
        let found = expected.compare(&outcome, &case);
        if found.is_empty() {
            differ += 1;
            used.extend(rules);
        } else {
            wrong.push(format!("{name} {rules:?}\n    {}", found.join("\n    ")));
        }
    }
    println!(
        "values: {cases} cases, {equal} equal, {differ} differ on purpose, {} wrong ({elsewhere} ask other crates)",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let listed = load::differences();
    let known: Vec<&str> = differences::ids();
    assert_eq!(
        listed.iter().map(String::as_str).collect::<Vec<_>>(),
        known,
        "the file and the rules name the same"
    );
    if std::env::var_os("ORACLE_DIR").is_none() {
        let idle: Vec<_> = known.into_iter().filter(|id| !used.contains(id)).collect();
        assert!(idle.is_empty(), "differences that no longer differ: {idle:?}");
    }
}
