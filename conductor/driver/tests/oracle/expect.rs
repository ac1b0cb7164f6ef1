//! What a recording expects, so far as it concerns this crate, and how it is compared.

use serde_json::{Map, Value};

use crate::replay::Outcome;

/// Exceptions that come from what is around this crate: the API server, helm, files, Keystone, the message itself.
const AROUND: [&str; 10] = [
    "JSONDecodeError",
    "FileNotFoundError",
    "X509KeyPairNotFound",
    "AuthorizationFailure",
    "NoSuchOptError",
    "HTTPError",
    "ConnectionError",
    "ProcessExecutionError",
    "RegionsListFailed",
    "ConnectFailure",
];

/// A recording's `expect`, as differences on purpose change it.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Exception class and text.
    pub error: Option<(String, String)>,
    /// Module of the exception's class.
    pub module: String,
    /// The release.
    pub helm: Option<Value>,
    /// Bodies of applied objects.
    pub k8s: Vec<Value>,
    /// Result of a question.
    pub result: Value,
}

impl Expected {
    pub fn of(case: &Value) -> Self {
        let expect = &case["expect"];
        let error = &expect["error"];
        let helm = expect["helm"].as_object().map(|helm| {
            let names = [
                "action",
                "release_name",
                "chart",
                "repo",
                "version",
                "namespace",
                "values",
            ];
            let part = |name: &str| (name.to_owned(), helm.get(name).cloned().unwrap_or(Value::Null));
            Value::Object(names.into_iter().map(part).collect::<Map<_, _>>())
        });
        let bodies = expect["k8s"].as_array().into_iter().flatten();
        Self {
            error: error["class"].as_str().map(|class| {
                (
                    class.to_owned(),
                    error["message"].as_str().unwrap_or_default().to_owned(),
                )
            }),
            module: error["module"].as_str().unwrap_or_default().to_owned(),
            helm,
            k8s: bodies.map(|call| call["body"].clone()).collect(),
            result: expect["result"].clone(),
        }
    }

    /// Exception class, empty if there is none.
    pub fn class(&self) -> &str {
        self.error.as_ref().map_or("", |(class, _)| class)
    }

    /// Text of the exception.
    pub fn message(&self) -> &str {
        self.error.as_ref().map_or("", |(_, message)| message)
    }

    /// Whether the failure comes from what is around this crate.
    pub fn is_around(&self, case: &Value) -> bool {
        let wraps = case["operation"] == "rotate_credential" && self.error.is_some();
        AROUND.contains(&self.class()) || wraps
    }

    /// What differs; empty if nothing does.
    pub fn compare(&self, outcome: &Outcome, case: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if self.is_around(case) {
            // The failure is not this crate's; what led up to it is.
            let begins = self
                .k8s
                .iter()
                .zip(&outcome.k8s)
                .all(|(theirs, ours)| theirs == ours);
            let all = outcome.error.is_some() || self.k8s.len() <= outcome.k8s.len();
            if !(begins && all) {
                found.push("objects differ".into());
            }
            if self.helm.is_some() && self.helm != outcome.helm {
                diff(
                    "release",
                    outcome.helm.as_ref().unwrap_or(&Value::Null),
                    &self.helm.clone().unwrap(),
                    &mut found,
                );
            }
            return found;
        }
        self.compare_errors(outcome, &mut found);
        if outcome.k8s != self.k8s {
            found.push(format!(
                "objects differ: {} of ours, {} of theirs",
                outcome.k8s.len(),
                self.k8s.len()
            ));
        }
        let (ours, theirs) = (
            outcome.helm.clone().unwrap_or_default(),
            self.helm.clone().unwrap_or_default(),
        );
        diff("release", &ours, &theirs, &mut found);
        let in_order = |release: &Value| release["values"].to_string();
        if found.is_empty() && in_order(&ours) != in_order(&theirs) {
            found.push("the order of keys differs".into());
        }
        if outcome.result != self.result {
            found.push(format!("result {} instead of {}", outcome.result, self.result));
        }
        found
    }

    fn compare_errors(&self, outcome: &Outcome, found: &mut Vec<String>) {
        let magnums = self.module.starts_with("magnum.");
        let same = match (&outcome.error, &self.error) {
            (None, None) => true,
            // Of errors of other libraries only that there is one.
            (Some((class, _)), Some(_)) if class == "(service)" || class == "(input)" => !magnums,
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => false,
        };
        if !same {
            found.push(format!("error {:?} instead of {:?}", outcome.error, self.error));
        }
    }
}

fn diff(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let absent = Value::from("(absent)");
                let (ours, theirs) = (a.get(key).unwrap_or(&absent), b.get(key).unwrap_or(&absent));
                diff(&format!("{path}.{key}"), ours, theirs, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            let short = |value: &Value| value.to_string().chars().take(400).collect::<String>();
            found.push(format!("{path}: {} instead of {}", short(a), short(b)));
        }
    }
}
