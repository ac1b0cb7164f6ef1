//! What is asked of a chart besides its defaults: other flags, other values.

use differential::generate::{Dice, mutate};
use helm::Chart;
use serde_json::{Map, Value};

use crate::cases::Case;

/// Flags of `helm template`, one list for each case; `nameOverride` and the like are what nearly every chart knows.
const FLAGS: [(&str, &[&str]); 5] = [
    (
        "upgrade on an old Kubernetes",
        &[
            "--is-upgrade",
            "--no-hooks",
            "--skip-crds",
            "--kube-version=1.19.16",
        ],
    ),
    (
        "new Kubernetes with many APIs",
        &[
            "--include-crds",
            "--kube-version=v1.35.0",
            "--api-versions=monitoring.coreos.com/v1,monitoring.coreos.com/v1/ServiceMonitor",
            "--api-versions=cert-manager.io/v1,gateway.networking.k8s.io/v1/HTTPRoute,policy/v1beta1",
            "-a",
            "route.openshift.io/v1,security.openshift.io/v1,batch/v1beta1/CronJob,autoscaling.k8s.io/v1",
        ],
    ),
    (
        "other names",
        &[
            "--skip-tests",
            "--set=nameOverride=over,fullnameOverride=Full.Name_x",
            "--set-string=global.imageRegistry=registry.example:5000,namespaceOverride=elsewhere",
            "--set=global.imagePullSecrets[0]=one,imagePullSecrets[1].name=two",
        ],
    ),
    (
        "values of all kinds",
        &[
            "--set=replicaCount=2,ingress.enabled=true,serviceAccount.create=false,resources=null",
            "--set=extraArgs={a,b,3},extraEnv[0].name=A,extraEnv[0].value=1.50",
            "--set-string=podAnnotations.checked=true,image.tag=017",
            "--set-json=tolerations=[{\"operator\":\"Exists\",\"n\":1e3}]",
            "--set-json={\"nodeSelector\":{\"a\":null,\"b\":\"{{ .Release.Name }}\"}}",
            "--set-literal=commonAnnotations.a\\.b/c=d,e{f}\\g",
        ],
    ),
    (
        "nothing where tables stand",
        &[
            "--set=image=null,service=null,podSecurityContext=null",
            "--set=ingress=,affinity=false,global=null",
        ],
    ),
];

/// The cases with other flags.
pub fn flags(version: &str) -> Vec<Case> {
    let case = |(label, flags): &(&str, &[&str])| Case {
        label: (*label).to_owned(),
        flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        ..Case::new(version)
    };
    FLAGS.iter().map(case).collect()
}

/// Every switch of the chart's values on, and every one off.
pub fn switches(chart: &Chart, version: &str) -> Vec<Case> {
    let case = |on: bool| Case {
        label: format!("all switches {}", if on { "on" } else { "off" }),
        more: Value::Object(turned(&chart.values, on)).to_string(),
        ..Case::new(version)
    };
    vec![case(true), case(false)]
}

fn turned(values: &Map<String, Value>, on: bool) -> Map<String, Value> {
    let mut changed = Map::new();
    for (key, value) in values {
        match value {
            Value::Bool(was) if *was != on => {
                changed.insert(key.clone(), Value::Bool(on));
            }
            Value::Object(table) => {
                let below = turned(table, on);
                if !below.is_empty() {
                    changed.insert(key.clone(), Value::Object(below));
                }
            }
            _ => {}
        }
    }
    changed
}

/// The chart's values changed at random places.
pub fn random(chart: &Chart, version: &str, seed: u64, count: u64) -> Vec<Case> {
    let case = |number: u64| Case {
        label: format!("random {seed}.{number}"),
        more: mutate::values(&mut Dice::new(seed, number), &chart.values),
        ..Case::new(version)
    };
    (0..count).map(case).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_stands_otherwise_is_turned() {
        let values = json!({"a": true, "b": {"c": false, "d": {"e": true}}, "f": 1});
        let values = values.as_object().unwrap();
        assert_eq!(Value::Object(turned(values, true)), json!({"b": {"c": true}}));
        assert_eq!(
            Value::Object(turned(values, false)),
            json!({"a": false, "b": {"d": {"e": false}}})
        );
    }
}
