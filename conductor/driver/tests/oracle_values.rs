//! Every recorded case of the Python driver: the release, its values to the last key, type and order, and the objects
//! beside it are the same, but for the differences in `data/differences.json`.

#[path = "oracle/load.rs"]
mod load;
#[path = "oracle/replay.rs"]
mod replay;
#[path = "oracle/world.rs"]
mod world;

use serde_json::Value;

#[test]
fn probe() {
    let common = load::common();
    let only = std::env::var("ONLY").unwrap_or_default();
    let (mut equal, mut wrong, mut none) = (0, 0, 0);
    for case in load::records("values") {
        let name = case["name"].as_str().unwrap();
        if !name.contains(&only) {
            continue;
        }
        let Some(outcome) = replay::replay(&case, &common) else {
            none += 1;
            continue;
        };
        let expect = &case["expect"];
        let mut helm = expect["helm"].clone();
        if let Some(helm) = helm.as_object_mut() {
            helm.remove("argv");
            helm.remove("exec_kwargs");
        }
        let k8s: Vec<Value> = expect["k8s"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["body"].clone())
            .collect();
        let error = expect["error"].as_object().map(|error| {
            (
                error["class"].as_str().unwrap().to_owned(),
                error["message"].as_str().unwrap().to_owned(),
            )
        });
        let same = outcome.helm.clone().unwrap_or(Value::Null) == helm
            && outcome
                .helm
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or("null".into())
                .len()
                == helm.to_string().len()
            && outcome.k8s == k8s
            && outcome.error == error;
        if same {
            equal += 1;
        } else {
            wrong += 1;
            println!("{name}: error {error:?} / {:?}", outcome.error);
            if outcome.helm.clone().unwrap_or(Value::Null) != helm {
                diff("helm", outcome.helm.as_ref().unwrap_or(&Value::Null), &helm);
            }
            if outcome.k8s != k8s {
                println!("   k8s {} / {}", k8s.len(), outcome.k8s.len());
            }
        }
    }
    println!("{equal} equal, {wrong} wrong, {none} none");
}

fn diff(path: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                diff(
                    &format!("{path}.{key}"),
                    a.get(key).unwrap_or(&Value::from("(absent)")),
                    b.get(key).unwrap_or(&Value::from("(absent)")),
                );
            }
        }
        (a, b) if a == b => {}
        (a, b) => println!(
            "   {path}: {} / {}",
            a.to_string().chars().take(300).collect::<String>(),
            b.to_string().chars().take(300).collect::<String>()
        ),
    }
}
