//! Our test charts and the built-in one, whole, over random values and flags.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use differential::engines::{Answer, Helm, Question, ours};
use differential::generate::{Dice, mutate};
use differential::report::Difference;
use differential::{Volume, report};
use helm::{Chart, yaml};
use serde_json::{Map, Value};

/// How many runs of helm at a time.
const WORKERS: usize = 2;

fn charts() -> Vec<(PathBuf, Map<String, Value>)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut charts: Vec<(PathBuf, Map<String, Value>)> = ["features", "family", "schema", "lifecycle"]
        .map(|name| here.join("charts").join(name))
        .map(|path| (path.clone(), Chart::from_dir(&path).unwrap().values))
        .into();
    // A sub-chart's defaults are the parent's to set.
    let child = here.join("charts/family/charts/child");
    let defaults = Value::Object(Chart::from_dir(&child).unwrap().values);
    let family = &mut charts[1].1;
    for name in ["child", "second"] {
        family[name] = merged(&family[name], &defaults);
    }
    let recorded = std::fs::read_to_string(here.join("../../common/helm/tests/values/driver.json")).unwrap();
    let recorded = yaml::from_yaml(&recorded).unwrap();
    let kitchen_sink = recorded
        .as_object()
        .unwrap()
        .values()
        .max_by_key(|values| values.to_string().len());
    charts.push((
        here.join("../../conductor/chart"),
        kitchen_sink.unwrap().as_object().unwrap().clone(),
    ));
    charts
}

fn merged(over: &Value, under: &Value) -> Value {
    let mut all = under.as_object().unwrap().clone();
    all.extend(over.as_object().unwrap().clone());
    Value::Object(all)
}

fn question(dice: &mut Dice, chart: &Path, values: &Map<String, Value>) -> Question {
    let text = mutate::values(dice, values);
    Question {
        chart: chart.to_owned(),
        values: text,
        is_upgrade: dice.chance(20),
        include_crds: dice.chance(30),
        no_hooks: dice.chance(20),
        skip_tests: dice.chance(20),
        kube_version: dice.chance(30).then(|| {
            (*dice.pick(&["1.30.4", "v1.19", "1.25.3+k3s1", "v1.99.0-alpha.1", "nonsense"])).to_owned()
        }),
        api_versions: if dice.chance(30) {
            vec!["extra/v1".to_owned()]
        } else {
            Vec::new()
        },
        show_only: if dice.chance(10) {
            vec![
                (*dice.pick(&[
                    "templates/*.yaml",
                    "templates/a.yaml",
                    "templates/hooks.yaml",
                    "charts/*/templates/*",
                ]))
                .to_owned(),
            ]
        } else {
            Vec::new()
        },
    }
}

/// The built-in chart needs all of its values: the changed ones come on top.
fn complete(question: &mut Question, base: &Map<String, Value>) {
    let mut all = base.clone();
    if let Ok(Value::Object(over)) = yaml::from_yaml(&question.values) {
        helm::values::overlay(&mut all, over);
        question.values = serde_json::to_string(&all).unwrap();
    }
}

/// A schema's complaints come in random order.
fn settled(answer: Answer) -> Answer {
    answer.map_err(|error| {
        if !error.starts_with("values don't meet") {
            return error;
        }
        let mut lines: Vec<&str> = error.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    })
}

fn compare(
    helm: &Helm,
    volume: Volume,
    case: u64,
    charts: &[(PathBuf, Map<String, Value>)],
) -> Option<Difference> {
    let mut dice = Dice::new(volume.seed ^ 0xc4a7, case);
    let (chart, values) = &charts[usize::try_from(case).unwrap() % charts.len()];
    let mut question = question(&mut dice, chart, values);
    if chart.ends_with("conductor/chart") {
        complete(&mut question, values);
    }
    let ours = settled(ours(&question));
    if ours
        .as_ref()
        .is_err_and(|error| error.contains("a list of more than"))
    {
        // Helm, which knows no such limit, would fill the memory.
        return None;
    }
    let theirs = settled(helm.answer(&question).unwrap());
    (theirs != ours).then(|| Difference {
        case: format!(
            "DIFFERENTIAL_SEED={} DIFFERENTIAL_FIRST={case} DIFFERENTIAL_CASES=1",
            volume.seed
        ),
        input: format!("{question:#?}"),
        helm: theirs,
        ours,
    })
}

#[test]
fn whole_charts() {
    let Some(helm) = Helm::from_env("whole_charts") else {
        return;
    };
    let volume = Volume::from_env().part(15);
    let charts = charts();
    let next = AtomicU64::new(volume.first);
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= volume.first + volume.cases {
                        return;
                    }
                    if let Some(difference) = compare(&helm, volume, case, &charts) {
                        differences.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    eprintln!("whole_charts: {} cases compared with helm", volume.cases);
    if !differences.is_empty() {
        panic!("{}", report::describe("charts", &differences).unwrap());
    }
}
