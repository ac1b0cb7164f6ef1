//! A chart's own values, changed at random places.

use serde_json::{Map, Value};

use super::{Dice, texts, values};

/// Values for a chart with these defaults, as YAML.
pub fn values(dice: &mut Dice, defaults: &Map<String, Value>) -> String {
    let mut paths = Vec::new();
    collect(&Value::Object(defaults.clone()), &mut Vec::new(), &mut paths);
    let mut changed = Tree::default();
    if !paths.is_empty() {
        for _ in 0..=dice.below(4) {
            let (path, value) = dice.pick(&paths).clone();
            changed.set(&path, other(dice, &value));
        }
    }
    if dice.chance(15) {
        changed.set(&["stray".to_owned()], values::any(dice, 2));
    }
    changed.text()
}

fn collect(value: &Value, path: &mut Vec<String>, paths: &mut Vec<(Vec<String>, Value)>) {
    if !path.is_empty() {
        paths.push((path.clone(), value.clone()));
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        collect(value, path, paths);
        path.pop();
    }
}

/// Something that may stand where `value` stood: mostly of its type.
fn other(dice: &mut Dice, value: &Value) -> String {
    if dice.chance(10) {
        return "null".to_owned();
    }
    if dice.chance(25) {
        return values::any(dice, 2);
    }
    match value {
        Value::Bool(_) => (*dice.pick(&["true", "false", "yes", "off"])).to_owned(),
        Value::Number(_) => (*dice.pick(&[
            "0",
            "1",
            "2",
            "3",
            "-1",
            "12",
            "2.5",
            "0.25",
            "0.3",
            "1e3",
            "1000000",
            "123456789012",
            "65535",
            "65536",
            "1e21",
            "017",
            "10",
        ]))
        .to_owned(),
        Value::String(_) => values::text(dice),
        Value::Array(_) if dice.chance(50) => values::list(dice, 2),
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(Value::to_string).collect();
            if dice.chance(50) {
                items.push(values::any(dice, 1));
            } else if let Some(item) = items.first().cloned() {
                items.push(item);
            }
            format!("[{}]", items.join(", "))
        }
        Value::Object(_) => values::table(dice, 2),
        Value::Null => values::any(dice, 1),
    }
}

/// Changes, by path.
#[derive(Default)]
struct Tree {
    leaf: Option<String>,
    below: Vec<(String, Self)>,
}

impl Tree {
    fn set(&mut self, path: &[String], text: String) {
        let [key, rest @ ..] = path else {
            self.leaf = Some(text);
            return;
        };
        let at = self.below.iter().position(|(known, _)| known == key);
        let at = at.unwrap_or_else(|| {
            self.below.push((key.clone(), Self::default()));
            self.below.len() - 1
        });
        self.below[at].1.set(rest, text);
    }

    fn text(&self) -> String {
        if let Some(leaf) = &self.leaf {
            return leaf.clone();
        }
        let entries: Vec<String> = self
            .below
            .iter()
            .map(|(key, tree)| format!("{}: {}", texts::quoted(key), tree.text()))
            .collect();
        format!("{{{}}}", entries.join(", "))
    }
}
