//! Every recorded case of the Python driver: the release, its values to the last key, type and order, and the objects
//! beside it are the same, but for the differences on purpose.

use std::collections::BTreeMap;

use oracle::{Suite, Verdict};
use serde_json::Value;

use crate::expect::Expected;
use crate::view::View;
use crate::{differences, replay};

#[test]
fn the_release_is_the_python_drivers() {
    let common = oracle::common();
    let mut suite = Suite::new("values", differences::ids());
    for case in oracle::records("values") {
        let name = case["name"].as_str().unwrap();
        if suite.wants(name) {
            let verdict = match replay::replay(&case, &common) {
                None => Verdict::Differs(vec![differences::NEVER_ASKED]),
                Some(outcome) => judge(&case, &common, &outcome),
            };
            suite.count(name, verdict);
        }
    }
    suite.end();
}

fn judge(case: &Value, common: &BTreeMap<String, Value>, outcome: &replay::Outcome) -> Verdict {
    let mut expected = Expected::of(case);
    if expected.compare(outcome, case).is_empty() {
        // What led up to the failure is the same; the failure itself is not seen here.
        return if expected.is_around(case) && outcome.error.is_none() {
            Verdict::Differs(vec![differences::AROUND])
        } else {
            Verdict::Equal
        };
    }
    let rules = differences::adjust(&View::of(case, common), &mut expected, outcome);
    let found = expected.compare(outcome, case);
    if found.is_empty() {
        Verdict::Differs(rules)
    } else {
        Verdict::Wrong(format!("{rules:?}\n    {}", found.join("\n    ")))
    }
}
